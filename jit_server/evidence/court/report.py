"""The custody report as a PDF that archives and screen readers take: PDF/A-2a and PDF/UA-1, set by Typst.

It bears the server's seal as a PAdES signature, so that it proves whose it is outside of its package too.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from jit_server.audit import Seal
from jit_server.core.errors import N_
from jit_server.evidence.court.papers import Occasion
from jit_server.evidence.shapes import Derived

MOST = 5000
"""Rows of one table; the CSV beside it holds all events."""
_PROGRAM = Path(__file__).with_name("typeset.py")
_SECONDS = 60
_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_EXOTIC = re.compile("[^\u0000-\u052f\u0600-\u06ff\u2010-\u2030]")

TITLE = N_("Chain of custody")
SEAL = N_("Seal of the server")
INTRODUCTION = N_("Every event about the exhibits below up to the stated entry of the log, reads and refusals too.")
VERIFY = N_(
    "This report lies in a package with the log's entries and their proofs. The program jit-verify.py checks it without"
    " any server and names what was changed; VERIFY.md says how. The file custody.csv holds the same events with their"
    " digests."
)
CUT = N_("Only the first events are listed here; custody.csv holds them all.")
FACTS = (N_("Case"), N_("As of log entry"), N_("Made"), N_("Made by"), N_("Recipient"), N_("Order or proceedings"))
EXHIBIT = (N_("No."), N_("Exhibit"), N_("Legal basis"), N_("Size"), N_("SHA-256"))
PRINTED = ("number", "title", "legal_basis", "size", "sha256")
"""What stands below `EXHIBIT`; all of it stays as it was registered."""
DERIVED = (N_("No."), N_("How it was made"), N_("Made from"), N_("SHA-256"), N_("Tool"))
EVENT = (N_("Entry"), N_("Moment (UTC)"), N_("Exhibit"), N_("Event"), N_("Who"), N_("Why"))
HEADS = {
    "package": N_("Package"),
    "exhibits": N_("Exhibits"),
    "derived": N_("Made from other exhibits"),
    "events": N_("Events"),
    "verify": N_("Check it yourself"),
}
HOW = {
    Derived.REDACTED_COPY: N_("Redacted copy"),
    Derived.CLIP: N_("Clip"),
    Derived.DECRYPTED_COPY: N_("Decrypted copy"),
    Derived.TRANSLATION: N_("Translation"),
    Derived.OTHER: N_("Another copy"),
}
RESULTS = {"ok": "", "denied": N_("Refused"), "error": N_("Failed")}


@dataclass(frozen=True)
class Language:
    """The reader's: tag, direction, what translates words, and what names events."""

    tag: str
    rtl: bool
    say: Callable[[str], str]
    event: Callable[[str], str]


ENGLISH = Language("en", rtl=False, say=str, event=str)


def row(entry: Mapping[str, Any], exhibit: str, names: Mapping[str, str], statement: str = "") -> list[str]:
    """What the table says of an entry: place, moment, exhibit, event, who, result, why; names still as in the log."""
    actor = entry["actor"]
    who = [names.get(actor[part], "") for part in ("person", "agency") if actor[part]] or [actor["kind"]]
    why = " · ".join(filter(None, (entry["why"]["text"] if entry["why"] else "", _words(statement))))
    moment = entry["at"][:19].replace("T", " ")
    return [str(entry["position"]), moment, exhibit, entry["event"], ", ".join(who), entry["result"], why]


def _words(statement: str) -> str:
    """What an act says, in one line; identifiers, which tell a reader nothing, stand in the CSV."""
    said = json.loads(statement) if statement else {}
    plain = {name: ", ".join(one) if isinstance(one, list) else str(one) for name, one in said.items()}
    return "; ".join(f"{name.replace('_', ' ')}: {one}" for name, one in plain.items() if not _ID(one))


