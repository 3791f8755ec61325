"""Policies kept ready: one per workspace and version, built from the baseline and its compiled clauses."""

import json
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Integer, Uuid, bindparam, text

from jit_server.access.kinds import PartyClass
from jit_server.access.policy import Policy, Room
from jit_server.access.rules import Rule, baseline

_LINES = text(
    "SELECT l.workspace_id, l.policy_version, l.clause_id, l.effect, l.rule, l.reason FROM policy_line l"
    " JOIN unnest(:workspaces, :versions) AS w(id, version)"
    " ON l.workspace_id = w.id AND l.policy_version = w.version ORDER BY l.clause_id"
).bindparams(bindparam("workspaces", type_=ARRAY(Uuid)), bindparam("versions", type_=ARRAY(Integer)))
_ROOMS = text(
    "SELECT c.workspace_id, c.id, c.key, p.party_id FROM compartment c"
    " JOIN compartment_party p ON p.compartment_id = c.id WHERE c.workspace_id = ANY(:workspaces)"
)
_PARTIES = text(
    "SELECT p.workspace_id, p.id, a.slug FROM party p JOIN agency a ON a.id = p.agency_id"
    " WHERE p.workspace_id = ANY(:workspaces)"
)
# Changed by this very transaction: what it may still undo is never remembered, nor what the reader may not see.
_SETTLED = text(
    "SELECT id FROM workspace"
    " WHERE id = ANY(:workspaces) AND xmin IS DISTINCT FROM pg_current_xact_id_if_assigned()::xid"
)
_KEEP = 1024
_Key = tuple[UUID, int]
"""A workspace and the version of its policy."""

_ready: OrderedDict[_Key, Policy] = OrderedDict()
_plain: list[Policy] = []


def baseline_policy() -> Policy:
    """The policy of a workspace whose agreement adds no clause; shared, so that its memo is warm."""
    if not _plain:
        _plain.append(Policy(baseline()))
    return _plain[0]


def policy_of(connection: Connection, workspace_id: UUID, version: int) -> Policy:
    """The workspace's policy at this version. A committed version never changes, so it may be remembered for ever."""
    key = (workspace_id, version)
    return _ready.get(key) or policies_of(connection, [key])[key]


def policies_of(connection: Connection, wanted: Iterable[_Key]) -> dict[_Key, Policy]:
    """The policies of several workspaces, each at its version; those not at hand in one query a table."""
    found = {key: _ready.get(key) for key in wanted}
    missing = [key for key, policy in found.items() if policy is None]
    built = _build(connection, missing) if missing else {}
    if built:
        settled = set(connection.scalars(_SETTLED, {"workspaces": [workspace_id for workspace_id, _ in missing]}))
        _ready.update((key, policy) for key, policy in built.items() if key[0] in settled)
    while len(_ready) > _KEEP:
        _ready.popitem(last=False)
    return {key: policy or built[key] for key, policy in found.items()}


def _build(connection: Connection, wanted: list[_Key]) -> dict[_Key, Policy]:
    ids = sorted({workspace_id for workspace_id, _ in wanted})
    clauses, rooms = _clauses(connection, wanted), _rooms(connection, ids)
    named = sorted({key[0] for key, rules in clauses.items() if any(rule.parties for rule in rules)})
    slugs = _slugs(connection, named) if named else {}
    return {
        key: Policy(with_clauses(clauses.get(key, ())), rooms.get(key[0]), slugs.get(key[0]))
        if key in clauses or key[0] in rooms
        else baseline_policy()
        for key in wanted
    }


def _clauses(connection: Connection, wanted: list[_Key]) -> dict[_Key, tuple[Rule, ...]]:
    ids, versions = zip(*wanted, strict=True)
    found: dict[_Key, tuple[Rule, ...]] = defaultdict(tuple)
    for row in connection.execute(_LINES, {"workspaces": list(ids), "versions": list(versions)}):
        kinds = {name: tuple(words) for name, words in _as_dict(row.rule).items()}
        rule = Rule(id=row.clause_id, effect=row.effect, reason=row.reason, **kinds)
        found[row.workspace_id, row.policy_version] += (rule,)
    return dict(found)


def _slugs(connection: Connection, workspaces: list[UUID]) -> dict[UUID, dict[UUID, str]]:
    """By which short name rules know each party, by workspace."""
    found: dict[UUID, dict[UUID, str]] = defaultdict(dict)
    for row in connection.execute(_PARTIES, {"workspaces": workspaces}):
        found[row.workspace_id][row.id] = row.slug
    return found


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


def _rooms(connection: Connection, workspaces: list[UUID]) -> dict[UUID, dict[UUID, Room]]:
    """Compartments, by workspace."""
    keys: dict[UUID, dict[UUID, str]] = defaultdict(dict)
    parties: dict[UUID, set[UUID]] = defaultdict(set)
    for row in connection.execute(_ROOMS, {"workspaces": workspaces}):
        keys[row.workspace_id][row.id] = row.key
        parties[row.id].add(row.party_id)
    return {
        workspace_id: {key: Room(name, frozenset(parties[key])) for key, name in named.items()}
        for workspace_id, named in keys.items()
    }


def _as_dict(stored: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(stored) if isinstance(stored, str) else stored
    return found
