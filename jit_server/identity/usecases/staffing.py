"""What an agency's administrators do about its own people: invite, give a role, switch off and on, end sessions.

Every function stays inside the asking person's own agency: whoever belongs to another one is absent. Nobody changes
their own role or access, so an agency cannot lose its last administrator by its own hand, nor can anybody climb.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from jit_server.core.errors import Conflict, NotFound, NotPermitted
from jit_server.identity.models import Agency, AgencyRole, Claim, Invitation, LoginSession, Person
from jit_server.identity.shapes import NewInvitation
from jit_server.identity.usecases import agencies
from jit_server.identity.usecases.account import close, end_all_sessions
from jit_server.identity.usecases.administering import administered_agency
from jit_server.identity.usecases.staff import invitations, person_of
from jit_server.work import UnitOfWork

_LOCK = text("SELECT id FROM agency WHERE id = :agency FOR UPDATE")
_ADMINS = text(
    "SELECT count(*) FROM person"
    " WHERE agency_id = :agency AND agency_role = 'admin' AND disabled_at IS NULL AND id <> :but"
)


def change_role(uow: UnitOfWork, person_id: UUID, role: AgencyRole) -> Person:
    """Make somebody an administrator, an auditor or a plain member of their own agency.

    Raises:
        NotPermitted: it is oneself.
        Conflict: nobody would be left to administer the agency.
        StepUp: more is opened to them, and the sign-in is too old for that.
    """
    mine = administered_agency(uow)
    found = _other(uow, mine, person_id)
    if role is not AgencyRole.MEMBER:
        uow.require_fresh_sign_in()
    return _become(uow, mine, found, role)


def appoint(uow: UnitOfWork, slug: str, person_id: UUID, role: AgencyRole = AgencyRole.ADMIN) -> Person:
    """Give a role as the operator: this is how an agency comes by its first administrator."""
    agencies.operator_only(uow)
    mine = agencies.agency(uow, slug)
    return _become(uow, mine, person_of(uow, mine, person_id), role)


def appointed(uow: UnitOfWork, slug: str) -> Sequence[Person]:
    """Who looks after an agency, for the operator."""
    agencies.operator_only(uow)
    mine = agencies.agency(uow, slug)
    rows = uow.every(Person, Person.agency_id == mine.id, Person.agency_role != AgencyRole.MEMBER)
    return sorted(rows, key=lambda one: (one.agency_role, one.name))


def disable(uow: UnitOfWork, person_id: UUID) -> Person:
    """End somebody's access: their sessions end now, live connections with them, and no new session begins.

    Raises:
        NotPermitted: it is oneself.
        Conflict: nobody would be left to administer the agency.
    """
    mine = administered_agency(uow)
    found = _other(uow, mine, person_id)
    if found.disabled_at is not None:
        return found
    _someone_stays(uow, mine, found)
    end_all_sessions(uow, found, by="agency")
    found.disabled_at, found.epoch = uow.now, found.epoch + 1
    uow.add(found)
    uow.record("person:disabled", found, agency=mine.slug, by="agency")
    return found


def enable(uow: UnitOfWork, person_id: UUID) -> Person:
    """Give somebody their access back; they come back to the workspaces of which they are still members.

    Raises:
        StepUp: the sign-in is too old for this.
    """
    mine = administered_agency(uow)
    found = _other(uow, mine, person_id)
    if found.disabled_at is None:
        return found
    uow.require_fresh_sign_in()
    found.disabled_at = None
    uow.add(found)
    uow.record("person:enabled", found, agency=mine.slug)
    return found


def end_sessions_of(uow: UnitOfWork, person_id: UUID) -> int:
    """End every session of a person of the agency, as after a lost laptop; they may sign in again."""
    mine = administered_agency(uow)
    return end_all_sessions(uow, person_of(uow, mine, person_id), by="agency")


def end_session_of(uow: UnitOfWork, person_id: UUID, session_id: UUID) -> LoginSession:
    """End one session of a person of the agency."""
    person = person_of(uow, administered_agency(uow), person_id)
    found = uow.find(LoginSession, id=session_id, person_id=person.id, ended_at=None)
    if found is None:
        raise NotFound("This session has ended already.")
    close(uow, found, by="agency")
    return found


def invite(uow: UnitOfWork, new: NewInvitation) -> Invitation:
    """Expect somebody at one's own agency.

    Raises:
        Conflict: they are expected or known already.
    """
    mine = administered_agency(uow)
    value = new.value.casefold() if new.claim is Claim.EMAIL else new.value
    if any(one.claim is new.claim and one.value == value for one in invitations(uow)):
        raise Conflict("This person is expected already: withdraw that invitation to send another.")
    if new.claim is Claim.SUB and uow.find(Person, agency_id=mine.id, sub=value) is not None:
        raise Conflict("This person is known here already.")
    return agencies.expect(uow, mine, new)


def withdraw(uow: UnitOfWork, invitation_id: UUID) -> Invitation:
    """Expect somebody no longer.

    Raises:
        NotFound: no such invitation, another agency's, or one that was taken or has lapsed.
    """
    mine = administered_agency(uow)
    found = uow.find(Invitation, id=invitation_id, agency_id=mine.id, accepted_at=None)
    if found is None or found.expires_at <= uow.now:
        raise NotFound("This invitation is open no longer.")
    found.expires_at = uow.now
    uow.add(found)
    uow.record("invitation:withdrawn", found, agency=mine.slug)
    return found


def end_everything(uow: UnitOfWork) -> None:
    """End every session of one's own agency now, one's own too, as after its issuer was compromised."""
    agencies.end_sessions(uow, administered_agency(uow).slug)


def _other(uow: UnitOfWork, mine: Agency, person_id: UUID) -> Person:
    found = person_of(uow, mine, person_id)
    if found.id == uow.actor.person_id:
        raise NotPermitted("Nobody changes their own role or access: ask another administrator, or the operator.")
    return found


def _become(uow: UnitOfWork, mine: Agency, found: Person, role: AgencyRole) -> Person:
    if found.agency_role is role:
        return found
    if role is not AgencyRole.ADMIN:
        _someone_stays(uow, mine, found)
    before, found.agency_role = found.agency_role, role
    uow.add(found)
    uow.record("person:changed", found, agency=mine.slug, fields=["agency_role"], role=str(role), before=str(before))
    return found


def _someone_stays(uow: UnitOfWork, mine: Agency, leaves: Person) -> None:
    """Refuse to take the last administrator away; the agency's row is locked, so that two cannot remove each other."""
    if leaves.agency_role is not AgencyRole.ADMIN:
        return
    uow.connection.execute(_LOCK, {"agency": mine.id})
    if not uow.connection.execute(_ADMINS, {"agency": mine.id, "but": leaves.id}).scalar_one():
        raise Conflict("Nobody would be left to administer this agency: name another administrator first.")
