"""A version comes into force: workspace, parties, people, compartments and rules follow its text, in one commit."""

from datetime import datetime
from uuid import UUID

from sqlmodel import col

from jit_server.access import PartyClass, Phase, Role
from jit_server.identity.models import Agency
from jit_server.work import UnitOfWork
from jit_server.workspaces import clauses
from jit_server.workspaces.compartments import Compartment, CompartmentParty
from jit_server.workspaces.models import Agreement, Member, MemberStatus, NewAgreement, Party, Workspace
from jit_server.workspaces.restrictions import PolicyVersion
from jit_server.workspaces.usecases import agreements, rulebook
from jit_server.workspaces.usecases.entering import attested
from jit_server.workspaces.usecases.phases import end_of, move
from jit_server.workspaces.usecases.proposing import COPIED, add_party

MOST = 2000
INSIDE = (MemberStatus.ACTIVE, MemberStatus.INVITED)


def held(uow: UnitOfWork, workspace: Workspace) -> Workspace:
    """The workspace's row, held until the commit: two last signatures, or two amendments, must not pass each other."""
    uow.session.refresh(workspace, with_for_update={"key_share": True})
    return workspace


def take_effect(uow: UnitOfWork, workspace: Workspace, current: Agreement) -> None:
    """Make the workspace what this version says. Sockets and screens follow, since the epoch goes up.

    Args:
        uow: whoever put the last signature, or gave the notice; perhaps no member yet.
        workspace: held.
        current: signed by all who must, or a notice.
    """
    text = NewAgreement.model_validate(current.document)
    last = end_of(workspace)
    with uow.as_system():
        before = agreements.in_force(uow, workspace.id)
        old = NewAgreement.model_validate(before.document) if before is not None else None
        for name in COPIED:
            setattr(workspace, name, getattr(text, name))
        parties = _parties(uow, workspace, text)
        _extend(uow, workspace, last)
        _people(uow, workspace, text, old, parties)
        if workspace.phase == Phase.PROPOSED:
            _ask_to_enter(uow, workspace)
        _compartments(uow, workspace, text, parties)
        current.in_force_at = uow.now
        uow.record("agreement:in_force", current, version=current.version, kind=str(current.kind))
        rulebook.put_in_force(uow, workspace, current)
        _phase(uow, workspace)
    uow.forget_standings()


def run_out(uow: UnitOfWork, workspace: Workspace) -> int:
    """Take clauses whose last day has passed out of the rules; how many. The text stays as it was signed."""
    made = uow.find(PolicyVersion, workspace_id=workspace.id, version=workspace.policy_version)
    if made is None:
        return 0
    current = rulebook.in_force(uow, workspace)
    ends = [one.valid_until for one in NewAgreement.model_validate(current.document).clauses]
    past = [end for end in ends if end is not None and made.made_at.date() <= end < uow.now.date()]
    if past:
        rulebook.put_in_force(uow, held(uow, workspace), current)
    return len(past)


def _phase(uow: UnitOfWork, workspace: Workspace) -> None:
    if workspace.phase == Phase.PROPOSED:
        move(uow, workspace, Phase.AGREEMENT_SIGNED, "every party has signed")
    elif workspace.phase == Phase.EXPIRING and workspace.period_to > uow.now.date():
        move(uow, workspace, Phase.OPERATIONAL, "the term was extended by all parties")


def _parties(uow: UnitOfWork, workspace: Workspace, text: NewAgreement) -> dict[str, Party]:
    """The parties' rows by slug. Who left keeps the row, since what it supplied stays its own; its people end now."""
    rows = {row.agency_id: row for row in uow.every(Party, col(Party.workspace_id) == workspace.id)}
    found: dict[str, Party] = {}
    for party in text.parties:
        agency = uow.find(Agency, slug=party.agency)
        if agency is None:
            continue
        row = rows.pop(agency.id, None)
        if row is None or row.left_at is not None:
            row = row if row is not None else add_party(uow, workspace, party, agency)
            row.left_at = None
            uow.session.flush()
            if workspace.phase != Phase.PROPOSED:
                uow.record("party:joined", row, party=row.id)
        row.party_class, row.signatory = party.party_class, party.signatory
        found[party.agency] = row
    for row in rows.values():
        _gone(uow, workspace, row)
    uow.session.flush()
    return found


def _gone(uow: UnitOfWork, workspace: Workspace, row: Party) -> None:
    if row.left_at is not None:
        return
    row.left_at = uow.now
    uow.record("party:left", row, party=row.id)
    theirs = (col(Member.workspace_id) == workspace.id, col(Member.party_id) == row.id)
    for member in uow.every(Member, *theirs, limit=MOST):
        ended(uow, member, "the party has left the agreement")


def ended(uow: UnitOfWork, member: Member, reason: str) -> None:
    """End a membership, if it has not ended yet."""
    if member.status is MemberStatus.REMOVED:
        return
    member.status, member.ended_at, member.end_reason = MemberStatus.REMOVED, uow.now, reason
    uow.record("member:ended", member, person=member.person_id, why={"code": "agreement", "text": reason})


