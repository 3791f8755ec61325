"""What an agency's directory did when it last spoke: counted, shown to its administrators, told in the terminal."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import Engine, text

from jit_server import consents
from jit_server.access import OPERATOR, Phase
from jit_server.cli import cli
from jit_server.core.errors import NotPermitted
from jit_server.identity import AgencyRole, scim
from jit_server.identity.usecases import agencies, staffing
from jit_server.web.terminal import Terminal
from jit_server.work import House
from tests.builders import World, browser
from tests.identity.signing_in import signed_in
from tests.identity.test_scim import Ask, administrator, asks, patch, token, user

Run = Callable[..., Any]


@pytest.fixture
def world(house: House) -> World:
    """Agencies of this test's own."""
    return World.create(house)


@pytest.fixture
def directory(app: Flask, world: World) -> Ask:
    return asks(app, token(world))


@pytest.fixture
def run(house: House) -> Run:
    """Run a verb; what it says as JSON."""
    terminal = Terminal()
    terminal.__dict__ |= {"settings": house.settings, "house": house}

    def run(*arguments: str, ok: bool = True) -> Any:
        done = CliRunner().invoke(cli, ["agency", "scim", *arguments, "--json"], obj=terminal)
        assert (done.exit_code == 0) is ok, done.output
        return json.loads(done.stdout) if ok else f"{done.output}{done.exception}"

    return run


def last(world: World, state: str = "FR") -> scim.RunOut | None:
    with world.house.work(OPERATOR) as uow:
        return scim.last_run(uow, agencies.agency(uow, world.slug(state)))


def test_a_run_counts_who_came_who_changed_and_who_was_switched_off(directory: Ask, world: World) -> None:
    assert last(world) is None
    keys = [directory("POST", "/Users", user()).json["id"] for _ in range(3)]
    directory("PATCH", f"/Users/{keys[0]}", patch(displayName="Other"))
    directory("PATCH", f"/Users/{keys[1]}", patch(active=False))
    directory("DELETE", f"/Users/{keys[2]}")
    directory("GET", f"/Users/{uuid4()}")
    run = last(world)
    assert run is not None
    assert (run.created, run.changed, run.deactivated, run.refused, run.error) == (3, 1, 2, 0, None)
    assert last(world, "DE") is None


def test_a_refusal_is_counted_with_what_the_directory_was_told_though_nothing_else_is_kept(
    directory: Ask, world: World
) -> None:
    known = user()
    directory("POST", "/Users", known)
    directory("POST", "/Users", user(userName=known["userName"]))
    directory("POST", "/Users", b"{")
    run = last(world)
    assert run is not None
    assert (run.created, run.refused) == (1, 2)
    assert str(run.error).startswith("400: ")


def test_after_a_silence_a_run_begins_anew(directory: Ask, world: World, owner_engine: Engine) -> None:
    directory("POST", "/Users", user())
    directory("POST", "/Users", b"{")
    with owner_engine.begin() as connection:
        back = "UPDATE scim_run SET begun_at = begun_at - :ago, last_at = last_at - :ago"
        connection.execute(text(back), {"ago": timedelta(hours=1)})
    earlier = last(world)
    directory("GET", "/Users")
    run = last(world)
    assert run is not None
    assert earlier is not None
    assert run.begun_at > earlier.last_at
    assert (run.created, run.refused, run.error) == (0, 0, None)


def test_whoever_has_no_token_leaves_no_trace_on_a_run(app: Flask, world: World) -> None:
    asks(app, "x" * 43)("POST", "/Users", user())
    assert [last(world, state) for state in World.STATES] == [None] * 3


def test_the_agency_reads_what_its_directory_did_and_that_it_never_spoke(
    app: Flask, house: House, world: World
) -> None:
    admin = signed_in(app, house, administrator(world, "FR"))
    assert "No directory tells this server" in admin.get("/agency").text
    directory = asks(app, token(world))
    assert "has not used it yet" in admin.get("/agency").text
    directory("POST", "/Users", user())
    directory("POST", "/Users", b"{")
    page = admin.get("/agency").text
    assert "1 request of your directory was refused" in page
    assert "Last sync" in page
    told = browser(app, house, administrator(world, "FR")).get("/api/v1/agency").get_json()
    assert (told["directory"]["created"], told["directory"]["refused"]) == (1, 1)
    assert {"kind": "directory", "count": 1, "href": "/agency#directory"} in told["needs"]


def test_an_administrator_finds_what_waits_for_their_own_yes(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    admin, second = team.admin, team.leaders["FR"]
    for who in (admin, second):
        with house.work(OPERATOR) as uow:
            staffing.appoint(uow, who.agency, who.id, AgencyRole.ADMIN)
    quiet = signed_in(app, house, second).get("/agency").text
    assert "Nothing in your own workspaces waits for you" in quiet
    with world.work(admin) as uow:
        waiting = consents.propose_closing(
            uow, team.id, consents.Closing(phase=Phase.POST_OPERATIONAL, reason="It is over.")
        )
        address = f"/w/{team.id}/approvals/{waiting.id}"
    told = browser(app, house, second).get("/api/v1/agency").get_json()
    mine = browser(app, house, admin).get("/api/v1/agency").get_json()
    assert [one["url"] for one in told["approvals"]] == [address]
    assert mine["approvals"] == []
    assert address in signed_in(app, house, second).get("/agency").text


def test_the_operator_issues_lists_and_revokes_a_token_in_the_terminal(app: Flask, world: World, run: Run) -> None:
    slug = world.slug("FR")
    made = run("issue", slug, "--days", "7")
    directory = asks(app, made["token"])
    assert run("last-run", slug) is None
    assert directory("POST", "/Users", user()).status_code == 201
    assert run("last-run", slug)["created"] == 1
    assert [one["id"] for one in run("list", slug)] == [made["id"]]
    run("revoke", world.slug("DE"), made["id"], ok=False)
    assert directory("GET", "/Users").status_code == 200
    assert run("revoke", slug, made["id"])["revoked_at"]
    assert directory("GET", "/Users").status_code == 401
    assert "too large" in run("issue", slug, "--days", "999", ok=False)
    assert "no such agency" in run("issue", "nobody", ok=False)


def test_the_operators_verbs_are_for_no_administrator(world: World) -> None:
    admin, slug = administrator(world, "FR"), world.slug("FR")
    with pytest.raises(NotPermitted), world.work(admin) as uow:
        scim.issue_token(uow, slug, scim.NewToken())
    with pytest.raises(NotPermitted), world.work(admin) as uow:
        scim.take_token(uow, slug, uuid4())
    with pytest.raises(NotPermitted), world.work(admin) as uow:
        scim.tokens_of(uow, slug)
