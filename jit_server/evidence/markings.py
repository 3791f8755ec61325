"""Handling markings: the codes as data, what they mean to the rules, and how a derived thing is marked.

A thing bears the code it came with (SIENA, TLP, a State's own). The rules know four levels, H0 to H3. They are ordered
by what they forbid, not by their number: H1 and H3 forbid different things, H2 forbids what either does.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from jit_server.access import Handling
from jit_server.access.rules import policies
from jit_server.core.errors import Invalid

SIENA = "SIENA"
_FORBIDS = {
    Handling.H0: frozenset[str](),
    Handling.H1: frozenset({"court"}),
    Handling.H3: frozenset({"unread conditions"}),
    Handling.H2: frozenset({"court", "unread conditions", "onward"}),
}


class Reliability(StrEnum):
    """How far the source can be relied on (4x4 grading)."""

    A = "A"
    B = "B"
    C = "C"
    X = "X"


class Accuracy(StrEnum):
    """How sure the information is (4x4 grading)."""

    CERTAIN = "1"
    HEARD_BY_SOURCE = "2"
    CORROBORATED = "3"
    UNKNOWN = "4"


@dataclass(frozen=True, slots=True)
class Code:
    """One code of one scheme."""

    scheme: str
    code: str
    level: Handling
    sentence: str

    @property
    def words(self) -> str:
        """The code as people write it: `TLP:AMBER`, `VS-NFD (DE)`; a SIENA code stands alone."""
        if self.scheme == SIENA:
            return self.code
        return f"TLP:{self.code}" if self.scheme == "TLP" else f"{self.code} ({self.scheme})"


@dataclass(frozen=True, slots=True)
class Marking:
    """How a thing is marked: its code, the grading of source and information, and what else its originator asks."""

    scheme: str
    code: str
    level: Handling
    source_reliability: Reliability | None = None
    information_accuracy: Accuracy | None = None
    conditions_text: str | None = None


@cache
def codes() -> dict[tuple[str, str], Code]:
    """Every code of `policies/handling.csv`, by scheme and code.

    Raises:
        ValueError: a doubled code or an unknown level; the server does not start with such a file.
    """
    text = (policies() / "handling.csv").read_text(encoding="utf-8").splitlines()
    found: dict[tuple[str, str], Code] = {}
    for row in csv.DictReader(line for line in text if line.strip() and not line.startswith("#")):
        key = (row["scheme"], row["code"])
        if key in found:
            raise ValueError(f"handling.csv: {key} stands there twice")
        found[key] = Code(*key, Handling(row["level"]), row["sentence"])
    return found


def code_of(scheme: str, code: str) -> Code:
    """The code of this scheme.

    Raises:
        Invalid: the file has no such scheme or code; the problem names those it has.
    """
    found = codes().get((scheme, code))
    if found is None:
        schemes = list(dict.fromkeys(key[0] for key in codes()))
        if scheme not in schemes:
            raise Invalid.field("scheme", f"{scheme!r} is not known here", f"Choose one of {', '.join(schemes)}.")
        own = ", ".join(key[1] for key in codes() if key[0] == scheme)
        raise Invalid.field("code", f"{scheme} has no code {code!r}", f"Choose one of {own}.")
    return found


def is_within(level: Handling, other: Handling) -> bool:
    """Whether `other` forbids everything that `level` forbids."""
    return _FORBIDS[level] <= _FORBIDS[other]


def joined(levels: Iterable[Handling]) -> Handling:
    """The least restrictive level that forbids whatever any of these forbids."""
    forbidden = frozenset[str]().union(*(_FORBIDS[level] for level in levels))
    return min((level for level in Handling if forbidden <= _FORBIDS[level]), key=lambda level: len(_FORBIDS[level]))


def strictest(parents: Iterable[Marking]) -> Marking:
    """The marking of what is derived from these: nothing that one of them forbids becomes allowed (MISSION 4.5).

    One parent's code is kept where it says as much as all of them together; the gradings are the worst of all, absent
    where any is absent, and every condition still holds.

    Raises:
        ValueError: derived from nothing.
    """
    given = list(parents)
    if not given:
        raise ValueError("a derived thing has at least one parent")
    level = joined(one.level for one in given)
    same = {(one.scheme, one.code) for one in given if one.level == level}
    scheme, code = next(iter(same)) if len(same) == 1 else (SIENA, str(level))
    conditions = dict.fromkeys(one.conditions_text for one in given if one.conditions_text)
    grades = [one.source_reliability for one in given]
    accuracies = [one.information_accuracy for one in given]
    return Marking(
        scheme,
        code,
        level,
        None if None in grades else max(grade for grade in grades if grade),
        None if None in accuracies else max(accuracy for accuracy in accuracies if accuracy),
        "\n".join(conditions) or None,
    )
