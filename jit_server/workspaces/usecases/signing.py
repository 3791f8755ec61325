"""Signing: each party for itself, after a fresh sign-in, sealed by the server; the last signature puts it in force.

Leaders whom an amendment brings in sign before they belong to the team: they see the text, and nothing else of it.
"""

from collections.abc import Iterable
from uuid import UUID

from pydantic import BaseModel
from sqlmodel import col

from jit_server.access import Action
from jit_server.core.errors import Conflict, NotFound, NotSignedIn, Outdated
from jit_server.identity.models import Agency
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import seals
from jit_server.workspaces.models import (
    Agreement,
    AgreementOut,
    AgreementSignature,
    NewAgreement,
    Party,
    Signing,
    Workspace,
)
from jit_server.workspaces.usecases import agreements
from jit_server.workspaces.usecases.taking_effect import held, take_effect

MOST = 500


class OfferOut(BaseModel):
    """A text that waits for the signature of somebody who does not belong to its team yet."""

    workspace_id: UUID
    name: str
    agreement: AgreementOut


def sign(uow: UnitOfWork, workspace_id: UUID, signing: Signing) -> AgreementOut:
    """Sign the agreement for one's own party. The last signature puts it in force.

    Raises:
        StepUp: the sign-in is not recent enough.
        Outdated: the digest is of another text than the one that waits.
        Conflict: nothing waits, or the party has signed already.
    """
    workspace, current, agency = _mine(uow, workspace_id)
    uow.require_fresh_sign_in()
    if signing.digest != current.digest:
        raise Outdated("The text has changed since you read it: read it again, then sign.", current=current.digest)
    with uow.as_system():
        if uow.find(AgreementSignature, agreement_id=current.id, agency_id=agency.id):
            raise Conflict("Your party has signed this version already.")
        if agency.slug not in agreements.must_sign(uow, current):
            raise Conflict("Your party takes part without signing.")
        signature = _signed(uow, current, agency, signing)
        signed = agreements.signatures(uow, current)
    uow.record("agreement:signed", signature, version=current.version, digest=current.digest, party=agency.slug)
    if agreements.complete(signed):
        take_effect(uow, workspace, current)
    with uow.as_system():
        return agreements.shown(uow, current)


def _mine(uow: UnitOfWork, workspace_id: UUID) -> tuple[Workspace, Agreement, Agency]:
    """The workspace (held until the commit), the text that waits, and for whom the actor signs."""
    standing = uow.standing(workspace_id)
    if standing is None:
        return _joining(uow, workspace_id)
    workspace = held(uow, uow.get(Workspace, workspace_id, to=Action.AGREEMENT_SIGN))
    current = agreements.under_signature(uow, workspace_id)
    if current is None:
        raise Conflict("No text waits for signatures here.")
    party = uow.find(Party, id=standing.party_id)
    agency = uow.find(Agency, id=party.agency_id) if party is not None else None
    if agency is None:
        raise NotFound
    return workspace, current, agency


def _joining(uow: UnitOfWork, workspace_id: UUID) -> tuple[Workspace, Agreement, Agency]:
    """For a leader whom the text that waits brings in; a stranger finds nothing.

    Raises:
        NotFound: the actor is not one.
    """
    if uow.actor.person_id is None:
        raise NotSignedIn
    with uow.as_system():
        current = agreements.under_signature(uow, workspace_id)
        agency = _named_in(uow, current) if current is not None else None
        workspace = uow.find(Workspace, id=workspace_id)
        if current is None or agency is None or workspace is None:
            raise NotFound
        return held(uow, workspace), current, agency


def _named_in(uow: UnitOfWork, current: Agreement) -> Agency | None:
    """The agency that the actor would lead into the team, if the text says so."""
    slug = _leads(uow, current)
    agency = uow.find(Agency, slug=slug) if slug else None
    if agency is None or agency.id != uow.actor.agency_id:
        return None
    row = uow.find(Party, workspace_id=current.workspace_id, agency_id=agency.id)
    return agency if row is None or row.left_at is not None else None


def _leads(uow: UnitOfWork, current: Agreement) -> str | None:
    """The agency, by its short name, for which the text makes the actor a leader."""
    leads = {one.person_id: one.agency for one in NewAgreement.model_validate(current.document).leaders}
    return leads.get(uow.actor.person_id) if uow.actor.person_id else None


