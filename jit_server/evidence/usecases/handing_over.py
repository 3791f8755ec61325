"""Hand-overs from one side to the other: one releases, the other takes over or refuses; both stand in the log.

Until it is answered an exhibit stays with whoever released it, and they may take the hand-over back. With whom it is
now follows from the last one that was accepted; only they hand it on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from jit_server import access
from jit_server.access import Action, Standing
from jit_server.core.errors import Conflict, Invalid, NotFound
from jit_server.evidence.custody.models import CustodyAct
from jit_server.evidence.custody.shapes import Answer, HandOverOut, NewHandOver, Verb
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.usecases.acting import Names, acts_of, one_at_a_time, put
from jit_server.evidence.usecases.uses import used
from jit_server.work import UnitOfWork
from jit_server.workspaces import MemberOut, Party, members, standing_of

GONE = (Verb.GIVE_BACK, Verb.DESTROY)
ANSWERS = (Verb.ACCEPT, Verb.REFUSE, Verb.WITHDRAW)
SelectT = TypeVar("SelectT", bound=Select[*tuple[Any, ...]])
Mine = Literal["answer", "withdraw"]
STANDS: dict[Verb, Literal["accepted", "refused", "withdrawn"]] = {
    Verb.ACCEPT: "accepted", Verb.REFUSE: "refused", Verb.WITHDRAW: "withdrawn",
}  # fmt: skip
MOST = 50


def hand_over(uow: UnitOfWork, item_id: UUID, new: NewHandOver) -> CustodyAct:
    """Release an exhibit into the hands of a party or of one of its people; it stays here until they take it over.

    Raises:
        Invalid: nobody there could take it over.
        Conflict: it is with somebody else, or another hand-over waits.
    """
    item = uow.get(EvidenceItem, item_id, to=Action.CUSTODY_RECORD)
    one_at_a_time(uow, item)
    _able(uow, item, new)
    acts = acts_of(uow, item, Verb.HAND_OVER, *ANSWERS, *GONE)
    if any(act.verb in GONE for act in acts):
        raise Conflict("It was returned or destroyed: there is nothing to hand over.")
    if open_among(acts) is not None:
        raise Conflict("A hand-over of it waits for its answer: take that one back first.")
    if holder(item, acts) != standing_of(uow, item.workspace_id).party_id:
        raise Conflict("It is with another party now: only they hand it over.")
    if new.due_at is not None and new.due_at <= uow.now:
        raise Invalid.field("due_at", "lies in the past", "Choose a later moment, or leave it open.")
    said = new.model_dump(mode="json", include={"place", "condition", "seals", "remarks", "due_at"})
    to = tuple(one for one in (new.to_party_id, new.to_person_id) if one is not None)
    return put(
        uow, item, Verb.HAND_OVER, said, recipients=to, to_party_id=new.to_party_id, to_person_id=new.to_person_id,
        due_at=new.due_at,
    )  # fmt: skip


def answer(uow: UnitOfWork, item_id: UUID, act_id: UUID, said: Answer) -> CustodyAct:
    """Take over what was handed over, refuse it, or take one's own hand-over back.

    Raises:
        NotFound: no such hand-over of this exhibit.
        Invalid: taken over without its condition, or not taken over without a reason.
        Conflict: it was answered already, or the actor is not of the side whose answer this is.
    """
    item = uow.get(EvidenceItem, item_id, to=Action.CUSTODY_RECORD)
    _complete(said)
    one_at_a_time(uow, item)
    act = uow.find(CustodyAct, id=act_id, item_id=item.id, verb=Verb.HAND_OVER)
    if act is None:
        raise NotFound
    if uow.find(CustodyAct, answers=act.id) is not None:
        raise Conflict("It was answered already.")
    mine = _mine(act, standing_of(uow, item.workspace_id))
    if mine != ("withdraw" if said.answer == Verb.WITHDRAW else "answer"):
        raise Conflict(_OTHERS[mine])
    words = said.model_dump(mode="json", include={"place", "condition", "seals"})
    others = (act.party_id, act.person_id) if mine == "answer" else (act.to_party_id, act.to_person_id)
    recipients = tuple(one for one in others if one is not None)
    facts = {"hand_over": act.id}
    return put(uow, item, said.answer, words, why=said.reason, recipients=recipients, facts=facts, answers=act.id)


def _complete(said: Answer) -> None:
    if said.answer == Verb.ACCEPT and said.condition is None:
        raise Invalid.field("condition", "is missing", "Say in what condition it was found.")
    if said.answer != Verb.ACCEPT and said.reason is None:
        raise Invalid.field("reason", "is missing", "Say why.")


_OTHERS = {
    "withdraw": "You handed it over: somebody else takes it over, or you take it back.",
    "answer": "It was handed over to you: take it over, or refuse it with a reason.",
    None: "It was handed over to somebody else.",
}


def _able(uow: UnitOfWork, item: EvidenceItem, new: NewHandOver) -> None:
    """Refuse a hand-over to somebody who could not take it over."""
    people = [one for one in takers(uow, item) if one.party_id == new.to_party_id]
    if not people:
        hint = "Name a party whose people may open it; for a third country or a court, release it first."
        raise Invalid.field("to_party_id", "has nobody who could take it over", hint)
    if new.to_person_id is not None and new.to_person_id not in {one.person_id for one in people}:
        raise Invalid.field("to_person_id", "could not take it over", "Name a leader or member of that party.")


def takers(uow: UnitOfWork, item: EvidenceItem) -> list[MemberOut]:
    """The people to whom it may be handed over: whoever the rules let record its custody, but for the actor."""
    standing = standing_of(uow, item.workspace_id)
    policy = uow.policy(standing)
    team = [one for one in members(uow, item.workspace_id, note=False) if one.person_id != uow.actor.person_id]
    known = access.standings_in(uow.connection, item.workspace_id, [one.person_id for one in team])
    able = {
        key for key, one in known.items() if policy.permits(one, Action.CUSTODY_RECORD, **access.kinds_of(item, one))
    }
    return [one for one in team if one.person_id in able]


def holder(item: EvidenceItem, acts: Iterable[CustodyAct]) -> UUID:
    """The party with which an exhibit is: whoever took it over last, at first whoever supplied it."""
    accepted = [act.party_id for act in acts if act.verb == Verb.ACCEPT]
    return accepted[-1] if accepted else item.party_id


def open_among(acts: Sequence[CustodyAct]) -> CustodyAct | None:
    """The hand-over that nobody has answered, if there is one."""
    answered = {act.answers for act in acts}
    return next((act for act in acts if act.verb == Verb.HAND_OVER and act.id not in answered), None)


def _mine(act: CustodyAct, standing: Standing) -> Mine | None:
    """What the actor may do about an open hand-over. Two hands: nobody takes over what they handed over."""
    addressed = act.to_party_id == standing.party_id and act.to_person_id in {None, standing.person_id}
    if addressed and act.person_id != standing.person_id:
        return "answer"
    return "withdraw" if act.party_id == standing.party_id else None


def hand_overs(uow: UnitOfWork, item: EvidenceItem) -> list[HandOverOut]:
    """The hand-overs of an exhibit, newest first, for whoever sees its chain of custody."""
    acts = acts_of(uow, item, Verb.HAND_OVER, *ANSWERS)
    answers = {act.answers: act for act in acts if act.answers is not None}
    may = uow.permits(Action.CUSTODY_RECORD, item)
    mine = _mine if may else (lambda _act, _standing: None)
    standing, names = standing_of(uow, item.workspace_id), Names(uow, item.workspace_id, acts)
    return [
        _out(act, answers.get(act.id), names, uow.now, mine(act, standing))
        for act in reversed(acts)
        if act.verb == Verb.HAND_OVER
    ]


def read_hand_overs(uow: UnitOfWork, item_id: UUID) -> list[HandOverOut]:
    """The same for whoever asks by its id; the look at its chain of custody is on record."""
    item = uow.get(EvidenceItem, item_id, to=Action.CUSTODY_READ)
    uow.record("custody:read", item, **used(uow, item, Action.CUSTODY_READ))
    return hand_overs(uow, item)


def out(uow: UnitOfWork, item_id: UUID, act_id: UUID) -> HandOverOut:
    """One hand-over to whoever acted on it a moment ago."""
    item = uow.get(EvidenceItem, item_id, to=Action.CUSTODY_RECORD)
    found = next((one for one in hand_overs(uow, item) if one.id == act_id), None)
    if found is None:
        raise NotFound
    return found


def _out(act: CustodyAct, answered: CustodyAct | None, names: Names, now: datetime, mine: Mine | None) -> HandOverOut:
    to = act.to_party_id or act.party_id
    return HandOverOut(
        **names.out(act).model_dump(),
        item_id=act.item_id,
        to_party_id=to,
        to_state=names.parties[to].state,
        to_agency=names.agencies[to],
        to_person=names.people[act.to_person_id] if act.to_person_id else None,
        due_at=act.due_at,
        stands=STANDS[Verb(answered.verb)] if answered else "overdue" if _late(act, now) else "open",
        answer=names.out(answered) if answered else None,
        mine=mine if answered is None else None,
    )


def _late(act: CustodyAct, now: datetime) -> bool:
    return act.due_at is not None and act.due_at <= now


def custodian(uow: UnitOfWork, item: EvidenceItem) -> Party | None:
    """The party with which an exhibit is now."""
    return uow.find(Party, id=holder(item, acts_of(uow, item, Verb.ACCEPT)))


# --- what waits, over many exhibits


@dataclass(frozen=True)
class Waiting:
    """An open hand-over as a list shows it."""

    act: CustodyAct
    item: EvidenceItem
    mine: Mine
    late: bool


def waiting_hand_overs(uow: UnitOfWork, workspace_ids: Iterable[UUID]) -> list[Waiting]:
    """Open hand-overs that the actor may answer, or that their own party made; only of what they may know of."""
    standings = {one.workspace_id: one for one in map(uow.standing, workspace_ids) if one is not None}
    parties = [one.party_id for one in standings.values()]
    here = sorted(set(uow.session.scalars(_between(select(col(CustodyAct.workspace_id)), parties).distinct())))
    scopes = uow.scopes(EvidenceItem, to=Action.CUSTODY_RECORD, within=here)
    if not scopes:
        return []
    rows = uow.session.execute(
        _between(select(CustodyAct, EvidenceItem), parties)
        .where(col(EvidenceItem.id) == col(CustodyAct.item_id), or_(*scopes.values()))
        .order_by(col(CustodyAct.acted_at))
        .limit(MOST)
    )
    found = [(act, item, _mine(act, standings[act.workspace_id])) for act, item in rows]
    return [Waiting(act, item, mine, _late(act, uow.now)) for act, item, mine in found if mine is not None]


def _between(statement: SelectT, parties: Sequence[UUID]) -> SelectT:
    """Narrowed to the open hand-overs from or to these parties."""
    later = aliased(CustodyAct)
    return statement.where(
        col(CustodyAct.verb) == Verb.HAND_OVER,
        or_(col(CustodyAct.to_party_id).in_(parties), col(CustodyAct.party_id).in_(parties)),
        ~exists().where(col(later.answers) == col(CustodyAct.id)),
    )


def handed_to(uow: UnitOfWork, workspace_id: UUID, item_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The States to which exhibits are on their way; only of those whose chain of custody the actor sees."""
    scopes = uow.scopes(EvidenceItem, to=Action.CUSTODY_READ, within=[workspace_id])
    if not scopes:
        return {}
    later = aliased(CustodyAct)
    statement = (
        select(col(CustodyAct.item_id), col(Party.state))
        .join(Party, col(Party.id) == col(CustodyAct.to_party_id))
        .join(EvidenceItem, col(EvidenceItem.id) == col(CustodyAct.item_id))
        .where(col(CustodyAct.item_id).in_(list(item_ids)), *scopes.values())
        .where(col(CustodyAct.verb) == Verb.HAND_OVER, ~exists().where(col(later.answers) == col(CustodyAct.id)))
    )
    return {row.item_id: row.state for row in uow.session.execute(statement)}
