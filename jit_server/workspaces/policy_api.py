"""JSON doors of the rules: the same use-cases as the pages of A4."""

from uuid import UUID

from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from jit_server.access import Action, Handling, Origin, Role, Rule
from jit_server.web.api import answer, created
from jit_server.web.context import work
from jit_server.workspaces.api import routes
from jit_server.workspaces.comparing import Comparison
from jit_server.workspaces.restrictions import EndRule, NewPartyRule, PartyRule
from jit_server.workspaces.usecases import party_rules, policies

HERE = "/workspaces/<uuid:workspace_id>/policy"
RULE = f"{HERE}/restrictions/<uuid:rule_id>"


class DiffQuery(BaseModel):
    """Which two versions; `0` is the baseline alone."""

    model_config = ConfigDict(extra="forbid")

    before: int = Field(ge=0, le=2**31 - 1)
    after: int = Field(ge=0, le=2**31 - 1)


class EffectOut(BaseModel):
    """What people of one role of one party may do from then on, or no longer."""

    party: str
    role: Role
    action: Action
    origin: Origin
    handlings: list[Handling]
    allowed: bool
    clause: str


class ComparisonOut(BaseModel):
    """How two versions differ: rules, and what today's team may do under each."""

    added: list[Rule]
    removed: list[Rule]
    changed: list[tuple[Rule, Rule]]
    effects: list[EffectOut]
    loosens: bool


class ProposedOut(BaseModel):
    """A restriction, and what changes when what waits about it is done."""

    id: UUID
    clause: str
    change: ComparisonOut


def _shown(found: Comparison) -> ComparisonOut:
    effects = [
        EffectOut(
            party=one.profile.party,
            role=one.profile.role,
            action=one.action,
            origin=one.origin,
            handlings=list(one.handlings),
            allowed=one.allowed,
            clause=one.clause,
        )
        for one in found.effects
    ]
    return ComparisonOut(
        added=list(found.added),
        removed=list(found.removed),
        changed=list(found.changed),
        effects=effects,
        loosens=found.loosens,
    )


@routes.reads(HERE, to=Action.POLICY_EXPLAIN, answers={200: policies.Book})
def read_policy(workspace_id: UUID) -> ResponseReturnValue:
    """The rules in force, one's own party's restrictions, and every version."""
    with work() as uow:
        return answer(policies.book(uow, workspace_id))


@routes.reads(f"{HERE}/diff", to=Action.POLICY_EXPLAIN, query=DiffQuery, answers={200: ComparisonOut})
def compare_policies(workspace_id: UUID, query: DiffQuery) -> ResponseReturnValue:
    """What changed between two versions."""
    with work() as uow:
        return answer(_shown(policies.difference(uow, workspace_id, query.before, query.after)))


@routes.posts(f"{HERE}/restrictions", to=Action.POLICY_PROPOSE, body=NewPartyRule, answers={201: ProposedOut})
def propose_rule(workspace_id: UUID, body: NewPartyRule) -> ResponseReturnValue:
    """Word a restriction of one's own party; the answer says what applying it would change."""
    with work() as uow:
        made = party_rules.propose_rule(uow, workspace_id, body)
        uow.session.flush()
        change = _shown(party_rules.preview(uow, made))
        return created(ProposedOut(id=made.id, clause=made.clause_id, change=change))


@routes.posts(f"{RULE}/apply", to=Action.POLICY_APPLY, answers={200: policies.Book})
def apply_rule(workspace_id: UUID, rule_id: UUID) -> ResponseReturnValue:
    """Put a restriction in force."""
    with work() as uow:
        party_rules.apply_rule(uow, workspace_id, rule_id)
        return answer(policies.book(uow, workspace_id))


@routes.posts(f"{RULE}/withdraw", to=Action.POLICY_PROPOSE, answers={200: policies.Book})
def withdraw_rule(workspace_id: UUID, rule_id: UUID) -> ResponseReturnValue:
    """Take a proposal back before it was applied."""
    with work() as uow:
        party_rules.withdraw_rule(uow, workspace_id, rule_id)
        return answer(policies.book(uow, workspace_id))


@routes.posts(f"{RULE}/propose-end", to=Action.POLICY_PROPOSE, body=EndRule, answers={200: ProposedOut})
def propose_end(workspace_id: UUID, rule_id: UUID, body: EndRule) -> ResponseReturnValue:
    """Ask that a restriction be lifted; the answer says what that would change."""
    with work() as uow:
        found: PartyRule = party_rules.propose_end(uow, workspace_id, rule_id, body)
        change = _shown(party_rules.preview(uow, found))
        return answer(ProposedOut(id=found.id, clause=found.clause_id, change=change))


@routes.posts(f"{RULE}/keep", to=Action.POLICY_PROPOSE, answers={200: policies.Book})
def withdraw_end(workspace_id: UUID, rule_id: UUID) -> ResponseReturnValue:
    """Let a restriction stand after all."""
    with work() as uow:
        party_rules.withdraw_end(uow, workspace_id, rule_id)
        return answer(policies.book(uow, workspace_id))


@routes.posts(f"{RULE}/end", to=Action.POLICY_APPLY, answers={200: policies.Book})
def end_rule(workspace_id: UUID, rule_id: UUID) -> ResponseReturnValue:
    """Lift a restriction, as the second person."""
    with work() as uow:
        party_rules.end_rule(uow, workspace_id, rule_id)
        return answer(policies.book(uow, workspace_id))