def _signed(uow: UnitOfWork, current: Agreement, agency: Agency, signing: Signing) -> AgreementSignature:
    if uow.actor.person_id is None:
        raise NotSignedIn
    statement = seals.stated(
        uow.actor,
        digest=current.digest,
        workspace_id=current.workspace_id,
        version=current.version,
        party=agency.slug,
        at=uow.now,
        qualified=signing.qualified,
    )
    made = uow.add(
        AgreementSignature(
            workspace_id=current.workspace_id,
            agreement_id=current.id,
            agency_id=agency.id,
            person_id=uow.actor.person_id,
            digest=current.digest,
            signed_at=uow.now,
            statement=statement,
            seal=seals.seal(uow.house.key, statement),
        )
    )
    uow.session.flush()
    return made


def offers(uow: UnitOfWork) -> list[OfferOut]:
    """The texts that would bring the actor into a team and wait for their signature."""
    return [one for workspace in joining(uow) for one in _offers_in(uow, workspace.id)]


def joining(uow: UnitOfWork) -> list[Workspace]:
    """The workspaces of such texts, in a few queries however many they are."""
    if uow.actor.person_id is None:
        return []
    mine = {one.workspace_id for one in uow.standings()}
    with uow.as_system():
        open_ones = (col(Agreement.in_force_at).is_(None), col(Agreement.withdrawn_at).is_(None))
        named = col(Agreement.document)["leaders"].contains([{"person_id": str(uow.actor.person_id)}])
        found = {one.workspace_id for one in uow.every(Agreement, *open_ones, named, limit=MOST)} - mine
        waiting = [one for one, _ in agreements.all_under_signature(uow, found)] if found else []
        agency = rows_by_id(uow, Agency, [uow.actor.agency_id] if uow.actor.agency_id and waiting else ())
        inside = (col(Party.workspace_id).in_(found), col(Party.left_at).is_(None))
        own = uow.every(Party, Party.agency_id == uow.actor.agency_id, *inside, limit=MOST) if waiting else ()
        there = {one.workspace_id for one in own}
        slugs = {one.slug for one in agency.values()}
        wanted = [one.workspace_id for one in waiting if _leads(uow, one) in slugs and one.workspace_id not in there]
        return sorted(rows_by_id(uow, Workspace, wanted).values(), key=lambda one: one.id)


def waiting_for(uow: UnitOfWork, workspace_ids: Iterable[UUID]) -> list[Agreement]:
    """The texts that wait for the signature of the actor's party in teams they belong to, in a few queries."""
    found = [
        (one, base, standing)
        for one, base in agreements.all_under_signature(uow, workspace_ids)
        if (standing := uow.standing(one.workspace_id)) is not None
        and uow.policy(standing).permits(standing, Action.AGREEMENT_SIGN)
    ]
    parties = rows_by_id(uow, Party, [standing.party_id for _, _, standing in found])
    agencies = rows_by_id(uow, Agency, [one.agency_id for one in parties.values()])
    signed = col(AgreementSignature.agreement_id).in_([one.id for one, _, _ in found])
    done = {(one.agreement_id, one.agency_id) for one in uow.every(AgreementSignature, signed)} if found else set()
    waiting = []
    for one, base, standing in found:
        agency = agencies[parties[standing.party_id].agency_id]
        if agency.slug in agreements.signers(one, base) and (one.id, agency.id) not in done:
            waiting.append(one)
    return waiting


def _offers_in(uow: UnitOfWork, workspace_id: UUID) -> list[OfferOut]:
    try:
        return [offer(uow, workspace_id, note=False)]
    except NotFound:
        return []


def offer(uow: UnitOfWork, workspace_id: UUID, *, note: bool = True) -> OfferOut:
    """The text that would bring the actor into a team.

    Raises:
        NotFound: there is none.
    """
    workspace, current, _agency = _joining(uow, workspace_id)
    if note:
        uow.record("agreement:read", current, version=current.version)
    with uow.as_system():
        return OfferOut(workspace_id=workspace_id, name=workspace.name, agreement=agreements.shown(uow, current))
