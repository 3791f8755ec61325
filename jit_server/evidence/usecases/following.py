"""After an exhibit's marking, gate or recipients changed: its row is read anew, and the team's screens follow."""

from uuid import UUID

from jit_server.access import Action
from jit_server.evidence.models import EvidenceItem
from jit_server.work import UnitOfWork
from jit_server.workspaces import Workspace
from jit_server.workspaces.usecases.phases import bump


def read_anew(uow: UnitOfWork, item: EvidenceItem) -> None:
    """The exhibit as the database made it follow from the rows just added."""
    uow.session.flush()
    uow.session.refresh(item)


def screens_follow(uow: UnitOfWork, item: EvidenceItem) -> None:
    """The same, and a new epoch of the workspace: sockets are admitted anew, under what holds now."""
    read_anew(uow, item)
    bump(_locked(uow, item.workspace_id))


def _locked(uow: UnitOfWork, workspace_id: UUID) -> Workspace:
    """The workspace's row, held until the commit: two changes at once must not make one epoch of two."""
    workspace = uow.get(Workspace, workspace_id, to=Action.WORKSPACE_READ)
    uow.session.refresh(workspace, with_for_update={"key_share": True})
    return workspace