class Events:
    """The rows of the table; what one act did to several exhibits at one moment is one row."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self._key: tuple[str, ...] = ()
        self._first, self._count = [""], 0

    def add(self, entry: Mapping[str, Any], exhibit: str, names: Mapping[str, str], statement: str = "") -> None:
        """The next entry, unless there are more than fit."""
        new = row(entry, exhibit, names, statement)
        key = (entry["at"], *new[3:])
        if key == self._key and exhibit != self._first[2]:
            self._count += 1
            self.rows[-1][0] = f"{self._first[0]} … {new[0]}"
            self.rows[-1][2] = f"{self._first[2]} … {exhibit} ({self._count})"
        elif len(self.rows) <= MOST:
            self.rows.append(new)
            self._key, self._first, self._count = key, [*new], 1


class Setting:
    """A report being set, in a process of its own: some hundred megabytes of Typst's stay for ever where it ran.

    The process starts at once and makes itself ready while what the report says is still read from the log.
    """

    def __init__(self) -> None:
        self._process = _started()

    def begin(
        self,
        occasion: Occasion,
        case: tuple[str, int],
        exhibits: Sequence[Mapping[str, Any]],
        events: Sequence[Sequence[str]],
        language: Language,
        seal: Seal,
    ) -> Self:
        """Say what is to be set; `case` is its reference and the log's entry that the report states."""
        self._data, self._seal = _data(occasion, case, exhibits, events, language), seal
        self._asked = {"at": int(occasion.at.timestamp()), "seal": language.say(SEAL)}
        self._give(self._data)
        return self

    def finished(self) -> bytes:
        """The sealed report, waited for. A letter without a font would break both standards: it is asked for then."""
        made = self._taken()
        if made is None:
            self._process = _started()
            self._give(_EXOTIC.sub("?", self._data))
            made = self._taken()
        if made is None:
            raise RuntimeError("the custody report could not be set")
        said, _, prepared = made.partition(b"\n")
        return _sealed(json.loads(said)["hole"], prepared, self._seal)

    def close(self) -> None:
        """End the process, if nobody waited for it."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def _give(self, data: str) -> None:
        pipe, self._process.stdin = self._process.stdin, None
        if pipe is not None:
            with suppress(BrokenPipeError), pipe:  # one that has died says so when it is waited for
                pipe.write(json.dumps(self._asked | {"data": data}).encode())

    def _taken(self) -> bytes | None:
        try:
            made, _ = self._process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            self.close()
            raise
        return made if self._process.returncode == 0 else None


def _started() -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-I", str(_PROGRAM)], stdin=pipe, stdout=pipe, stderr=pipe)  # noqa: S603 - ours


def _data(
    occasion: Occasion,
    case: tuple[str, int],
    exhibits: Sequence[Mapping[str, Any]],
    events: Sequence[Sequence[str]],
    language: Language,
) -> str:
    say = language.say
    values = (case[0], str(case[1]), f"{occasion.at:%Y-%m-%d %H:%M:%S} UTC", f"{occasion.person}, {occasion.agency}")
    facts = zip(map(say, FACTS), (*values, occasion.recipient, occasion.order), strict=True)
    data = {
        "title": f"{say(TITLE)}: {case[0]}",
        "heading": say(TITLE),
        "introduction": say(INTRODUCTION),
        "heads": {name: say(words) for name, words in HEADS.items()},
        "facts": list(facts),
        "exhibit_heads": [say(words) for words in EXHIBIT],
        "exhibits": [[str(one[name]) for name in PRINTED] for one in exhibits[:MOST]],
        "derived_heads": [say(words) for words in DERIVED],
        "derived": [_derived(one, say) for one in exhibits[:MOST] if "derived_from" in one],
        "event_heads": [say(words) for words in EVENT],
        "events": [_shown(one, language) for one in events[:MOST]],
        "more": say(CUT) if max(len(events), len(exhibits)) > MOST else "",
        "verify": say(VERIFY),
        "language": language.tag.partition("-")[0],
        "widths": {
            "number": _width(say(EXHIBIT[0]), [str(one["number"]) for one in exhibits]),
            "size": _width(say(EXHIBIT[3]), [str(one["size"]) for one in exhibits]),
            "entry": _width(say(EVENT[0]), [one[0] for one in events]),
            "exhibit": _width(say(EVENT[2]), [one[2] for one in events]),
        },
        "rtl": language.rtl,
        "made": [occasion.at.year, occasion.at.month, occasion.at.day],
    }
    return json.dumps(data, ensure_ascii=False)


def _width(head: str, cells: Iterable[str]) -> float:
    """Of a column of short texts, in points: 0.61 em a letter of 8 points, and the space round it."""
    return 4.9 * max(len(head), *map(len, cells), 0) + 7


def _sealed(hole: tuple[int, int], made: bytes, seal: Seal) -> bytes:
    """Put the signature over all that is not its own place into that place (ISO 32000-1, 12.8.1)."""
    start, end = hole
    signature = seal.sign(made[:start] + made[end:]).hex().encode()
    return made[: start + 1] + signature.ljust(end - start - 2, b"0") + made[end - 1 :]


def _derived(one: Mapping[str, Any], say: Callable[[str], str]) -> list[str]:
    made = one["derived_from"]
    tool = " ".join(filter(None, (made["tool"], made["version"])))
    return [one["number"], say(HOW[Derived(made["kind"])]), made["number"], made["sha256"], tool]


def _shown(one: Sequence[str], language: Language) -> list[str]:
    position, at, exhibit, event, who, result, why = one
    return [
        position,
        at,
        exhibit,
        language.event(event),
        who,
        language.say(RESULTS[result]) if RESULTS[result] else "",
        why,
    ]
