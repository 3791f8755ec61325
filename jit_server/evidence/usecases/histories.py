"""The histories of several exhibits, read from the log a thousand entries at a time and never held whole."""

import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

from jit_server import audit
from jit_server.audit.log import MOST_READ
from jit_server.core.vault import BLOCK
from jit_server.evidence.court import case, custody
from jit_server.evidence.court import report as pages
from jit_server.evidence.custody.models import CustodyAct
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.usecases.acting import openable, words
from jit_server.evidence.usecases.uploads import Begin
from jit_server.identity.models import Agency
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces.aliases import shown


@dataclass(frozen=True, slots=True)
class Statement:
    """The words of an act on an exhibit, to which its entry on the log commits."""

    item_id: UUID
    position: int
    salt: bytes
    value: str


KEPT = 4 * BLOCK
"""Bytes of a text, deflated, that are kept until it is sent; a longer one is made again then."""


class Made:
    """Digest and size of a text that was made; its bytes as well, as long as they are few."""

    def __init__(self, piece: bytes) -> None:
        self._digest, self.size = sha256(), 0
        self._deflating, self._kept = zlib.compressobj(1), bytearray()
        self.add(piece)

    def add(self, piece: bytes) -> None:
        """What comes next."""
        self._digest.update(piece)
        self.size += len(piece)
        if len(self._kept) <= KEPT:
            self._kept += self._deflating.compress(piece)

    def kept(self) -> Iterator[bytes] | None:
        """The bytes, once they are all there; None where they were too many."""
        last = self._deflating.flush()
        return _inflated(bytes(self._kept + last)) if len(self._kept) <= KEPT else None

    @property
    def sha256(self) -> str:
        """Of all so far, hex."""
        return self._digest.hexdigest()


def _inflated(data: bytes) -> Iterator[bytes]:
    inflating = zlib.decompressobj()
    while data and (piece := inflating.decompress(data, BLOCK)):
        yield piece
        data = inflating.unconsumed_tail


@dataclass
class Survey:
    """What one reading of the histories gave: places, who acts in them, digests of report and graph."""

    positions: dict[UUID, list[int]]
    names: dict[str, str] = field(default_factory=dict)
    longer: dict[UUID, str] = field(default_factory=dict)
    """The SHA-512 of each that the log says the store gave back."""
    statements: dict[str, Statement] = field(default_factory=dict)
    """By the id of the act, what it says, for those acts that whoever asks may know of."""
    events: pages.Events = field(default_factory=pages.Events)
    """The first of them, as the PDF shows them."""
    graph: case.Graph | None = None
    made: dict[str, Made] = field(default_factory=dict)
    """By name, what was made before it is sent."""
    end: bytes = b""
    """Of the graph: what is said of the exhibits."""

    def finish(self, about: Mapping[str, Any], exhibits: Sequence[Mapping[str, Any]]) -> None:
        """Say in the graph what its entries are about."""
        if self.graph is not None:
            self.end = self.graph.tail(about, exhibits, self.names)
            self.made[case.NAME].add(self.end)

    def of(self, item_id: UUID) -> list[Statement]:
        """What people said of one exhibit, in the log's order."""
        if not self._of:
            for one in self.statements.values():
                self._of[one.item_id].append(one)
        return self._of.get(item_id, [])

    _of: defaultdict[UUID, list[Statement]] = field(default_factory=lambda: defaultdict(list), repr=False)


def survey(begin: Begin, items: Sequence[EvidenceItem], until: int) -> Survey:
    """Read the histories up to an entry once: who acts in them, and what the PDF shows."""
    found, numbers = Survey({item.id: [] for item in items}), _numbers(items)
    for entries in histories(begin, items, until):
        with begin() as uow:
            _look_up(uow, entries, found)
        for one in entries:
            found.events.add(one.content, numbers[one.content["subject"]["id"]], found.names, _said(one, found))
    return found


