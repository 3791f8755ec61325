"""What members may know of the exhibits: the register, one exhibit, its custody. Each look is on the record."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, false, func, select, true
from sqlmodel import col

from jit_server import audit
from jit_server.access import Action, Gate, Handling
from jit_server.core.errors import NotFound
from jit_server.evidence import terms
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.nature.kinds import GROUPS
from jit_server.evidence.nature.models import EvidenceNature
from jit_server.evidence.shapes import ItemOut, LineOut
from jit_server.evidence.terms import EvidenceTerm
from jit_server.evidence.usecases.describing import item_out, lines_out
from jit_server.evidence.usecases.uses import used
from jit_server.work import UnitOfWork
from jit_server.workspaces import EntryOut

MOST = 200
_TOGETHER = 1000


@dataclass(frozen=True)
class Wanted:
    """Which part of the register: beginnings of words, origin, marking, place, content; and where to go on."""

    words: str = ""
    state: str = ""
    handling: Handling | None = None
    compartment: UUID | None = None
    gate: Gate | None = None
    kind: str = ""
    before: int | None = None
    after: int | None = None
    limit: int = 50


def register(uow: UnitOfWork, workspace_id: UUID, wanted: Wanted) -> tuple[list[LineOut], list[int]]:
    """The register, newest first: only what the actor may know of. With it, the log positions of the lines."""
    statement = uow.select(EvidenceItem, to=Action.EVIDENCE_LIST, within=workspace_id).where(narrowed(wanted))
    place = col(EvidenceItem.position)
    if wanted.before is not None:
        statement = statement.where(place < wanted.before)
    if wanted.after is not None:
        statement = statement.where(place > wanted.after)
    order = place.asc() if wanted.after is not None else place.desc()
    items = list(uow.all(statement.order_by(order).limit(min(wanted.limit, MOST))))
    items.sort(key=lambda item: -(item.position or 0))
    uow.record("evidence:listed", workspace_id=workspace_id)  # no figure: others read the log, and may know fewer
    return lines_out(uow, items), [item.position or 0 for item in items]


def narrowed(wanted: Wanted) -> ColumnElement[bool]:
    """The condition that what is wanted puts on exhibits, but for the place where to go on."""
    parts: list[ColumnElement[bool]] = []
    if wanted.words:
        asked = terms.words(wanted.words)[: terms.ASKED]
        parts += [_has(term) for term in asked] or [false()]
    if wanted.state:
        parts.append(col(EvidenceItem.state) == wanted.state)
    if wanted.handling:
        parts.append(col(EvidenceItem.handling) == str(wanted.handling))
    if wanted.compartment:
        parts.append(col(EvidenceItem.compartment_id) == wanted.compartment)
    if wanted.kind:
        parts.append(_is_of(wanted.kind))
    if wanted.gate:
        parts.append(col(EvidenceItem.gate) == str(wanted.gate))
    return and_(true(), *parts)


def _has(term: str) -> ColumnElement[bool]:
    """Whether a word of an exhibit begins so. A range in the order of code points: it may use the index (ADR 45)."""
    row, item = EvidenceTerm.metadata.tables["evidence_term"].c, EvidenceItem.metadata.tables["evidence_item"].c
    same = and_(row.item_id == item.id, row.workspace_id == item.workspace_id)
    return exists().where(same, row.term >= term, row.term < term + terms.END)


def _is_of(group: str) -> ColumnElement[bool]:
    """Whether the bytes were recognised as of this group of kinds."""
    kinds, begins = GROUPS[group]
    row, item = EvidenceNature.metadata.tables["evidence_nature"].c, EvidenceItem.metadata.tables["evidence_item"].c
    parts = [row.item_id == item.id, row.workspace_id == item.workspace_id, row.kind.in_(kinds)]
    if begins:
        parts.append(row.media_type.startswith(begins, autoescape=True))
    return exists().where(*parts)


def known(uow: UnitOfWork, workspace_id: UUID) -> dict[str, int]:
    """How many exhibits of each State the actor may know of: hidden ones are in no figure. Counts the newest 1,000."""
    scope = uow.scope(EvidenceItem, to=Action.EVIDENCE_LIST, within=workspace_id)
    table = EvidenceItem.metadata.tables["evidence_item"].c
    newest = select(table.state).where(scope).order_by(table.position.desc()).limit(_TOGETHER).subquery()
    counted = select(newest.c.state, func.count()).group_by(newest.c.state)
    return dict(sorted((kind, number) for kind, number in uow.session.execute(counted)))


def numbered(uow: UnitOfWork, workspace_id: UUID, number: str) -> UUID:
    """The id of the exhibit with this number, which `read` and the others then authorise."""
    state, _, serial = number.rpartition("-")
    if not state or not serial.isascii() or not serial.isdecimal() or len(serial) > len("9999999"):
        raise NotFound
    item = uow.find(EvidenceItem, workspace_id=workspace_id, state=state, serial=int(serial))
    if item is None or item.number != number:
        raise NotFound
    return item.id


def read(uow: UnitOfWork, item_id: UUID) -> ItemOut:
    """Everything recorded about an exhibit; the look is on its record."""
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_READ)
    uow.record("evidence:read", item, **used(uow, item, Action.EVIDENCE_READ))
    return item_out(uow, item)


def look(uow: UnitOfWork, item_id: UUID) -> tuple[EvidenceItem, list[EntryOut] | None]:
    """An exhibit and, where the actor may see it, its custody: one look, one entry on the record."""
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_READ)
    with_custody = uow.permits(Action.CUSTODY_READ, item)
    uow.record("evidence:read", item, custody=with_custody, **used(uow, item, Action.EVIDENCE_READ))
    return item, entries_about(uow, item) if with_custody else None


def last_check(uow: UnitOfWork, item: EvidenceItem) -> audit.Kept | None:
    """The last entry that says what hashing the stored bytes again gave."""
    events = ("evidence:verified", "evidence:damaged")
    found = audit.read(uow.connection, item.workspace_id, 0, 1, latest=True, subject=item.id, events=events)
    return found[0] if found else None


def custody(uow: UnitOfWork, item_id: UUID) -> list[EntryOut]:
    """Every entry of the log about the exhibit and its upload, oldest first; reads and refusals too."""
    item = uow.get(EvidenceItem, item_id, to=Action.CUSTODY_READ)
    uow.record("custody:read", item, **used(uow, item, Action.CUSTODY_READ))
    return entries_about(uow, item)


def entries_about(uow: UnitOfWork, item: EvidenceItem) -> list[EntryOut]:
    """The entries whose subject is the exhibit; one id serves upload and exhibit, so failed attempts are among them."""
    return [_out(one) for one in about(uow, item)]


def about(uow: UnitOfWork, item: EvidenceItem) -> list[audit.Kept]:
    """The same entries as the log keeps them."""
    found: list[audit.Kept] = []
    while True:
        after = found[-1].position if found else 0
        some = audit.read(uow.connection, item.workspace_id, after, _TOGETHER, subject=item.id)
        found += some
        if len(some) < _TOGETHER:
            return found


def _out(kept: audit.Kept) -> EntryOut:
    content = kept.content
    fields = {name: content[name] for name in EntryOut.model_fields if name != "position"}
    return EntryOut(position=kept.position, **fields)
