"""What a member may know of a workspace: the space itself, one's own rights and their reasons."""

from collections import defaultdict
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col

from jit_server.access import Action, Standing
from jit_server.core.errors import NotFound
from jit_server.work import UnitOfWork
from jit_server.workspaces.compartments import Compartment
from jit_server.workspaces.models import Party, Workspace, WorkspaceOut


def workspace(uow: UnitOfWork, workspace_id: UUID, *, note: bool = True) -> WorkspaceOut:
    """One workspace, with the actor's role in it.

    Consulting is on the record (LED Art. 25(1)); `note` is false where another entry says so already.
    """
    found = uow.get(Workspace, workspace_id, to=Action.WORKSPACE_READ)
    if note:
        uow.record("workspace:read", found)
    standing = standing_of(uow, workspace_id)
    parties = uow.all(uow.select(Party, to=Action.WORKSPACE_READ, within=workspace_id))
    return _out(found, standing, [party.state for party in parties])


def standing_of(uow: UnitOfWork, workspace_id: UUID) -> Standing:
    """What the actor is here.

    Raises:
        NotFound: an outsider.
    """
    standing = uow.standing(workspace_id)
    if standing is None:
        raise NotFound
    return standing


def compartments(uow: UnitOfWork, workspace_id: UUID) -> list[tuple[UUID, str]]:
    """The compartments of the workspace that the actor's party belongs to, id and name, by name."""
    standing = standing_of(uow, workspace_id)
    mine = uow.policy(standing).compartments_of(standing.party_id)
    found = uow.every(Compartment, col(Compartment.id).in_(mine), col(Compartment.closed_at).is_(None)) if mine else []
    return sorted(((one.id, one.name) for one in found), key=lambda one: one[1])


def my_workspaces(uow: UnitOfWork, *, note: bool = False) -> list[WorkspaceOut]:
    """The workspaces the actor belongs to, by name."""
    if uow.actor.person_id is None:
        return []
    standings = {one.workspace_id: one for one in uow.standings()}
    found = uow.every(Workspace, col(Workspace.id).in_(standings))
    states: dict[UUID, list[str]] = defaultdict(list)
    for party in uow.every(Party, col(Party.workspace_id).in_(standings), limit=20_000):
        states[party.workspace_id].append(party.state)
    if note:
        uow.record("workspace:listed", count=len(found))
    return [_out(one, standings[one.id], states[one.id]) for one in sorted(found, key=lambda row: row.name)]


def my_names(uow: UnitOfWork) -> dict[UUID, str]:
    """The workspaces the actor belongs to, id and name, by name, in one query: every page has them in its masthead."""
    mine = text("SELECT w.id, w.name FROM standing s JOIN workspace w ON w.id = s.workspace_id WHERE s.person_id = :me")
    found = uow.connection.execute(mine, {"me": uow.actor.person_id})
    return dict(sorted(((row.id, row.name) for row in found), key=lambda one: one[1]))


def _out(found: Workspace, standing: Standing, states: list[str]) -> WorkspaceOut:
    shared = found.model_dump(exclude={"epoch", "policy_version", "created_at"})
    return WorkspaceOut(**shared, states=sorted(set(states)), my_role=standing.role)
