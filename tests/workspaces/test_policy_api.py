"""The rules as JSON: the same use-cases as the page."""

from flask import Flask

from jit_server.access import Role
from jit_server.work import House
from tests.builders import World, browser

NEW = {"sentence": "No copies.", "actions": ["evidence:download"], "roles": ["member"], "origins": ["own"]}


def test_a_restriction_goes_its_way_through_the_api(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    team.join("FR")
    leader, second = browser(app, house, team.leaders["FR"]), browser(app, house, team.join("FR", Role.LEADER))
    here = f"/api/v1/workspaces/{team.id}/policy"
    made = leader.post(f"{here}/restrictions", json=NEW)
    assert made.status_code == 201, made.text
    assert [one["allowed"] for one in made.json["change"]["effects"]] == [False]
    rule = f"{here}/restrictions/{made.json['id']}"
    assert leader.post(f"{rule}/apply").json["version"] == 2
    assert leader.post(f"{rule}/propose-end", json={"reason": "over"}).json["change"]["loosens"] is True
    assert leader.post(f"{rule}/end").status_code == 409
    assert second.post(f"{rule}/end").json["version"] == 3
    changed = leader.get(f"{here}/diff?before=1&after=2").json
    assert [one["id"] for one in changed["added"]] == [made.json["clause"]]
    assert leader.get(f"{here}/diff?before=1&after=99").status_code == 404
    assert [one["cause"] for one in leader.get(here).json["history"]] == ["loosened", "narrowed", "agreement"]


def test_a_proposal_can_be_withdrawn_and_an_end_refused(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    leader = browser(app, house, team.leaders["FR"])
    here = f"/api/v1/workspaces/{team.id}/policy"
    first, second = (leader.post(f"{here}/restrictions", json=NEW).json["id"] for _ in range(2))
    assert leader.post(f"{here}/restrictions/{first}/withdraw").status_code == 200
    assert leader.post(f"{here}/restrictions/{second}/apply").status_code == 200
    assert leader.post(f"{here}/restrictions/{second}/propose-end", json={"reason": "over"}).status_code == 200
    assert leader.post(f"{here}/restrictions/{second}/keep").status_code == 200


def test_members_read_and_propose_nothing_and_outsiders_find_nothing(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    here = f"/api/v1/workspaces/{team.id}/policy"
    member = browser(app, house, team.join("FR"))
    assert member.get(here).json["restrictions"] == []
    assert member.post(f"{here}/restrictions", json=NEW).status_code == 403
    assert member.post(f"{here}/restrictions", json=NEW | {"effect": "allow"}).status_code == 422
    outsider = browser(app, house, world.person("NL"))
    assert outsider.get(here).status_code == 404
    assert outsider.post(f"{here}/restrictions", json=NEW).status_code == 404
