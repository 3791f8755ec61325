"""Events of the case on the timeline: marked, never altered, and unseen by whoever may not know of them (W10, J2)."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from jit_server import audit, evidence
from jit_server.access import Handling, PartyClass, Role
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted
from jit_server.evidence.story.models import TimelineEvent
from jit_server.evidence.story.shapes import EventOut, EventWithdrawal, NewEvent
from jit_server.evidence.usecases.chronicle import Stretch
from jit_server.evidence.usecases.telling_story import statement
from jit_server.work import House
from tests.builders import Team, Who, World, browser
from tests.evidence.builders import exhibit
from tests.evidence.test_register import token_of

AT = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace(classes={"NL": PartyClass.MS_AUTHORITY}, default_handling=Handling.H0)


def add(team: Team, who: Who, title: str = "The lorry arrives", **more: Any) -> TimelineEvent:
    new = NewEvent.model_validate({"title": title, "at": AT, "zone": "Europe/Berlin", **more})
    with team.world.work(who) as uow:
        return evidence.add_event(uow, team.id, new)


def seen(team: Team, who: Who, **wanted: Any) -> list[EventOut]:
    with team.world.work(who) as uow:
        return evidence.events_out(uow, evidence.case_events(uow, team.id, evidence.Wanted(**wanted), Stretch()))


def test_an_event_is_read_by_the_team_with_who_wrote_it_and_what_it_rests_on(team: Team):
    item = exhibit(team, team.admin, title="Photo of the lorry")
    add(team, team.admin, text="It came from the north.", place="Kehl", items=[item.id])
    (found,) = seen(team, team.leaders["FR"])
    assert (found.title, found.text, found.place, found.at) == (
        "The lorry arrives",
        "It came from the north.",
        "Kehl",
        AT,
    )
    assert (found.written_by, found.state, found.mine) == (team.admin.name, "DE", False)
    assert [one.number for one in found.items] == [item.number]


def test_the_log_commits_to_its_words_and_holds_none(team: Team):
    row = add(team, team.admin, text="It came from the north.")
    with team.world.work(team.admin) as uow:
        (entry,) = audit.read(uow.connection, team.id, 0, 1, subject=row.id)
        kept = uow.find(TimelineEvent, id=row.id)
        assert kept is not None
        assert entry.event == "timeline:event_added"
        assert entry.content["facts"] == {"statement": audit.commit(statement(kept), kept.salt)}


def test_it_is_marked_as_strictly_as_what_it_rests_on(team: Team):
    strict = exhibit(team, team.admin, handling="H2")
    observer = team.join("FR", Role.OBSERVER)
    assert add(team, team.admin, items=[strict.id]).handling == Handling.H2
    assert seen(team, observer) == []
    add(team, team.admin, "An open one")
    assert [one.title for one in seen(team, observer)] == ["An open one"]


def test_an_exhibit_that_the_reader_may_not_know_of_leaves_no_trace_in_an_event(team: Team):
    item = exhibit(team, team.admin, handling="H0")
    observer = team.join("FR", Role.OBSERVER)
    add(team, team.admin, items=[item.id])
    with team.world.work(team.admin) as uow:
        stricter = evidence.NewMarking(scheme="SIENA", code="H2", reason="A source is in danger")
        evidence.remark(uow, item.id, stricter)
    (found,) = seen(team, observer)
    assert found.items == []


def test_an_event_of_a_compartment_is_seen_by_its_parties_alone(team: Team):
    room = team.compartment("DE", "FR")
    add(team, team.admin, compartment_id=room)
    assert [one.compartment for one in seen(team, team.leaders["FR"])] == ["Bilateral"]
    assert seen(team, team.leaders["NL"]) == []
    inside = exhibit(team, team.admin, compartment_id=room)
    with pytest.raises(Invalid):
        add(team, team.admin, items=[inside.id])
    with pytest.raises(Invalid):
        add(team, team.leaders["NL"], compartment_id=room)
    assert add(team, team.admin, items=[inside.id], compartment_id=room).compartment_id == room


def test_who_may_add_no_evidence_adds_no_event_and_outsiders_find_none(team: Team, world: World):
    with pytest.raises(NotPermitted):
        add(team, team.join("FR", Role.OBSERVER))
    with pytest.raises(NotFound):
        add(team, world.person("NL"))
    with pytest.raises(NotFound):
        seen(team, world.person("NL"))


def test_a_third_country_brings_exhibits_which_are_verified_and_no_events(house: House):
    world = World.create(house)
    world.agency("CH")
    team = world.workspace(classes={"CH": PartyClass.THIRD_COUNTRY})
    with pytest.raises(Conflict):
        add(team, team.leaders["CH"])


def test_whoever_wrote_it_takes_it_back_and_it_stays_as_such(team: Team):
    row = add(team, team.admin)
    why = EventWithdrawal(reason="It was another lorry")
    with pytest.raises(Conflict), team.world.work(team.leaders["FR"]) as uow:
        evidence.withdraw_event(uow, row.id, why)
    with team.world.work(team.admin) as uow:
        evidence.withdraw_event(uow, row.id, why)
    assert [one.withdrawn for one in seen(team, team.leaders["FR"])] == ["It was another lorry"]
    with pytest.raises(Conflict), team.world.work(team.admin) as uow:
        evidence.withdraw_event(uow, row.id, why)


def test_the_database_alters_and_removes_no_event(owner_engine: Engine):
    asked = text("SELECT has_table_privilege('jit_app', :table, :right)")
    with owner_engine.connect() as connection:
        for table in ("timeline_event", "timeline_link", "timeline_withdrawal"):
            for right in ("UPDATE", "DELETE"):
                assert not connection.execute(asked, {"table": table, "right": right}).scalar_one()


def test_of_a_day_alone_no_time_is_shown_and_no_zone_moves_the_day(app: Flask, house: House, team: Team):
    add(team, team.admin, at=datetime(2026, 3, 1, 0, 5), zone="Pacific/Auckland", day_only=True)  # noqa: DTZ001 - on the wall
    page = browser(app, house, team.admin).get(f"/w/{team.id}/timeline?clock=utc").text
    assert "March 1, 2026" in page
    assert "that day" in page


def test_exhibits_and_events_stand_in_one_order_and_pages_lead_through_both_once(app: Flask, house: House, team: Team):
    for hour in range(5):
        exhibit(team, team.admin, b"x", collected_at=AT + timedelta(hours=2 * hour), title=f"Exhibit {hour}")
        add(team, team.admin, f"Event {hour}", at=AT + timedelta(hours=2 * hour + 1))
    client, address, found = browser(app, house, team.admin), f"/w/{team.id}/timeline?limit=3", list[str]()
    for _ in range(4):
        page = client.get(address).text
        found += re.findall(r"(?:Exhibit|Event) \d", page)
        if 'rel="next"' not in page:
            break
        address = page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert found == [f"{kind} {hour}" for hour in range(4, -1, -1) for kind in ("Event", "Exhibit")]
    only = client.get(f"/w/{team.id}/timeline?shown=events").text
    assert ("Event 3" in only, "Exhibit 3" in only) == (True, False)


def test_the_picture_of_the_density_leads_to_each_day_and_counts_nothing_hidden(app: Flask, house: House, team: Team):
    for day in (0, 0, 3, 5):
        exhibit(team, team.admin, collected_at=AT + timedelta(days=day), handling="H2" if day == 5 else "H0")
    page = browser(app, house, team.admin).get(f"/w/{team.id}/timeline?clock=utc").text
    assert re.findall(r"<title>([^<]*)</title></rect>", page) == ["2026-03-01: 2", "2026-03-04: 1", "2026-03-06: 1"]
    less = browser(app, house, team.join("FR", Role.OBSERVER)).get(f"/w/{team.id}/timeline?clock=utc").text
    assert "2026-03-06: 1" not in less
    there = re.findall(r'<a href="([^"]*)" aria-label="2026-03-04: 1">', page)[0].replace("&amp;", "&")
    stretch = browser(app, house, team.admin).get(there).text
    assert "March 4, 2026" in stretch.partition('id="d1"')[2][:200]


def test_the_form_offers_moment_and_place_of_the_seizure_and_keeps_what_was_typed(app: Flask, house: House, team: Team):
    item = exhibit(team, team.admin, title="Phone", collected_at=AT, zone="Europe/Berlin", place="Rheinau")
    client, here = browser(app, house, team.admin), f"/w/{team.id}/timeline/events"
    page = client.get(f"{here}/new?number={item.number}").text
    assert 'value="2026-03-02T00:30"' in page
    assert 'value="Rheinau"' in page
    said = {"csrf": token_of(page), "title": "Phone seized", "at": "2026-03-02T00:30", "zone": "Europe/Berlin"}
    wrong = client.post(here, data=said | {"items": "DE-9999"})
    assert wrong.status_code == 422
    assert 'value="Phone seized"' in wrong.text
    assert client.post(here, data=said | {"items": item.number}).status_code == 303
    page = client.get(f"/w/{team.id}/timeline").text
    assert "Phone seized" in page
    (event_id,) = re.findall(r"/timeline/events/([0-9a-f-]{36})/withdraw", page)
    client.post(f"{here}/{event_id}/withdraw", data={"csrf": token_of(page), "reason": "Typed wrongly"})
    assert "Typed wrongly" in client.get(f"/w/{team.id}/timeline").text


def test_programs_add_list_and_withdraw(app: Flask, house: House, team: Team):
    client, here = browser(app, house, team.admin), f"/api/v1/workspaces/{team.id}/timeline/events"
    made = client.post(here, json={"title": "A", "at": "2026-03-01T10:00:00Z", "zone": "UTC"})
    assert made.status_code == 201, made.json
    assert [one["title"] for one in client.get(here).json["items"]] == ["A"]
    gone = client.post(f"/api/v1/timeline/events/{made.json['id']}/withdrawal", json={"reason": "It was B"})
    assert (gone.status_code, gone.json["withdrawn"]) == (200, "It was B")
    assert [one["withdrawn"] for one in client.get(here).json["items"]] == ["It was B"]