def compose(begin: Begin, items: Sequence[EvidenceItem], until: int, found: Survey) -> None:
    """Make custody report and graph from what the survey found."""
    numbers, graph = _numbers(items), case.Graph(items[0].workspace_id)
    listed, drawn = Made(custody.head()), Made(graph.head())
    for entries in histories(begin, items, until):
        listed.add(_lines(entries, numbers, found))
        drawn.add(_actions(entries, graph, found))
    found.graph, found.made = graph, {custody.NAME: listed, case.NAME: drawn}


def report(begin: Begin, items: Sequence[EvidenceItem], until: int, found: Survey) -> Iterator[bytes]:
    """The custody report, the same each time."""
    numbers = _numbers(items)
    yield custody.head()
    for entries in histories(begin, items, until):
        yield _lines(entries, numbers, found)


def drawing(begin: Begin, items: Sequence[EvidenceItem], until: int, found: Survey) -> Iterator[bytes]:
    """The graph, the same each time."""
    graph = case.Graph(items[0].workspace_id)
    yield graph.head()
    for entries in histories(begin, items, until):
        yield _actions(entries, graph, found)
    yield found.end


AGAIN = {custody.NAME: report, case.NAME: drawing}
"""What may be too large to be kept until it is sent."""


def _numbers(items: Sequence[EvidenceItem]) -> dict[str, str]:
    return {str(item.id): item.number for item in items}


def _lines(entries: Sequence[audit.Kept], numbers: dict[str, str], found: Survey) -> bytes:
    return b"".join(
        custody.line(
            entry.content, entry.leaf_hash, numbers[entry.content["subject"]["id"]], found.names, _said(entry, found)
        )
        for entry in entries
    )


def _actions(entries: Sequence[audit.Kept], graph: case.Graph, found: Survey) -> bytes:
    return b"".join(graph.action(entry.content, _said(entry, found)) for entry in entries)


def _said(entry: audit.Kept, found: Survey) -> str:
    """The words of the act that an entry is about."""
    known = found.statements.get(str(entry.content["facts"].get("act")))
    return known.value if known is not None else ""


def histories(
    begin: Begin, items: Sequence[EvidenceItem], until: int, after: int = 0, events: Sequence[str] = ()
) -> Iterator[list[audit.Kept]]:
    """The entries about the exhibits after one entry and up to another, in the log's order, in parts."""
    log_id, ids = items[0].workspace_id, [item.id for item in items]
    while True:
        with begin() as uow:
            some = audit.read(uow.connection, log_id, after, MOST_READ, before=until + 1, subjects=ids, events=events)
        if some:
            yield some
        if len(some) < MOST_READ:
            return
        after = some[-1].position


def _look_up(uow: UnitOfWork, entries: Sequence[audit.Kept], found: Survey) -> None:
    """Note the entries' places, and the names of those who act in them and are not known yet."""
    for entry in entries:
        item_id = UUID(entry.content["subject"]["id"])
        found.positions[item_id].append(entry.position)
        if entry.event == "evidence:read_back":
            found.longer[item_id] = entry.content["facts"]["sha512"]
    actors = [entry.content["actor"] for entry in entries]
    new = {part: {UUID(one[part]) for one in actors if one[part] and one[part] not in found.names} for part in _PARTS}
    for log_id in {entry.log_id for entry in entries}:
        found.names |= {str(key): name for key, name in shown(uow, log_id, new["person"]).items()}
    found.names |= {str(key): row.own_name for key, row in rows_by_id(uow, Agency, new["agency"]).items()}
    found.statements |= statements(uow, entries)


_PARTS = ("person", "agency")


def statements(uow: UnitOfWork, entries: Sequence[audit.Kept]) -> dict[str, Statement]:
    """What the acts in these entries say, by the act's id, but for photos that the actor may not know of."""
    places = {UUID(one.content["facts"]["act"]): one for one in entries if "act" in one.content["facts"]}
    if not places:
        return {}
    acts = openable(uow, rows_by_id(uow, CustodyAct, places).values())
    said = [Statement(act.item_id, places[act.id].position, act.salt, words(act)) for act in acts]
    return {str(act.id): one for act, one in sorted(zip(acts, said, strict=True), key=lambda two: two[1].position)}
