"""The histories of several exhibits, read from the log a thousand entries at a time and never held whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from jit_server import audit
from jit_server.audit.log import MOST_READ
from jit_server.evidence.court import custody
from jit_server.evidence.court import report as pages
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.usecases.uploads import Begin
from jit_server.identity.models import Agency, Person
from jit_server.work import UnitOfWork, rows_by_id


@dataclass
class Survey:
    """What one reading of the histories gave: the places of each, who acts in them, and the custody report's digest."""

    positions: dict[UUID, list[int]]
    names: dict[str, str] = field(default_factory=dict)
    events: list[list[str]] = field(default_factory=list)
    """The first of them, as the PDF shows them."""
    sha256: str = ""
    size: int = 0


def survey(begin: Begin, items: Sequence[EvidenceItem], until: int) -> Survey:
    """Read the histories up to an entry once; the custody report is made and only hashed."""
    found = Survey({item.id: [] for item in items})
    digest = sha256()
    for piece in report(begin, items, until, found, look_up=True):
        digest.update(piece)
        found.size += len(piece)
    found.sha256 = digest.hexdigest()
    return found


def report(
    begin: Begin, items: Sequence[EvidenceItem], until: int, found: Survey, *, look_up: bool = False
) -> Iterator[bytes]:
    """The custody report, the same each time; while `look_up` it also fills in what a survey finds."""
    numbers = {str(item.id): item.number for item in items}
    yield custody.head()
    for entries in histories(begin, items, until):
        if look_up:
            with begin() as uow:
                _look_up(uow, entries, found)
            told = entries[: pages.MOST + 1 - len(found.events)]
            found.events += [pages.row(one.content, numbers[one.content["subject"]["id"]], found.names) for one in told]
        yield b"".join(
            custody.line(entry.content, entry.leaf_hash, numbers[entry.content["subject"]["id"]], found.names)
            for entry in entries
        )


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
        found.positions[UUID(entry.content["subject"]["id"])].append(entry.position)
    actors = [entry.content["actor"] for entry in entries]
    new = {part: {UUID(one[part]) for one in actors if one[part] and one[part] not in found.names} for part in _PARTS}
    found.names |= {str(key): row.name for key, row in rows_by_id(uow, Person, new["person"]).items()}
    found.names |= {str(key): row.own_name for key, row in rows_by_id(uow, Agency, new["agency"]).items()}


_PARTS = ("person", "agency")
