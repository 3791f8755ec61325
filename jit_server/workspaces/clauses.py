"""Clauses become policy lines: the signed agreement is the policy. Pure.

A clause may narrow what the baseline opens and open what the baseline is silent on. It never opens what the baseline
denies (a denial overrides), and one that tries to, in so many words, is refused with the reason rather than ignored.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import product
from typing import Any

from jit_server.access import Action, Handling, PartyClass, Role, Rule, baseline
from jit_server.workspaces.document import NewAgreement, NewClause

_KINDS = ("roles", "party_classes", "origins", "handlings", "phases", "gates", "parties", "compartments")

ROLES_OF: dict[PartyClass, frozenset[Role]] = {
    PartyClass.MS_AUTHORITY: frozenset(Role) - {Role.PARTICIPANT},
    PartyClass.EPPO: frozenset(Role) - {Role.PARTICIPANT},
    PartyClass.EU_BODY: frozenset({Role.PARTICIPANT, Role.OBSERVER, Role.AUDITOR}),
    PartyClass.THIRD_COUNTRY: frozenset({Role.LEADER, Role.MEMBER, Role.SECONDED_MEMBER, Role.OBSERVER}),
    PartyClass.INTL_JUDICIAL_AUTHORITY: frozenset({Role.LEADER, Role.MEMBER, Role.OBSERVER}),
    PartyClass.SECRETARIAT: frozenset({Role.MEMBER, Role.OBSERVER}),
}
"""Which roles a party of each class may fill; space administrators come from Member States or the EPPO (Art. 14(1))."""

HOME = frozenset({PartyClass.MS_AUTHORITY, PartyClass.EPPO})
RESERVED = {
    Action.EVIDENCE_VERIFY_INBOUND: "only space administrators verify what a third country supplied (Art. 17(3))",
    Action.AGREEMENT_SIGN: "only leaders sign, each for their own party (Art. 13(1))",
    Action.AGREEMENT_AMEND: "only leaders lay amendments before the parties (Art. 13(4))",
    Action.APPROVAL_GIVE: "who may be the second person is not for an agreement to widen",
    Action.POLICY_APPLY: "a party's restrictions are applied by its own leaders",
    Action.POLICY_PROPOSE: "a party's restrictions are proposed by its own leaders",
}
"""What no clause may open to anybody beyond the baseline."""
ADMINISTERS = frozenset({Action.MEMBER_INVITE, Action.WORKSPACE_OPEN, Action.WORKSPACE_CHANGE_PHASE})
"""What only parties from Member States and the EPPO may be given (Art. 14(1))."""


def compile_all(agreement: NewAgreement, today: date | None = None) -> tuple[Rule, ...]:
    """All rules that an agreement means, apart from the baseline.

    Args:
        agreement: as signed.
        today: clauses whose `valid_until` lies before it no longer compile; None compiles all.
    """
    live = [one for one in agreement.clauses if today is None or one.valid_until is None or one.valid_until >= today]
    return (*(compile_clause(clause) for clause in live), *_platform(agreement))


def compile_clause(clause: NewClause) -> Rule:
    """The rule that a clause means; its id and text stay with it so that a decision can name them."""
    handlings = clause.handlings or (tuple(_up_to(clause.ceiling)) if clause.ceiling is not None else ())
    return Rule(
        id=clause.id,
        effect=clause.effect,
        reason=clause.text,
        actions=_words(clause.actions),
        roles=_words(clause.roles),
        party_classes=_words(clause.party_classes),
        parties=clause.parties,
        origins=_words(clause.origins),
        handlings=_words(handlings),
        phases=_words(clause.phases),
        compartments=clause.compartments,
    )


def _words(kinds: Iterable[Any]) -> tuple[str, ...]:
    return tuple(str(word) for word in kinds)


def _up_to(ceiling: Handling) -> list[Handling]:
    every = list(Handling)
    return every[: every.index(ceiling) + 1]


def _platform(agreement: NewAgreement) -> Iterator[Rule]:
    """What follows from the platform clause: no third country before a controller, and what the secretariat may do."""
    if agreement.outsiders and agreement.controller_for_third_party_data is None:
        yield Rule(
            id="platform.controller",
            effect="deny",
            actions=(Action.EVIDENCE_REGISTER.value,),
            party_classes=(PartyClass.THIRD_COUNTRY.value, PartyClass.INTL_JUDICIAL_AUTHORITY.value),
            reason="No controller is designated yet for what comes from outside the Union (Art. 23(2)).",
        )
    if agreement.secretariat_scope:
        yield Rule(
            id="platform.secretariat",
            effect="allow",
            actions=_words(agreement.secretariat_scope),
            party_classes=(PartyClass.SECRETARIAT.value,),
            reason="The agreement delegates this to the JITs Network Secretariat (Art. 14(3)).",
        )


def faults(agreement: NewAgreement) -> list[tuple[str, str]]:
    """Why the clauses of a new agreement cannot stand: field and words. Empty when they can."""
    found = [(f"clauses.{clause.id}", words) for clause in agreement.clauses for words in beyond(clause)]
    return found + [("clauses", words) for words in _contradictions(agreement.clauses)]


def beyond(clause: NewClause) -> list[str]:
    """Where a clause asks for more than the baseline's hard limits leave."""
    if clause.effect == "deny":
        return []
    found = [f"{action}: {RESERVED[action]}" for action in clause.actions if action in RESERVED]
    if set(clause.actions) & ADMINISTERS and not (clause.party_classes and set(clause.party_classes) <= HOME):
        found.append("only Member States and the EPPO administer the space: name their party classes (Art. 14(1))")
    if PartyClass.SECRETARIAT in clause.party_classes:
        found.append("what the secretariat may do stands in secretariat_scope (Art. 14(3))")
    denials = [rule for rule in baseline() if rule.effect == "deny"]
    for words in _named(compile_clause(clause)):
        reason = next((denial.reason for denial in denials if _covers(denial, words)), None)
        if reason and reason not in found:
            found.append(reason)
    return found


