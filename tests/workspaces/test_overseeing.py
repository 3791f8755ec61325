"""Who could see an exhibit on a past day: the log alone answers."""

from datetime import datetime, timedelta
from time import sleep
from uuid import UUID

import pytest
from flask import Flask

from jit_server import workspaces
from jit_server.access import Action, PartyClass, Role
from jit_server.core import clock
from jit_server.core.errors import NotFound
from jit_server.evidence import EvidenceItem
from jit_server.work import House
from jit_server.workspaces.replay import ACTIONS
from tests.access.test_foreign_ids import Secret, filled
from tests.builders import Who, World, browser
from tests.evidence.builders import exhibit


def _seen(world: World, case: Secret, who: Who, moment: datetime) -> dict[UUID, set[Action]]:
    with world.work(who) as uow:
        found = workspaces.who_could(uow, case.team.id, case.ids["item_id"], moment)
    return {one.person_id: set(one.actions) for one in found}


def _moment() -> datetime:
    """A moment between two entries: the log counts in milliseconds."""
    sleep(0.002)
    moment = clock.now()
    sleep(0.002)
    return moment


def test_a_member_stands_there_from_the_day_of_joining_to_the_day_of_leaving(world: World) -> None:
    case = filled(world, "exhibit")
    before = _moment()
    member = case.team.join("FR")
    between = _moment()
    case.team.remove(member)
    after = _moment()
    admin = case.team.admin
    assert member.id not in _seen(world, case, admin, before)
    assert Action.EVIDENCE_LIST in _seen(world, case, admin, between)[member.id]
    assert member.id not in _seen(world, case, admin, after)


def test_whoever_has_not_entered_yet_could_see_nothing(world: World) -> None:
    team = world.proposed()
    for who in team.leaders.values():
        with world.work(who) as uow:
            workspaces.sign(uow, team.id, workspaces.Signing(digest=workspaces.agreement(uow, team.id).digest))
    team.enter(team.admin)
    with world.work(team.admin) as uow:
        workspaces.open_workspace(uow, team.id)
    item = exhibit(team, team.admin)
    before = _moment()
    team.enter(team.leaders["FR"])
    after = _moment()
    for moment, people in ((before, {team.admin.id}), (after, {who.id for who in team.leaders.values()})):
        with world.work(team.admin) as uow:
            assert {one.person_id for one in workspaces.who_could(uow, team.id, item.id, moment)} == people


def test_before_the_exhibit_was_there_nobody_could_see_it(world: World) -> None:
    case = filled(world, "exhibit")
    assert _seen(world, case, case.team.admin, clock.now() - timedelta(days=1)) == {}


def test_the_answer_of_now_is_what_each_one_may_do_now(world: World) -> None:
    case = filled(world, "exhibit")
    roles = (Role.MEMBER, Role.OBSERVER, Role.SECONDED_MEMBER, Role.AUDITOR)
    people = [case.team.admin, case.team.leaders["FR"], *(case.team.join("FR", role) for role in roles)]
    seen = _seen(world, case, case.team.admin, clock.now())
    for who in people:
        with world.work(who) as uow:
            item = uow.find(EvidenceItem, id=case.ids["item_id"])
            assert seen.get(who.id, set()) == {action for action in ACTIONS if uow.permits(action, item)}, who


def test_an_auditor_may_ask_and_who_may_not_know_the_exhibit_may_not(world: World) -> None:
    case = filled(world, "exhibit")
    auditor, outsider = case.team.join("FR", Role.AUDITOR), world.person("NL")
    assert case.team.admin.id in _seen(world, case, auditor, clock.now())
    with pytest.raises(NotFound):
        _seen(world, case, outsider, clock.now())


def test_a_third_country_could_not_see_what_was_not_released_to_it(world: World) -> None:
    case = filled(world, "exhibit", classes={"NL": PartyClass.THIRD_COUNTRY})
    assert case.team.leaders["NL"].id not in _seen(world, case, case.team.admin, clock.now())


def test_the_page_names_them_and_keeps_a_moment_that_is_none(app: Flask, house: House, world: World) -> None:
    case = filled(world, "exhibit")
    client = browser(app, house, case.team.admin)
    address = f"/w/{case.team.id}/audit/who-could?thing={case.ids['item_id']}"
    shown = client.get(address, headers={"Accept": "text/html"}).get_data(as_text=True)
    assert case.team.leaders["FR"].name in shown
    wrong = client.get(f"{address}&on=yesterday", headers={"Accept": "text/html"})
    assert wrong.status_code == 422
    assert case.team.leaders["FR"].name not in wrong.get_data(as_text=True)
