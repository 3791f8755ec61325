"""The timeline (W10): by the moment of collection, only what one may know of, page by page, on the clock asked for."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from jit_server import audit
from jit_server.work import House
from tests.builders import Team, World, browser
from tests.evidence.builders import exhibit

START = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


def collected(team: Team, *hours: int, **more: object) -> list[str]:
    """Exhibits registered in this order, collected so many hours after the start; their numbers."""
    return [
        exhibit(team, team.admin, b"x", collected_at=START + timedelta(hours=hour), zone="Europe/Berlin", **more).number
        for hour in hours
    ]


def test_what_was_collected_later_comes_first_whenever_it_was_uploaded(team: Team, house: House, app: Flask):
    first, second, third = collected(team, 5, 90, 40)
    client = browser(app, house, team.admin)
    listed = client.get(f"/api/v1/workspaces/{team.id}/timeline").json["items"]
    assert [one["number"] for one in listed] == [second, third, first]


def test_pages_lead_through_all_of_it_once_even_where_moments_are_the_same(team: Team, house: House, app: Flask):
    numbers = collected(team, 3, 1, 1, 1, 2)
    client, found = browser(app, house, team.admin), list[str]()
    address, following = f"/api/v1/workspaces/{team.id}/timeline?limit=2", ""
    while following is not None:
        answer = client.get(f"{address}&cursor={following}" if following else address)
        found += [one["number"] for one in answer.json["items"]]
        following = answer.json["next"]
    assert found == [numbers[0], numbers[4], numbers[3], numbers[2], numbers[1]]


def test_the_page_goes_back_to_where_it_came_from(team: Team, house: House, app: Flask):
    one, two, three = collected(team, 1, 2, 3)
    client = browser(app, house, team.admin)
    first = client.get(f"/w/{team.id}/timeline?limit=2").text
    assert (three in first, two in first, one in first) == (True, True, False)
    older = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    second = client.get(older).text
    assert (two in second, one in second) == (False, True)
    newer = second.partition('rel="prev"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert three in client.get(newer).text


@pytest.mark.parametrize(
    ("clock", "day", "time"), [("utc", "March 1, 2026", "23:30"), ("place", "March 2, 2026", "00:30")]
)
def test_the_day_is_that_of_the_clock_asked_for(team: Team, house: House, app: Flask, clock: str, day: str, time: str):
    collected(team, 0)
    page = browser(app, house, team.admin).get(f"/w/{team.id}/timeline?clock={clock}").text
    assert day in page
    assert f">{time}</time>" in page


def test_filters_narrow_it_as_they_narrow_the_register(team: Team, house: House, app: Flask):
    collected(team, 1, title="A telephone")
    collected(team, 2, title="A laptop")
    client = browser(app, house, team.admin)
    listed = client.get(f"/api/v1/workspaces/{team.id}/timeline?q=telephone").json["items"]
    assert [one["title"] for one in listed] == ["A telephone"]
    assert "Nothing fits" in client.get(f"/w/{team.id}/timeline?q=boat").text


def test_what_is_hidden_from_a_partner_is_on_no_timeline_of_theirs(world: World, house: House, app: Flask):
    team = world.workspace()
    room = team.compartment("DE")
    number = exhibit(team, team.admin, b"x", compartment_id=room, title="Bilateral").number
    partner = browser(app, house, team.join("FR"))
    assert partner.get(f"/api/v1/workspaces/{team.id}/timeline").json["items"] == []
    page = partner.get(f"/w/{team.id}/timeline").text
    assert number not in page
    assert "Bilateral" not in page


@pytest.mark.parametrize("wrong", ["x", "WyJhIiwiMSJd", "WyIyMDI2LTAxLTAxIiwiMSJd"])
def test_a_cursor_of_nothing_is_named(team: Team, house: House, app: Flask, wrong: str):
    answer = browser(app, house, team.admin).get(f"/api/v1/workspaces/{team.id}/timeline?cursor={wrong}")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "cursor")


def test_an_outsider_finds_nothing_there_and_a_look_is_on_the_log(world: World, house: House, app: Flask):
    team, other = world.workspace(), world.workspace()
    assert browser(app, house, other.admin).get(f"/w/{team.id}/timeline").status_code == 404
    browser(app, house, team.admin).get(f"/w/{team.id}/timeline")
    with team.world.work(team.admin) as uow:
        assert audit.read(uow.connection, team.id, events=["evidence:listed"])