def _named(rule: Rule) -> Iterator[Rule]:
    """The clause taken apart by every word it names, so that each must leave something open."""
    named = [
        name for name in ("actions", "roles", "party_classes", "origins", "handlings", "phases") if getattr(rule, name)
    ]
    for words in product(*(getattr(rule, name) for name in named)):
        yield Rule(id=rule.id, effect=rule.effect, **{name: (word,) for name, word in zip(named, words, strict=True)})  # type: ignore[arg-type] # `named` holds `actions` always


def _covers(one: Rule, other: Rule) -> bool:
    """Whether every case of `other` is a case of `one`."""
    return set(other.actions) <= set(one.actions) and all(_within(other, one, name) for name in _KINDS)


def _within(inner: Rule, outer: Rule, name: str) -> bool:
    wide, narrow = set(getattr(outer, name)), set(getattr(inner, name))
    return not wide or (bool(narrow) and narrow <= wide)


def _contradictions(clauses: Iterable[NewClause]) -> list[str]:
    """Pairs where the permission can never take effect, since a denial of the same agreement covers it whole."""
    rules = [compile_clause(clause) for clause in clauses]
    allows, denies = ([rule for rule in rules if rule.effect == effect] for effect in ("allow", "deny"))
    return [
        f"clause {allow.id} ({allow.reason}) allows what clause {deny.id} ({deny.reason}) forbids altogether"
        for allow, deny in product(allows, denies)
        if _covers(deny, allow)
    ]


def canonical(agreement: NewAgreement) -> dict[str, Any]:
    """The agreement as JSON values in a fixed shape."""
    return agreement.model_dump(mode="json")


def canonical_bytes(document: dict[str, Any]) -> bytes:
    """What the parties sign: the sorted, compact JSON of the agreement, in UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(document: dict[str, Any]) -> str:
    """The SHA-256 by which the signed bytes are named."""
    return f"sha256:{hashlib.sha256(canonical_bytes(document)).hexdigest()}"
