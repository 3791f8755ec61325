"""A party's own restrictions: it may narrow what its people do by one person's word, and widen it again by two.

They only ever deny, and only to the party's own people, so no partner needs to agree. What keeps a team honest stays
out of reach: reading the agreement, asking for reasons, checking the log, ending an access, answering those who ask.
"""

from uuid import UUID

from sqlmodel import col

from jit_server import access
from jit_server.access import Action, Phase, Policy, Rule, Standing, with_clauses
from jit_server.core.errors import Conflict, Invalid, NotSignedIn
from jit_server.work import UnitOfWork
from jit_server.workspaces.comparing import Comparison, Profile, compare
from jit_server.workspaces.models import Member, MemberStatus, Party, Workspace
from jit_server.workspaces.restrictions import Cause, EndRule, NewPartyRule, PartyRule
from jit_server.workspaces.usecases import rulebook
from jit_server.workspaces.usecases.reading import standing_of

KEPT = frozenset(
    {
        Action.ACCESS_DECIDE,
        Action.AGREEMENT_READ,
        Action.AGREEMENT_SIGN,
        Action.APPROVAL_GIVE,
        Action.LOG_VERIFY,
        Action.MEMBER_END,
        Action.MEMBER_LIST,
        Action.MESSAGE_MARK_READ,
        Action.POLICY_APPLY,
        Action.POLICY_EXPLAIN,
        Action.POLICY_PROPOSE,
        Action.WORKSPACE_OPEN,
        Action.WORKSPACE_READ,
    }
)
"""What no restriction takes away: with these gone a party could shut itself in, or its partners out."""
NARROWABLE = tuple(action for action in Action if action not in KEPT)


def propose_rule(uow: UnitOfWork, workspace_id: UUID, new: NewPartyRule) -> PartyRule:
    """Word a restriction of one's own party; nothing changes until it is applied.

    Raises:
        Invalid: an action that cannot be restricted, or a compartment that the party does not belong to.
    """
    workspace = uow.get(Workspace, workspace_id, to=Action.POLICY_PROPOSE)
    rulebook.in_force(uow, workspace)
    standing = standing_of(uow, workspace_id)
    _check(uow, standing, new)
    mine = uow.every(PartyRule, col(PartyRule.party_id) == standing.party_id, limit=rulebook.MOST)
    slug = rulebook.slugs_of(uow, workspace_id)[standing.party_id]
    kinds = new.model_dump(mode="json", exclude={"sentence"})
    made = uow.add(
        PartyRule(
            workspace_id=workspace_id,
            party_id=standing.party_id,
            clause_id=f"{slug}:{len(mine) + 1}",
            sentence=new.sentence,
            kinds={name: words for name, words in kinds.items() if words},
            proposed_by=_person(uow),
            proposed_at=uow.now,
        )
    )
    uow.record("policy:proposed", made, clause_id=made.clause_id, **made.kinds)
    return made


def _check(uow: UnitOfWork, standing: Standing, new: NewPartyRule) -> None:
    kept = sorted(KEPT & set(new.actions))
    if kept:
        raise Invalid.field("actions", f"{', '.join(kept)} cannot be restricted", "Leave them out.")
    policy = uow.policy(standing)
    known = {policy.compartments[key].key for key in policy.compartments_of(standing.party_id)}
    unknown = sorted(set(new.compartments) - known)
    if unknown:
        raise Invalid.field("compartments", f"there is no {', '.join(unknown)} here", "Name one of your compartments.")


def _person(uow: UnitOfWork) -> UUID:
    if uow.actor.person_id is None:
        raise NotSignedIn
    return uow.actor.person_id


def apply_rule(uow: UnitOfWork, workspace_id: UUID, rule_id: UUID) -> PartyRule:
    """Put a restriction in force; one person is enough, since it only narrows.

    Raises:
        Conflict: it is in force already, or was withdrawn.
    """
    workspace, found = _fetch(uow, workspace_id, rule_id, Action.POLICY_APPLY)
    if found.applied_at is not None or found.ended_at is not None:
        raise Conflict("This restriction no longer waits to be applied.")
    found.applied_by, found.applied_at = _person(uow), uow.now
    uow.add(found)
    uow.record("policy:applied", found, clause_id=found.clause_id)
    rulebook.put_in_force(uow, workspace, rulebook.in_force(uow, workspace), cause=Cause.NARROWED, restriction=found)
    return found


def withdraw_rule(uow: UnitOfWork, workspace_id: UUID, rule_id: UUID) -> PartyRule:
    """Take a proposed restriction back before it was ever applied."""
    _, found = _fetch(uow, workspace_id, rule_id, Action.POLICY_PROPOSE)
    if found.applied_at is not None or found.ended_at is not None:
        raise Conflict("This restriction no longer waits to be applied.")
    found.ended_by, found.ended_at = _person(uow), uow.now
    uow.add(found)
    uow.record("policy:withdrawn", found, clause_id=found.clause_id)
    return found


