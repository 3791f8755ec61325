"""Who looks after which agency: nobody but its own administrators, and for reading its own auditors."""

from uuid import UUID

from jit_server.core.errors import N_, NotPermitted, NotSignedIn
from jit_server.identity.models import Agency, AgencyRole, Person
from jit_server.work import UnitOfWork

NOT_ADMIN = N_("Only an administrator of your agency may do this. Your agency's administrators can make you one.")
NOT_SEEN = N_("These pages are for the administrators and auditors of your agency. Ask one of them.")


def agency_role(uow: UnitOfWork) -> AgencyRole:
    """What the one who asks is in their own agency; nobody signed in is nothing more than a member."""
    return _asking(uow).agency_role if uow.actor.kind == "person" else AgencyRole.MEMBER


def administers(uow: UnitOfWork, agency_id: UUID) -> bool:
    """Whether the one who asks is an administrator of this agency, to which they belong now."""
    person = _asking(uow) if uow.actor.kind == "person" else None
    return person is not None and person.agency_id == agency_id and person.agency_role is AgencyRole.ADMIN


def administered_agency(uow: UnitOfWork) -> Agency:
    """The asking person's own agency, for one who administers it. The role is read now, not from the session.

    Raises:
        NotSignedIn: nobody asks.
        NotPermitted: a member or an auditor of it.
    """
    return _own(uow, {AgencyRole.ADMIN}, NOT_ADMIN)


def seen_agency(uow: UnitOfWork) -> Agency:
    """The asking person's own agency, for one who administers it or audits it; enough to read, never to change.

    Raises:
        NotSignedIn: nobody asks.
        NotPermitted: a plain member of it.
    """
    return _own(uow, {AgencyRole.ADMIN, AgencyRole.AUDITOR}, NOT_SEEN)


def _own(uow: UnitOfWork, roles: set[AgencyRole], otherwise: str) -> Agency:
    person = _asking(uow)
    found = uow.find(Agency, id=person.agency_id)
    if found is None or person.agency_role not in roles:
        raise NotPermitted(otherwise)
    return found


def _asking(uow: UnitOfWork) -> Person:
    found = uow.find(Person, id=uow.actor.person_id) if uow.actor.kind == "person" else None
    if found is None or found.disabled_at is not None:
        raise NotSignedIn
    return found
