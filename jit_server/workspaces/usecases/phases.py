"""A workspace on its way through its phases: opened, moved on, and when access under its agreement ends."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from jit_server.access import Action, Phase
from jit_server.core.errors import Conflict, Outdated
from jit_server.work import UnitOfWork
from jit_server.workspaces import lifecycle
from jit_server.workspaces.models import PhaseChange, Workspace


def end_of(workspace: Workspace) -> datetime:
    """The moment at which access under the agreement ends at the latest: a year after its term, for the evaluation."""
    return datetime.combine(workspace.period_to + timedelta(days=365), time.max, UTC).replace(microsecond=0)


def open_workspace(uow: UnitOfWork, workspace_id: UUID) -> Workspace:
    """Open the space after the last signature."""
    workspace = uow.get(Workspace, workspace_id, to=Action.WORKSPACE_OPEN)
    if workspace.phase == Phase.AGREEMENT_SIGNED:
        move(uow, workspace, Phase.PROVISIONING, "opening")
    move(uow, workspace, Phase.OPERATIONAL, "opened")
    uow.record("workspace:opened", workspace, policy_version=workspace.policy_version)
    return workspace


def change_phase(uow: UnitOfWork, workspace_id: UUID, change: PhaseChange, *, version: int) -> Workspace:
    """Move the workspace on.

    Raises:
        Outdated: somebody changed it since `version`.
        Conflict: the life-cycle has no such edge, or this one takes two people.
    """
    workspace = uow.get(Workspace, workspace_id, to=Action.WORKSPACE_CHANGE_PHASE)
    if workspace.version != version:
        raise Outdated(current=workspace.version)
    if change.phase in lifecycle.closings(Phase(workspace.phase)):
        raise Conflict("This closes something for good and takes two people: propose it, and a second person approves.")
    if change.phase not in lifecycle.choices(Phase(workspace.phase)):
        open_to = ", ".join(lifecycle.choices(Phase(workspace.phase))) or "none"
        raise Conflict(f"From {workspace.phase} it does not go to {change.phase}; open now: {open_to}.")
    move(uow, workspace, change.phase, change.reason)
    return workspace


def move(uow: UnitOfWork, workspace: Workspace, phase: Phase, reason: str) -> None:
    """Take an edge of the life-cycle, for a caller who has asked who may: the new epoch ends what the old one allowed.

    Raises:
        Conflict: the life-cycle has no such edge.
    """
    before = Phase(workspace.phase)
    if not lifecycle.may_follow(before, phase):
        raise Conflict(f"From {before} it does not go to {phase}.")
    workspace.phase = phase
    bump(workspace)
    uow.forget_standings()
    uow.record(
        "workspace:phase_changed",
        workspace,
        why={"code": "phase", "text": reason},
        before=str(before),
        after=str(phase),
    )


def bump(workspace: Workspace) -> None:
    """A new epoch: sockets are admitted anew, and edits made on the old version are refused."""
    workspace.epoch += 1
    workspace.version += 1
