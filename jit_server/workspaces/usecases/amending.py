"""Changes of an agreement: laid before all parties, withdrawn, or by one party's notice (leaving, other members)."""

from typing import Any
from uuid import UUID

from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid, NotFound, NotSignedIn, Outdated
from jit_server.identity.models import Agency, Person
from jit_server.work import UnitOfWork
from jit_server.workspaces import checking, differences
from jit_server.workspaces.document import NamedMember, NewAgreement, Stated
from jit_server.workspaces.models import Agreement, AgreementOut, End, Party, VersionKind, Workspace
from jit_server.workspaces.usecases import agreements
from jit_server.workspaces.usecases.proposing import checked, version
from jit_server.workspaces.usecases.taking_effect import held, take_effect


class OwnMembers(Stated):
    """The members whom a party names from now on; nobody else's change."""

    members: tuple[NamedMember, ...]


def amend(uow: UnitOfWork, workspace_id: UUID, new: NewAgreement, *, base: int) -> AgreementOut:
    """Lay an amendment before the parties; it binds once every party of the old and the new text has signed.

    One that only changes whom the actor's party names as members is a notice and binds at once (A11).

    Args:
        uow: a leader's.
        workspace_id: whose agreement.
        new: the whole text as it shall be.
        base: the version that was amended.

    Raises:
        Outdated: another version has come since.
        Conflict: another text waits for signatures, or nothing would change.
        Invalid: the text cannot be laid before the parties.
    """
    workspace = held(uow, uow.get(Workspace, workspace_id, to=Action.AGREEMENT_AMEND))
    current = agreements.current_agreement(uow, workspace_id)
    if agreements.under_signature(uow, workspace_id) is not None:
        raise Conflict("Another text waits for signatures: it must be signed or withdrawn first.")
    if current.version != base:
        raise Outdated("A newer version exists than the one you amended.", current=current.version)
    if new.reference != workspace.reference:
        raise Invalid.field("reference", "is the agreement's for good", f"Leave it at {workspace.reference}.")
    checked(uow, new)
    told = differences.between(NewAgreement.model_validate(current.document), new)
    if current.in_force_at is not None and not told:
        raise Conflict("Nothing would change.")
    slug = _own_slug(uow, workspace_id)
    if current.in_force_at is not None and all(
        (one.field, one.values.get("agency")) == ("members", slug) for one in told
    ):
        own = tuple(one for one in new.members if one.agency == slug)
        return name_members(uow, workspace_id, OwnMembers(members=own))
    made = version(uow, workspace, new, _next(uow, workspace_id), _person(uow), base=current.version)
    uow.record("agreement:proposed", made, version=made.version, digest=made.digest, base=current.version)
    return agreements.shown(uow, made)


def withdraw(uow: UnitOfWork, workspace_id: UUID, reason: End) -> AgreementOut:
    """Take back a text that one's own party has laid before the others.

    Raises:
        Conflict: nothing waits, or another party's text does.
    """
    held(uow, uow.get(Workspace, workspace_id, to=Action.AGREEMENT_AMEND))
    waiting = agreements.under_signature(uow, workspace_id)
    if waiting is None:
        raise Conflict("No text waits for signatures here.")
    if not laid_by_us(uow, waiting):
        raise Conflict("Another party laid this text before you: leave it unsigned, or ask them to withdraw it.")
    _withdrawn(uow, waiting, reason.reason)
    return agreements.shown(uow, waiting)


def leave(uow: UnitOfWork, workspace_id: UUID, reason: End) -> AgreementOut:
    """Leave the agreement by notice (Art. 13(4)): one's own party's people lose access at once.

    Raises:
        StepUp: the sign-in is not recent enough.
        Conflict: what would be left is no agreement any more.
    """
    workspace = held(uow, uow.get(Workspace, workspace_id, to=Action.AGREEMENT_SIGN))
    uow.require_fresh_sign_in()
    slug, current = _own_slug(uow, workspace_id), _in_force(uow, workspace_id)
    waiting = agreements.under_signature(uow, workspace_id)
    if waiting is not None:
        _withdrawn(uow, waiting, "a party has left")
    document = without(current.document, slug)
    found = checking.problems(document)
    if found:
        words = "; ".join(one["message"] for one in found[:3])
        raise Conflict(f"Without your party no agreement is left: {words}. Amend it, or close the space.")
    made = _notice(uow, workspace, NewAgreement.model_validate(document), current, VersionKind.LEAVING)
    uow.record("agreement:left", made, version=made.version, why={"code": "left", "text": reason.reason}, party=slug)
    take_effect(uow, workspace, made)
    with uow.as_system():
        return agreements.shown(uow, made)


