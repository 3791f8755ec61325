"""The agreement as it is read: the version in force, the one under signature, and those before."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from jit_server.access import Action
from jit_server.core.errors import Conflict, NotFound
from jit_server.identity.models import Agency, Person
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import seals
from jit_server.workspaces.models import (
    SIGNS,
    Agreement,
    AgreementOut,
    AgreementSignature,
    NewAgreement,
    NewParty,
    Party,
    SignatureOut,
    VersionState,
    Workspace,
)

LAPSES = timedelta(days=90)
"""How long a text waits for its signatures."""
MOST = 500


def versions_of(uow: UnitOfWork, workspace_id: UUID) -> list[Agreement]:
    """Every version, newest first; the caller has asked for the workspace before."""
    found = uow.every(Agreement, col(Agreement.workspace_id) == workspace_id, limit=MOST)
    return sorted(found, key=lambda one: one.version, reverse=True)


def in_force(uow: UnitOfWork, workspace_id: UUID) -> Agreement | None:
    """The version in force, if one is."""
    return next((one for one in versions_of(uow, workspace_id) if one.in_force_at is not None), None)


def under_signature(uow: UnitOfWork, workspace_id: UUID) -> Agreement | None:
    """The version that waits for signatures, if one does; there is never more than one."""
    return next((one for one in versions_of(uow, workspace_id)[:1] if waits(uow, one)), None)


def waits(uow: UnitOfWork, newest: Agreement) -> bool:
    """Whether a workspace's newest version can still be signed."""
    open_still = newest.in_force_at is None and newest.withdrawn_at is None
    return open_still and uow.now - newest.created_at < LAPSES


def all_under_signature(uow: UnitOfWork, workspace_ids: Iterable[UUID]) -> list[tuple[Agreement, Agreement | None]]:
    """The versions that wait for signatures in these workspaces, each with the one it amends, in two queries."""
    open_ones = (col(Agreement.in_force_at).is_(None), col(Agreement.withdrawn_at).is_(None))
    begun = select(col(Agreement.workspace_id)).where(col(Agreement.workspace_id).in_(list(workspace_ids)), *open_ones)
    spaces = sorted(set(uow.session.scalars(begun)))
    if not spaces:
        return []
    versions: dict[UUID, dict[int, Agreement]] = defaultdict(dict)
    for one in uow.every(Agreement, col(Agreement.workspace_id).in_(spaces), limit=MOST * len(spaces)):
        versions[one.workspace_id][one.version] = one
    newest = (known[max(known)] for known in versions.values())
    return [(one, versions[one.workspace_id].get(one.base_version or 0)) for one in newest if waits(uow, one)]


def current_agreement(uow: UnitOfWork, workspace_id: UUID) -> Agreement:
    """The version in force, or while none is yet, the newest.

    Raises:
        Conflict: there is none.
    """
    found = versions_of(uow, workspace_id)
    if not found:
        raise Conflict("The workspace has no agreement.")
    return next((one for one in found if one.in_force_at is not None), found[0])


def agreement(uow: UnitOfWork, workspace_id: UUID, *, version: int | None = None, note: bool = True) -> AgreementOut:
    """The agreement, its clauses, and who has signed it.

    Args:
        uow: a member's.
        workspace_id: whose.
        version: which; the current one if None.
        note: false where another entry says so already.
    """
    uow.get(Workspace, workspace_id, to=Action.AGREEMENT_READ)
    if version is None:
        found = current_agreement(uow, workspace_id)
    else:
        found = next((one for one in versions_of(uow, workspace_id) if one.version == version), None) or _absent()
    if note:
        uow.record("agreement:read", found, version=found.version)
    return shown(uow, found)


def _absent() -> Agreement:
    raise NotFound


def versions(uow: UnitOfWork, workspace_id: UUID) -> list[AgreementOut]:
    """Every version, newest first, with its signatures."""
    uow.get(Workspace, workspace_id, to=Action.AGREEMENT_READ)
    found = versions_of(uow, workspace_id)
    uow.record("agreement:read", found[0] if found else None, workspace_id=workspace_id, versions=len(found))
    return [shown(uow, one) for one in found]


