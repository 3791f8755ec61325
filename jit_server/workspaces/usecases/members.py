"""Who belongs to the team: invite, end, list."""

from datetime import datetime
from uuid import UUID

from sqlmodel import col

from jit_server.access import Action, PartyClass, Role
from jit_server.core.errors import Conflict, Invalid
from jit_server.identity.models import Agency, Person
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import clauses
from jit_server.workspaces.aliases import functions
from jit_server.workspaces.models import (
    End,
    Member,
    MemberOut,
    MemberStatus,
    NewMember,
    Party,
    Workspace,
)
from jit_server.workspaces.usecases.entering import attested
from jit_server.workspaces.usecases.phases import bump, end_of

_INSIDE = (MemberStatus.ACTIVE, MemberStatus.INVITED)


def invite(uow: UnitOfWork, workspace_id: UUID, new: NewMember) -> Member:
    """Give a person access, in the role and for the time the agreement allows.

    It begins once the person has attested confidentiality and training (`entering`), at once for whoever has before.

    Raises:
        Invalid: the person is not of a party, the role is not open to its class, or the expiry lies wrong.
        Conflict: the person belongs to the team already.
    """
    workspace = _locked(uow, uow.get(Workspace, workspace_id, to=Action.MEMBER_INVITE))
    person = uow.find(Person, id=new.person_id)
    party = uow.find(Party, workspace_id=workspace_id, agency_id=person.agency_id, left_at=None) if person else None
    if person is None or person.disabled_at or party is None:
        raise Invalid.field("person_id", "is nobody of a party to this agreement", "Choose one of the parties' people.")
    if new.role not in clauses.ROLES_OF[PartyClass(party.party_class)]:
        raise Invalid.field("role", f"is not open to a party of class {party.party_class}", "Choose another role.")
    member = uow.find(Member, workspace_id=workspace_id, person_id=person.id)
    if member is not None and member.status in _INSIDE and _lasts(member, uow.now):
        raise Conflict("This person belongs to the team already.")
    if member is None:
        member = uow.add(
            Member(workspace_id=workspace_id, person_id=person.id, party_id=party.id, role=new.role, since=uow.now)
        )
    ready = person.service or attested(uow, workspace_id, person.id)  # a program undertakes nothing: its agency does
    status = MemberStatus.ACTIVE if ready else MemberStatus.INVITED
    member.role, member.status, member.since = new.role, status, uow.now
    member.expires_at = _expiry(uow, workspace, new)
    member.ended_at = member.end_reason = None
    bump(workspace)
    event = "member:joined" if status is MemberStatus.ACTIVE else "member:invited"
    uow.record(event, member, person=person.id, role=str(new.role), party=party.id, expires_at=member.expires_at)
    return member


def _lasts(member: Member, now: datetime) -> bool:
    return member.expires_at is None or member.expires_at > now


def _locked(uow: UnitOfWork, workspace: Workspace) -> Workspace:
    """The workspace's row, held until the commit: two changes of members must not make one epoch of two.

    Not FOR UPDATE, which every insert that refers to the workspace would wait for, holding the log's lock meanwhile.
    """
    uow.session.refresh(workspace, with_for_update={"key_share": True})
    return workspace


def _expiry(uow: UnitOfWork, workspace: Workspace, new: NewMember) -> datetime:
    last = end_of(workspace)
    if new.expires_at is None:
        return last
    if not uow.now < new.expires_at <= last:
        raise Invalid.field("expires_at", "lies in the past or after the agreement's end", f"At the latest {last:%F}.")
    return new.expires_at


def end(uow: UnitOfWork, member_id: UUID, reason: End, *, within: UUID | None = None) -> Member:
    """End a person's access now: the next request, event or byte is refused.

    Raises:
        Conflict: it has ended already, or nobody would be left to administer the space.
    """
    member = uow.get(Member, member_id, to=Action.MEMBER_END, within=within)
    workspace = _locked(uow, uow.get(Workspace, member.workspace_id, to=Action.WORKSPACE_READ))
    uow.session.refresh(member)
    if member.status == MemberStatus.REMOVED:
        raise Conflict("This access has ended already.")
    if member.role == Role.SPACE_ADMIN and _admins(uow, workspace.id) <= 1:
        raise Conflict("The last space administrator cannot leave: name another first (Art. 14(1)).")
    member.status, member.ended_at, member.end_reason = MemberStatus.REMOVED, uow.now, reason.reason
    bump(workspace)
    uow.record("member:ended", member, person=member.person_id, why={"code": "ended", "text": reason.reason})
    return member


def _admins(uow: UnitOfWork, workspace_id: UUID) -> int:
    admins = uow.all(
        uow.select(Member, to=Action.MEMBER_LIST, within=workspace_id).where(
            col(Member.role) == Role.SPACE_ADMIN, col(Member.status) == MemberStatus.ACTIVE
        )
    )
    return sum(_lasts(one, uow.now) for one in admins)


def members(uow: UnitOfWork, workspace_id: UUID, *, note: bool = True) -> list[MemberOut]:
    """The team, own and partners, those whose access has ended included at the end."""
    if note:
        uow.record("member:listed", workspace_id=workspace_id)
    rows = uow.all(uow.select(Member, to=Action.MEMBER_LIST, within=workspace_id))
    people = rows_by_id(uow, Person, [row.person_id for row in rows])
    agencies = rows_by_id(uow, Agency, [person.agency_id for person in people.values()])
    hidden = functions(uow, workspace_id)
    found = [_out(row, people[row.person_id], agencies, hidden.get(row.person_id)) for row in rows]
    return sorted(found, key=lambda one: (one.status != MemberStatus.ACTIVE, one.state, one.agency, one.name))


def _out(row: Member, person: Person, agencies: dict[UUID, Agency], function: str | None) -> MemberOut:
    agency = agencies[person.agency_id]
    return MemberOut(
        id=row.id,
        person_id=person.id,
        name=function or person.name,
        agency=agency.own_name,
        state=agency.state,
        party_id=row.party_id,
        role=row.role,
        status=row.status,
        since=row.since,
        expires_at=row.expires_at,
    )


def invitable(uow: UnitOfWork, workspace_id: UUID) -> list[tuple[Person, Agency]]:
    """People of the parties who do not belong to the team yet."""
    uow.get(Workspace, workspace_id, to=Action.MEMBER_INVITE)
    parties = uow.all(uow.select(Party, to=Action.WORKSPACE_READ, within=workspace_id))
    now_in = {one.person_id for one in members(uow, workspace_id, note=False) if one.status in _INSIDE}
    agencies = rows_by_id(uow, Agency, [party.agency_id for party in parties if party.left_at is None])
    found = uow.every(Person, col(Person.agency_id).in_(agencies), col(Person.disabled_at).is_(None))
    return [(person, agencies[person.agency_id]) for person in found if person.id not in now_in]
