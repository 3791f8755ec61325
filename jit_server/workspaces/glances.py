"""What rooms above tell this one's pages (unread messages, exhibits): they register, nobody looks up."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Uuid, func, literal, select, union_all

from jit_server.work import UnitOfWork

Glance = Callable[[UnitOfWork, Sequence[UUID]], dict[UUID, dict[str, int]]]
"""Counts by workspace, such as {workspace: {"unread": 3}}; only of what the actor may see, and bounded in cost."""

Lines = Callable[[UnitOfWork, Mapping[UUID, str]], list[dict[str, Any]]]
"""What waits for the actor in these workspaces (id -> name): lines of my day, {kind, title, sub, url, at}."""

MOST = 1000
"""Nobody needs to know how many more there are; counting stops here so that no page grows with its table."""

_glances: list[Glance] = []
_lines: list[Lines] = []


def register(glance: Glance) -> Glance:
    """Take in a room's counts."""
    if glance not in _glances:
        _glances.append(glance)
    return glance


def counts(uow: UnitOfWork, workspaces: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """All counts of these workspaces."""
    found: dict[UUID, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for glance in _glances if workspaces else ():
        for workspace_id, numbers in glance(uow, workspaces).items():
            found[workspace_id].update(numbers)
    return found


def counted(uow: UnitOfWork, wanted: Iterable[tuple[UUID, Select[Any]]]) -> dict[UUID, int]:
    """How many rows there are by workspace, each statement counted to `MOST`, in one query.

    Each statement brings the condition of its own workspace: nothing is counted first and taken away afterwards.
    """
    arms = [
        select(literal(key, Uuid).label("workspace_id"), func.count().label("rows")).select_from(
            statement.limit(MOST).subquery()
        )
        for key, statement in wanted
    ]
    found: dict[UUID, int] = defaultdict(int)
    for workspace_id, rows in uow.connection.execute(union_all(*arms)) if arms else ():
        found[workspace_id] += rows
    return dict(found)


def waits(lines: Lines) -> Lines:
    """Take in what a room lets wait for people."""
    if lines not in _lines:
        _lines.append(lines)
    return lines


def lines(uow: UnitOfWork, workspaces: Mapping[UUID, str]) -> list[dict[str, Any]]:
    """All that waits for the actor, room by room."""
    return [line for room in _lines for line in room(uow, workspaces)]