def _extend(uow: UnitOfWork, workspace: Workspace, last: datetime) -> None:
    """Memberships that ended with the old term, or lie beyond the new one, end with the new one."""
    until = end_of(workspace)
    if until == last:
        return
    for member in uow.every(Member, col(Member.workspace_id) == workspace.id, limit=MOST):
        expires = member.expires_at
        if member.status in INSIDE and expires is not None and (expires == last or expires > until):
            member.expires_at = until
            uow.record("member:changed", member, person=member.person_id, role=str(member.role), expires_at=until)


def _people(
    uow: UnitOfWork, workspace: Workspace, text: NewAgreement, old: NewAgreement | None, parties: dict[str, Party]
) -> None:
    """Leaders and members whom the text names belong to the team; those whom only the old one named do no more."""
    wanted = roles_of(text)
    rows = {row.person_id: row for row in uow.every(Member, col(Member.workspace_id) == workspace.id, limit=MOST)}
    for person_id, (slug, role) in wanted.items():
        _belongs(uow, workspace, rows.get(person_id), person_id, parties[slug], role)
    for person_id in set(roles_of(old) if old is not None else {}) - set(wanted):
        if person_id in rows:
            ended(uow, rows[person_id], "no longer named in the agreement")


def _ask_to_enter(uow: UnitOfWork, workspace: Workspace) -> None:
    """Who negotiated the first version saw its text and nothing else: before a first look they attest like everybody.

    Not when they sign, since the undertaking is the one of the text that all have signed.
    """
    active = (col(Member.workspace_id) == workspace.id, col(Member.status) == MemberStatus.ACTIVE)
    for row in uow.every(Member, *active, limit=MOST):
        if not attested(uow, workspace.id, row.person_id):
            row.status = MemberStatus.INVITED
            _told(uow, row)


def roles_of(text: NewAgreement) -> dict[UUID, tuple[str, Role]]:
    """Each person whom an agreement names, with the party and the role."""
    classes = {party.agency: PartyClass(party.party_class) for party in text.parties}
    found = {one.person_id: (one.agency, _role(classes[one.agency])) for one in text.members}
    found |= {one.person_id: (one.agency, Role.SPACE_ADMIN if one.space_admin else Role.LEADER) for one in text.leaders}
    return found


def _role(party_class: PartyClass) -> Role:
    open_to = clauses.ROLES_OF[party_class]
    return next(role for role in (Role.MEMBER, Role.PARTICIPANT, Role.OBSERVER) if role in open_to)


def _belongs(
    uow: UnitOfWork, workspace: Workspace, row: Member | None, person_id: UUID, party: Party, role: Role
) -> None:
    if row is not None and row.status in INSIDE and row.party_id == party.id:
        if row.role != role:
            row.role = role
            uow.record("member:changed", row, person=person_id, role=str(role), expires_at=row.expires_at)
        return
    if row is None:
        row = uow.add(
            Member(workspace_id=workspace.id, person_id=person_id, party_id=party.id, role=role, since=uow.now)
        )
    row.party_id, row.role, row.since, row.expires_at = party.id, role, uow.now, end_of(workspace)
    row.status = MemberStatus.ACTIVE if attested(uow, workspace.id, person_id) else MemberStatus.INVITED
    row.ended_at = row.end_reason = None
    _told(uow, row)


def _told(uow: UnitOfWork, row: Member) -> None:
    event = "member:joined" if row.status is MemberStatus.ACTIVE else "member:invited"
    uow.record(event, row, person=row.person_id, role=str(row.role), party=row.party_id, expires_at=row.expires_at)


def _compartments(uow: UnitOfWork, workspace: Workspace, text: NewAgreement, parties: dict[str, Party]) -> None:
    """A compartment that the text names no more is closed: its parties keep it, nothing new comes in."""
    rooms = {room.key: room for room in uow.every(Compartment, col(Compartment.workspace_id) == workspace.id)}
    for new in text.compartments:
        room = rooms.pop(new.key, None)
        if room is None:
            room = uow.add(Compartment(workspace_id=workspace.id, key=new.key, name=new.name, created_at=uow.now))
            uow.session.flush()
        room.name, room.closed_at = new.name, None
        _inside(uow, room, {parties[slug].id for slug in new.parties})
    for room in rooms.values():
        room.closed_at = room.closed_at or uow.now
    uow.session.flush()


def _inside(uow: UnitOfWork, room: Compartment, wanted: set[UUID]) -> None:
    rows = {row.party_id: row for row in uow.every(CompartmentParty, col(CompartmentParty.compartment_id) == room.id)}
    for party_id in wanted - set(rows):
        uow.add(CompartmentParty(compartment_id=room.id, party_id=party_id, workspace_id=room.workspace_id))
    for party_id in set(rows) - wanted:
        uow.session.delete(rows[party_id])
