"""Policies kept ready: one per workspace and version, built from the baseline and its compiled clauses."""

import json
from collections import OrderedDict
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from jit_server.access.policy import Policy
from jit_server.access.rules import Rule, baseline

_LINES = text(
    "SELECT clause_id, effect, rule, reason FROM policy_line"
    " WHERE workspace_id = :workspace AND policy_version = :version ORDER BY clause_id"
)
_KEEP = 1024
_ready: OrderedDict[tuple[UUID, int], Policy] = OrderedDict()
_plain: list[Policy] = []


def baseline_policy() -> Policy:
    """The policy of a workspace whose agreement adds no clause; shared, so that its memo is warm."""
    if not _plain:
        _plain.append(Policy(baseline()))
    return _plain[0]


def policy_of(connection: Connection, workspace_id: UUID, version: int) -> Policy:
    """The workspace's policy at this version. A version never changes, so it may be remembered for ever."""
    key = (workspace_id, version)
    found = _ready.get(key)
    if found is None:
        found = _ready[key] = _build(connection, workspace_id, version)
        while len(_ready) > _KEEP:
            _ready.popitem(last=False)
    return found


def _build(connection: Connection, workspace_id: UUID, version: int) -> Policy:
    rows = connection.execute(_LINES, {"workspace": workspace_id, "version": version}).all()
    if not rows:
        return baseline_policy()
    clauses = tuple(
        Rule(
            id=row.clause_id,
            effect=row.effect,
            reason=row.reason,
            **{name: tuple(words) for name, words in _as_dict(row.rule).items()},
        )
        for row in rows
    )
    return Policy((*baseline(), *clauses))


def _as_dict(stored: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(stored) if isinstance(stored, str) else stored
    return found
