"""The agreement over JSON: drafts under If-Match, amendments, versions, what differs."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jit_server.access import PartyClass
from jit_server.work import House
from tests.builders import Who, World, browser


@pytest.fixture
def at(app: Flask, house: House, world: World) -> Any:
    return lambda who: browser(app, house, who)


def whole(client: FlaskClient, team_id: object) -> dict[str, Any]:
    document: dict[str, Any] = client.get(f"/api/v1/workspaces/{team_id}/agreement").json["document"]  # type: ignore[index]
    return document


def test_a_draft_is_saved_only_over_the_version_that_was_read(at: Any, world: World) -> None:
    client = at(world.person("DE"))
    made = client.post("/api/v1/agreements/drafts", json={})
    where = made.headers["Location"]
    assert made.status_code == 201
    assert client.put(where, json={"document": {"name": "X"}}).status_code == 428
    saved = client.put(where, json={"document": {"name": "X"}}, headers={"If-Match": made.headers["ETag"]})
    assert saved.json["document"] == {"name": "X"}
    lacking = {"field": "purpose", "message": "This is missing.", "remedy": "Fill in this field."}
    assert lacking in saved.json["problems"]
    again = client.put(where, json={"document": {"name": "Y"}}, headers={"If-Match": made.headers["ETag"]})
    assert again.status_code == 412
    wrong = client.put(where, json={"document": {"colour": "red"}}, headers={"If-Match": saved.headers["ETag"]})
    assert wrong.status_code == 422
    assert client.delete(where).status_code == 200
    assert client.get(where).status_code == 404


def test_a_draft_that_is_not_whole_is_not_laid_and_says_all_that_is_missing(at: Any, world: World) -> None:
    client = at(world.person("DE"))
    made = client.post("/api/v1/agreements/drafts", json={})
    laid = client.post(made.headers["Location"] + "/lay", headers={"If-Match": made.headers["ETag"]})
    assert laid.status_code == 422
    assert {"parties", "leaders", "reference"} <= {one["field"] for one in laid.json["errors"]}


def test_an_amendment_is_laid_signed_and_compared_over_the_api(at: Any, world: World) -> None:
    team = world.workspace()
    client, here = at(team.admin), f"/api/v1/workspaces/{team.id}/agreement"
    document = whole(client, team.id) | {"media": "Berlin speaks."}
    made = client.post(f"{here}/amendments", json={"base": 1, "document": document})
    assert (made.status_code, made.json["version"], made.json["state"]) == (201, 2, "offered")
    told = client.get(f"{here}/changes?before=1&after=2").json["items"]
    assert [one["sentence"] for one in told] == ["The rules for the media are worded anew: Berlin speaks."]
    for who in team.leaders.values():
        signed = at(who).post(f"{here}/signatures", json={"digest": made.json["digest"]})
        assert signed.status_code == 201
    states = [one["state"] for one in client.get(f"{here}/versions").json["items"]]
    assert states == ["in_force", "superseded"]


def test_a_text_is_withdrawn_and_a_party_leaves_over_the_api(at: Any, world: World) -> None:
    team = world.workspace(classes={"NL": PartyClass.MS_AUTHORITY})
    client, here = at(team.admin), f"/api/v1/workspaces/{team.id}/agreement"
    document = whole(client, team.id) | {"media": "Berlin speaks."}
    assert client.post(f"{here}/amendments", json={"base": 1, "document": document}).status_code == 201
    assert client.post(f"{here}/withdrawal", json={"reason": "typo"}).json["state"] == "withdrawn"
    leaving: Who = team.leaders["NL"]
    assert at(leaving).post(f"{here}/leaving", json={"reason": "done"}).status_code == 200
    assert at(leaving).get(here).status_code == 404
    newcomer = world.person("FR")
    named = {"agency": newcomer.agency, "person_id": str(newcomer.id), "function": "Analyst"}
    answer = at(team.leaders["FR"]).put(f"{here}/members", json={"members": [named]})
    assert answer.json["kind"] == "members"
    assert at(newcomer).get("/api/v1/agreements/offers").json["items"] == []
