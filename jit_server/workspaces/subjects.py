"""What the log's lines are about, in words and with a link: rooms above register their kinds of thing here."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces.usecases.record import EntryOut

Describe = Callable[[Any], tuple[str, str]]
"""A row -> its name for people and its address."""

_kinds: dict[str, tuple[type[Any], Describe]] = {}


def register(kind: str, table: type[Any], describe: Describe) -> None:
    """Let lines about this kind be named by the rows of `table`, for whoever may know of them (`__known_by__`)."""
    _kinds[kind] = (table, describe)


def described(kind: str, row: Any) -> tuple[str, str]:
    """Name and address of one row, for whoever was given it; a kind that nobody registered has neither."""
    known = _kinds.get(kind)
    return known[1](row) if known else ("", "")


def named(uow: UnitOfWork, entries: Iterable[EntryOut]) -> dict[str, tuple[str, str]]:
    """Name and address by the subject's id; one query a kind, nothing for what the actor may not know of."""
    wanted: dict[str, set[UUID]] = defaultdict(set)
    for one in entries:
        if one.subject.get("kind") in _kinds and one.subject.get("id"):
            wanted[one.subject["kind"]].add(UUID(one.subject["id"]))
    found: dict[str, tuple[str, str]] = {}
    for kind, ids in wanted.items():
        table, describe = _kinds[kind]
        for key, row in rows_by_id(uow, table, ids).items():
            if uow.permits(table.__known_by__, row):
                found[str(key)] = describe(row)
    return found


def name_of(uow: UnitOfWork, kind: str, workspace_id: UUID, key: UUID) -> tuple[str, str]:
    """Name and address of one thing of the workspace; both empty where the actor may not know of it."""
    table, describe = _kinds[kind]
    row = rows_by_id(uow, table, [key]).get(key)
    known = row is not None and row.workspace_id == workspace_id and uow.permits(table.__known_by__, row)
    return describe(row) if known else ("", "")
