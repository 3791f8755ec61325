"""What one side does with an exhibit and puts on its chain of custody, and what holds of it since then."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from jit_server.access import SYSTEM, Action
from jit_server.core.errors import Conflict, Invalid, NotFound
from jit_server.core.jobs import Stopping
from jit_server.evidence.custody.did import KINDS, Did
from jit_server.evidence.custody.models import CustodyAct
from jit_server.evidence.custody.shapes import ActOut, Verb
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.tus.lying import lumps_of
from jit_server.evidence.usecases.acting import Names, acts_of, one_at_a_time, openable, put
from jit_server.evidence.usecases.handing_over import GONE
from jit_server.evidence.usecases.uses import used
from jit_server.work import House, UnitOfWork

LIFTS: Final = {Verb.LIFT_HOLD: Verb.HOLD, Verb.LIFT_RESTRICTION: Verb.RESTRICT}
BINDING: Final = (*LIFTS, *LIFTS.values(), *GONE, Verb.AUTHORIZE, Verb.END_BASIS)
"""The acts that decide whether another one may follow: however many notes there are, none of these is missed."""
CLOCKS_DIFFER: Final = timedelta(minutes=5)
BADGES: Final = (
    Verb.DESCRIBE, Verb.HOLD, Verb.RESTRICT, Verb.FLAG, Verb.PRE_JIT, Verb.OUTSIDE, Verb.REQUIRE_RETURN, *GONE
)  # fmt: skip
"""What the register shows of an exhibit beside its name."""
MOST = 2000


def do(uow: UnitOfWork, item_id: UUID, did: Did) -> CustodyAct:
    """Put on record what was done with an exhibit.

    Raises:
        StepUp: it cannot be undone, and the sign-in is not recent.
        Invalid: it lies in the future, or names no exhibit that the actor may know of.
        Conflict: it is so already, or there is nothing to lift.
        VaultDown: the vault cannot be told of a hold.
    """
    kind = KINDS[did.verb]
    item = uow.get(EvidenceItem, item_id, to=kind.action)
    if kind.fresh:
        uow.require_fresh_sign_in()
    one_at_a_time(uow, item)
    acts = acts_of(uow, item, *BINDING)
    _is_past(uow, did)
    answers = _answered(did, acts)
    said = did.model_dump(mode="json", exclude={"verb", "reason"})
    if did.verb == Verb.PHOTOGRAPH:
        said |= _photo(uow, item, did.photo)
    _tell_vault(uow, item, did.verb)
    return put(uow, item, did.verb, said, why=getattr(did, "reason", None), answers=answers)


def _is_past(uow: UnitOfWork, did: Did) -> None:
    if did.verb == Verb.AUTHORIZE and did.valid_until is not None and did.valid_until < did.valid_from:
        raise Invalid.field("act.valid_until", "lies before its beginning", "Correct one of the two days.")
    at: datetime | None = getattr(did, "at", None)
    if at is not None and at > uow.now + CLOCKS_DIFFER:
        raise Invalid.field("act.at", "lies in the future", "Record it once it has been done.")


def _answered(did: Did, acts: Sequence[CustodyAct]) -> UUID | None:
    """The hold, restriction or basis that this ends.

    Raises:
        Conflict: there is none, or it is in force already; or the exhibit is here no more.
    """
    verb = did.verb
    if did.verb == Verb.END_BASIS:
        if did.act not in {act.id for act in bases(acts)}:
            raise Conflict("No such basis is in force for it.")
        return did.act
    if verb in LIFTS:
        found = in_force(acts, LIFTS[verb])
        if found is None:
            raise Conflict("There is nothing in force that could be lifted.")
        return found.id
    if verb in LIFTS.values() and in_force(acts, verb) is not None:
        raise Conflict("This is in force already: lift it before it is ordered anew.")
    if verb in GONE and any(act.verb in GONE for act in acts):
        raise Conflict("It was returned or destroyed already.")
    return None


def in_force(acts: Sequence[CustodyAct], verb: Verb) -> CustodyAct | None:
    """The hold or restriction that nothing has lifted."""
    answered = {act.answers for act in acts}
    return next((act for act in acts if act.verb == verb and act.id not in answered), None)


def bases(acts: Sequence[CustodyAct]) -> list[CustodyAct]:
    """The lawful bases in force among these acts."""
    answered = {act.answers for act in acts}
    return [act for act in acts if act.verb == Verb.AUTHORIZE and act.id not in answered]


def _photo(uow: UnitOfWork, item: EvidenceItem, photo_id: UUID) -> dict[str, Any]:
    """The photo's number; it must be an exhibit of the same place, so that whoever sees one may know of the other."""
    try:
        photo = uow.get(EvidenceItem, photo_id, to=Action.EVIDENCE_READ, within=item.workspace_id)
    except NotFound:
        photo = None
    if photo is None or photo.id == item.id or photo.compartment_id != item.compartment_id:
        hint = "Name another exhibit that you may open, in the same compartment."
        raise Invalid.field("act.photo", "is no exhibit that could be its photo", hint)
    return {"photo": str(photo.id), "number": photo.number}


