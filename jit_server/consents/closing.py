"""Closing a workspace step by step: an act of two people, and at the very end only of an empty one."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import SQLModel

from jit_server.access import Action, Phase
from jit_server.consents import acts
from jit_server.consents.acts import Act
from jit_server.core.errors import Conflict, Outdated
from jit_server.work import UnitOfWork
from jit_server.workspaces import lifecycle
from jit_server.workspaces.models import Workspace
from jit_server.workspaces.usecases.phases import move

KIND = "phase"
NAMES = {"evidence_item": "exhibits", "message": "messages", "upload": "uploads"}


_gone: dict[str, Any] = {}


def tombstoned(table: str, ids: Any) -> None:
    """Take in which rows of a table stand for content that is gone: a query for their ids."""
    _gone[table] = ids


def remains(uow: UnitOfWork, workspace_id: UUID) -> dict[str, int]:
    """What content a workspace still holds: rows by their table's name in words, whoever may see them."""
    found = {}
    with uow.as_system():
        for table in _content():
            statement = select(func.count()).select_from(table).where(table.c.workspace_id == workspace_id)
            if table.name in _gone:
                statement = statement.where(table.c.id.not_in(_gone[table.name]))
            count = uow.session.execute(statement).scalar_one()
            if count:
                found[NAMES.get(table.name, table.name.replace("_", " "))] = count
    return found


@cache
def _content() -> tuple[Any, ...]:
    """Tables of marked things of a workspace; what only records dealings with them is no content."""
    mapped = [mapper.class_ for mapper in SQLModel._sa_registry.mappers]  # noqa: SLF001 - it has no public name
    tables = [one.__table__ for one in mapped if not getattr(one, "__dealings__", False)]
    return tuple(sorted((one for one in tables if {"workspace_id", "handling"} <= set(one.c.keys())), key=str))


def _find(uow: UnitOfWork, workspace_id: UUID, _subject_id: UUID) -> Workspace:
    return uow.get(Workspace, workspace_id, to=Action.WORKSPACE_READ)


def _stands(uow: UnitOfWork, workspace: Workspace, payload: dict[str, Any]) -> None:
    before, after = Phase(payload["before"]), Phase(payload["after"])
    if workspace.phase != before:
        raise Outdated(f"It was proposed while the workspace was {before}; now it is {workspace.phase}.")
    if after not in lifecycle.closings(before):
        open_to = ", ".join(lifecycle.closings(before)) or "none"
        raise Conflict(f"From {before} two people do not take it to {after}; open now: {open_to}.")
    left = remains(uow, workspace.id) if after is Phase.CLOSED else {}
    if left:
        words = ", ".join(f"{name} ({count})" for name, count in left.items())
        raise Conflict(f"A closed workspace holds nothing but its log. There remain: {words}.", remains=left)


def _perform(uow: UnitOfWork, workspace: Workspace, payload: dict[str, Any], reason: str) -> None:
    uow.session.refresh(workspace, with_for_update={"key_share": True})
    _stands(uow, workspace, payload)
    move(uow, workspace, Phase(payload["after"]), reason)


acts.register(Act(KIND, Action.WORKSPACE_CHANGE_PHASE, _find, _stands, _perform))
