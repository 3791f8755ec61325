"""Clauses become policy lines: the signed agreement is the policy. Pure."""

import hashlib
import json
from typing import Any

from jit_server.access import PartyClass, Role, Rule
from jit_server.workspaces.models import NewAgreement, NewClause

_KINDS = ("actions", "roles", "party_classes", "origins", "handlings", "phases")

ROLES_OF: dict[PartyClass, frozenset[Role]] = {
    PartyClass.MS_AUTHORITY: frozenset(Role) - {Role.PARTICIPANT},
    PartyClass.EPPO: frozenset(Role) - {Role.PARTICIPANT},
    PartyClass.EU_BODY: frozenset({Role.PARTICIPANT, Role.OBSERVER, Role.AUDITOR}),
    PartyClass.THIRD_COUNTRY: frozenset({Role.LEADER, Role.MEMBER, Role.SECONDED_MEMBER, Role.OBSERVER}),
    PartyClass.INTL_JUDICIAL_AUTHORITY: frozenset({Role.LEADER, Role.MEMBER, Role.OBSERVER}),
    PartyClass.SECRETARIAT: frozenset({Role.OBSERVER}),
}
"""Which roles a party of each class may fill; space administrators come from Member States or the EPPO (Art. 14(1))."""


def compile_clause(clause: NewClause) -> Rule:
    """The rule that a clause means; its id and text stay with it so that a decision can name them."""
    kinds = {name: tuple(str(word) for word in getattr(clause, name)) for name in _KINDS}
    return Rule(id=clause.id, effect=clause.effect, reason=clause.text, **kinds)


def as_stored(rule: Rule) -> dict[str, list[str]]:
    """A rule's kinds as JSON, for its policy line."""
    return {name: list(getattr(rule, name)) for name in _KINDS}


def canonical(agreement: NewAgreement) -> dict[str, Any]:
    """The agreement as JSON values in a fixed shape."""
    return agreement.model_dump(mode="json")


def digest(document: dict[str, Any]) -> str:
    """What the parties sign: SHA-256 over the sorted, compact JSON of the agreement."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
