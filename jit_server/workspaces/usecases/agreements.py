"""From a proposed agreement to one in force: propose, sign, read."""

from uuid import UUID

from sqlmodel import col

from jit_server.access import Action, Phase, Role
from jit_server.core.errors import Conflict, Invalid, NotSignedIn, Outdated
from jit_server.identity.models import Agency, Person
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import clauses
from jit_server.workspaces.models import (
    SIGNS,
    Agreement,
    AgreementOut,
    AgreementSignature,
    Member,
    NewAgreement,
    Party,
    SignatureOut,
    Signing,
    Workspace,
)
from jit_server.workspaces.usecases import rulebook
from jit_server.workspaces.usecases.phases import end_of, move
from jit_server.workspaces.usecases.reading import standing_of


def propose(uow: UnitOfWork, new: NewAgreement) -> Workspace:
    """Lay an agreement before its parties; the space opens only when each has signed (Art. 13(1)).

    Raises:
        Invalid: an agency or leader that is not known, or the proposer's agency is no party.
    """
    proposer = uow.actor.person_id
    if proposer is None:
        raise NotSignedIn
    agencies = _agencies(uow, new)
    _check_leaders(uow, new, agencies)
    with uow.as_system():
        workspace = uow.add(
            Workspace(
                **new.model_dump(
                    include={
                        "reference",
                        "name",
                        "purpose",
                        "legal_basis",
                        "default_handling",
                        "retention_profile",
                        "period_from",
                        "period_to",
                    }
                ),
                created_at=uow.now,
            )
        )
        uow.session.flush()
        parties = _add_parties(uow, workspace, new, agencies)
        document = clauses.canonical(new)
        agreement = uow.add(
            Agreement(
                workspace_id=workspace.id,
                version=1,
                document=document,
                digest=clauses.digest(document),
                created_by=proposer,
                created_at=uow.now,
            )
        )
        uow.session.flush()
        _add_leaders(uow, workspace, new, parties)
    uow.forget_standings()
    uow.record("workspace:proposed", workspace, reference=workspace.reference, parties=len(parties))
    uow.record("agreement:proposed", agreement, version=1, digest=agreement.digest)
    return workspace


def _agencies(uow: UnitOfWork, new: NewAgreement) -> dict[str, Agency]:
    found: dict[str, Agency] = {}
    for party in new.parties:
        agency = uow.find(Agency, slug=party.agency)
        if agency is None or not agency.enabled:
            raise Invalid.field("parties", f"no agency {party.agency!r} is known here", "Use the agency's slug.")
        found[party.agency] = agency
    if uow.actor.agency_id not in {agency.id for agency in found.values()}:
        raise Invalid.field("parties", "your own agency is not among them", "Propose for your own agency only.")
    return found


def _check_leaders(uow: UnitOfWork, new: NewAgreement, agencies: dict[str, Agency]) -> None:
    classes = {party.agency: party.party_class for party in new.parties}
    for leader in new.leaders:
        person = uow.find(Person, id=leader.person_id)
        if person is None or person.agency_id != agencies[leader.agency].id:
            raise Invalid.field("leaders", f"{leader.person_id} is not of {leader.agency}", "Name its own people.")
        role = Role.SPACE_ADMIN if leader.space_admin else Role.LEADER
        allowed = clauses.ROLES_OF[classes[leader.agency]]
        if leader.space_admin and role not in allowed:
            raise Invalid.field(
                "leaders",
                "only Member States and the EPPO give space administrators (Art. 14(1))",
                "Choose a leader of such a party.",
            )


def _add_parties(
    uow: UnitOfWork, workspace: Workspace, new: NewAgreement, agencies: dict[str, Agency]
) -> dict[str, Party]:
    made = {
        party.agency: uow.add(
            Party(
                workspace_id=workspace.id,
                agency_id=agencies[party.agency].id,
                state=agencies[party.agency].state,
                party_class=party.party_class,
                authority=agencies[party.agency].own_name,
                signatory=party.signatory,
            )
        )
        for party in new.parties
    }
    uow.session.flush()
    return made


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


def current_agreement(uow: UnitOfWork, workspace_id: UUID) -> Agreement:
    """The newest version of the agreement; the caller has asked for the workspace before."""
    statement = uow.select(Agreement, to=Action.AGREEMENT_READ, within=workspace_id)
    found = uow.first(statement.order_by(col(Agreement.version).desc()))
    if found is None:
        raise Conflict("The workspace has no agreement.")
    return found


def agreement(uow: UnitOfWork, workspace_id: UUID, *, note: bool = True) -> AgreementOut:
    """The agreement, its clauses, and who has signed it."""
    uow.get(Workspace, workspace_id, to=Action.AGREEMENT_READ)
    current = current_agreement(uow, workspace_id)
    if note:
        uow.record("agreement:read", current)
    signatures = _signatures(uow, current)
    return AgreementOut(
        id=current.id,
        version=current.version,
        digest=current.digest,
        document=current.document,
        created_at=current.created_at,
        parties=signatures,
        complete=_complete(signatures),
    )


def _signatures(uow: UnitOfWork, current: Agreement) -> list[SignatureOut]:
    parties = uow.all(uow.select(Party, to=Action.WORKSPACE_READ, within=current.workspace_id))
    signed = uow.all(
        uow.select(AgreementSignature, to=Action.AGREEMENT_READ, within=current.workspace_id).where(
            col(AgreementSignature.agreement_id) == current.id
        )
    )
    by_party = {one.party_id: one for one in signed}
    signers = rows_by_id(uow, Person, [one.person_id for one in signed])
    names = {person.id: person.name for person in signers.values()}
    return [
        SignatureOut(
            party_id=party.id,
            state=party.state,
            authority=party.authority,
            party_class=party.party_class,
            signatory=party.signatory,
            signed_by=names.get(by_party[party.id].person_id) if party.id in by_party else None,
            signed_at=by_party[party.id].signed_at if party.id in by_party else None,
        )
        for party in sorted(parties, key=lambda one: (one.state, one.authority))
    ]


def _complete(signatures: list[SignatureOut]) -> bool:
    return all(one.signed_at for one in signatures if one.party_class in SIGNS)


def sign(uow: UnitOfWork, workspace_id: UUID, signing: Signing) -> AgreementOut:
    """Sign the agreement for one's own party. The last signature puts the clauses in force.

    Raises:
        Outdated: the digest is of another text than the current version.
        Conflict: the party has signed already.
    """
    workspace = uow.get(Workspace, workspace_id, to=Action.AGREEMENT_SIGN)
    standing = standing_of(uow, workspace_id)
    current = current_agreement(uow, workspace_id)
    if signing.digest != current.digest:
        raise Outdated("The text has changed since you read it: read it again, then sign.", current=current.digest)
    if uow.find(AgreementSignature, agreement_id=current.id, party_id=standing.party_id):
        raise Conflict("Your party has signed this version already.")
    signature = uow.add(
        AgreementSignature(
            workspace_id=workspace_id,
            agreement_id=current.id,
            party_id=standing.party_id,
            person_id=standing.person_id,
            digest=current.digest,
            signed_at=uow.now,
        )
    )
    uow.record("agreement:signed", signature, version=current.version, digest=current.digest)
    uow.session.flush()
    if _complete(_signatures(uow, current)):
        _put_in_force(uow, workspace, current)
    return agreement(uow, workspace_id, note=False)


def _put_in_force(uow: UnitOfWork, workspace: Workspace, current: Agreement) -> None:
    rulebook.put_in_force(uow, workspace, current)
    move(uow, workspace, Phase.AGREEMENT_SIGNED, "every party has signed")
