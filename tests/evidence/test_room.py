"""A workspace and an agency keep so much evidence and no more: refused before the first byte, and on the record."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from jit_server import app as application
from jit_server import audit, evidence
from jit_server.access import OPERATOR
from jit_server.core.errors import Mismatch, QuotaFull
from jit_server.evidence.usecases import room
from jit_server.identity.models import AgencyRole
from jit_server.identity.usecases import staff, staffing
from jit_server.work import House
from tests.builders import Team, Who, World, browser
from tests.evidence.builders import begins, declare, exhibit, stated


def narrow(house: House, **settings: int) -> House:
    return replace(house, settings=house.settings.model_copy(update=settings))


@pytest.fixture
def small(house: House) -> World:
    """Agencies of this test's own, where a workspace keeps 100 bytes and an agency 150."""
    return World.create(narrow(house, quota_workspace_bytes=100, quota_agency_bytes=150))


def refused(team: Team, who: Who) -> list[dict[str, Any]]:
    with team.world.work(who) as uow:
        found = audit.read(uow.connection, team.id, events=["evidence:over_quota"])
    return [{**one.content["facts"], "result": one.content["result"]} for one in found]


def test_a_workspace_that_is_full_takes_no_declaration_and_says_whom_to_ask(small: World) -> None:
    team = small.workspace()
    exhibit(team, team.admin, b"x" * 60)
    with pytest.raises(QuotaFull) as error:
        declare(team, team.leaders["FR"], 41)
    problem = error.value.problem()
    assert (problem["status"], problem["whose"], problem["size"], problem["max_bytes"]) == (413, "workspace", 41, 100)
    assert "administrators" in problem["remedy"]
    assert "60" not in problem["detail"]  # how much is kept is no member's business
    assert refused(team, team.admin) == [{"whose": "workspace", "size": 41, "result": "denied"}]
    exhibit(team, team.leaders["FR"], b"y" * 40)


def test_an_agency_that_is_full_is_refused_in_every_workspace_and_others_are_not(small: World) -> None:
    first, second = small.workspace(), small.workspace()
    exhibit(first, first.admin, b"x" * 90)
    with pytest.raises(QuotaFull) as error:
        declare(second, second.admin, 61)
    assert error.value.members["whose"] == "agency"
    exhibit(second, second.leaders["FR"], b"y" * 61)


def test_what_was_declared_while_there_was_room_is_refused_before_its_first_byte(small: World) -> None:
    team = small.workspace()
    late = declare(team, team.admin, 60)
    exhibit(team, team.admin, b"x" * 60)

    def bytes_nobody_may_read() -> Iterator[bytes]:
        raise AssertionError("a byte was read")
        yield b""

    with pytest.raises(QuotaFull):
        evidence.receive(begins(team, team.admin), late, bytes_nobody_may_read())
    assert [one["whose"] for one in refused(team, team.admin)] == ["workspace"]


def test_what_is_being_sent_takes_room_and_gives_it_back_when_it_fails(small: World) -> None:
    team = small.workspace()
    running, other = declare(team, team.admin, 60), declare(team, team.leaders["FR"], 60)

    def slow() -> Iterator[bytes]:
        yield b"x" * 30
        with pytest.raises(QuotaFull):
            evidence.receive(begins(team, team.leaders["FR"]), other, [b"y" * 60])
        yield b"x" * 29  # one too few

    with pytest.raises(Mismatch):
        evidence.receive(begins(team, team.admin), running, slow())
    evidence.receive(begins(team, team.leaders["FR"]), other, [b"y" * 60])


def test_the_refusal_is_the_same_problem_over_http(small: World) -> None:
    app = application.create(small.house.settings, small.house)
    team = small.workspace()
    client = browser(app, small.house, team.admin)
    answer = client.post(f"/api/v1/workspaces/{team.id}/uploads", json=stated(101))
    assert (answer.status_code, answer.get_json()["type"]) == (413, "/problems/quota-full")
    assert client.get("/problems/quota-full").status_code == 200
    app.extensions["jit.sockets"].close()


def test_who_looks_after_them_sees_how_much_is_kept(small: World) -> None:
    app = application.create(small.house.settings, small.house)
    team = small.workspace()
    member = team.join("FR")
    exhibit(team, team.admin, b"x" * 60)
    admin = small.person("DE")
    with small.house.work(OPERATOR) as uow:
        staffing.appoint(uow, admin.agency, admin.id, AgencyRole.ADMIN)
    with small.work(admin) as uow:
        assert staff.kept(uow) == 60
    with small.work(team.admin) as uow:
        found = room.of_workspace(uow, team.id)
        assert (found.kept, found.coming, found.most) == (60, 0, 100)
    pages = {
        who.id: browser(app, small.house, who).get(f"/w/{team.id}/evidence").get_data(as_text=True)
        for who in (team.admin, member)
    }
    assert "The workspace keeps 60" in pages[team.admin.id]
    assert "The workspace keeps" not in pages[member.id]
    assert "Evidence kept" in browser(app, small.house, admin).get("/agency").get_data(as_text=True)
    app.extensions["jit.sockets"].close()


def test_the_workspaces_room_is_told_by_the_api_to_its_administrators_alone(small: World) -> None:
    team, others = small.workspace(), small.workspace()
    exhibit(team, team.admin, b"x" * 60)
    app, here = application.create(small.house.settings, small.house), f"/api/v1/workspaces/{team.id}/room"
    told = browser(app, small.house, team.admin).get(here)
    assert (told.status_code, told.json) == (200, {"kept": 60, "coming": 0, "most": 100})
    assert browser(app, small.house, team.join("FR")).get(here).status_code == 403
    assert browser(app, small.house, others.admin).get(here).status_code == 404
