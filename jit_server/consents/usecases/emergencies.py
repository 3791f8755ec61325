"""Break-glass: a restricted thing opened at once in an emergency; its originator is told at once and reviews it."""

from datetime import timedelta
from uuid import UUID

from sqlmodel import col

from jit_server.access import Action, Handling
from jit_server.consents.lifecycle import REVIEW, Review, step
from jit_server.consents.models import BreakGlass, NewEmergency, NoticeKind, Reviewing
from jit_server.consents.usecases.deciding import end_grants, facts_of
from jit_server.consents.usecases.things import check_wanted, hold, known, leaders, tell, verdict
from jit_server.core.errors import Invalid, NotFound
from jit_server.work import UnitOfWork
from jit_server.workspaces.compartments import AccessGrant, GrantKind
from jit_server.workspaces.usecases.reading import standing_of

OPENS = frozenset({Action.EVIDENCE_READ, Action.EVIDENCE_DOWNLOAD, Action.CUSTODY_READ})
"""What an emergency may open: looking and taking; never giving on, never a package for court."""


def break_glass(uow: UnitOfWork, workspace_id: UUID, new: NewEmergency) -> BreakGlass:
    """Open a restricted thing for an hour at most, without waiting for consent.

    Raises:
        NotFound: nothing the actor may know of; compartments and the quarantine are never opened this way.
        NotPermitted: not a leader of a Member State or the EPPO, or a clause switches this off.
        Invalid: an action that an emergency does not open.
    """
    thing = known(uow, workspace_id, new.subject_kind, new.subject_id)
    uow.require(Action.ACCESS_BREAK_GLASS, thing)
    uow.require_fresh_sign_in()
    if new.actions - OPENS:
        raise Invalid.field("actions", "an emergency opens looking and taking only", "Leave the others out.")
    check_wanted(uow, thing, new.actions)
    standing = standing_of(uow, workspace_id)
    opened = uow.add(
        BreakGlass(
            workspace_id=workspace_id,
            party_id=thing.party_id,
            handling=Handling(thing.handling),
            compartment_id=thing.compartment_id,
            subject_kind=new.subject_kind,
            subject_id=thing.id,
            actions=sorted(new.actions),
            opened_by=standing.person_id,
            opened_party=standing.party_id,
            reason_code=new.reason,
            reason_text=new.reason_text,
            opened_at=uow.now,
            expires_at=uow.now + timedelta(minutes=new.minutes),
        )
    )
    _open(uow, opened, thing)
    tell(uow, leaders(uow, workspace_id, thing.party_id), NoticeKind.GLASS_BROKEN, opened)
    return opened


def _open(uow: UnitOfWork, opened: BreakGlass, thing: object) -> None:
    made = uow.add(
        AccessGrant(
            workspace_id=opened.workspace_id,
            subject_kind=opened.subject_kind,
            subject_id=opened.subject_id,
            person_id=opened.opened_by,
            actions=opened.actions,
            kind=GrantKind.BREAK_GLASS,
            clause_id=verdict(uow, Action.ACCESS_BREAK_GLASS, thing).clause,
            source_id=opened.id,
            granted_by=opened.opened_by,
            granted_at=uow.now,
            expires_at=opened.expires_at,
        )
    )
    why = {"code": opened.reason_code, "text": opened.reason_text}
    whom = (str(opened.opened_by),)
    uow.record("access:glass_broken", thing, why=why, clause=made.clause_id, recipients=whom, emergency=opened.id)
    uow.record("access:granted", thing, why=why, clause=made.clause_id, recipients=whom, **facts_of(made))


def review(uow: UnitOfWork, emergency_id: UUID, said: Reviewing, *, within: UUID | None = None) -> BreakGlass:
    """The originator confirms that the emergency was one, or objects; an objection ends what is still open."""
    opened = emergency(uow, emergency_id, within)
    uow.require(Action.ACCESS_DECIDE, opened)
    hold(uow, opened)
    opened.review = step(REVIEW, opened.review, Review(said.review))
    opened.reviewed_by, opened.reviewed_at, opened.review_text = uow.actor.person_id, uow.now, said.text
    thing = known(uow, opened.workspace_id, opened.subject_kind, opened.subject_id)
    why = {"code": str(said.review), "text": said.text}
    uow.record("access:reviewed", thing, why=why, recipients=(str(opened.opened_by),), emergency=opened.id)
    if opened.review is Review.OBJECTED:
        end_grants(uow, opened.workspace_id, opened.id, thing, said.text)
    tell(uow, [opened.opened_by], NoticeKind.GLASS_REVIEWED, opened)
    return opened


def emergency(uow: UnitOfWork, emergency_id: UUID, within: UUID | None = None, *, note: bool = False) -> BreakGlass:
    """An emergency, for whoever called it and for the originator's leaders."""
    opened = uow.find(BreakGlass, id=emergency_id)
    if opened is None or (within is not None and opened.workspace_id != within):
        raise NotFound
    standing = standing_of(uow, opened.workspace_id)
    if opened.opened_by != standing.person_id and not uow.permits(Action.ACCESS_DECIDE, opened):
        raise NotFound
    if note:
        uow.record("access:read", opened)
    return opened


def emergencies(uow: UnitOfWork, workspace_id: UUID) -> list[BreakGlass]:
    """The emergencies one called or whose things one's party supplied, the newest first."""
    standing = standing_of(uow, workspace_id)
    found = uow.every(BreakGlass, col(BreakGlass.workspace_id) == workspace_id)
    mine = [one for one in found if one.opened_by == standing.person_id or uow.permits(Action.ACCESS_DECIDE, one)]
    return sorted(mine, key=lambda one: one.opened_at, reverse=True)
