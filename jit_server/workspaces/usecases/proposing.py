"""Before a text is laid before its parties: what it must say, whom it names; then the first version's workspace."""

from uuid import UUID

from jit_server.access import Role
from jit_server.core.errors import Conflict, Invalid, NotSignedIn
from jit_server.identity.models import Agency, Person
from jit_server.work import UnitOfWork
from jit_server.workspaces import checking, clauses
from jit_server.workspaces.models import Agreement, Member, NewAgreement, NewParty, Party, VersionKind, Workspace
from jit_server.workspaces.usecases.phases import end_of

COPIED = {
    "reference", "name", "purpose", "legal_basis", "default_handling", "retention_profile", "period_from", "period_to",
}  # fmt: skip
"""What the workspace's row repeats from the agreement in force."""


def propose(uow: UnitOfWork, new: NewAgreement) -> Workspace:
    """Lay an agreement before its parties; the space opens only when each has signed (Art. 13(1)).

    Raises:
        Invalid: it lacks what it must say, a clause cannot stand, or it names an agency or leader that is not known.
        Conflict: another workspace has its reference.
    """
    proposer = uow.actor.person_id
    if proposer is None:
        raise NotSignedIn
    agencies = checked(uow, new)
    with uow.as_system():
        if uow.find(Workspace, reference=new.reference):
            raise Conflict("Another agreement here has this reference: give yours another.")
        workspace = uow.add(Workspace(**new.model_dump(include=COPIED), created_at=uow.now))
        uow.session.flush()
        parties = {party.agency: add_party(uow, workspace, party, agencies[party.agency]) for party in new.parties}
        uow.session.flush()
        agreement = version(uow, workspace, new, 1, proposer)
        _add_leaders(uow, workspace, new, parties)
    uow.forget_standings()
    uow.record("workspace:proposed", workspace, reference=workspace.reference, parties=len(parties))
    uow.record("agreement:proposed", agreement, version=1, digest=agreement.digest)
    return workspace


def version(
    uow: UnitOfWork,
    workspace: Workspace,
    new: NewAgreement,
    number: int,
    by: UUID,
    *,
    base: int | None = None,
    kind: VersionKind = VersionKind.AGREEMENT,
) -> Agreement:
    """Freeze a text as the next version."""
    document = clauses.canonical(new)
    made = uow.add(
        Agreement(
            workspace_id=workspace.id,
            version=number,
            kind=kind,
            base_version=base,
            document=document,
            digest=clauses.digest(document),
            created_by=by,
            created_at=uow.now,
        )
    )
    uow.session.flush()
    return made


def checked(uow: UnitOfWork, new: NewAgreement) -> dict[str, Agency]:
    """The agencies of a text that can be laid before its parties, by slug.

    Raises:
        Invalid: with every fault named.
    """
    found = checking.faults(new)
    agencies = {party.agency: uow.find(Agency, slug=party.agency) for party in new.parties}
    known = {slug: agency for slug, agency in agencies.items() if agency is not None and agency.enabled}
    found += [
        checking.fault("parties", f"no agency {slug!r} is known here", "Use the agency's slug.")
        for slug in agencies
        if slug not in known
    ]
    if uow.actor.agency_id not in {agency.id for agency in known.values()}:
        found.append(
            checking.fault("parties", "your own agency is not among them", "Propose for your own agency only.")
        )
    found += _strangers(uow, new, known)
    if found:
        raise Invalid("; ".join(f"{one['field']}: {one['message']}" for one in found[:3]), errors=found)
    return known


def _strangers(uow: UnitOfWork, new: NewAgreement, agencies: dict[str, Agency]) -> list[dict[str, str]]:
    """Leaders and members who are not of the agency that they are named for, or cannot be what they are named."""
    classes = {party.agency: party.party_class for party in new.parties}
    found: list[dict[str, str]] = []
    for field, people in (("leaders", new.leaders), ("members", new.members)):
        for one in people:
            person = uow.find(Person, id=one.person_id)
            agency = agencies.get(one.agency)
            if agency is not None and (person is None or person.agency_id != agency.id or person.disabled_at):
                found.append(checking.fault(field, f"{one.person_id} is not of {one.agency}", "Name its own people."))
    for leader in new.leaders:
        if leader.space_admin and Role.SPACE_ADMIN not in clauses.ROLES_OF[classes[leader.agency]]:
            words = "only Member States and the EPPO give space administrators (Art. 14(1))"
            found.append(checking.fault("leaders", words, "Choose a leader of such a party."))
    return found


def add_party(uow: UnitOfWork, workspace: Workspace, party: NewParty, agency: Agency) -> Party:
    """A party's row, as the agreement names it."""
    return uow.add(
        Party(
            workspace_id=workspace.id,
            agency_id=agency.id,
            state=agency.state,
            party_class=party.party_class,
            authority=agency.own_name,
            signatory=party.signatory,
        )
    )


def _add_leaders(uow: UnitOfWork, workspace: Workspace, new: NewAgreement, parties: dict[str, Party]) -> None:
    expires = end_of(workspace)
    for leader in new.leaders:
        member = uow.add(
            Member(
                workspace_id=workspace.id,
                person_id=leader.person_id,
                party_id=parties[leader.agency].id,
                role=Role.SPACE_ADMIN if leader.space_admin else Role.LEADER,
                since=uow.now,
                expires_at=expires,
            )
        )
        uow.record("member:joined", member, role=str(member.role), person=member.person_id, clause_source="agreement")
