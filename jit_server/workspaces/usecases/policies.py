"""The rules in force to read: agreement, own restrictions, every earlier version, and what changed between two."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel
from sqlmodel import col

from jit_server import access
from jit_server.access import Action, Phase, Rule
from jit_server.core.errors import NotFound
from jit_server.identity.models import Person
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces.comparing import Comparison, compare
from jit_server.workspaces.models import Agreement, Party, PolicyLine, Workspace
from jit_server.workspaces.restrictions import Cause, PartyRule, PolicyVersion
from jit_server.workspaces.usecases import party_rules, rulebook
from jit_server.workspaces.usecases.reading import standing_of


class VersionOut(BaseModel):
    """One version of a workspace's policy: what made it, who, when, and on which version of the agreement.

    Of another party's restriction the reader learns the State and nothing more.
    """

    version: int
    cause: Cause
    agreement_version: int
    made_at: datetime
    made_by: str | None
    state: str | None
    clause: str | None
    current: bool


class RestrictionOut(BaseModel):
    """A restriction of one's own party, from the proposal to its end."""

    id: UUID
    clause: str
    sentence: str
    kinds: dict[str, list[str]]
    proposed_by: str
    proposed_at: datetime
    applied_by: str | None
    applied_at: datetime | None
    end_proposed_by: str | None
    end_proposed_at: datetime | None
    end_reason: str | None
    ended_by: str | None
    ended_at: datetime | None
    mine_to_end: bool
    """Whether the reader is not the one who proposed its end."""


class Book(BaseModel):
    """What stands between the lines of a workspace's buttons."""

    version: int
    agreement_version: int | None
    rules: list[Rule]
    restrictions: list[RestrictionOut]
    history: list[VersionOut]


def book(uow: UnitOfWork, workspace_id: UUID) -> Book:
    """The rules in force beside the baseline, own restrictions in every state, and the versions, newest first."""
    workspace = uow.get(Workspace, workspace_id, to=Action.POLICY_EXPLAIN)
    uow.record("policy:read", workspace, version=workspace.policy_version)
    made = versions(uow, workspace)
    return Book(
        version=workspace.policy_version,
        agreement_version=made[0].agreement_version if made else None,
        rules=_readable(uow, workspace),
        restrictions=restrictions(uow, workspace_id),
        history=made,
    )


def _readable(uow: UnitOfWork, workspace: Workspace) -> list[Rule]:
    """Clauses and own restrictions; another party's own restrictions are its affair."""
    policy = access.policy_of(uow.connection, workspace.id, workspace.policy_version)
    hidden = _hidden(uow, workspace)
    return [rule for rule in policy.rules if not access.is_baseline(rule.id) and rule.id not in hidden]


def _hidden(uow: UnitOfWork, workspace: Workspace) -> frozenset[str]:
    """Ids of other parties' restrictions; none to the operator, who answers for the whole installation."""
    if uow.actor.kind == "operator":
        return frozenset()
    mine = standing_of(uow, workspace.id).party_id
    others = (col(PartyRule.workspace_id) == workspace.id, col(PartyRule.party_id) != mine)
    return frozenset(one.clause_id for one in uow.every(PartyRule, *others, limit=rulebook.MOST))


def restrictions(uow: UnitOfWork, workspace_id: UUID) -> list[RestrictionOut]:
    """Those of the actor's own party, the newest first; none for people who may not propose any."""
    standing = standing_of(uow, workspace_id)
    if not uow.policy(standing).permits(standing, Action.POLICY_PROPOSE):
        return []
    statement = uow.select(PartyRule, to=Action.POLICY_PROPOSE, within=workspace_id)
    found = uow.all(statement.order_by(col(PartyRule.proposed_at).desc()))
    names = _names(uow, [who for one in found for who in _people(one)])
    return [_restriction(one, names, uow.actor.person_id) for one in found]


def _people(one: PartyRule) -> list[UUID]:
    return [who for who in (one.proposed_by, one.applied_by, one.end_proposed_by, one.ended_by) if who is not None]


def _names(uow: UnitOfWork, people: Sequence[UUID]) -> dict[UUID | None, str]:
    return {key: one.name for key, one in rows_by_id(uow, Person, people).items()}


def _restriction(one: PartyRule, names: dict[UUID | None, str], reader: UUID | None) -> RestrictionOut:
    return RestrictionOut(
        id=one.id,
        clause=one.clause_id,
        sentence=one.sentence,
        kinds=one.kinds,
        proposed_by=names[one.proposed_by],
        proposed_at=one.proposed_at,
        applied_by=names.get(one.applied_by),
        applied_at=one.applied_at,
        end_proposed_by=names.get(one.end_proposed_by),
        end_proposed_at=one.end_proposed_at,
        end_reason=one.end_reason,
        ended_by=names.get(one.ended_by),
        ended_at=one.ended_at,
        mine_to_end=one.end_proposed_by is not None and one.end_proposed_by != reader,
    )


def versions(uow: UnitOfWork, workspace: Workspace) -> list[VersionOut]:
    """Every version of the workspace's policy, the newest first."""
    made = uow.every(PolicyVersion, col(PolicyVersion.workspace_id) == workspace.id, limit=rulebook.MOST)
    agreements = rows_by_id(uow, Agreement, {one.agreement_id for one in made})
    rules = rows_by_id(uow, PartyRule, {one.party_rule_id for one in made if one.party_rule_id is not None})
    parties = {one.id: one for one in uow.every(Party, col(Party.workspace_id) == workspace.id)}
    names = _names(uow, [one.made_by for one in made if one.made_by is not None])
    hidden = _hidden(uow, workspace)
    found = []
    for one in sorted(made, key=lambda one: -one.version):
        rule = rules.get(one.party_rule_id) if one.party_rule_id else None
        foreign = rule is not None and rule.clause_id in hidden
        found.append(
            VersionOut(
                version=one.version,
                cause=one.cause,
                agreement_version=agreements[one.agreement_id].version,
                made_at=one.made_at,
                made_by=None if foreign else names.get(one.made_by),
                state=parties[rule.party_id].state if rule is not None else None,
                clause=rule.clause_id if rule is not None and not foreign else None,
                current=one.version == workspace.policy_version,
            )
        )
    return found


def difference(uow: UnitOfWork, workspace_id: UUID, before: int, after: int) -> Comparison:
    """What changed from one version to another: rules, and what people of today's team could do under each.

    Raises:
        NotFound: an outsider asks, or there was no such version.
    """
    workspace = _workspace(uow, workspace_id)
    for version in (before, after):
        if not 0 <= version <= workspace.policy_version or (version and not _known(uow, workspace_id, version)):
            raise NotFound(f"There is no version {version} of these rules.")
    first, second = (access.policy_of(uow.connection, workspace_id, version) for version in (before, after))
    profiles = party_rules.profiles(uow, workspace)
    return compare(first, second, profiles, Phase(workspace.phase), hidden=_hidden(uow, workspace))


def _workspace(uow: UnitOfWork, workspace_id: UUID) -> Workspace:
    if uow.actor.kind != "operator":
        return uow.get(Workspace, workspace_id, to=Action.POLICY_EXPLAIN)
    found = uow.find(Workspace, id=workspace_id)
    if found is None:
        raise NotFound(f"There is no workspace {workspace_id} here.")
    return found


def _known(uow: UnitOfWork, workspace_id: UUID, version: int) -> bool:
    if uow.find(PolicyVersion, workspace_id=workspace_id, version=version) is not None:
        return True
    return uow.find(PolicyLine, workspace_id=workspace_id, policy_version=version) is not None
