"""One Casbin policy and its three readings: `permits` a row, `visible` rows in SQL, and who `hears` an event.

A policy is immutable and built whole for one set of rules; a change builds another and swaps one reference.
`load_policy()` in place would fail open while it reloads, so it is never called.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any
from uuid import UUID

import casbin
from casbin.util import SimpleEval
from sqlalchemy import ColumnElement, and_, false, or_, true
from sqlalchemy.orm.attributes import InstrumentedAttribute

from jit_server.access.actors import Standing
from jit_server.access.kinds import Action, Handling, Origin, PartyClass, Phase, Role
from jit_server.access.rules import Rule, policies


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer with its reason. `clause` is the rule that decided; empty when no rule speaks for it."""

    allowed: bool
    clause: str
    reason: str


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
    """The rules of one workspace: the baseline and the clauses of its signed agreement."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._by_id = {rule.id: rule for rule in self.rules}
        self._enforcers: dict[tuple[str, str], _Enforcer | None] = {}
        self._memo: dict[tuple[Any, ...], Decision] = {}

    @cached_property
    def _lines(self) -> dict[str, list[tuple[str, ...]]]:
        found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for rule in self.rules:
            for line in rule.lines():
                found[line[5]].append(line)
        return found

    def _enforcer_for(self, action: str, role: str) -> _Enforcer | None:
        key = (action, role)
        if key not in self._enforcers:
            lines = [line for line in self._lines.get(action, ()) if line[0] in {role, "*"}]
            self._enforcers[key] = _enforcer(lines) if lines else None
        return self._enforcers[key]

    def decide(
        self, role: Role, party_class: PartyClass, origin: Origin, handling: Handling, phase: Phase, action: Action
    ) -> Decision:
        """Allowed or not, and by which rule. The answer is remembered: the space of questions is finite."""
        question = (role, party_class, origin, handling, phase, action)
        known = self._memo.get(question)
        if known is None:
            known = self._memo[question] = self._ask(question)
        return known

    def _ask(self, question: tuple[str, ...]) -> Decision:
        if not all(question):
            return Decision(allowed=False, clause="", reason="An incomplete question is refused.")
        enforcer = self._enforcer_for(question[5], question[0])
        if enforcer is None:  # Casbin answers yes to an empty policy and empty words (F5)
            return Decision(allowed=False, clause="", reason="")
        allowed, line = enforcer.enforce_ex(*(str(word) for word in question))
        clause = line[7] if line else ""
        reason = self._by_id[clause].reason if clause else ""
        return Decision(bool(allowed), clause, reason)

    def permits(
        self, standing: Standing, action: Action, *, origin: Origin = Origin.OWN, handling: Handling = Handling.H0
    ) -> bool:
        """First reading: may this person do this to a thing of this kind?"""
        return self.decide(standing.role, standing.party_class, origin, handling, standing.phase, action).allowed

    def explained(self, decision: Decision, standing: Standing, action: Action, row: Any) -> Decision:
        """The decision with a reason where no rule gave one: often only the marking stands in the way."""
        marking, party = getattr(row, "handling", None), getattr(row, "party_id", None)
        foreign = marking is not None and party not in {None, standing.party_id}
        if decision.clause or not foreign or not self.permits(standing, action, origin=Origin.PARTNER):
            return decision
        return Decision(allowed=False, clause="", reason=f"Marked {marking}: the originator must agree first.")

    def visible(self, table: type[Any], standing: Standing, action: Action) -> ColumnElement[bool]:
        """Second reading: the rows of `table` in this workspace to which the person may do this, as SQL.

        Args:
            table: has `workspace_id`, and `party_id` and `handling` where its rows have an owner and a marking.
            standing: what the person is in the workspace.
            action: what would be done with the rows.
        """
        here: ColumnElement[bool] = table.workspace_id == standing.workspace_id
        party: InstrumentedAttribute[UUID] | None = getattr(table, "party_id", None)
        marking: InstrumentedAttribute[str] | None = getattr(table, "handling", None)
        origins = list(Origin) if party is not None else [Origin.OWN]
        handlings = list(Handling) if marking is not None else [Handling.H0]
        allowed = {
            origin: [code for code in handlings if self.permits(standing, action, origin=origin, handling=code)]
            for origin in origins
        }
        if all(codes == handlings for codes in allowed.values()):
            return here
        parts = [
            and_(_whose(party, standing, origin), _marked(marking, codes, handlings))
            for origin, codes in allowed.items()
            if codes
        ]
        return and_(here, or_(*parts)) if parts else false()

    def hears(
        self,
        profile: tuple[Role, PartyClass, UUID],
        action: Action,
        *,
        phase: Phase,
        party_id: UUID | None,
        handling: Handling | None,
    ) -> bool:
        """Third reading: may people of this profile hear of a row of this party and marking?"""
        role, party_class, own = profile
        origin = Origin.OWN if party_id in {None, own} else Origin.PARTNER
        return self.decide(role, party_class, origin, handling or Handling.H0, phase, action).allowed

    def grid(self, standing: Standing) -> dict[Action, list[tuple[Origin, Handling, Decision]]]:
        """Everything the person may and may not do, for `what I can see and why`."""
        return {
            action: [
                (origin, code, self.decide(standing.role, standing.party_class, origin, code, standing.phase, action))
                for origin, code in product(Origin, Handling)
            ]
            for action in Action
        }


def _whose(party: Any, standing: Standing, origin: Origin) -> ColumnElement[bool]:
    if party is None:
        return true()
    mine: ColumnElement[bool] = party == standing.party_id
    return mine if origin is Origin.OWN else party != standing.party_id


def _marked(marking: Any, codes: list[Handling], every: list[Handling]) -> ColumnElement[bool]:
    if marking is None or codes == every:
        return true()
    among: ColumnElement[bool] = marking.in_([str(code) for code in codes])
    return among
