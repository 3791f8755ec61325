"""Events of the case: put one on the timeline, take it back, read them with the exhibits they name."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, tuple_
from sqlmodel import col

from jit_server import audit
from jit_server.access import OUTSIDE, Action, Handling
from jit_server.audit.entry import canonical
from jit_server.core.errors import Conflict, Invalid, NotFound, NotSignedIn
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.story.models import TimelineEvent, TimelineLink, TimelineWithdrawal
from jit_server.evidence.story.shapes import EventOut, EventWithdrawal, NamedOut, NewEvent
from jit_server.evidence.terms import words
from jit_server.evidence.usecases.chronicle import Stretch
from jit_server.evidence.usecases.reading import MOST, Wanted
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import Party, Workspace
from jit_server.workspaces.aliases import shown
from jit_server.workspaces.compartments import Compartment

_AS_WRITTEN = ("id", "title", "text", "at", "zone", "day_only", "place", "state", "handling", "written_at")


def add_event(uow: UnitOfWork, workspace_id: UUID, new: NewEvent) -> TimelineEvent:
    """Put an event on the timeline. It is marked at least as strictly as the exhibits it names.

    Raises:
        Invalid: an exhibit of which the actor may not know, or one of another compartment; a compartment not theirs.
        Conflict: the actor's party is no member State's or body's: what it brings is verified first, as an exhibit.
    """
    space = uow.get(Workspace, workspace_id, to=Action.EVIDENCE_REGISTER)
    standing = uow.standing(workspace_id)
    party = uow.find(Party, id=standing.party_id) if standing else None
    if standing is None or party is None:
        raise NotFound
    if uow.actor.person_id is None:
        raise NotSignedIn
    if standing.party_class in OUTSIDE:
        raise Conflict("What your party brings is verified first: add it as an exhibit.")
    items = _named(uow, workspace_id, new)
    if new.compartment_id is not None and new.compartment_id not in uow.policy(standing).compartments_of(party.id):
        raise Invalid.field("compartment_id", "is no compartment of your party", "Choose one of yours, or none.")
    at = new.at
    if new.day_only:
        at = datetime.combine(new.at.astimezone(ZoneInfo(new.zone)).date(), time(12), ZoneInfo(new.zone))
    stated = Handling(new.handling or space.default_handling)
    row = TimelineEvent(
        workspace_id=workspace_id, party_id=party.id, compartment_id=new.compartment_id,
        handling=max([stated, *(Handling(item.handling) for item in items)]), state=party.state,
        title=new.title, text=new.text, place=new.place or "", at=at, zone=new.zone, day_only=new.day_only,
        salt=audit.new_salt(), written_by=uow.actor.person_id, written_at=uow.now,
    )  # fmt: skip
    uow.add(row)
    for item in items:
        uow.add(TimelineLink(event_id=row.id, item_id=item.id, workspace_id=workspace_id), after=row)
    uow.record("timeline:event_added", row, statement=audit.commit(statement(row), row.salt))
    return row


def statement(row: TimelineEvent) -> str:
    """An event's words in canonical JSON: the log holds a keyed commitment to these very bytes."""
    said = {"title": row.title, "text": row.text, "place": row.place, "zone": row.zone, "day_only": row.day_only}
    return canonical(said | {"at": row.at.isoformat()}).decode()


def withdraw_event(uow: UnitOfWork, event_id: UUID, why: EventWithdrawal) -> TimelineEvent:
    """Take an event of one's own back: it stays, struck out, with the reason.

    Raises:
        NotFound: there is none of which the actor may know.
        Conflict: somebody else wrote it, or it was taken back before.
    """
    row = uow.get(TimelineEvent, event_id, to=Action.EVIDENCE_LIST)
    uow.get(Workspace, row.workspace_id, to=Action.EVIDENCE_REGISTER)
    if row.written_by != uow.actor.person_id:
        raise Conflict("Somebody else wrote it: only they take it back. Add an event that says otherwise.")
    if uow.find(TimelineWithdrawal, event_id=row.id) is not None:
        raise Conflict("It was taken back before.")
    uow.add(
        TimelineWithdrawal(
            workspace_id=row.workspace_id,
            event_id=row.id,
            reason=why.reason,
            withdrawn_by=row.written_by,
            withdrawn_at=uow.now,
        )
    )
    uow.record("timeline:event_withdrawn", row, why={"code": "withdrawal", "text": why.reason})
    return row


