"""Writing an agreement: a draft is kept on the server, saved page by page, and laid before the parties when whole.

A first agreement's draft is its author's alone; an amendment's belongs to the leaders of the workspace.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import col

from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid, NotFound, NotSignedIn, Outdated
from jit_server.work import UnitOfWork
from jit_server.workspaces import checking
from jit_server.workspaces.clauses import canonical_bytes
from jit_server.workspaces.document import NewAgreement
from jit_server.workspaces.models import AgreementDraft, Workspace
from jit_server.workspaces.usecases import agreements
from jit_server.workspaces.usecases.amending import amend
from jit_server.workspaces.usecases.proposing import propose

_SHOWN = {"id", "workspace_id", "base_version", "document", "version", "updated_at", "updated_by"}
LONGEST = 1_000_000
"""Bytes of a draft."""


class NewDraft(BaseModel):
    """What to write: the amendment of a workspace's agreement, or a first agreement."""

    model_config = ConfigDict(extra="forbid")

    workspace_id: UUID | None = None


class DraftText(BaseModel):
    """The text as far as it goes; it need not be whole."""

    model_config = ConfigDict(extra="forbid")

    document: dict[str, Any]


class DraftOut(BaseModel):
    """A draft, and what still keeps it from being laid before the parties."""

    id: UUID
    workspace_id: UUID | None
    base_version: int | None
    document: dict[str, Any]
    version: int
    updated_at: datetime
    updated_by: UUID
    problems: list[dict[str, str]] = Field(description="[{field, message, remedy}]")


class Laid(BaseModel):
    """A text that lies before its parties."""

    workspace_id: UUID
    version: int


def begin(uow: UnitOfWork, new: NewDraft) -> AgreementDraft:
    """Begin to write; an amendment starts from the current text, and there is one draft a workspace.

    Raises:
        NotPermitted: who does not lead a party writes no amendment.
    """
    base: int | None = None
    document: dict[str, Any] = {}
    if new.workspace_id is not None:
        workspace = uow.get(Workspace, new.workspace_id, to=Action.AGREEMENT_AMEND)
        live = _live(uow, workspace.id)
        if live is not None:
            return live
        current = agreements.current_agreement(uow, workspace.id)
        base, document = current.version, NewAgreement.model_validate(current.document).model_dump(mode="json")
    person = _person(uow)
    made = uow.add(
        AgreementDraft(
            workspace_id=new.workspace_id,
            base_version=base,
            document=document,
            created_by=person,
            created_at=uow.now,
            updated_by=person,
            updated_at=uow.now,
        )
    )
    uow.session.flush()
    uow.record("agreement:draft_begun", made)
    return made


def drafts(uow: UnitOfWork) -> list[AgreementDraft]:
    """The first agreements that the actor is writing, newest first."""
    mine = (col(AgreementDraft.created_by) == _person(uow), col(AgreementDraft.workspace_id).is_(None))
    found = uow.every(AgreementDraft, *mine, col(AgreementDraft.closed_at).is_(None))
    return sorted(found, key=lambda one: one.updated_at, reverse=True)


def draft_of(uow: UnitOfWork, workspace_id: UUID) -> AgreementDraft | None:
    """The amendment that is being written in a workspace, for its leaders."""
    uow.get(Workspace, workspace_id, to=Action.AGREEMENT_AMEND)
    return _live(uow, workspace_id)


def draft(uow: UnitOfWork, draft_id: UUID) -> AgreementDraft:
    """A draft that is still being written.

    Raises:
        NotFound: none, or another's.
        NotPermitted: an insider who leads no party.
    """
    found = uow.find(AgreementDraft, id=draft_id)
    if found is None or found.closed_at is not None:
        raise NotFound
    if found.workspace_id is not None:
        uow.get(Workspace, found.workspace_id, to=Action.AGREEMENT_AMEND)
    elif found.created_by != uow.actor.person_id:
        raise NotFound
    return found


def shown(found: AgreementDraft) -> DraftOut:
    """A draft with what it lacks."""
    kept = found.model_dump(
        include={"id", "workspace_id", "base_version", "document", "version", "updated_at", "updated_by"}
    )
    return DraftOut(**kept, problems=checking.problems(found.document))


def save(uow: UnitOfWork, draft_id: UUID, text: DraftText, *, version: int) -> AgreementDraft:
    """Keep the text as it is now.

    Raises:
        Outdated: somebody has saved since.
        Invalid: a heading that no agreement has, or a text beyond all measure.
    """
    found = _held(uow, draft(uow, draft_id))
    if found.version != version:
        raise Outdated("Somebody has saved this draft since you read it.", current=found.version)
    unknown = set(text.document) - set(NewAgreement.model_fields)
    if unknown:
        raise Invalid.field("document", f"{', '.join(sorted(unknown))}: no heading of an agreement", "Leave it out.")
    if len(canonical_bytes(text.document)) > LONGEST:
        raise Invalid.field("document", "is too long", "Keep annexes outside the text and refer to them.")
    found.document = text.document
    found.version += 1
    found.updated_by, found.updated_at = _person(uow), uow.now
    uow.record("agreement:draft_saved", found, version=found.version)
    return found


def discard(uow: UnitOfWork, draft_id: UUID) -> None:
    """Give a draft up."""
    found = _held(uow, draft(uow, draft_id))
    found.closed_at = uow.now
    uow.record("agreement:draft_closed", found, version=found.version)


def lay(uow: UnitOfWork, draft_id: UUID, *, version: int) -> Laid:
    """Lay the draft before its parties for signature. From now on its text is frozen.

    Raises:
        Outdated: somebody has saved since it was read, or another version has come into force.
        Invalid: with all that is still missing.
    """
    found = _held(uow, draft(uow, draft_id))
    if found.version != version:
        raise Outdated("Somebody has saved this draft since you read it.", current=found.version)
    problems = checking.problems(found.document)
    if problems:
        words = "; ".join(f"{one['field']}: {one['message']}" for one in problems[:3])
        raise Invalid(words, errors=problems)
    new = NewAgreement.model_validate(found.document)
    found.closed_at = uow.now
    uow.record("agreement:draft_closed", found, version=found.version)
    if found.workspace_id is None:
        made = propose(uow, new)
        return Laid(workspace_id=made.id, version=1)
    if found.base_version is None:
        raise Conflict("This draft amends nothing.")
    laid = amend(uow, found.workspace_id, new, base=found.base_version)
    return Laid(workspace_id=found.workspace_id, version=laid.version)


def _live(uow: UnitOfWork, workspace_id: UUID) -> AgreementDraft | None:
    found = uow.every(
        AgreementDraft, col(AgreementDraft.workspace_id) == workspace_id, col(AgreementDraft.closed_at).is_(None)
    )
    return found[0] if found else None


def _held(uow: UnitOfWork, found: AgreementDraft) -> AgreementDraft:
    uow.session.refresh(found, with_for_update=True)
    if found.closed_at is not None:
        raise NotFound
    return found


def _person(uow: UnitOfWork) -> UUID:
    if uow.actor.person_id is None:
        raise NotSignedIn
    return uow.actor.person_id
