"""The custody report as a PDF that archives and screen readers take: PDF/A-2a and PDF/UA-1, set by Typst.

It bears the server's seal as a PAdES signature, so that it proves whose it is outside of its package too.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jit_server.audit import Seal
from jit_server.core.errors import N_
from jit_server.evidence.court.papers import Occasion
from jit_server.evidence.shapes import Derived

MOST = 5000
"""Events of one report; the CSV beside it holds them all."""
_PROGRAM = Path(__file__).with_name("typeset.py")
_SECONDS = 60
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
EVENT = (N_("Entry"), N_("Moment (UTC)"), N_("Exhibit"), N_("Event"), N_("Who"), N_("Result"), N_("Why"))
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
    """What the table says of an entry, in the order of `EVENT`; event and result still as the log names them."""
    actor = entry["actor"]
    who = [names.get(actor[part], "") for part in ("person", "agency") if actor[part]] or [actor["kind"]]
    why = " · ".join(filter(None, (entry["why"]["text"] if entry["why"] else "", _words(statement))))
    moment = entry["at"][:19].replace("T", " ")
    return [str(entry["position"]), moment, exhibit, entry["event"], ", ".join(who), entry["result"], why]


def _words(statement: str) -> str:
    """What an act says, in one line."""
    said = json.loads(statement) if statement else {}
    plain = {name: ", ".join(one) if isinstance(one, list) else one for name, one in said.items()}
    return "; ".join(f"{name.replace('_', ' ')}: {one}" for name, one in plain.items())


class Setting:
    """A report being set, in a process of its own: some hundred megabytes of Typst's stay for ever where it ran."""

    def __init__(self, data: str, at: datetime, seal_name: str, seal: Seal) -> None:
        self._data, self._at, self._seal_name, self._seal = data, at, seal_name, seal
        self._process = self._start(data)

    def finished(self) -> bytes:
        """The sealed report, waited for. A letter without a font would break both standards: it is asked for then."""
        made = self._taken()
        if made is None:
            self._process = self._start(_EXOTIC.sub("?", self._data))
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

    def _start(self, data: str) -> "subprocess.Popen[bytes]":
        asked = json.dumps({"data": data, "at": int(self._at.timestamp()), "seal": self._seal_name}).encode()
        with os.fdopen(os.memfd_create("report"), "w+b") as file:  # whole at once: a pipe would have us wait for reader
            file.write(asked)
            file.seek(0)
            program = [sys.executable, "-I", str(_PROGRAM)]
            return subprocess.Popen(program, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - ours

    def _taken(self) -> bytes | None:
        try:
            made, _ = self._process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            self.close()
            raise
        return made if self._process.returncode == 0 else None


def begun(
    occasion: Occasion,
    case: tuple[str, int],
    exhibits: Sequence[Mapping[str, Any]],
    events: Sequence[Sequence[str]],
    language: Language,
    seal: Seal,
) -> Setting:
    """Begin to set the report; `case` is its reference and the log's entry that it states."""
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
        "rtl": language.rtl,
        "made": [occasion.at.year, occasion.at.month, occasion.at.day],
    }
    return Setting(json.dumps(data, ensure_ascii=False), occasion.at, say(SEAL), seal)


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