def _tell_vault(uow: UnitOfWork, item: EvidenceItem, verb: Verb) -> None:
    """A hold stands in the vault before it stands in the log; it ends there only after it ended in the log."""
    if verb == Verb.HOLD:
        for one in lumps_of(uow, item):
            uow.vault.hold(one.key, one.version_id, on=True)
    elif verb == Verb.LIFT_HOLD:
        uow.later("evidence:hold", workspace_id=item.workspace_id, item_id=item.id)


def follow_hold(house: House, _stopping: Stopping, workspace_id: UUID, item_id: UUID) -> None:
    """Hold the bytes in the vault exactly while a hold is in force (a job; idempotent)."""
    with house.work(SYSTEM) as uow:
        item = uow.find(EvidenceItem, id=item_id, workspace_id=workspace_id)
        if item is not None:
            one_at_a_time(uow, item)
            on = item.id in held(uow, [item.id])
            for one in lumps_of(uow, item):
                house.vault.hold(one.key, one.version_id, on=on)


def held(uow: UnitOfWork, item_ids: Iterable[UUID]) -> set[UUID]:
    """Which of these exhibits must not be erased, because a hold is in force."""
    later = aliased(CustodyAct)
    statement = select(col(CustodyAct.item_id)).where(
        col(CustodyAct.item_id).in_(list(item_ids)),
        col(CustodyAct.verb) == Verb.HOLD,
        ~exists().where(col(later.answers) == col(CustodyAct.id)),
    )
    return set(uow.session.scalars(statement))


# --- what holds of an exhibit


@dataclass
class Stands:
    """What follows from the acts on one exhibit."""

    physical: Mapping[str, Any] | None = None
    place: str | None = None
    seals: list[str] = field(default_factory=list)
    newest: dict[Verb, CustodyAct] = field(default_factory=dict)
    by_forum: dict[Verb, dict[str, Mapping[str, Any]]] = field(default_factory=dict)
    photos: list[tuple[str, UUID]] = field(default_factory=list)
    bases: list[CustodyAct] = field(default_factory=list)


def stands(acts: Sequence[CustodyAct]) -> Stands:
    """What holds after these acts, the oldest first."""
    found = Stands(bases=bases(acts))
    answered = {act.answers for act in acts}
    for act in acts:
        verb = Verb(act.verb)
        if verb not in LIFTS.values() or act.id not in answered:
            found.newest[verb] = act
        if verb in {Verb.DESCRIBE, Verb.STORE, Verb.ACCEPT} and act.said.get("place"):
            found.place = act.said["place"]
        _seals(found, verb, act.said)
        if verb in {Verb.NUMBER, Verb.FLAG}:
            found.by_forum.setdefault(verb, {})[act.said["forum"]] = act.said
        if verb == Verb.PHOTOGRAPH:
            found.photos.append((act.said["number"], UUID(act.said["photo"])))
    if Verb.DESCRIBE in found.newest:
        found.physical = found.newest[Verb.DESCRIBE].said
    return found


def _seals(found: Stands, verb: Verb, said: Mapping[str, Any]) -> None:
    """Which seals it bears: those put on, but for those broken; as found by whoever took it over."""
    named = said.get("seals", [])
    if verb in {Verb.DESCRIBE, Verb.SEAL}:
        found.seals += [one for one in named if one not in found.seals]
    elif verb == Verb.UNSEAL:
        found.seals = [one for one in found.seals if one not in named]
    elif verb == Verb.ACCEPT and named:
        found.seals = list(named)


def seen_acts(uow: UnitOfWork, item: EvidenceItem) -> list[CustodyAct]:
    """The acts on an exhibit but for photos that the actor may not know of."""
    return openable(uow, acts_of(uow, item))


def read_acts(uow: UnitOfWork, item_id: UUID) -> list[ActOut]:
    """What was done with an exhibit, oldest first; the look at its chain of custody is on record."""
    item = uow.get(EvidenceItem, item_id, to=Action.CUSTODY_READ)
    uow.record("custody:read", item, **used(uow, item, Action.CUSTODY_READ))
    acts = seen_acts(uow, item)
    names = Names(uow, item.workspace_id, acts)
    return [names.out(act) for act in acts]


def act_out(uow: UnitOfWork, act: CustodyAct) -> ActOut:
    """One act to whoever did it a moment ago."""
    return Names(uow, act.workspace_id, [act]).out(act)


def badges(uow: UnitOfWork, workspace_id: UUID, item_ids: Iterable[UUID]) -> dict[UUID, Stands]:
    """What stands of many exhibits, for lists; only of those whose chain of custody the actor sees."""
    scopes = uow.scopes(EvidenceItem, to=Action.CUSTODY_READ, within=[workspace_id])
    if not scopes:
        return {}
    lifts = [str(verb) for verb in (*BADGES, *LIFTS)]
    statement = (
        select(CustodyAct)
        .join(EvidenceItem, col(EvidenceItem.id) == col(CustodyAct.item_id))
        .where(col(CustodyAct.item_id).in_(list(item_ids)), col(CustodyAct.verb).in_(lifts), *scopes.values())
        .order_by(col(CustodyAct.acted_at), col(CustodyAct.id))
        .limit(MOST)
    )
    by_item: dict[UUID, list[CustodyAct]] = {}
    for act in uow.session.scalars(statement):
        by_item.setdefault(act.item_id, []).append(act)
    return {key: stands(acts) for key, acts in by_item.items()}
