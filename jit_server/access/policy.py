"""One Casbin policy and its three readings: `permits` a row, `visible` rows in SQL, and who `hears` an event.

A policy is immutable and built whole for one set of rules; a change builds another and swaps one reference.
`load_policy()` in place would fail open while it reloads, so it is never called.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any
from uuid import UUID

import casbin
from casbin.util import SimpleEval
from sqlalchemy import ColumnElement, and_, false, or_, true

from jit_server.access.actors import Standing
from jit_server.access.kinds import Action, Gate, Handling, Origin, PartyClass, Phase, Remedy, Role
from jit_server.access.rules import NONE, Rule, policies
from jit_server.core.errors import N_


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer with its reason. `clause` is the rule that decided; empty when no rule speaks for it."""

    allowed: bool
    clause: str
    reason: str
    remedy: Remedy = Remedy.NONE
    """What would change the answer; worked out for refusals that are shown."""


@dataclass(frozen=True, slots=True)
class Room:
    """A compartment as the policy knows it: a subset of the parties, and the key by which clauses name it."""

    key: str
    parties: frozenset[UUID]


class _Parsed(SimpleEval):  # type: ignore[misc]  # casbin is untyped
    """An expression that shares one parsed tree: parsing a call anew costs 3x and is not thread-safe (F2)."""

    def __init__(self, tree: Any) -> None:
        super().__init__("")
        self.ast_parsed_value = tree


class _Enforcer(casbin.Enforcer):  # type: ignore[misc]  # casbin is untyped
    """Casbin over the lines of one action and role, with the matcher parsed once."""

    _tree: Any = None

    def _get_expression(self, expr: str, functions: Any = None) -> SimpleEval:
        if _Enforcer._tree is None:
            _Enforcer._tree = super()._get_expression(expr, functions).ast_parsed_value
        return _Parsed(_Enforcer._tree)


def _enforcer(lines: list[tuple[str, ...]]) -> _Enforcer:
    model = casbin.Model()
    model.load_model_from_text(_model_text())
    model["p"]["p"].policy = [list(line) for line in lines]
    return _Enforcer(model)


_text: list[str] = []


def _model_text() -> str:
    if not _text:
        _text.append((policies() / "model.conf").read_text(encoding="utf-8"))
    return _text[0]


