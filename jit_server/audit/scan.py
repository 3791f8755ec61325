"""One pass over the stored rows of a log that recomputes everything and names what does not fit. Pure; no database.

What is compared, for each entry: its leaf hash with its canonical bytes; its projection columns, log and position with
what those bytes say; its link with the links before it; the subtree hashes stored with it with the subtrees recomputed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from operator import itemgetter
from typing import Literal
from uuid import UUID

from pydantic_core import from_json

from jit_server.audit import tree

LEVELS = 12
CHUNK = 1 << LEVELS
"""Entries a batch: about 4 MB. A power of two, so that a full batch is one complete subtree."""

_SAID = itemgetter("event", "log", "position", "id", "at", "result", "actor", "subject")
_SAID_OF_WHAT = itemgetter("kind", "id", "party", "handling")
_SAID_OF_WHO = itemgetter("person", "agency")

Kind = Literal["altered", "missing", "inserted", "moved", "tree", "head", "rewritten", "checkpoint"]


Stored = tuple[int, str, bytes, bytes, bytes, bytes]
"""A row: position, projection (the columns beside the canonical bytes, written as `_check_entries` writes what the
bytes say), canonical bytes, leaf hash, subtrees closed, link."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What does not fit, and where: the positions `first` to `last`, both included."""

    first: int
    last: int
    kind: Kind
    detail: str

    def __str__(self) -> str:
        where = f"entry {self.first}" if self.first == self.last else f"entries {self.first} to {self.last}"
        return f"{where}: {self.kind}: {self.detail}"


class Scan:
    """The pass: `feed` it every batch in order, then read `findings`, `frontier`, `link` and `roots`.

    Args:
        log_id: the log that the entries must name.
        sizes: tree sizes whose roots are wanted, to be compared with checkpoints.
    """

    def __init__(self, log_id: UUID, sizes: Iterable[int] = ()) -> None:
        self.size = 0
        self.findings: list[Finding] = []
        self.frontier: list[tuple[int, bytes | None]] = []
        self.link: bytes | None = b""
        self.roots: dict[int, bytes | None] = {}
        self._log = str(log_id)
        self._sizes = sorted(set(sizes), reverse=True)
        self._other_link: bytes | None = None
        self._moved: list[tuple[int, int]] = []

    @property
    def root(self) -> bytes | None:
        """The root over all entries fed, or None where one is missing."""
        return _fold([node for _, node in self.frontier])

    def feed(self, found: Sequence[Stored], upto: int) -> None:
        """Take the rows at the positions after `size` up to `upto`: a full `CHUNK`, or the rest of the log."""
        rows: Sequence[Stored | None] = found if len(found) == upto - self.size else self._fill(found, upto)
        self._check_entries(rows)
        leaves: list[bytes | None] = [row[3] if row else None for row in rows]
        levels = _levels(leaves)
        stored = [row[4] if row else b"" for row in rows]
        self._check_nodes(levels, stored)
        self._keep_roots(levels, upto)
        self._close(levels, stored[-1] if stored else b"", upto)

    def finish(self) -> list[Finding]:
        """Turn entries out of place into what was done to them, and give all findings in order of position."""
        for first, last, shift in _runs(self._moved):
            self._report(_explain_move(first, last, shift))
        self._moved = []
        return sorted(self.findings)

    def _report(self, finding: Finding, *, unless_named: bool = False) -> None:
        """Add a finding; with `unless_named` only if no earlier one lies within it."""
        if unless_named and any(f.first <= finding.last and f.last >= finding.first for f in self.findings):
            return
        self.findings.append(finding)

    def _fill(self, rows: Sequence[Stored], upto: int) -> list[Stored | None]:
        """Put None where a row is missing, and report the gaps as ranges."""
        at = {row[0]: row for row in rows}
        filled = [at.get(position) for position in range(self.size + 1, upto + 1)]
        gaps = [(position, 0) for position, row in enumerate(filled, self.size + 1) if row is None]
        for first, last, _ in _runs(gaps):
            self._report(Finding(first, last, "missing", "the log's head counts it, but it is gone"))
        return filled

    def _check_entries(self, rows: Sequence[Stored | None]) -> None:
        """The hot loop: everything that one row can tell by itself and with its predecessor."""
        hash_of, parse, said, said_of_what, said_of_who = sha256, from_json, _SAID, _SAID_OF_WHAT, _SAID_OF_WHO
        log, link, place = self._log, self.link, self.size
        for row in rows:
            place += 1
            if row is None:
                link = self._other_link = None
                continue
            _, projected, data, leaf, _, row_link = row
            wrong = "" if hash_of(b"\x00" + data).digest() == leaf else "its bytes do not have the hash kept with them"
            try:
                event, log_id, position, entry_id, at, result, who, what = said(parse(data, cache_strings="keys"))
                kind, subject, party, handling = said_of_what(what)
                person, agency = said_of_who(who)
                projection = (
                    f"{entry_id}|{event}|{kind}|{subject or ''}|{party or ''}|{handling or ''}"
                    f"|{what.get('compartment') or ''}|{person or ''}|{agency or ''}|{result}|{at[:-1]}000"
                )
                if projection != projected or log_id != log:
                    wrong = wrong or "its columns say something else than its bytes"
                if position != place:
                    self._moved.append((place, position - place))
            except (ValueError, TypeError, KeyError):
                wrong = wrong or "its bytes are not an entry"
            if link is not None:
                expected = hash_of(b"\x02" + link + leaf).digest()
                if expected != row_link and not self._links_otherwise(leaf, row_link):
                    wrong = wrong or "its hash does not follow from the entries before it"
                self._other_link = expected if expected != row_link else None
            link = row_link
            if wrong:
                self.findings.append(Finding(place, place, "altered", wrong))
        self.link = link

    def _links_otherwise(self, leaf: bytes, link: bytes) -> bool:
        """Tell whether the row follows from what its predecessor's link should have been."""
        return self._other_link is not None and sha256(b"\x02" + self._other_link + leaf).digest() == link

    def _check_nodes(self, levels: list[list[bytes | None]], stored: list[bytes]) -> None:
        """Compare the subtrees within the batch, lowest first, with those kept in the rows."""
        for level, computed in enumerate(levels[1:], 1):
            step, begin = 1 << level, (level - 1) * 32
            kept = [nodes[begin : begin + 32] for nodes in stored[step - 1 :: step]]
            if kept == computed:
                continue
            for number, (node, own) in enumerate(zip(computed, kept, strict=True)):
                if node is not None and node != own:
                    self._report_node(level, self.size + (number << level), self.size + ((number + 1) << level))
        expected = sum(len(level) for level in levels[1:]) * 32
        if sum(map(len, stored)) - _closed_above(self.size, len(stored)) * 32 != expected:
            self._check_lengths(stored)

    def _check_lengths(self, stored: list[bytes]) -> None:
        for position, nodes in enumerate(stored, self.size + 1):
            if len(nodes) > 32 * ((position & -position).bit_length() - 1):
                self._report(
                    Finding(position, position, "tree", "keeps more subtrees than it closes"), unless_named=True
                )

    def _report_node(self, level: int, before: int, last: int) -> None:
        detail = f"the subtree of level {level} that is kept with entry {last} is not theirs"
        self._report(Finding(before + 1, last, "tree", detail), unless_named=True)

    def _keep_roots(self, levels: list[list[bytes | None]], upto: int) -> None:
        """Work out the roots at the wanted sizes that fall into this batch."""
        while self._sizes and self._sizes[-1] <= upto:
            size = self._sizes.pop()
            inner = tree.cover(tree.Span(0, size - self.size)) if size > self.size else []
            nodes = [node for _, node in self.frontier] + [levels[level][number] for level, number in inner]
            self.roots[size] = _fold(nodes)

    def _close(self, levels: list[list[bytes | None]], nodes: bytes, upto: int) -> None:
        """Carry the batch's subtrees into the frontier, comparing those that span more than one batch."""
        for level, number in tree.cover(tree.Span(0, upto - self.size)):
            node = levels[level][number]
            while self.frontier and self.frontier[-1][0] == level:
                node = _join(self.frontier.pop()[1], node)
                level += 1  # noqa: PLW2901 - carrying, as in addition
                if node is not None and nodes[(level - 1) * 32 : level * 32] != node:
                    self._report_node(level, upto - (1 << level), upto)
            self.frontier.append((level, node))
        self.size = upto


