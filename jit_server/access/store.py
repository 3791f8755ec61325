"""Policies kept ready: one per workspace and version, built from the baseline and its compiled clauses."""

import json
from collections import OrderedDict, defaultdict
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from jit_server.access.kinds import PartyClass
from jit_server.access.policy import Policy, Room
from jit_server.access.rules import Rule, baseline

_LINES = text(
    "SELECT clause_id, effect, rule, reason FROM policy_line"
    " WHERE workspace_id = :workspace AND policy_version = :version ORDER BY clause_id"
)
_ROOMS = text(
    "SELECT c.id, c.key, p.party_id FROM compartment c JOIN compartment_party p ON p.compartment_id = c.id"
    " WHERE c.workspace_id = :workspace"
)
_PARTIES = text(
    "SELECT p.id, a.slug FROM party p JOIN agency a ON a.id = p.agency_id WHERE p.workspace_id = :workspace"
)
# Changed by this very transaction: what it may still undo is never remembered, nor what the reader may not see.
_SETTLED = text(
    "SELECT xmin IS DISTINCT FROM pg_current_xact_id_if_assigned()::xid FROM workspace WHERE id = :workspace"
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
    """The workspace's policy at this version. A committed version never changes, so it may be remembered for ever."""
    key = (workspace_id, version)
    found = _ready.get(key)
    if found is None:
        found = _build(connection, workspace_id, version)
        if connection.execute(_SETTLED, {"workspace": workspace_id}).scalar():
            _ready[key] = found
        while len(_ready) > _KEEP:
            _ready.popitem(last=False)
    return found


def _build(connection: Connection, workspace_id: UUID, version: int) -> Policy:
    rows = connection.execute(_LINES, {"workspace": workspace_id, "version": version}).all()
    rooms = _rooms(connection, workspace_id)
    if not rows and not rooms:
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
    named = any(rule.parties for rule in clauses)
    parties = connection.execute(_PARTIES, {"workspace": workspace_id}).all() if named else []
    return Policy(with_clauses(clauses), rooms, {row.id: row.slug for row in parties})


def with_clauses(clauses: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The baseline and an agreement's rules.

    What the agreement delegates to the secretariat, in so many words, is taken out of the baseline's denial of content
    to it (Art. 14(3)); nothing lifts the one that keeps the verification of third countries' material from it.
    """
    delegated = {
        action
        for rule in clauses
        if rule.effect == "allow" and rule.party_classes == (PartyClass.SECRETARIAT.value,)
        for action in rule.actions
    }
    return (*(_without(rule, delegated) for rule in baseline()), *clauses)


def _without(rule: Rule, delegated: set[str]) -> Rule:
    left = tuple(action for action in rule.actions if action not in delegated)
    return replace(rule, actions=left) if rule.id == SECRETARIAT and left and left != rule.actions else rule


SECRETARIAT = "D2"
"""The baseline's denial of content to the secretariat."""


def _rooms(connection: Connection, workspace_id: UUID) -> dict[UUID, Room]:
    keys: dict[UUID, str] = {}
    parties: dict[UUID, set[UUID]] = defaultdict(set)
    for row in connection.execute(_ROOMS, {"workspace": workspace_id}):
        keys[row.id] = row.key
        parties[row.id].add(row.party_id)
    return {key: Room(name, frozenset(parties[key])) for key, name in keys.items()}


def _as_dict(stored: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(stored) if isinstance(stored, str) else stored
    return found
