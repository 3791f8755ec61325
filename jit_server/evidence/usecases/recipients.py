"""To whom a release may go, and on what basis: the team's other parties, and what the agreement says of transfers."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from sqlmodel import col

from jit_server.access import OUTSIDE, Action, PartyClass
from jit_server.core.errors import Invalid
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.outside import NewRecipient, NewRelease
from jit_server.identity.models import Agency
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import Party
from jit_server.workspaces.aliases import shown
from jit_server.workspaces.models import Member, MemberStatus
from jit_server.workspaces.usecases.agreements import in_force


def recipients(uow: UnitOfWork, item: EvidenceItem, new: NewRelease) -> Iterable[tuple[Party, NewRecipient]]:
    """The parties a release names, each with what was stated for it.

    Raises:
        Invalid: no other party of this team, nobody of that party, outside the exhibit's compartment, or named twice.
    """
    standing = uow.standing(item.workspace_id)
    parties = {party.id: party for party in partners(uow, item.workspace_id) if party.id != item.party_id}
    for place, one in enumerate(new.recipients):
        party, field = parties.get(one.party_id), f"recipients.{place}"
        if party is None:
            hint = "Name another party to the agreement: its State, agency, or a person of it."
            raise Invalid.field(field, "is no such party of this team", hint)
        rooms = uow.policy(standing).compartments_of(party.id) if standing else []
        if item.compartment_id is not None and item.compartment_id not in rooms:
            raise Invalid.field(field, "is not in the exhibit's compartment", "Nothing leaves a compartment so.")
        if one.party_id in [other.party_id for other in new.recipients[:place]]:
            raise Invalid.field(field, "is named twice", "Name each recipient once.")
        if one.person_id is not None and not _belongs(uow, party, one.person_id):
            raise Invalid.field(
                field, "names nobody of that party", "Choose an active member of the party, or all of it."
            )
        yield party, one


def _belongs(uow: UnitOfWork, party: Party, person_id: UUID) -> bool:
    found = uow.find(Member, workspace_id=party.workspace_id, party_id=party.id, person_id=person_id)
    return found is not None and found.status is MemberStatus.ACTIVE


def members_of(uow: UnitOfWork, workspace_id: UUID) -> dict[UUID, list[tuple[UUID, str]]]:
    """The active people of each party by name, at most 500: to whom alone a release may go."""
    rows = uow.every(Member, col(Member.workspace_id) == workspace_id, col(Member.status) == MemberStatus.ACTIVE)
    people = shown(uow, workspace_id, {row.person_id for row in rows})
    found: dict[UUID, list[tuple[UUID, str]]] = defaultdict(list)
    for row in rows:
        found[row.party_id].append((row.person_id, people[row.person_id]))
    return {party: sorted(names, key=lambda one: one[1]) for party, names in found.items()}


def partners(uow: UnitOfWork, workspace_id: UUID) -> list[Party]:
    """The parties to which something may be released: all that belong now but the secretariat (Art. 14(3))."""
    statement = uow.select(Party, to=Action.WORKSPACE_READ, within=workspace_id)
    inside = col(Party.party_class) != str(PartyClass.SECRETARIAT)
    found = uow.all(statement.where(inside, col(Party.left_at).is_(None)))
    return sorted(found, key=lambda party: (party.state, party.authority))


def outsiders(uow: UnitOfWork, workspace_id: UUID) -> list[Party]:
    """The third countries and international courts that belong to the team now."""
    statement = uow.select(Party, to=Action.WORKSPACE_READ, within=workspace_id)
    outside = col(Party.party_class).in_([str(kind) for kind in OUTSIDE])
    found = uow.all(statement.where(outside, col(Party.left_at).is_(None)))
    return sorted(found, key=lambda party: (party.state, party.authority))


def basis_for(uow: UnitOfWork, item: EvidenceItem, party: Party, one: NewRecipient) -> NewRecipient:
    """The basis of a transfer outside as stated, completed by the agreement; within the Union none is asked."""
    if party.party_class not in OUTSIDE:
        return NewRecipient(party_id=party.id, person_id=one.person_id)
    agreed = agreed_basis(uow, item.workspace_id, party)
    said = {name: getattr(one, name) or agreed.get(name) for name in ("basis", "article", "document")}
    missing = [name for name, value in said.items() if not value]
    if missing:
        words = f"{party.authority}: the transfer has no {' and no '.join(missing)}"
        raise Invalid.field("recipients", words, "State adequacy, safeguards or derogation, the article, the document.")
    return NewRecipient.model_validate({"party_id": party.id, "person_id": one.person_id, **said})


def agreed_basis(uow: UnitOfWork, workspace_id: UUID, party: Party) -> dict[str, str]:
    """What the agreement in force says of transfers to this party: basis, article, document; empty if nothing."""
    agreement = in_force(uow, workspace_id)
    agency = rows_by_id(uow, Agency, [party.agency_id]).get(party.agency_id)
    for line in (agreement.document.get("transfer_basis") or []) if agreement else []:
        if agency is not None and line.get("agency") == agency.slug:
            return {name: str(line[name]) for name in ("basis", "article", "document") if line.get(name)}
    return {}