def name_members(uow: UnitOfWork, workspace_id: UUID, own: OwnMembers) -> AgreementOut:
    """Change whom one's own party names, by notice to the others (simplified change of members).

    Raises:
        Invalid: somebody named is of another party.
        Conflict: a text waits for signatures that names the old members.
    """
    workspace = held(uow, uow.get(Workspace, workspace_id, to=Action.AGREEMENT_AMEND))
    slug, current = _own_slug(uow, workspace_id), _in_force(uow, workspace_id)
    if agreements.under_signature(uow, workspace_id) is not None:
        raise Conflict("A text waits for signatures: it must be signed or withdrawn first.")
    if any(one.agency != slug for one in own.members):
        raise Invalid.field("members", f"a party names its own people only: {slug}", "Leave the others out.")
    others = [one for one in current.document["members"] if one["agency"] != slug]
    stated = [one.model_dump(mode="json") for one in own.members]
    new = NewAgreement.model_validate({**current.document, "members": others + stated})
    checked(uow, new)
    made = _notice(uow, workspace, new, current, VersionKind.MEMBERS)
    take_effect(uow, workspace, made)
    return agreements.shown(uow, made)


def changes(uow: UnitOfWork, workspace_id: UUID, before: int, after: int) -> list[differences.Difference]:
    """What differs between two versions, in words that are to be filled in.

    Raises:
        NotFound: one of them does not exist.
    """
    uow.get(Workspace, workspace_id, to=Action.AGREEMENT_READ)
    texts = {one.version: one.document for one in agreements.versions_of(uow, workspace_id)}
    if before not in texts or after not in texts:
        raise NotFound
    uow.record("agreement:read", workspace_id=workspace_id, before=before, after=after)
    return differences.between(NewAgreement.model_validate(texts[before]), NewAgreement.model_validate(texts[after]))


def without(document: dict[str, Any], slug: str) -> dict[str, Any]:
    """The text when a party has left: a clause for that party alone goes, rather than come to mean everybody."""
    kept = dict(document)
    for name in ("parties", "leaders", "members", "seconded", "participants", "transfer_basis"):
        kept[name] = [one for one in document.get(name, ()) if one["agency"] != slug]
    rooms = [
        {**one, "parties": [other for other in one["parties"] if other != slug]}
        for one in document.get("compartments", ())
    ]
    kept["compartments"] = [one for one in rooms if len(one["parties"]) > 1]
    keys = {one["key"] for one in kept["compartments"]}
    kept["clauses"] = [
        {**one, "parties": parties, "compartments": rooms}
        for one in document.get("clauses", ())
        for parties in [[other for other in one.get("parties", ()) if other != slug]]
        for rooms in [[key for key in one.get("compartments", ()) if key in keys]]
        if bool(parties) == bool(one.get("parties")) and bool(rooms) == bool(one.get("compartments"))
    ]
    if document.get("controller_for_third_party_data") == slug:
        kept["controller_for_third_party_data"] = None
    return kept


def _notice(
    uow: UnitOfWork, workspace: Workspace, new: NewAgreement, current: Agreement, kind: VersionKind
) -> Agreement:
    return version(uow, workspace, new, _next(uow, workspace.id), _person(uow), base=current.version, kind=kind)


def _withdrawn(uow: UnitOfWork, waiting: Agreement, reason: str) -> None:
    waiting.withdrawn_at, waiting.withdrawn_by = uow.now, uow.actor.person_id
    why = {"code": "withdrawn", "text": reason}
    uow.record("agreement:withdrawn", waiting, version=waiting.version, why=why)
    uow.session.flush()


def laid_by_us(uow: UnitOfWork, waiting: Agreement) -> bool:
    """Whether the actor's own agency laid this text before the parties."""
    author = uow.find(Person, id=waiting.created_by)
    return author is not None and author.agency_id == uow.actor.agency_id


def _next(uow: UnitOfWork, workspace_id: UUID) -> int:
    return agreements.versions_of(uow, workspace_id)[0].version + 1


def _person(uow: UnitOfWork) -> UUID:
    if uow.actor.person_id is None:
        raise NotSignedIn
    return uow.actor.person_id


def _own_slug(uow: UnitOfWork, workspace_id: UUID) -> str:
    standing = uow.standing(workspace_id)
    party = uow.find(Party, id=standing.party_id) if standing is not None else None
    agency = uow.find(Agency, id=party.agency_id) if party is not None else None
    if agency is None:
        raise NotFound
    return agency.slug


def _in_force(uow: UnitOfWork, workspace_id: UUID) -> Agreement:
    found = agreements.in_force(uow, workspace_id)
    if found is None:
        raise Conflict("No agreement is in force here yet: every party must have signed.")
    return found
