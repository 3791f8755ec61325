"""Ask the originator: what a marking keeps from one, for a purpose, with a clock on the answer."""

from datetime import timedelta
from uuid import UUID

from sqlmodel import col

from jit_server.access import Action, Handling
from jit_server.consents.lifecycle import CONSENT, ConsentState, step
from jit_server.consents.models import Consent, NewAsk
from jit_server.consents.usecases.things import check_wanted, hold, known
from jit_server.core.errors import Conflict, NotFound
from jit_server.work import UnitOfWork
from jit_server.workspaces.usecases.agreements import current_agreement
from jit_server.workspaces.usecases.reading import standing_of

DEADLINE_DAYS = 10
"""How long an originator has to answer where the agreement sets no other time."""


def ask(uow: UnitOfWork, workspace_id: UUID, new: NewAsk) -> Consent:
    """Ask the party that supplied a thing for what its marking keeps from the actor.

    Raises:
        NotFound: nothing the actor may know of.
        Invalid: an action that is open already, or that no consent would open.
        Conflict: the same person has asked for the same thing and waits for the answer.
    """
    thing = known(uow, workspace_id, new.subject_kind, new.subject_id)
    uow.require(Action.ACCESS_ASK, thing)
    check_wanted(uow, thing, new.actions)
    standing = standing_of(uow, workspace_id)
    if uow.find(Consent, asked_by=standing.person_id, subject_id=thing.id, state=ConsentState.ASKED):
        raise Conflict("You have asked for this already: the originator has until the day shown there to answer.")
    consent = uow.add(
        Consent(
            workspace_id=workspace_id,
            party_id=thing.party_id,
            handling=Handling(thing.handling),
            compartment_id=thing.compartment_id,
            subject_kind=new.subject_kind,
            subject_id=thing.id,
            asked_by=standing.person_id,
            asked_party=standing.party_id,
            actions=sorted(new.actions),
            purpose_code=new.purpose,
            purpose_text=new.purpose_text,
            days=new.days,
            asked_at=uow.now,
            due_at=uow.now + timedelta(days=_deadline(uow, workspace_id)),
        )
    )
    uow.record(
        "access:asked",
        thing,
        why={"code": new.purpose, "text": new.purpose_text},
        recipients=(str(thing.party_id),),
        ask=consent.id,
        actions=consent.actions,
        days=new.days,
        due_at=consent.due_at,
    )
    return consent


def _deadline(uow: UnitOfWork, workspace_id: UUID) -> int:
    stated = current_agreement(uow, workspace_id).document.get("consent_deadline_days")
    return int(stated) if stated else DEADLINE_DAYS


def withdraw(uow: UnitOfWork, consent_id: UUID, *, within: UUID | None = None) -> Consent:
    """Take one's own ask back before it is answered."""
    consent = visible(uow, consent_id, within)
    if consent.asked_by != uow.actor.person_id:
        raise NotFound
    hold(uow, consent)
    consent.state = step(CONSENT, consent.state, ConsentState.WITHDRAWN)
    consent.decided_by, consent.decided_at = consent.asked_by, uow.now
    thing = known(uow, consent.workspace_id, consent.subject_kind, consent.subject_id)
    uow.record("access:withdrawn", thing, ask=consent.id)
    return consent


def visible(uow: UnitOfWork, consent_id: UUID, within: UUID | None = None, *, note: bool = False) -> Consent:
    """An ask, for whoever made it and for whoever may answer it; for everybody else there is none."""
    consent = uow.find(Consent, id=consent_id)
    if consent is None or (within is not None and consent.workspace_id != within):
        raise NotFound
    standing = standing_of(uow, consent.workspace_id)
    if consent.asked_by != standing.person_id and not uow.permits(Action.ACCESS_DECIDE, consent):
        raise NotFound
    if note:
        uow.record("access:read", consent)
    return consent


def asks(uow: UnitOfWork, workspace_id: UUID, *, note: bool = False) -> list[Consent]:
    """The asks one made or may answer, those that wait first and the most pressing of them first."""
    standing = standing_of(uow, workspace_id)
    found = uow.every(Consent, col(Consent.workspace_id) == workspace_id, limit=1000)
    mine = [one for one in found if one.asked_by == standing.person_id or uow.permits(Action.ACCESS_DECIDE, one)]
    if note:
        uow.record("access:listed", workspace_id=workspace_id)
    waiting = [one for one in mine if one.state is ConsentState.ASKED]
    done = [one for one in mine if one.state is not ConsentState.ASKED]
    return sorted(waiting, key=lambda one: one.due_at) + sorted(done, key=lambda one: one.asked_at, reverse=True)