class Policy:
    """The rules of one workspace: the baseline and the clauses of its signed agreement.

    Args:
        rules: baseline and clauses.
        compartments: the workspace's compartments, by id.
        parties: the slug of each party's agency, by the party's id, where a rule names parties.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        compartments: Mapping[UUID, Room] | None = None,
        parties: Mapping[UUID, str] | None = None,
    ) -> None:
        self.rules = tuple(rules)
        self.compartments = dict(compartments or {})
        self._parties = dict(parties or {})
        self._by_id = {rule.id: rule for rule in self.rules}
        self._enforcers: dict[tuple[str, ...], _Enforcer | None] = {}
        self._memo: dict[tuple[Any, ...], Decision] = {}

    @cached_property
    def _lines(self) -> dict[str, list[tuple[str, ...]]]:
        found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for rule in self.rules:
            for line in rule.lines():
                found[line[8]].append(line)
        return found

    @cached_property
    def _stops(self) -> list[Rule]:
        """The denials by phase alone: what they keep from people, no originator can give while the phase lasts."""
        kinds = ("roles", "party_classes", "parties", "handlings", "gates", "compartments")
        denials = [rule for rule in self.rules if rule.effect == "deny" and rule.phases]
        return [rule for rule in denials if not any(getattr(rule, kind) for kind in kinds)]

    def _enforcer_for(self, action: str, role: str, party_class: str, gate: str) -> _Enforcer | None:
        key = (action, role, party_class, gate)
        if key not in self._enforcers:
            wanted = ((0, role), (1, party_class), (5, gate))
            every = self._lines.get(action, ())
            lines = [line for line in every if all(line[place] in {word, "*"} for place, word in wanted)]
            self._enforcers[key] = _enforcer(lines) if lines else None
        return self._enforcers[key]

    def decide(
        self,
        role: Role,
        party_class: PartyClass,
        origin: Origin,
        handling: Handling,
        phase: Phase,
        action: Action,
        *,
        party: str = NONE,
        gate: Gate = Gate.OPEN,
        compartment: str = NONE,
    ) -> Decision:
        """Allowed or not, and by which rule. The answer is remembered: the space of questions is finite."""
        question = (role, party_class, party, origin, handling, gate, phase, compartment, action)
        known = self._memo.get(question)
        if known is None:
            known = self._memo[question] = self._ask(question)
        return known

    def _ask(self, question: tuple[str, ...]) -> Decision:
        if not all(question):
            return Decision(allowed=False, clause="", reason="An incomplete question is refused.")
        enforcer = self._enforcer_for(question[8], question[0], question[1], question[5])
        if enforcer is None:  # Casbin answers yes to an empty policy and empty words (F5)
            return _SILENT
        allowed, line = enforcer.enforce_ex(*(str(word) for word in question))
        clause = line[10] if line else ""
        reason = self._by_id[clause].reason if clause else ""
        return Decision(bool(allowed), clause, reason)

    def judge(
        self,
        standing: Standing,
        action: Action,
        *,
        origin: Origin = Origin.OWN,
        handling: Handling = Handling.H0,
        gate: Gate = Gate.OPEN,
        compartment: UUID | None = None,
    ) -> Decision:
        """First reading, with its reason: may this person do this to a thing of this kind, in this compartment?"""
        key = self._key_of(compartment, standing.party_id)
        if key is None:
            return _SILENT
        return self.decide(
            standing.role,
            standing.party_class,
            origin,
            handling,
            standing.phase,
            action,
            party=self._parties.get(standing.party_id, NONE),
            gate=gate,
            compartment=key,
        )

    def permits(
        self,
        standing: Standing,
        action: Action,
        *,
        origin: Origin = Origin.OWN,
        handling: Handling = Handling.H0,
        gate: Gate = Gate.OPEN,
        compartment: UUID | None = None,
    ) -> bool:
        """First reading: may this person do this to a thing of this kind?"""
        return self.judge(
            standing, action, origin=origin, handling=handling, gate=gate, compartment=compartment
        ).allowed

    def _key_of(self, compartment: UUID | None, party_id: UUID) -> str | None:
        """How rules name the compartment; None for a party that does not belong to it, for which it does not exist."""
        if compartment is None:
            return NONE
        room = self.compartments.get(compartment)
        return room.key if room is not None and party_id in room.parties else None

    def compartments_of(self, party_id: UUID) -> list[UUID]:
        """The compartments a party belongs to, in a fixed order."""
        return sorted(key for key, room in self.compartments.items() if party_id in room.parties)

    def liftable(self, standing: Standing, action: Action) -> bool:
        """Whether a grant may lift a refusal: only what the person might do to an own, unmarked thing in this phase.

        So a grant lifts a marking or the gate before third countries; never phase, role, compartment or quarantine.
        """
        stopped = any(standing.phase in rule.phases and action in rule.actions for rule in self._stops)
        return not stopped and self.permits(standing, action)

    def explained(self, decision: Decision, standing: Standing, action: Action, row: Any) -> Decision:
        """A refusal with what would change it, and a reason where no rule gave one: often only the marking hinders."""
        marking, party = getattr(row, "handling", None), getattr(row, "party_id", None)
        if marking is None or party in {None, standing.party_id} or not self.liftable(standing, action):
            return replace(decision, remedy=self._remedy(standing, action))
        if standing.party_class in OUTSIDE:
            return replace(decision, remedy=Remedy.VERIFICATION)
        reason = decision.reason if decision.clause else _ASK[Handling(marking)]
        return Decision(allowed=False, clause=decision.clause, reason=reason, remedy=Remedy.ASK_ORIGINATOR)

    def _remedy(self, standing: Standing, action: Action) -> Remedy:
        if any(self.permits(replace(standing, phase=phase), action) for phase in Phase):
            return Remedy.PHASE
        roles = (self.permits(replace(standing, role=role), action) for role in Role)
        return Remedy.ROLE if any(roles) else Remedy.NONE

    def visible(self, table: type[Any], standing: Standing, action: Action) -> ColumnElement[bool]:
        """Second reading: the rows of `table` in this workspace to which the person may do this, as SQL.

        Args:
            table: has `workspace_id`, and `party_id`, `handling`, `gate` and `compartment_id` where its rows have an
                owner, a marking, a quarantine and a compartment.
            standing: what the person is in the workspace.
            action: what would be done with the rows.
        """
        column = getattr(table, "compartment_id", None)
        groups: dict[_Cells, list[UUID | None]] = defaultdict(list)
        for place in (None, *(self.compartments_of(standing.party_id) if column is not None else ())):
            groups[self._cells(table, standing, action, place)].append(place)
        parts = [
            and_(_where(column, places), self._in_sql(table, standing, cells))
            for cells, places in groups.items()
            if cells
        ]
        here: ColumnElement[bool] = table.workspace_id == standing.workspace_id
        return and_(here, or_(*parts)) if parts else false()

    def within(self, table: type[Any], standing: Standing) -> ColumnElement[bool]:
        """The rows of this workspace that neither a compartment nor the quarantine keeps from the person, as SQL."""
        column, gate = getattr(table, "compartment_id", None), getattr(table, "gate", None)
        here: ColumnElement[bool] = table.workspace_id == standing.workspace_id
        let_in: ColumnElement[bool] = true() if gate is None else gate == str(Gate.OPEN)
        return and_(here, let_in, _where(column, [None, *self.compartments_of(standing.party_id)]))

    def _cells(self, table: type[Any], standing: Standing, action: Action, place: UUID | None) -> "_Cells":
        """Which markings of which origin behind which gate are open to the person in one compartment."""
        origins = tuple(Origin) if getattr(table, "party_id", None) is not None else (Origin.OWN,)
        markings = tuple(Handling) if getattr(table, "handling", None) is not None else (Handling.H0,)
        gates = tuple(Gate) if getattr(table, "gate", None) is not None else (Gate.OPEN,)
        found = []
        for gate, origin in product(gates, origins):
            codes = tuple(
                code
                for code in markings
                if self.permits(standing, action, origin=origin, handling=code, gate=gate, compartment=place)
            )
            if codes:
                found.append((gate, origin, codes))
        return tuple(found)

    @staticmethod
    def _in_sql(table: type[Any], standing: Standing, cells: "_Cells") -> ColumnElement[bool]:
        party, marking, gate = (getattr(table, name, None) for name in ("party_id", "handling", "gate"))
        by_gate: dict[Gate, dict[Origin, tuple[Handling, ...]]] = defaultdict(dict)
        for behind, origin, codes in cells:
            by_gate[behind][origin] = codes
        parts = []
        for behind, whose in by_gate.items():
            whole = party is None or len(whose) == len(Origin)
            if whole and len(set(whose.values())) == 1:
                inner = _marked(marking, next(iter(whose.values())))
            else:
                inner = or_(
                    *(and_(_whose(party, standing, origin), _marked(marking, codes)) for origin, codes in whose.items())
                )
            parts.append(inner if gate is None else and_(gate == str(behind), inner))
        return or_(*parts)

    def hears(
        self,
        profile: tuple[Role, PartyClass, UUID],
        action: Action,
        *,
        phase: Phase,
        party_id: UUID | None,
        handling: Handling | None,
        gate: Gate = Gate.OPEN,
        compartment: UUID | None = None,
    ) -> bool:
        """Third reading: may people of this profile hear of a row of this party, marking, gate and compartment?"""
        role, party_class, own = profile
        key = self._key_of(compartment, own)
        origin = Origin.OWN if party_id in {None, own} else Origin.PARTNER
        marking, party = handling or Handling.H0, self._parties.get(own, NONE)
        return key is not None and (
            self.decide(
                role, party_class, origin, marking, phase, action, party=party, gate=gate, compartment=key
            ).allowed
        )

    def grid(self, standing: Standing) -> dict[Action, list[tuple[Origin, Handling, Decision]]]:
        """Everything the person may and may not do, for `what I can see and why`."""
        return {
            action: [
                (origin, code, self.judge(standing, action, origin=origin, handling=code))
                for origin, code in product(Origin, Handling)
            ]
            for action in Action
        }


OUTSIDE = frozenset({PartyClass.THIRD_COUNTRY, PartyClass.INTL_JUDICIAL_AUTHORITY})
"""Parties to which and from which nothing passes without a verification (Arts. 17 and 18)."""

_ASK = {
    Handling.H0: N_("Marked H0: the originator must agree first."),
    Handling.H1: N_("Marked H1: the originator must agree first."),
    Handling.H2: N_("Marked H2: the originator must agree first."),
    Handling.H3: N_("Marked H3: the originator must agree first."),
}
_SILENT = Decision(allowed=False, clause="", reason="")
_Cells = tuple[tuple[Gate, Origin, tuple[Handling, ...]], ...]


def _where(column: Any, places: list[UUID | None]) -> ColumnElement[bool]:
    if column is None:
        return true()
    named = [place for place in places if place is not None]
    inside: ColumnElement[bool] = column.in_(named)
    outside: ColumnElement[bool] = column.is_(None)
    if None not in places:
        return inside
    return or_(outside, inside) if named else outside


def _whose(party: Any, standing: Standing, origin: Origin) -> ColumnElement[bool]:
    if party is None:
        return true()
    mine: ColumnElement[bool] = party == standing.party_id
    return mine if origin is Origin.OWN else party != standing.party_id


def _marked(marking: Any, codes: tuple[Handling, ...]) -> ColumnElement[bool]:
    if marking is None or len(codes) == len(Handling):
        return true()
    among: ColumnElement[bool] = marking.in_([str(code) for code in codes])
    return among
