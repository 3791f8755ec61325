"""The one way by which rules come into force: agreement and parties' own restrictions become a numbered version.

A version never changes and none is taken away, so that every past answer can be given again.
"""

import hashlib
from functools import cache
from typing import Any
from uuid import UUID

from sqlmodel import col

from jit_server.access import Rule, with_clauses
from jit_server.access.rules import policies
from jit_server.core.errors import Conflict
from jit_server.identity.models import Agency
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import clauses
from jit_server.workspaces.compartments import Compartment, CompartmentParty
from jit_server.workspaces.models import Agreement, NewAgreement, Party, PolicyLine, Workspace
from jit_server.workspaces.restrictions import Cause, PartyRule, PolicyVersion
from jit_server.workspaces.usecases.phases import bump

KINDS = (
    "actions", "roles", "party_classes", "parties", "origins", "handlings", "gates", "phases", "compartments",
)  # fmt: skip
"""What a rule speaks of, as lines and the log keep it."""
MOST = 1000


def put_in_force(
    uow: UnitOfWork,
    workspace: Workspace,
    agreement: Agreement,
    *,
    cause: Cause = Cause.AGREEMENT,
    restriction: PartyRule | None = None,
) -> int:
    """Make the next version of the workspace's policy; screens and sockets follow, since the epoch goes up.

    Args:
        uow: whoever put the last signature, or applied a party's restriction.
        workspace: fetched with the right to do so.
        agreement: the version in force from now on.
        cause: what made the version.
        restriction: the party's rule that was applied or lifted, if that was it.
    """
    uow.session.flush()
    rules = compiled(uow, agreement)
    version = workspace.policy_version + 1
    for rule in rules:
        uow.add(
            PolicyLine(
                workspace_id=workspace.id,
                policy_version=version,
                clause_id=rule.id,
                effect=rule.effect,
                rule=stored(rule),
                reason=rule.reason,
            )
        )
    uow.add(
        PolicyVersion(
            workspace_id=workspace.id,
            version=version,
            agreement_id=agreement.id,
            party_rule_id=restriction.id if restriction else None,
            cause=cause,
            made_by=uow.actor.person_id,
            made_at=uow.now,
        )
    )
    workspace.policy_version = version
    bump(workspace)
    uow.add(workspace)
    uow.session.flush()  # the lines stand before anybody asks under the new number
    uow.forget_standings()
    _record(uow, workspace, agreement, cause, rules)
    return version


def compiled(uow: UnitOfWork, agreement: Agreement, *, without: UUID | None = None) -> tuple[Rule, ...]:
    """The rules of an agreement and the parties' restrictions that are in force; `without` one of these."""
    live = (col(PartyRule.applied_at).is_not(None), col(PartyRule.ended_at).is_(None))
    own = uow.every(PartyRule, col(PartyRule.workspace_id) == agreement.workspace_id, *live, limit=MOST)
    slugs = slugs_of(uow, agreement.workspace_id)
    restrictions = sorted((one for one in own if one.id != without), key=lambda one: one.clause_id)
    return (
        *clauses.compile_all(NewAgreement.model_validate(agreement.document), uow.now.date()),
        *(restricting(one, slugs[one.party_id]) for one in restrictions),
    )


def restricting(one: PartyRule, slug: str) -> Rule:
    """What a party's restriction means: a denial, to its own people and nobody else."""
    kinds = {name: tuple(words) for name, words in one.kinds.items()}
    return Rule(id=one.clause_id, effect="deny", reason=one.sentence, parties=(slug,), **kinds)


def stored(rule: Rule) -> dict[str, list[str]]:
    """A rule's kinds as JSON; what means any is left out."""
    return {name: list(words) for name in KINDS if (words := getattr(rule, name))}


def slugs_of(uow: UnitOfWork, workspace_id: UUID) -> dict[UUID, str]:
    """By which short name rules know each party."""
    parties = uow.every(Party, col(Party.workspace_id) == workspace_id)
    agencies = rows_by_id(uow, Agency, {one.agency_id for one in parties})
    return {one.id: agencies[one.agency_id].slug for one in parties}


def in_force(uow: UnitOfWork, workspace: Workspace) -> Agreement:
    """The version of the agreement that the policy stands on.

    Raises:
        Conflict: none is in force yet.
    """
    made = uow.every(PolicyVersion, col(PolicyVersion.workspace_id) == workspace.id, limit=MOST)
    if not made:
        raise Conflict("No agreement is in force here yet: every party must have signed.")
    newest = max(made, key=lambda one: one.version)
    return rows_by_id(uow, Agreement, [newest.agreement_id])[newest.agreement_id]


def _record(uow: UnitOfWork, workspace: Workspace, agreement: Agreement, cause: Cause, rules: tuple[Rule, ...]) -> None:
    """All that decides from now on, so that the log alone tells who could see what (LED Art. 25)."""
    parties = uow.every(Party, col(Party.workspace_id) == workspace.id)
    slugs = slugs_of(uow, workspace.id)
    rooms = uow.every(Compartment, col(Compartment.workspace_id) == workspace.id)
    members = uow.every(CompartmentParty, col(CompartmentParty.workspace_id) == workspace.id, limit=MOST)
    uow.record(
        "policy:put_in_force",
        workspace,
        version=workspace.policy_version,
        agreement=agreement.version,
        cause=str(cause),
        baseline_sha256=_baseline_digest(),
        rules=[{"id": rule.id, "effect": rule.effect, **stored(rule)} for rule in with_clauses(rules)],
        parties=[{"id": str(one.id), "slug": slugs[one.id], "class": str(one.party_class)} for one in parties],
        compartments=[{"id": str(one.id), "key": one.key, "parties": _parties_of(one, members)} for one in rooms],
    )


def _parties_of(room: Compartment, members: Any) -> list[str]:
    return sorted(str(one.party_id) for one in members if one.compartment_id == room.id)


@cache
def _baseline_digest() -> str:
    return hashlib.sha256((policies() / "baseline.csv").read_bytes()).hexdigest()
