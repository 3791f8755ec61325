"""The way in: whoever is invited attests confidentiality and training, and only then belongs to the team (B16, B17)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlmodel import col

from jit_server.core.errors import Invalid, NotFound, Outdated
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces.attestations import UNDERTAKING, Attestation, AttestationKind, Entry, version_of
from jit_server.workspaces.models import Agreement, Member, MemberStatus, Workspace
from jit_server.workspaces.usecases.phases import bump

MOST = 500


class EntryOut(BaseModel):
    """All that somebody may know who is invited and has not entered yet."""

    workspace_id: UUID
    name: str
    undertaking: str
    version: str


def invitations(uow: UnitOfWork) -> list[EntryOut]:
    """The workspaces that the actor is invited to and has not entered yet."""
    if uow.actor.person_id is None:
        return []
    with uow.as_system():
        wanted = (Member.person_id == uow.actor.person_id, Member.status == MemberStatus.INVITED)
        found = [one for one in uow.every(Member, *wanted) if one.expires_at is None or one.expires_at > uow.now]
        spaces = [one.workspace_id for one in found]
        rows, texts = rows_by_id(uow, Workspace, spaces), _undertakings(uow, spaces)
        return [_out(rows[key], *texts[key]) for key in spaces]


def invitation(uow: UnitOfWork, workspace_id: UUID) -> EntryOut:
    """What is asked on the way into this workspace.

    Raises:
        NotFound: the actor is not invited.
    """
    with uow.as_system():
        _invited(uow, workspace_id)
        (workspace,) = rows_by_id(uow, Workspace, [workspace_id]).values()
        return _out(workspace, *undertaking(uow, workspace_id))


def enter(uow: UnitOfWork, workspace_id: UUID, entry: Entry) -> Member:
    """Attest, and belong to the team from now on.

    Raises:
        NotFound: the actor is not invited.
        Outdated: the undertaking is not the one that was read.
        Invalid: a training that lies in the future.
    """
    with uow.as_system():
        member = _invited(uow, workspace_id)
        workspace = uow.find(Workspace, id=workspace_id)
        if workspace is None:
            raise NotFound
        uow.session.refresh(workspace, with_for_update={"key_share": True})
        attest(uow, member, entry)
        member.status = MemberStatus.ACTIVE
        bump(workspace)
    uow.forget_standings()
    uow.record("member:entered", member, person=member.person_id, role=str(member.role), expires_at=member.expires_at)
    return member


def attest(uow: UnitOfWork, member: Member, entry: Entry) -> None:
    """Keep what a person attests for a workspace. The duty of confidence has no end; a statement is never altered."""
    if entry.undertaking != undertaking(uow, member.workspace_id)[1]:
        raise Outdated("The undertaking has changed since you read it: read it again.")
    if entry.training_on > uow.now.date():
        raise Invalid.field("training_on", "lies in the future", "Give the day of the training you completed.")
    stated = {
        AttestationKind.CONFIDENTIALITY: (entry.undertaking, uow.now.date()),
        AttestationKind.TRAINING: (entry.training_version, entry.training_on),
    }
    for kind, (version, day) in stated.items():
        same: dict[str, Any] = {
            "workspace_id": member.workspace_id,
            "person_id": member.person_id,
            "kind": kind,
            "version": version,
        }
        if uow.find(Attestation, **same) is None:
            uow.add(Attestation(**same, given_on=day, at=uow.now))
            uow.record("member:attested", member, kind=str(kind), version=version, given_on=day.isoformat())


def attested(uow: UnitOfWork, workspace_id: UUID, person_id: UUID) -> bool:
    """Whether the person has undertaken the present text here, and shown a training, on an earlier membership."""
    version = undertaking(uow, workspace_id)[1]
    stated = uow.every(Attestation, Attestation.workspace_id == workspace_id, Attestation.person_id == person_id)
    kinds = {one.kind for one in stated if one.kind is AttestationKind.TRAINING or one.version == version}
    return kinds == set(AttestationKind)


def undertaking(uow: UnitOfWork, workspace_id: UUID) -> tuple[str, str]:
    """The text of the agreement's undertaking of confidentiality, or the common one, and its version."""
    return _undertakings(uow, [workspace_id])[workspace_id]


def _undertakings(uow: UnitOfWork, workspace_ids: Sequence[UUID]) -> dict[UUID, tuple[str, str]]:
    """The undertaking of each of these workspaces, in one query."""
    versions: dict[UUID, list[Agreement]] = {key: [] for key in workspace_ids}
    if not versions:
        return {}
    for one in uow.every(Agreement, col(Agreement.workspace_id).in_(versions), limit=MOST * len(versions)):
        versions[one.workspace_id].append(one)
    return {key: _undertaking(every) for key, every in versions.items()}


def _undertaking(every: list[Agreement]) -> tuple[str, str]:
    bound = [one for one in every if one.in_force_at is not None] or every
    document = max(bound, key=lambda one: one.version).document if bound else {}
    text = document.get("undertaking") or UNDERTAKING
    return text, version_of(text)


def _invited(uow: UnitOfWork, workspace_id: UUID) -> Member:
    member = uow.find(Member, workspace_id=workspace_id, person_id=uow.actor.person_id)
    if member is None or member.status != MemberStatus.INVITED:
        raise NotFound
    if member.expires_at is not None and member.expires_at <= uow.now:
        raise NotFound
    return member


def _out(workspace: Workspace, text: str, version: str) -> EntryOut:
    return EntryOut(workspace_id=workspace.id, name=workspace.name, undertaking=text, version=version)