def offered(uow: UnitOfWork, workspace_id: UUID) -> AgreementOut | None:
    """The text that waits for signatures, for members."""
    uow.get(Workspace, workspace_id, to=Action.AGREEMENT_READ)
    found = under_signature(uow, workspace_id)
    return shown(uow, found) if found is not None else None


def shown(uow: UnitOfWork, one: Agreement) -> AgreementOut:
    """A version with where it stands and who has signed it; the caller has asked who may know of it."""
    signed = signatures(uow, one)
    return AgreementOut(
        id=one.id,
        version=one.version,
        kind=one.kind,
        state=state_of(uow, one),
        base_version=one.base_version,
        in_force_at=one.in_force_at,
        digest=one.digest,
        document=one.document,
        created_at=one.created_at,
        parties=signed,
        complete=complete(signed),
    )


def state_of(uow: UnitOfWork, one: Agreement) -> VersionState:
    """Where a version stands now."""
    if one.withdrawn_at is not None:
        return VersionState.WITHDRAWN
    if one.in_force_at is not None:
        newest = in_force(uow, one.workspace_id)
        return VersionState.IN_FORCE if newest is not None and newest.id == one.id else VersionState.SUPERSEDED
    return VersionState.OFFERED if uow.now - one.created_at < LAPSES else VersionState.LAPSED


def must_sign(uow: UnitOfWork, one: Agreement) -> dict[str, NewParty]:
    """Who signs a version: its parties, and those of the version it amends, since nobody is put out unasked."""
    base = next((old for old in versions_of(uow, one.workspace_id) if old.version == one.base_version), None)
    return signers(one, base)


def signers(one: Agreement, base: Agreement | None) -> dict[str, NewParty]:
    """Who signs a version that amends `base`."""
    parties = {party.agency: party for party in NewAgreement.model_validate(one.document).parties}
    before = NewAgreement.model_validate(base.document).parties if base is not None and base.in_force_at else ()
    named = {party.agency: party for party in before} | parties
    return {slug: party for slug, party in named.items() if party.party_class in SIGNS}


def signatures(uow: UnitOfWork, one: Agreement) -> list[SignatureOut]:
    """Each party with its signature under a version, or what it still waits for."""
    signing = must_sign(uow, one)
    named = signing | {party.agency: party for party in NewAgreement.model_validate(one.document).parties}
    agencies = {row.slug: row for row in uow.every(Agency, col(Agency.slug).in_(named))}
    rows = {row.agency_id: row for row in uow.every(Party, col(Party.workspace_id) == one.workspace_id)}
    signed = {
        row.agency_id: row for row in uow.every(AgreementSignature, col(AgreementSignature.agreement_id) == one.id)
    }
    people = rows_by_id(uow, Person, [row.person_id for row in signed.values()])
    found = [
        _signature(uow, party, agencies[slug], rows.get(agencies[slug].id), signed.get(agencies[slug].id), people)
        for slug, party in named.items()
    ]
    return sorted(found, key=lambda each: (each.state, each.authority))


def _signature(
    uow: UnitOfWork,
    party: NewParty,
    agency: Agency,
    row: Party | None,
    signature: AgreementSignature | None,
    people: dict[UUID, Person],
) -> SignatureOut:
    out = SignatureOut(
        party_id=row.id if row is not None else None,
        slug=agency.slug,
        state=agency.state,
        authority=agency.own_name,
        party_class=party.party_class,
        signatory=party.signatory,
        signs=party.party_class in SIGNS,
        signed_by=None,
        signed_at=None,
    )
    if signature is not None:
        out.signed_by, out.signed_at = people[signature.person_id].name, signature.signed_at
        out.statement, out.seal = signature.statement, signature.seal
        if signature.statement is not None and signature.seal is not None:
            out.sealed = signature.statement["digest"] == signature.digest and seals.holds(
                uow.house.key.public_key, signature.statement, signature.seal
            )
    return out


def complete(signed: list[SignatureOut]) -> bool:
    """Whether every party that must sign has."""
    return all(one.signed_at for one in signed if one.signs)