def propose_end(uow: UnitOfWork, workspace_id: UUID, rule_id: UUID, end: EndRule) -> PartyRule:
    """Ask that a restriction be lifted: it widens what the party's people may do, so a second person must agree."""
    _, found = _fetch(uow, workspace_id, rule_id, Action.POLICY_PROPOSE)
    if found.applied_at is None or found.ended_at is not None:
        raise Conflict("This restriction is not in force.")
    if found.end_proposed_at is not None:
        raise Conflict("Somebody has asked for its end already; a second person of your party decides.")
    found.end_proposed_by, found.end_proposed_at, found.end_reason = _person(uow), uow.now, end.reason
    uow.add(found)
    why = {"code": "policy", "text": end.reason}
    uow.record("policy:end_proposed", found, clause_id=found.clause_id, why=why)
    return found


def withdraw_end(uow: UnitOfWork, workspace_id: UUID, rule_id: UUID) -> PartyRule:
    """Let a restriction stand after all; anybody who may propose may say so."""
    _, found = _fetch(uow, workspace_id, rule_id, Action.POLICY_PROPOSE)
    if found.end_proposed_at is None or found.ended_at is not None:
        raise Conflict("Nobody has asked for the end of this restriction.")
    found.end_proposed_by = found.end_proposed_at = found.end_reason = None
    uow.add(found)
    uow.record("policy:end_withdrawn", found, clause_id=found.clause_id)
    return found


def end_rule(uow: UnitOfWork, workspace_id: UUID, rule_id: UUID) -> PartyRule:
    """Lift a restriction, as the second person.

    Raises:
        Conflict: nobody asked for it, or the same person did.
    """
    workspace, found = _fetch(uow, workspace_id, rule_id, Action.POLICY_APPLY)
    if found.end_proposed_at is None or found.ended_at is not None:
        raise Conflict("Nobody has asked for the end of this restriction.")
    if found.end_proposed_by == uow.actor.person_id:
        raise Conflict("To lift a restriction takes two: a second person of your party must confirm what you proposed.")
    found.ended_by, found.ended_at = _person(uow), uow.now
    uow.add(found)
    why = {"code": "policy", "text": found.end_reason or ""}
    uow.record("policy:ended", found, clause_id=found.clause_id, why=why)
    rulebook.put_in_force(uow, workspace, rulebook.in_force(uow, workspace), cause=Cause.LOOSENED, restriction=found)
    return found


def _fetch(uow: UnitOfWork, workspace_id: UUID, rule_id: UUID, to: Action) -> tuple[Workspace, PartyRule]:
    """The workspace and one's own party's restriction; another party's is absent."""
    found = uow.get(PartyRule, rule_id, to=to, within=workspace_id)
    return uow.get(Workspace, workspace_id, to=to), found


def preview(uow: UnitOfWork, rule: PartyRule) -> Comparison:
    """What would change if the restriction were applied, or lifted where its end is proposed."""
    workspace = uow.get(Workspace, rule.workspace_id, to=Action.POLICY_PROPOSE)
    rules = rulebook.compiled(uow, rulebook.in_force(uow, workspace), without=rule.id)
    narrowed = (*rules, rulebook.restricting(rule, rulebook.slugs_of(uow, workspace.id)[rule.party_id]))
    lifting = rule.applied_at is not None
    before, after = (narrowed, rules) if lifting else (rules, narrowed)
    return compare(
        _as_policy(uow, workspace, before),
        _as_policy(uow, workspace, after),
        profiles(uow, workspace, party_id=rule.party_id),
        Phase(workspace.phase),
    )


def _as_policy(uow: UnitOfWork, workspace: Workspace, rules: tuple[Rule, ...]) -> Policy:
    now = access.policy_of(uow.connection, workspace.id, workspace.policy_version)
    return Policy(with_clauses(rules), now.compartments, rulebook.slugs_of(uow, workspace.id))


def profiles(uow: UnitOfWork, workspace: Workspace, *, party_id: UUID | None = None) -> list[Profile]:
    """The sorts of people in the team now; of one party, if said."""
    where = [col(Member.workspace_id) == workspace.id, col(Member.status) == MemberStatus.ACTIVE]
    if party_id is not None:
        where.append(col(Member.party_id) == party_id)
    parties = {one.id: one for one in uow.every(Party, col(Party.workspace_id) == workspace.id)}
    slugs = rulebook.slugs_of(uow, workspace.id)
    kinds = {(one.role, one.party_id) for one in uow.every(Member, *where, limit=10 * rulebook.MOST)}
    return [
        Profile(role, parties[party].party_class, slugs[party])
        for role, party in sorted(kinds, key=lambda kind: (slugs[kind[1]], kind[0]))
    ]
