"""`jit-server policy`: whether the rules hold, why something is allowed, and what changed between two versions."""

from typing import Any
from uuid import UUID

import click

from jit_server import access
from jit_server.access import Action, Gate, Handling, Origin, PartyClass, Phase, Policy, Role
from jit_server.access.rules import NONE
from jit_server.core.errors import NotFound
from jit_server.web.terminal import Terminal, Unverified, in_terminal
from jit_server.work import UnitOfWork
from jit_server.workspaces import wording
from jit_server.workspaces.comparing import Comparison, Effect
from jit_server.workspaces.models import Workspace
from jit_server.workspaces.usecases import policies, rulebook

MOST = 10_000


def _choice(*words: Any) -> click.Choice[str]:
    return click.Choice([str(one) for one in words])


@click.group()
def policy() -> None:
    """The rules: the baseline and what signed agreements add to it."""


@policy.command("check")
@in_terminal
def check_policy(terminal: Terminal) -> None:
    """Read the baseline and compile the policy of every workspace; exit 3 and name each that does not hold."""
    rules = access.baseline()
    with terminal.work() as uow:
        found = {one.reference: _examine(uow, one) for one in uow.every(Workspace, limit=MOST)}
    lines = [f"{name}: {said}" if isinstance(said, str) else f"{name}: {said} rules" for name, said in found.items()]
    text = "\n".join([f"baseline: {len(rules)} rules", *sorted(lines)])
    terminal.say({"baseline": len(rules), "workspaces": found}, text)
    wrong = sorted(name for name, said in found.items() if isinstance(said, str))
    if wrong:
        raise Unverified(f"{len(wrong)} of {len(found)} workspaces have rules that do not hold: {', '.join(wrong)}")


def _examine(uow: UnitOfWork, one: Workspace) -> int | str:
    """How many rules are in force, or what is wrong: they do not compile, or are not those of agreement and parties."""
    try:
        live = access.policy_of(uow.connection, one.id, one.policy_version).rules
    except ValueError as error:
        return str(error)
    if one.policy_version == 0:
        return len(live)
    meant = access.with_clauses(rulebook.compiled(uow, rulebook.in_force(uow, one)))
    return (
        len(live)
        if {_content(rule) for rule in live} == {_content(rule) for rule in meant}
        else "other rules than agreed"
    )


def _content(rule: access.Rule) -> tuple[Any, ...]:
    return rule.id, rule.effect, *(tuple(sorted(getattr(rule, name))) for name in rulebook.KINDS)


@policy.command("explain")
@click.argument("action", type=_choice(*Action))
@click.option("--role", type=_choice(*Role), required=True)
@click.option("--party-class", type=_choice(*PartyClass), default="ms_authority")
@click.option("--party", default=NONE, help="Short name of the agency, where a rule names parties.")
@click.option("--origin", type=_choice(*Origin), default="own")
@click.option("--handling", type=_choice(*Handling), default="H0")
@click.option("--gate", type=_choice(*Gate), default="open", help="Whether a third country's thing has been let in.")
@click.option("--compartment", default=NONE, help="Key of the compartment in which the thing lies.")
@click.option("--phase", type=_choice(*Phase), default="operational")
@click.option("--workspace", "workspace_id", type=click.UUID, help="Whose agreement; without it the baseline alone.")
@in_terminal
def explain_policy(terminal: Terminal, /, workspace_id: UUID | None, **asked: str) -> None:
    """Say whether somebody of that kind may do ACTION, and which rule decides."""
    decision = _rules(terminal, workspace_id).decide(
        Role(asked["role"]),
        PartyClass(asked["party_class"]),
        Origin(asked["origin"]),
        Handling(asked["handling"]),
        Phase(asked["phase"]),
        Action(asked["action"]),
        party=asked["party"],
        gate=Gate(asked["gate"]),
        compartment=asked["compartment"],
    )
    found = {"allowed": decision.allowed, "clause": decision.clause, "reason": decision.reason}
    rule = f"{decision.clause}: {decision.reason}" if decision.clause else "no rule allows it"
    terminal.say(found, f"{'allowed' if decision.allowed else 'refused'} - {rule}")


def _rules(terminal: Terminal, workspace_id: UUID | None) -> Policy:
    if workspace_id is None:
        return access.baseline_policy()
    with terminal.work() as uow:
        space = _workspace(uow, workspace_id)
        return access.policy_of(uow.connection, space.id, space.policy_version)


@policy.command("diff")
@click.argument("workspace_id", metavar="WORKSPACE", type=click.UUID)
@click.option("--from", "before", type=click.IntRange(0), help="The earlier version; the one before --to, unless said.")
@click.option("--to", "after", type=click.IntRange(1), help="The later version; the one in force, unless said.")
@in_terminal
def diff_policy(terminal: Terminal, workspace_id: UUID, before: int | None, after: int | None) -> None:
    """Say in words what changed in the rules of WORKSPACE, and what that means for whom in its present phase."""
    with terminal.work() as uow:
        last = _workspace(uow, workspace_id).policy_version if after is None else after
        first = max(last - 1, 0) if before is None else before
        found = policies.difference(uow, workspace_id, first, last)
    value = {
        "from": first,
        "to": last,
        "added": [one.id for one in found.added],
        "removed": [one.id for one in found.removed],
        "changed": [one.id for one, _ in found.changed],
        "effects": [_effect(one) for one in found.effects],
    }
    terminal.say(value, "\n".join(_lines(first, last, found)))


def _effect(one: Effect) -> dict[str, Any]:
    return {
        "party": one.profile.party,
        "role": str(one.profile.role),
        "action": str(one.action),
        "origin": str(one.origin),
        "handlings": [str(code) for code in one.handlings],
        "allowed": one.allowed,
        "clause": one.clause,
    }


def _lines(first: int, last: int, found: Comparison) -> list[str]:
    lines = [f"version {first} -> {last}"]
    lines += [f"- {wording.rule_line(one)}" for one in found.removed]
    lines += [f"+ {wording.rule_line(one)}" for one in found.added]
    for old, new in found.changed:
        lines += [f"- {wording.rule_line(old)}", f"+ {wording.rule_line(new)}"]
    lines += [one["words"] for one in wording.effect_lines(found.effects)]
    return lines if len(lines) > 1 else [*lines, "no rule differs"]


def _workspace(uow: UnitOfWork, workspace_id: UUID) -> Workspace:
    found = uow.find(Workspace, id=workspace_id)
    if found is None:
        raise NotFound(f"There is no workspace {workspace_id} here.")
    return found
