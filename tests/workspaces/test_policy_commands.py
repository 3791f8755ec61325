"""`jit-server policy`: check, explain, diff."""

import json
from collections.abc import Callable
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from jit_server import workspaces
from jit_server.access import Action, Role
from jit_server.cli import cli
from jit_server.web.terminal import Terminal
from jit_server.work import House
from jit_server.workspaces.restrictions import NewPartyRule
from jit_server.workspaces.usecases import party_rules
from tests.builders import Team, World

Run = Callable[..., Result]


@pytest.fixture
def run(house: House) -> Run:
    def call(*arguments: str) -> Result:
        terminal = Terminal()
        terminal.house = house
        return CliRunner().invoke(cli, ["policy", *arguments], obj=terminal)

    return call


def restrict(world: World, team: Team, **changes: object) -> None:
    leader = team.leaders["FR"]
    stated = {"sentence": "No copies.", "actions": ["evidence:download"], "roles": ["member"], "origins": ["own"]}
    with world.work(leader) as uow:
        rule = party_rules.propose_rule(uow, team.id, NewPartyRule.model_validate(stated | changes)).id
    with world.work(leader) as uow:
        party_rules.apply_rule(uow, team.id, rule)


def test_a_diff_says_in_words_what_changed_and_for_whom(world: World, run: Run) -> None:
    team = world.workspace()
    team.join("FR")
    restrict(world, team)
    said = run("diff", str(team.id))
    assert said.exit_code == 0, said.output
    slug = world.slug("FR")
    assert f"+ {slug}:1 forbids Member, {slug}: Download exhibits (one's own party's things). No copies." in said.output
    assert f"Member, {slug} may no longer: Download exhibits" in said.output
    found = json.loads(run("diff", str(team.id), "--from", "1", "--to", "2", "--json").output)
    assert (found["added"], found["removed"], found["effects"][0]["allowed"]) == ([f"{slug}:1"], [], False)


def test_a_diff_of_equal_versions_says_so(world: World, run: Run) -> None:
    team = world.workspace()
    assert "no rule differs" in run("diff", str(team.id)).output
    assert run("diff", str(team.id), "--to", "7").exit_code == 1
    assert run("diff", str(uuid4())).exit_code == 1


def test_explain_answers_for_a_party_a_compartment_and_the_gate(world: World, run: Run) -> None:
    team = world.workspace()
    restrict(world, team)
    asked = ("explain", "evidence:download", "--role", "member", "--workspace", str(team.id), "--json")
    assert json.loads(run(*asked).output)["allowed"]
    mine = json.loads(run(*asked, "--party", world.slug("FR")).output)
    assert (mine["allowed"], mine["reason"]) == (False, "No copies.")
    assert not json.loads(run(*asked, "--gate", "pending").output)["allowed"]


def test_check_names_a_workspace_whose_rules_are_not_those_agreed(world: World, run: Run, owner_engine: Engine) -> None:
    clause = workspaces.NewClause(
        id="5.2", text="T.", effect="deny", actions=(Action.MESSAGE_POST,), roles=(Role.OBSERVER,)
    )
    team = world.workspace(clauses=(clause,))
    before = json.loads(run("check", "--json").output.splitlines()[0])["workspaces"]
    with world.work(team.admin) as uow:
        reference = workspaces.workspace(uow, team.id).reference
    assert isinstance(before[reference], int)
    with owner_engine.begin() as connection:
        changed = text("UPDATE policy_version SET version = 2 WHERE workspace_id = :id")
        connection.execute(changed, {"id": team.id})
        connection.execute(text("UPDATE workspace SET policy_version = 2 WHERE id = :id"), {"id": team.id})
    said = run("check")
    with owner_engine.begin() as connection:  # the run's database serves other tests too
        connection.execute(text("UPDATE policy_version SET version = 1 WHERE workspace_id = :id"), {"id": team.id})
        connection.execute(text("UPDATE workspace SET policy_version = 1 WHERE id = :id"), {"id": team.id})
    assert f"{reference}: other rules than agreed" in said.output
    assert reference in str(said.exception)
