"""A grant opens one thing, to one party or person, for the actions it names, until it ends; nothing beside it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlmodel import col, or_, select

from jit_server.access import SYSTEM, Action, PartyClass, Standing, granted, live_grant, standing
from jit_server.core import clock
from jit_server.evidence import EvidenceItem
from jit_server.workspaces.compartments import AccessGrant, GrantKind
from tests.builders import Team, Who, World
from tests.evidence.builders import exhibit


@dataclass
class Case:
    """An exhibit of DE, a person and a colleague of FR, and somebody of NL."""

    team: Team
    item: EvidenceItem
    people: dict[str, Who]

    def standing(self, who: str) -> Standing:
        with self.team.world.work(SYSTEM) as uow:
            found = standing(uow.connection, self.people[who].id, self.team.id)
        assert found is not None
        return found

    def grant(self, **changes: Any) -> None:
        """To FR's leader, for reading, for an hour."""
        now = clock.now()
        given: dict[str, Any] = {
            "workspace_id": self.team.id,
            "subject_kind": "evidence_item",
            "subject_id": self.item.id,
            "person_id": self.people["FR"].id,
            "actions": [Action.EVIDENCE_READ.value, Action.CUSTODY_READ.value],
            "kind": GrantKind.CONSENT,
            "clause_id": "B30",
            "source_id": uuid4(),
            "granted_by": self.team.admin.id,
            "granted_at": now - timedelta(days=2),
            "expires_at": now + timedelta(hours=1),
        }
        with self.team.world.work(SYSTEM) as uow:
            uow.add(AccessGrant(**(given | changes)))

    def opens(self, who: str = "FR", action: Action = Action.EVIDENCE_READ, **other: Any) -> bool:
        """Whether it is open to them; both readings of the same grants must say so."""
        seen = replace(self.standing(who), **other)
        with self.team.world.work(SYSTEM) as uow:
            one = live_grant(uow.connection, seen, action, self.item.id) is not None
            query = select(EvidenceItem.id).where(col(EvidenceItem.workspace_id) == self.team.id)
            listed = set(uow.session.scalars(query.where(granted(EvidenceItem, seen, action))))
        assert listed == ({self.item.id} if one else set())
        return one


@pytest.fixture
def case(world: World) -> Case:
    team = world.workspace(classes={"NL": "ms_authority"})
    exhibit(team, team.admin, handling="H2")  # beside it, never granted
    people = {"FR": team.leaders["FR"], "colleague": team.join("FR"), "NL": team.leaders["NL"]}
    return Case(team, exhibit(team, team.admin, handling="H2"), people)


def test_without_a_grant_nothing_is_open(case: Case) -> None:
    assert not case.opens()


@pytest.mark.parametrize("kind", GrantKind)
def test_a_grant_to_a_person_opens_it_to_them_alone(case: Case, kind: GrantKind) -> None:
    case.grant(kind=kind)
    assert {who: case.opens(who) for who in case.people} == {"FR": True, "colleague": False, "NL": False}


def test_a_grant_to_a_party_opens_it_to_all_its_people_and_to_no_other_party(case: Case) -> None:
    case.grant(person_id=None, party_id=case.standing("FR").party_id)
    assert {who: case.opens(who) for who in case.people} == {"FR": True, "colleague": True, "NL": False}


def test_a_grant_opens_the_actions_it_names_and_no_other(case: Case) -> None:
    case.grant()
    assert case.opens(action=Action.CUSTODY_READ)
    assert not case.opens(action=Action.EVIDENCE_DOWNLOAD)


def test_a_grant_that_was_revoked_or_has_ended_opens_nothing(case: Case) -> None:
    case.grant(revoked_at=clock.now() - timedelta(minutes=1))
    case.grant(expires_at=clock.now() - timedelta(seconds=1))
    assert not case.opens()


def test_a_grant_is_worth_nothing_in_another_workspace_or_on_another_thing(case: Case) -> None:
    case.grant()
    case.grant(subject_id=uuid4())
    seen = case.standing("FR")
    with case.team.world.work(SYSTEM) as uow:
        assert (
            live_grant(uow.connection, replace(seen, workspace_id=uuid4()), Action.EVIDENCE_READ, case.item.id) is None
        )
        assert live_grant(uow.connection, seen, Action.EVIDENCE_READ, uuid4()) is None
        elsewhere = granted(EvidenceItem, replace(seen, workspace_id=uuid4()), Action.EVIDENCE_READ)
        assert uow.session.scalars(select(EvidenceItem.id).where(elsewhere)).all() == []


def test_one_statement_asks_of_several_teams_each_by_its_own_standing(world: World, case: Case) -> None:
    case.grant()
    team = world.workspace()
    other = Case(team, exhibit(team, team.admin, handling="H2"), {"FR": team.leaders["FR"]})
    other.grant(person_id=other.people["FR"].id)
    both = [granted(EvidenceItem, one.standing("FR"), Action.EVIDENCE_READ) for one in (case, other)]
    with world.work(SYSTEM) as uow:
        assert set(uow.session.scalars(select(EvidenceItem.id).where(or_(*both)))) == {case.item.id, other.item.id}


def _judged(case: Case, who: str) -> tuple[bool, list[UUID]]:
    """What the unit of work says of the row itself and in lists: the first wall alone, where the second hides it."""
    with case.team.world.work(SYSTEM) as uow:
        row = uow.find(EvidenceItem, id=case.item.id)
        uow.session.expunge(row)
    with case.team.world.work(case.people[who]) as uow:
        allowed = uow.decide(Action.EVIDENCE_READ, row, case.standing(who)).allowed
        scope = uow.scope(EvidenceItem, to=Action.EVIDENCE_READ, within=case.team.id)
    with case.team.world.work(SYSTEM) as uow:
        return allowed, list(uow.session.scalars(select(EvidenceItem.id).where(scope)))


def test_no_grant_lifts_the_quarantine(world: World) -> None:
    team = world.workspace(classes={"NL": PartyClass.THIRD_COUNTRY})
    case = Case(team, exhibit(team, team.leaders["NL"], handling="H0"), {"FR": team.leaders["FR"]})
    case.grant()
    assert case.opens()
    assert _judged(case, "FR") == (False, [])


def test_no_grant_lifts_a_compartment(world: World) -> None:
    team = world.workspace(classes={"NL": PartyClass.MS_AUTHORITY})
    room = str(team.compartment("DE", "FR"))
    case = Case(team, exhibit(team, team.admin, compartment_id=room), team.leaders)
    case.grant(person_id=case.people["NL"].id)
    assert _judged(case, "NL") == (False, [])


def test_of_several_the_clause_of_the_one_that_lasts_longest_is_named(case: Case) -> None:
    def until(hours: int) -> datetime:
        return clock.now() + timedelta(hours=hours)

    for clause, hours in (("B30", 1), ("B31", 3), ("B35", 2)):
        case.grant(clause_id=clause, expires_at=until(hours))
    seen: UUID = case.item.id
    with case.team.world.work(SYSTEM) as uow:
        assert live_grant(uow.connection, case.standing("FR"), Action.EVIDENCE_READ, seen) == "B31"