def case_events(uow: UnitOfWork, workspace_id: UUID, wanted: Wanted, stretch: Stretch) -> list[TimelineEvent]:
    """Those of a stretch that the actor may know of, latest first. What narrows to content narrows them out."""
    if wanted.kind or wanted.gate:
        return []
    place = tuple_(col(TimelineEvent.at), col(TimelineEvent.position))
    found = uow.select(TimelineEvent, to=Action.EVIDENCE_LIST, within=workspace_id)
    if stretch.before is not None:
        found = found.where(place < (stretch.before.collected_at, stretch.before.position))
    if stretch.after is not None:
        found = found.where(place > (stretch.after.collected_at, stretch.after.position))
    exact = {"state": wanted.state, "handling": wanted.handling, "compartment_id": wanted.compartment}
    for name, value in exact.items():
        if value:
            found = found.where(getattr(TimelineEvent, name) == value)
    for word in words(wanted.words):
        said = col(TimelineEvent.title).concat(" ").concat(col(TimelineEvent.place))
        found = found.where(said.icontains(word, autoescape=True))
    columns = (col(TimelineEvent.at), col(TimelineEvent.position))
    order = [one.asc() if stretch.after is not None else one.desc() for one in columns]
    return list(uow.all(found.order_by(*order).limit(min(wanted.limit, MOST))))


def events_out(uow: UnitOfWork, rows: Sequence[TimelineEvent]) -> list[EventOut]:
    """As the reader sees them: names as rules show them, and of the exhibits those that they may know of."""
    if not rows:
        return []
    ids, workspace_id = [row.id for row in rows], rows[0].workspace_id
    named: defaultdict[UUID, list[NamedOut]] = defaultdict(list)
    seen = (
        select(col(TimelineLink.event_id), EvidenceItem)
        .join(EvidenceItem, col(EvidenceItem.id) == col(TimelineLink.item_id))
        .where(
            col(TimelineLink.event_id).in_(ids), uow.scope(EvidenceItem, to=Action.EVIDENCE_LIST, within=workspace_id)
        )
        .order_by(col(EvidenceItem.position))
    )
    for event_id, item in uow.session.execute(seen):
        named[event_id].append(NamedOut(id=item.id, number=item.number, title=item.title))
    gone = select(TimelineWithdrawal).where(col(TimelineWithdrawal.event_id).in_(ids))
    back = {one.event_id: one.reason for one in uow.session.scalars(gone)}
    people = shown(uow, workspace_id, {row.written_by for row in rows})
    rooms = rows_by_id(uow, Compartment, {row.compartment_id for row in rows if row.compartment_id})
    return [
        EventOut(
            **{name: getattr(row, name) for name in _AS_WRITTEN},
            compartment=rooms[row.compartment_id].name if row.compartment_id in rooms else None,
            written_by=people[row.written_by],
            items=named[row.id],
            withdrawn=back.get(row.id),
            mine=row.written_by == uow.actor.person_id,
        )
        for row in rows
    ]


def _named(uow: UnitOfWork, workspace_id: UUID, new: NewEvent) -> list[EvidenceItem]:
    """The exhibits an event names; each lies open, or in the event's own compartment."""
    wanted = uow.select(EvidenceItem, to=Action.EVIDENCE_LIST, within=workspace_id)
    found = uow.all(wanted.where(col(EvidenceItem.id).in_(new.items))) if new.items else []
    if len(found) != len(set(new.items)):
        raise Invalid.field(
            "items", "names an exhibit that is not there", "Write the numbers as the register shows them."
        )
    for item in found:
        if item.compartment_id not in {None, new.compartment_id}:
            hint = "Choose that compartment for the event, or leave the exhibit out."
            raise Invalid.field("items", f"{item.number} lies in a compartment", hint)
    return list(found)
