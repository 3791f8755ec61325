"""Restricted things are used for a stated purpose, and the purpose is on their record (LED Art. 25(1); MISSION B14)."""

from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from jit_server import evidence
from jit_server.access.purposes import purposes
from jit_server.core.errors import PurposeRequired
from jit_server.evidence import EvidenceItem
from jit_server.web.purpose import REMEMBERED
from jit_server.work import House
from tests.builders import Team, World, browser
from tests.evidence.builders import begins, custody, exhibit

SAID = {"Jit-Purpose": "investigation; who moved the money"}
READ = {"Jit-Conditions": "acknowledged"}
TAILS = ("", "/custody", "/content", "/bundle")


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture
def kept(team: Team) -> EvidenceItem:
    return exhibit(team, team.admin, handling="H2")


@pytest.fixture
def client(app: Flask, house: House, team: Team) -> FlaskClient:
    return browser(app, house, team.admin)


def token(client: FlaskClient, address: str) -> str:
    return client.get(address).text.partition('name="csrf" value="')[2].partition('"')[0]


# --- programs


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("handling", ["H2", "H3"])
def test_a_restricted_thing_is_not_used_without_a_purpose(client: FlaskClient, team: Team, handling: str, tail: str):
    item = exhibit(team, team.admin, handling=handling)
    answer = client.get(f"/api/v1/evidence/{item.id}{tail}")
    problem = answer.json
    assert (answer.status_code, problem["type"]) == (428, "/problems/purpose-required")
    assert problem["header"] == "Jit-Purpose"
    assert [one["code"] for one in problem["codes"]] == list(purposes())
    assert ("conditions" in problem, "acknowledge" in problem) == (handling == "H3", handling == "H3")
    assert [one for one in custody(team, team.admin, item.id) if one.verb == "disclosure"] == []
    assert client.get(f"/api/v1/evidence/{item.id}{tail}", headers=SAID | READ).status_code == 200


@pytest.mark.parametrize("handling", ["H0", "H1"])
def test_an_unrestricted_one_asks_for_none_and_keeps_what_is_said(client: FlaskClient, team: Team, handling: str):
    item = exhibit(team, team.admin, handling=handling)
    assert client.get(f"/api/v1/evidence/{item.id}").status_code == 200
    assert client.get(f"/api/v1/evidence/{item.id}", headers=SAID).status_code == 200
    assert [one.why for one in custody(team, team.admin, item.id) if one.event == "evidence:read"] == [
        None,
        {"code": "investigation", "text": "who moved the money"},
    ]


def test_the_purpose_stands_in_the_entry_of_each_use(client: FlaskClient, team: Team, kept: EvidenceItem):
    for tail in TAILS:
        client.get(f"/api/v1/evidence/{kept.id}{tail}", headers=SAID)
    used = {one.event: one.why for one in custody(team, team.admin, kept.id)}
    for event in ("evidence:read", "custody:read", "evidence:downloaded", "evidence:exported"):
        assert used[event] == {"code": "investigation", "text": "who moved the money"}, event


def test_h3_shows_its_conditions_and_wants_them_acknowledged_as_well(client: FlaskClient, team: Team):
    item = exhibit(team, team.admin, handling="H3", conditions_text="Only for the court in Aachen")
    answer = client.get(f"/api/v1/evidence/{item.id}", headers=SAID)
    assert (answer.status_code, answer.json["conditions"]) == (428, "Only for the court in Aachen")
    assert client.get(f"/api/v1/evidence/{item.id}", headers=SAID | READ).status_code == 200
    entry = [one for one in custody(team, team.admin, item.id) if one.event == "evidence:read"][-1]
    assert entry.facts["conditions"] == "acknowledged"


@pytest.mark.parametrize(
    "said",
    ["", "curiosity; I wonder", "investigation", "investigation;", "investigation; ab", f"investigation; {'x' * 301}"],
)
def test_a_purpose_that_says_nothing_is_named(client: FlaskClient, kept: EvidenceItem, said: str):
    answer = client.get(f"/api/v1/evidence/{kept.id}", headers={"Jit-Purpose": said})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "Jit-Purpose")


def test_a_purpose_in_other_letters_arrives_as_it_was_written(client: FlaskClient, team: Team, kept: EvidenceItem):
    words = "trial; Prüfung für Άννα"
    headers = {"Jit-Purpose": words.encode().decode("latin-1")}
    assert client.get(f"/api/v1/evidence/{kept.id}", headers=headers).status_code == 200
    assert custody(team, team.admin, kept.id)[-1].why == {"code": "trial", "text": "Prüfung für Άννα"}


def test_a_refused_person_is_refused_before_being_asked_why(app: Flask, house: House, team: Team, kept: EvidenceItem):
    partner = browser(app, house, team.leaders["FR"])
    assert partner.get(f"/api/v1/evidence/{kept.id}").status_code == 403
    outsider = browser(app, house, team.world.person("NL"))
    assert outsider.get(f"/api/v1/evidence/{kept.id}").status_code == 404


