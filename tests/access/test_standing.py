"""What a person is in a workspace, as the database says it: members now, nobody else and nobody any more."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from jit_server import workspaces
from jit_server.access import (
    ANONYMOUS,
    OPERATOR,
    SYSTEM,
    Action,
    Actor,
    Handling,
    PartyClass,
    Phase,
    Role,
    standing,
    standings_among,
    standings_in,
    standings_of,
)
from jit_server.core.errors import NotFound
from jit_server.evidence import EvidenceItem
from tests.builders import Team, Who, World
from tests.evidence.builders import exhibit


def seen(team: Team, who: Who) -> Any:
    with team.world.work(SYSTEM) as uow:
        return standing(uow.connection, who.id, team.id)


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace(classes={"NL": PartyClass.THIRD_COUNTRY}, default_handling=Handling.H3)


def test_a_standing_says_who_one_is_in_which_party_and_in_what_state_the_team_is(team: Team) -> None:
    who = team.join("FR", Role.OBSERVER)
    found, admin, outside = (seen(team, one) for one in (who, team.admin, team.leaders["NL"]))
    assert (found.workspace_id, found.member_id, found.person_id) == (team.id, team.members[who.id], who.id)
    assert (found.role, found.party_class, found.phase) == (
        Role.OBSERVER,
        PartyClass.MS_AUTHORITY,
        Phase.OPERATIONAL,
    )
    assert found.default_handling is Handling.H3
    assert (admin.role, outside.party_class) == (Role.SPACE_ADMIN, PartyClass.THIRD_COUNTRY)
    assert (admin.epoch, admin.policy_version) == (found.epoch, found.policy_version)
    assert len({found.party_id, admin.party_id, outside.party_id}) == 3
    assert found.profile == (Role.OBSERVER, PartyClass.MS_AUTHORITY, found.party_id)


def test_the_epoch_goes_up_with_members_and_the_version_with_rules(team: Team) -> None:
    before = seen(team, team.admin)
    team.join("FR")
    joined = seen(team, team.admin)
    team.compartment("DE", "FR")
    ruled = seen(team, team.admin)
    assert (joined.epoch > before.epoch, joined.policy_version) == (True, before.policy_version)
    assert ruled.policy_version == joined.policy_version + 1


def test_an_outsider_and_one_who_was_removed_have_no_standing(world: World, team: Team) -> None:
    gone = team.join("FR")
    team.remove(gone)
    assert seen(team, gone) is None
    assert seen(team, world.person("FR")) is None


def test_a_person_has_one_standing_in_each_of_their_workspaces_and_none_elsewhere(world: World, team: Team) -> None:
    other = world.workspace()
    who = team.join("FR")
    with world.work(SYSTEM) as uow:
        assert standings_of(uow.connection, who.id) == [standing(uow.connection, who.id, team.id)]
        assert standings_of(uow.connection, uuid4()) == []
        assert standing(uow.connection, who.id, other.id) is None


def test_those_of_many_people_who_belong_are_found_in_one_query_by_their_ids(world: World, team: Team) -> None:
    inside, outside = team.join("FR"), world.person("FR")
    with world.work(SYSTEM) as uow:
        found = standings_in(uow.connection, team.id, [inside.id, team.admin.id, outside.id])
        assert found == {who.id: standing(uow.connection, who.id, team.id) for who in (inside, team.admin)}
        assert standings_in(uow.connection, uuid4(), [inside.id]) == {}


def test_those_of_many_people_in_many_teams_are_found_in_one_query_and_no_others(world: World, team: Team) -> None:
    other, third = world.workspace(), world.workspace()
    who = team.join("FR")
    with world.work(SYSTEM) as uow:
        found = standings_among(uow.connection, [team.id, other.id], [who.id, other.admin.id, third.admin.id])
        wanted = [standing(uow.connection, who.id, team.id), standing(uow.connection, other.admin.id, other.id)]
        assert None not in wanted
        assert {one.member_id: one for one in found} == {one.member_id: one for one in wanted if one}
        assert len(found) == len(wanted)


def test_the_second_wall_knows_a_person_by_their_id_and_the_server_by_its_name() -> None:
    who = UUID(int=7)
    marks = {actor.kind: actor.mark for actor in (Actor("person", who), SYSTEM, OPERATOR, ANONYMOUS)}
    assert marks == {"person": str(who), "system": "system", "operator": "system", "anonymous": ""}


def test_a_row_of_ones_other_workspace_is_absent_under_this_one(world: World, team: Team) -> None:
    other, who = world.workspace(), team.join("FR")
    with world.work(other.admin) as uow:
        workspaces.invite(uow, other.id, workspaces.NewMember(person_id=who.id, role=Role.MEMBER))
    other.enter(who)
    item = exhibit(other, other.admin, handling="H0")
    with world.work(who) as uow:
        assert uow.get(EvidenceItem, item.id, to=Action.EVIDENCE_READ, within=other.id).id == item.id
        with pytest.raises(NotFound):
            uow.get(EvidenceItem, item.id, to=Action.EVIDENCE_READ, within=team.id)
