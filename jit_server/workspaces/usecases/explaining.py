"""Why somebody may or may not do something: the rule, its source, its sentence; what would change it, and who can."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlmodel import col

from jit_server import access
from jit_server.access import Action, Decision, Gate, Handling, Origin, Phase, Remedy, Role, Source, Standing
from jit_server.core.errors import NotFound
from jit_server.identity.models import Agency, Person
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces.aliases import functions
from jit_server.workspaces.models import Member, MemberStatus, Party, Workspace
from jit_server.workspaces.usecases.reading import standing_of


class Granter(BaseModel):
    """Somebody who can change the answer."""

    name: str
    agency: str
    state: str


class Explanation(BaseModel):
    """An answer of the policy with all that it stands on.

    `reason` is the sentence of the rule or clause, `source` says whose it is; `remedy` says what would change a
    refusal, `granters` who can.
    """

    action: Action
    person_id: UUID
    allowed: bool
    clause: str
    source: Source
    reason: str
    remedy: Remedy
    granters: list[Granter]
    origin: Origin
    handling: Handling
    gate: Gate
    compartment: UUID | None
    role: Role
    phase: Phase


def explain(
    uow: UnitOfWork,
    workspace_id: UUID,
    action: Action,
    *,
    person_id: UUID | None = None,
    subject: tuple[str, UUID] | None = None,
    origin: Origin = Origin.OWN,
    handling: Handling = Handling.H0,
) -> Explanation:
    """Say why a member of the team may or may not do this: to one thing, or to things of a kind.

    Args:
        uow: the unit of work.
        workspace_id: where.
        action: what would be done.
        person_id: who would do it; the actor, unless said.
        subject: kind (a table's name) and id of a thing that the actor may know of.
        origin: whose things, where no thing is named.
        handling: how they are marked, where no thing is named.

    Raises:
        NotFound: an outsider asks, or the person or the thing is not known to the actor.
    """
    uow.get(Workspace, workspace_id, to=Action.POLICY_EXPLAIN)
    mine = standing_of(uow, workspace_id)
    theirs = _standing(uow, mine, person_id)
    thing = _thing(uow, mine, subject) if subject else _kind_of(uow, theirs, origin, handling)
    decision = _decision(uow, theirs, action, thing)
    kinds = access.kinds_of(thing, theirs)
    return Explanation(
        action=action,
        person_id=theirs.person_id,
        allowed=decision.allowed,
        clause=decision.clause,
        source=access.source_of(decision.clause),
        reason=decision.reason,
        remedy=decision.remedy,
        granters=granters(uow, theirs, decision, thing),
        role=theirs.role,
        phase=theirs.phase,
        **kinds,
    )


def _standing(uow: UnitOfWork, mine: Standing, person_id: UUID | None) -> Standing:
    if person_id is None or person_id == mine.person_id:
        return mine
    uow.require(Action.MEMBER_LIST, None, mine)
    found = access.standing(uow.connection, person_id, mine.workspace_id)
    if found is None:
        raise NotFound
    return found


def _thing(uow: UnitOfWork, mine: Standing, subject: tuple[str, UUID]) -> Any:
    table = access.table_of(subject[0])
    row = uow.session.get(table, subject[1]) if table is not None else None
    if table is None or row is None or row.workspace_id != mine.workspace_id:
        raise NotFound
    if not uow.permits(table.__known_by__, row):
        raise NotFound
    return row


def _kind_of(uow: UnitOfWork, theirs: Standing, origin: Origin, handling: Handling) -> Any:
    """A thing of this kind, as it would be."""
    other = next((one.id for one in _parties(uow, theirs.workspace_id) if one.id != theirs.party_id), None)
    party = theirs.party_id if origin is Origin.OWN else other
    return SimpleNamespace(party_id=party, handling=handling, workspace_id=theirs.workspace_id)


def _parties(uow: UnitOfWork, workspace_id: UUID) -> Sequence[Party]:
    return uow.all(uow.select(Party, to=Action.WORKSPACE_READ, within=workspace_id).order_by(col(Party.state)))


def _decision(uow: UnitOfWork, theirs: Standing, action: Action, thing: Any) -> Decision:
    decision = uow.decide(action, thing, theirs)
    return decision if decision.allowed else uow.policy(theirs).explained(decision, theirs, action, thing)


def granters(uow: UnitOfWork, theirs: Standing, decision: Decision, thing: Any) -> list[Granter]:
    """Who can change a refusal: the originator's leaders, one's own, or whoever administers the space."""
    own = access.is_own(decision.clause)
    if decision.allowed or (decision.remedy is Remedy.NONE and not own):
        return []
    statement = uow.select(Member, to=Action.WORKSPACE_READ, within=theirs.workspace_id).where(
        col(Member.status) == MemberStatus.ACTIVE
    )
    if own:
        statement = statement.where(col(Member.party_id) == theirs.party_id, col(Member.role) == Role.LEADER)
    elif decision.remedy in {Remedy.ASK_ORIGINATOR, Remedy.VERIFICATION}:
        leads = (Role.LEADER, Role.SPACE_ADMIN)
        statement = statement.where(col(Member.party_id) == thing.party_id, col(Member.role).in_(leads))
    else:
        statement = statement.where(col(Member.role) == Role.SPACE_ADMIN)
    people = rows_by_id(uow, Person, [one.person_id for one in uow.all(statement)])
    agencies = rows_by_id(uow, Agency, {one.agency_id for one in people.values()})
    hidden = functions(uow, theirs.workspace_id) if people else {}
    found = [
        Granter(
            name=hidden.get(one.id, one.name),
            agency=agencies[one.agency_id].own_name,
            state=agencies[one.agency_id].state,
        )
        for one in people.values()
    ]
    return sorted(found, key=lambda one: (one.state, one.name))


def rights(uow: UnitOfWork, standing: Standing) -> list[tuple[Action, Origin, Handling, Decision]]:
    """What the person may do here and why: one line an action and each way in which it is decided."""
    found = []
    for action, cells in uow.policy(standing).grid(standing).items():
        seen: set[tuple[bool, str]] = set()
        for origin, handling, decision in cells:
            if (decision.allowed, decision.clause) not in seen:
                seen.add((decision.allowed, decision.clause))
                found.append((action, origin, handling, decision))
    return found