def _levels(leaves: list[bytes | None]) -> list[list[bytes | None]]:
    """Hash a batch up to its top: all complete subtrees, level by level."""
    levels, hash_of = [leaves], sha256
    whole = None not in leaves
    while len(levels[-1]) > 1:
        pairs = zip(levels[-1][::2], levels[-1][1::2], strict=False)  # an odd one waits for its sibling
        if whole:
            levels.append([hash_of(b"\x01" + left + right).digest() for left, right in pairs])  # type: ignore[operator]
        else:
            levels.append([_join(left, right) for left, right in pairs])
    return levels


def _join(left: bytes | None, right: bytes | None) -> bytes | None:
    return None if left is None or right is None else tree.node_hash(left, right)


def _fold(nodes: list[bytes | None]) -> bytes | None:
    known = [node for node in nodes if node is not None]
    return tree.fold(known) if len(known) == len(nodes) else None


def _closed_above(before: int, count: int) -> int:
    """Count the subtrees larger than a batch that the last entry of a full batch closes."""
    if count < CHUNK:
        return 0
    number = (before + count) >> LEVELS
    return (number & -number).bit_length() - 1


def _runs(places: Iterable[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Gather neighbouring positions with the same mark into (first, last, mark)."""
    runs: list[tuple[int, int, int]] = []
    for place, mark in places:
        if runs and runs[-1][1] == place - 1 and runs[-1][2] == mark:
            runs[-1] = (runs[-1][0], place, mark)
        else:
            runs.append((place, place, mark))
    return runs


def _explain_move(first: int, last: int, shift: int) -> Finding:
    """Say what was done when entries stand `shift` places before (or, negative, after) where they were sealed."""
    if first == last:
        return Finding(first, last, "moved", f"it was sealed at position {first + shift}")
    if shift > 0:
        return Finding(first, first + shift - 1, "missing", "the entries after it were moved down in its place")
    return Finding(first + shift, first - 1, "inserted", "the entries after it were moved up to make room")
