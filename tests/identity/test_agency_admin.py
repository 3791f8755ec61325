"""An agency's administrators: what they may do about their own people, and that they cannot reach further or climb."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from jit_server import identity, workspaces
from jit_server.access import OPERATOR
from jit_server.cli import cli
from jit_server.core import clock
from jit_server.core.errors import Conflict, JitError, NotFound, NotPermitted, StepUp
from jit_server.identity import AgencyRole, Claim, NewInvitation, Person
from jit_server.identity.models import LoginSession
from jit_server.identity.usecases import agencies, staff, staffing, watching
from jit_server.identity.usecases.watching import Watched
from jit_server.web.terminal import Terminal
from jit_server.work import House
from tests.builders import Who, World, sign_in, stale


@pytest.fixture
def world(house: House) -> World:
    """Agencies of this test alone."""
    return World.create(house)


def appointed(world: World, state: str = "DE", role: AgencyRole = AgencyRole.ADMIN) -> Who:
    who = world.person(state)
    with world.house.work(OPERATOR) as uow:
        identity.appoint(uow, who.agency, who.id, role)
    return who


@pytest.fixture
def admin(world: World) -> Who:
    return appointed(world)


def row(world: World, who: Who) -> Person:
    with world.house.work(OPERATOR) as uow:
        found = uow.find(Person, id=who.id)
    assert found is not None
    return found


def test_an_administrator_sees_the_own_people_and_of_their_workspaces_only_how_many_and_until_when(
    world: World, admin: Who
) -> None:
    team = world.workspace()
    colleague = team.join("DE", days=20)
    foreign = team.join("FR")
    with world.work(admin) as uow:
        found = {one.id: one for one in staff.colleagues(uow)}
        soon = [one.id for one in staff.colleagues(uow, show="expiring")]
        steps = watching.expiring(uow)
    assert foreign.id not in found
    assert found[colleague.id].workspaces == 1
    assert found[colleague.id].next_expiry is not None
    assert found[admin.id].workspaces == 0
    assert soon == [colleague.id]
    assert steps == {7: 0, 30: 1, 60: 0}
    assert not {"workspace", "reference", "team"} & set(staff.Colleague.__dataclass_fields__)


def test_people_are_paged_by_name_and_found_by_a_part_of_it(world: World, admin: Who, monkeypatch: Any) -> None:
    monkeypatch.setattr(staff, "PAGE", 2)
    for name in ("Zoé", "beate", "Anton"):
        world.person("DE", name)
    with world.work(admin) as uow:
        first = staff.colleagues(uow)
        after = (first[1].name, str(first[1].id))
        second = staff.colleagues(uow, after=after)
        one = staff.colleagues(uow, named="EAT")
    assert [len(first), [who.name for who in one]] == [3, ["beate"]]
    names = [who.name for who in first[:2]] + [who.name for who in second]
    assert names == sorted(names, key=str.lower)
    assert len(set(names)) == 4


def test_who_signed_in_weakly_or_long_ago_is_counted(world: World, admin: Who, owner_engine: Engine) -> None:
    weak, away = world.person("DE"), world.person("DE")
    sign_in(world.house, weak)
    with owner_engine.begin() as connection:
        old = clock.now() - timedelta(days=91)
        connection.execute(text("UPDATE person SET created_at = :old WHERE id = :id"), {"old": old, "id": away.id})
    with world.work(admin) as uow:
        assert [one.id for one in staff.colleagues(uow, show="weak")] == [weak.id]
        assert [one.id for one in staff.colleagues(uow, show="away")] == [away.id]
        assert {one.kind: one.count for one in watching.needs(uow)} == {"weak": 1, "away": 1, "lone_admin": 1}


def test_to_switch_somebody_off_ends_their_sessions_and_is_on_record(world: World, admin: Who) -> None:
    who = world.person("DE")
    sign_in(world.house, who)
    with world.work(admin) as uow:
        staffing.disable(uow, who.id)
    assert row(world, who).disabled_at is not None
    with world.house.work(OPERATOR) as uow:
        assert uow.find(LoginSession, person_id=who.id, ended_at=None) is None
    with world.work(admin) as uow:
        done = {(one.event, one.name, one.subject) for one in watching.acts(uow, Watched())}
    assert ("person:disabled", admin.name, who.name) in done
    with world.work(admin) as uow:
        staffing.enable(uow, who.id)
    assert row(world, who).disabled_at is None


def test_to_open_something_needs_a_sign_in_made_just_now_and_to_close_it_does_not(world: World, admin: Who) -> None:
    who, late = world.person("DE"), stale(admin)
    with world.work(late) as uow:
        staffing.disable(uow, who.id)
    with pytest.raises(StepUp), world.work(late) as uow:
        staffing.enable(uow, who.id)
    with pytest.raises(StepUp), world.work(late) as uow:
        staffing.change_role(uow, who.id, AgencyRole.ADMIN)
    assert row(world, who).agency_role is AgencyRole.MEMBER


def test_nobody_changes_their_own_role_or_access(world: World, admin: Who) -> None:
    appointed(world)
    for act in (
        lambda uow: staffing.change_role(uow, admin.id, AgencyRole.AUDITOR),
        lambda uow: staffing.disable(uow, admin.id),
    ):
        with pytest.raises(NotPermitted, match="own"), world.work(admin) as uow:
            act(uow)


def test_the_operator_cannot_take_the_last_administrator_either(world: World, admin: Who) -> None:
    with pytest.raises(Conflict, match="Nobody would be left"), world.house.work(OPERATOR) as uow:
        staffing.appoint(uow, admin.agency, admin.id, AgencyRole.MEMBER)
    assert row(world, admin).agency_role is AgencyRole.ADMIN


def test_two_administrators_cannot_remove_each_other_at_once(world: World, admin: Who) -> None:
    other = appointed(world)

    def demote(who: Who, whom: Who) -> bool:
        try:
            with world.work(who) as uow:
                staffing.change_role(uow, whom.id, AgencyRole.MEMBER)
        except JitError:
            return False
        return True

    for _ in range(3):
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(demote, (admin, other), (other, admin)))
        left = [one for one in (admin, other) if row(world, one).agency_role is AgencyRole.ADMIN]
        assert left
        assert not all(done)
        for one in (admin, other):
            with world.house.work(OPERATOR) as uow:
                staffing.appoint(uow, one.agency, one.id)


def test_an_invitation_is_made_once_withdrawn_by_its_agency_and_taken_by_nobody_after(world: World, admin: Who) -> None:
    new = NewInvitation(claim=Claim.EMAIL, value="New.Person@agency.example", days=3)
    with world.work(admin) as uow:
        made = staffing.invite(uow, new)
    assert made.value == "new.person@agency.example"
    with pytest.raises(Conflict, match="expected already"), world.work(admin) as uow:
        staffing.invite(uow, new)
    with pytest.raises(NotFound), world.work(appointed(world, "FR")) as uow:
        staffing.withdraw(uow, made.id)
    with world.work(admin) as uow:
        staffing.withdraw(uow, made.id)
        assert staff.invitations(uow) == []
    with pytest.raises(NotFound), world.work(admin) as uow:
        staffing.withdraw(uow, made.id)


def test_somebody_known_already_is_not_invited_again(world: World, admin: Who) -> None:
    sub = row(world, admin).sub
    with pytest.raises(Conflict, match="known here"), world.work(admin) as uow:
        staffing.invite(uow, NewInvitation(claim=Claim.SUB, value=sub))


def test_what_the_own_people_did_in_workspaces_is_seen_without_where_and_what(world: World, admin: Who) -> None:
    team = world.workspace()
    colleague, foreign = team.join("DE"), team.join("FR")
    for who in (colleague, foreign):
        with world.work(who) as uow:
            workspaces.workspace(uow, team.id)
    with world.work(admin) as uow:
        found = watching.acts(uow, Watched(), most=500)
        only = watching.acts(uow, Watched(person=colleague.id))
        lines = list(watching.export(uow, Watched()))
    inside = [one for one in found if one.in_workspace]
    assert {one.name for one in inside} <= {admin.name, colleague.name, team.admin.name}
    assert foreign.name not in str(lines)
    assert str(team.id) not in str(lines) + str(found)
    assert "Operation Test" not in str(lines)
    assert all(not one.subject for one in inside)
    assert {one.person for one in only if one.in_workspace} == {colleague.id}


def test_failed_sign_ins_are_seen_by_the_agency_they_were_tried_at_and_no_other(world: World, admin: Who) -> None:
    with world.house.work(OPERATOR) as uow:
        uow.record("session:refused", result="denied", agency=admin.agency, reason="acr")
    with world.work(admin) as uow:
        seen = watching.acts(uow, Watched(event="session:refused"))
        assert watching.needs(uow)[0] == watching.Need("refused", 1, "/agency/audit?event=session:refused")
    with world.work(appointed(world, "FR")) as uow:
        others = watching.acts(uow, Watched(event="session:refused"))
    assert [(one.result, one.reason) for one in seen] == [("denied", "acr")]
    assert others == []


def test_the_database_itself_answers_only_for_the_own_agency_and_only_those_who_look_after_it(
    world: World, admin: Who, engine: Engine
) -> None:
    team = world.workspace()
    plain, audits = team.join("DE"), appointed(world, role=AgencyRole.AUDITOR)
    asked = {
        "SELECT count(*) FROM jit_agency_memberships()",
        "SELECT count(*) FROM jit_agency_log('2000-01-01', 'infinity', NULL, NULL, NULL, 100)",
    }
    for who, sees in ((admin, True), (audits, True), (plain, False), (None, False)):
        with engine.begin() as connection:
            connection.execute(text("SELECT set_config('jit.actor', :who, true)"), {"who": str(who.id) if who else ""})
            for question in asked:
                assert bool(connection.execute(text(question)).scalar_one()) is sees


def test_somebody_moved_to_another_agency_looks_after_the_old_one_no_longer(
    world: World, admin: Who, owner_engine: Engine
) -> None:
    other = world.person("FR")
    with owner_engine.begin() as connection:
        facts = {"agency": row(world, other).agency_id, "id": admin.id}
        connection.execute(text("UPDATE person SET agency_id = :agency WHERE id = :id"), facts)
    with world.work(admin) as uow:
        assert admin.actor.agency_id is not None
        assert not agencies.looks_after(uow, admin.actor.agency_id)


def test_the_operator_names_the_first_administrator_at_the_terminal(world: World) -> None:
    who = world.person("NL")

    def says(*words: str) -> Any:
        terminal = Terminal()
        terminal.house = world.house
        return CliRunner().invoke(cli, ["agency", "admin", *words], obj=terminal)

    assert "Nobody yet" in says("list", who.agency).output
    assert says("add", who.agency, "--person", str(who.id)).exit_code == 0
    assert who.name in says("list", who.agency).output
    assert says("add", who.agency, "--person", str(uuid4())).exit_code != 0
    assert says("add", who.agency).exit_code != 0
    assert "Nobody would be left" in str(says("remove", who.agency, "--sub", row(world, who).sub).exception)
    assert says("add", world.slug("DE"), "--person", str(who.id)).exit_code != 0