def test_a_partners_restricted_thing_asks_too(team: Team):
    item = exhibit(team, team.admin, handling="H3")
    with pytest.raises(PurposeRequired), begins(team, team.leaders["FR"], None)() as uow:
        evidence.read(uow, item.id)


# --- people


def test_a_person_is_asked_once_and_led_on_to_where_they_were_going(client: FlaskClient, team: Team):
    item = exhibit(team, team.admin, b"what was wanted", handling="H3", conditions_text="Not for counsel")
    page = f"/w/{team.id}/evidence/{item.number}"
    for onward, address in (("look", page), ("download", f"{page}/content"), ("bundle", f"{page}/bundle")):
        led = client.get(address)
        assert (led.status_code, led.location) == (303, f"{page}/purpose?next={onward}")
    asked = client.get(f"{page}/purpose?next=download")
    assert "Not for counsel" in asked.text
    answer = {
        "csrf": token(client, f"{page}/purpose?next=download"), "next": "download", "code": "trial",
        "text": "for the hearing", "acknowledged": "true",
    }  # fmt: skip
    led = client.post(f"{page}/purpose", data=answer)
    assert (led.status_code, led.location) == (303, f"{page}/content")
    assert client.get(led.location).data == b"what was wanted"
    assert client.get(page).status_code == 200
    assert client.get(f"{page}/bundle").status_code == 200
    uses = [one for one in custody(team, team.admin, item.id) if one.verb == "disclosure"]
    assert [one.why for one in uses] == [{"code": "trial", "text": "for the hearing"}] * 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"code": ""}, "code"), ({"code": "fun"}, "code"), ({"text": ""}, "text"), ({"text": "a"}, "text"),
     ({"acknowledged": ""}, "acknowledged")],
)  # fmt: skip
def test_what_is_missing_on_the_page_is_marked_and_what_was_typed_stays(
    client: FlaskClient, team: Team, changes: dict[str, str], field: str
):
    item = exhibit(team, team.admin, handling="H3")
    page = f"/w/{team.id}/evidence/{item.number}/purpose"
    whole = {"next": "look", "code": "trial", "text": "for the hearing", "acknowledged": "true"}
    answer = client.post(page, data={"csrf": token(client, page)} | whole | changes)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    if field != "text":
        assert "for the hearing" in answer.text
    assert client.get(f"/w/{team.id}/evidence/{item.number}").status_code == 303


def test_the_answer_holds_for_this_session_and_this_thing_only(app: Flask, house: House, team: Team):
    one, other = (exhibit(team, team.admin, handling="H2") for _ in range(2))
    mine, elsewhere = browser(app, house, team.admin), browser(app, house, team.admin)
    page = f"/w/{team.id}/evidence/{one.number}"
    mine.post(f"{page}/purpose", data={"csrf": token(mine, f"{page}/purpose"), "code": "trial", "text": "hearing"})
    assert mine.get(page).status_code == 200
    assert mine.get(f"/api/v1/evidence/{one.id}").status_code == 200
    assert mine.get(f"/w/{team.id}/evidence/{other.number}").status_code == 303
    assert elsewhere.get(page).status_code == 303


def test_after_half_an_hour_one_is_asked_again(
    client: FlaskClient, team: Team, kept: EvidenceItem, owner_engine: Engine
):
    page = f"/w/{team.id}/evidence/{kept.number}"
    client.post(f"{page}/purpose", data={"csrf": token(client, f"{page}/purpose"), "code": "trial", "text": "hearing"})
    assert client.get(page).status_code == 200
    with owner_engine.begin() as connection:
        statement = text("UPDATE stated_purpose SET stated_at = stated_at - :long WHERE subject_id = :id")
        connection.execute(statement, {"long": REMEMBERED + timedelta(seconds=1), "id": kept.id})
    assert client.get(page).status_code == 303


@pytest.mark.parametrize("onward", ["https://evil.example", "//evil.example", "../../..", "x"])
def test_the_page_leads_nowhere_else(client: FlaskClient, team: Team, kept: EvidenceItem, onward: str):
    page = f"/w/{team.id}/evidence/{kept.number}/purpose"
    assert client.get(page, query_string={"next": onward}).status_code == 404
    sent = {"csrf": token(client, page), "next": onward, "code": "trial", "text": "hearing"}
    assert client.post(page, data=sent).status_code == 404


def test_the_page_tells_nobody_of_what_is_not_theirs(app: Flask, house: House, team: Team, kept: EvidenceItem):
    page = f"/w/{team.id}/evidence/{kept.number}/purpose"
    assert browser(app, house, team.leaders["FR"]).get(page).status_code == 403
    outsider = browser(app, house, team.world.person("NL"))
    assert outsider.get(page).status_code == outsider.get(f"/w/{uuid4()}/evidence/DE-0001/purpose").status_code == 404
