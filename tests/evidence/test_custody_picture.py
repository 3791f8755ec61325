"""The chain of custody as a picture and as who has seen it: out of the same entries as the list, and of no others."""

from typing import Any

import pytest
from flask import Flask

from jit_server import evidence
from jit_server.access import Handling, Role
from jit_server.evidence.custody.picture import MOST, drawn, viewers
from jit_server.work import House
from tests.builders import Team, World, browser
from tests.evidence.builders import begins, exhibit
from tests.evidence.test_hand_overs import answer, hand_over


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace(default_handling=Handling.H0)


def line(position: int, event: str, state: str = "DE", result: str = "ok") -> dict[str, Any]:
    actor = {"name": f"Person {state}", "agency": f"Agency {state}", "state": state}
    return {"position": position, "event": event, "at": position, "actor": actor, "result": result}


def test_each_authority_has_a_lane_and_each_entry_one_point_from_left_to_right():
    lines = [line(1, "evidence:registered"), line(2, "evidence:read", "FR"), line(4, "evidence:downloaded", "FR")]
    picture = drawn(lines)
    assert [(one["state"], [point["place"] for point in one["points"]]) for one in picture["lanes"]] == [
        ("DE", [0]), ("FR", [1, 2]),
    ]  # fmt: skip
    kinds = [point["kind"] for one in picture["lanes"] for point in one["points"]]
    assert kinds == ["collection", "consultation", "disclosure"]


def test_hand_overs_and_refusals_stand_out_and_a_long_chain_is_cut_at_its_beginning():
    lines = [line(1, "custody:handed_over"), line(2, "evidence:downloaded", "FR", "denied")]
    assert [one["points"][0]["kind"] for one in drawn(lines)["lanes"]] == ["handed", "refused"]
    long = drawn([line(number, "evidence:read") for number in range(1, MOST + 11)])
    assert (long["cut"], long["lanes"][0]["points"][0]["position"]) == (True, 11)


def test_who_has_seen_it_is_counted_without_refusals_the_latest_first():
    lines = [line(1, "evidence:read"), line(2, "evidence:read"), line(3, "evidence:downloaded", "FR"),
             line(4, "evidence:downloaded", "NL", "denied"), line(5, "evidence:verified", "NL")]  # fmt: skip
    found = [(one["actor"]["state"], one["looked"], one["taken"]) for one in viewers(lines)]
    assert found == [("FR", 0, 1), ("DE", 2, 0)]


def test_the_page_shows_both_to_whoever_sees_the_chain_and_to_nobody_else(app: Flask, house: House, team: Team):
    item = exhibit(team, team.admin)
    answer(team, team.leaders["FR"], item, hand_over(team, team.admin, item, team.leaders["FR"]))
    b"".join(evidence.download(begins(team, team.leaders["FR"]), item.id)[1])
    address = f"/w/{team.id}/evidence/{item.number}"
    page = browser(app, house, team.admin).get(address).text
    assert page.count('class="lane"') == 2
    assert page.count('class="verb-handed"') == 2
    assert team.leaders["FR"].name in page.partition("1 person has seen it")[2]
    assert "2 people have seen it" in browser(app, house, team.admin).get(address).text
    observer = browser(app, house, team.join("FR", Role.OBSERVER)).get(address).text
    assert "custody-picture" not in observer
    assert "seen it" not in observer
