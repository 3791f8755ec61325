"""Programs: an agency's API clients come by a token and do what their scopes, their membership and the rules allow."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jit_server import identity, workspaces
from jit_server.access import OPERATOR, Action, Role
from jit_server.core.errors import NotFound, NotPermitted, StepUp
from jit_server.identity import programs
from jit_server.identity.models import Person
from jit_server.identity.usecases import staffing
from jit_server.work import House
from tests.builders import Team, Who, World, browser, stale

SCOPES = (Action.WORKSPACE_READ, Action.CHANNEL_READ, Action.EVIDENCE_LIST)


@dataclass
class Program:
    """A client, its secret, and where it belongs."""

    id: UUID
    person_id: UUID
    secret: str
    admin: Who
    team: Team


def administrator(world: World, state: str) -> Who:
    """Somebody who looks after the State's agency."""
    who = world.person(state)
    with world.house.work(OPERATOR) as uow:
        staffing.appoint(uow, who.agency, who.id)
    return who


@pytest.fixture
def program(world: World) -> Program:
    """A program of DE's agency that is a member of a team."""
    admin, team = administrator(world, "DE"), world.workspace()
    with world.work(admin) as uow:
        made = programs.create_client(uow, programs.NewClient(name="Case system", scopes=SCOPES))
        client_id, person_id, secret = made.client.id, made.client.person_id, made.secret
    with world.work(team.admin) as uow:
        workspaces.invite(uow, team.id, workspaces.NewMember(person_id=person_id, role=Role.MEMBER))
    return Program(client_id, person_id, secret, admin, team)


def ask(client: FlaskClient, program: Program, secret: str = "", **fields: str):
    """Ask for a token."""
    stated = {"grant_type": "client_credentials", **fields}
    basic = b64encode(f"{program.id}:{secret or program.secret}".encode()).decode()
    return client.post("/oauth/token", data=stated, headers={"Authorization": f"Basic {basic}"})


def token(client: FlaskClient, program: Program) -> dict[str, str]:
    """The header that a program sends with its requests."""
    return {"Authorization": f"Bearer {ask(client, program).get_json()['access_token']}"}


def test_a_program_reads_within_its_scopes_where_it_is_a_member(client: FlaskClient, program: Program) -> None:
    answer = ask(client, program).get_json()
    assert (answer["token_type"], answer["expires_in"], answer["scope"].split()) == ("Bearer", 600, sorted(SCOPES))
    headers = token(client, program)
    assert client.get(f"/api/v1/workspaces/{program.team.id}", headers=headers).status_code == 200
    assert client.get(f"/api/v1/workspaces/{program.team.id}/evidence", headers=headers).status_code == 200


def test_what_no_scope_names_is_refused_and_the_scope_is_named(client: FlaskClient, program: Program) -> None:
    answer = client.get(f"/api/v1/workspaces/{program.team.id}/members", headers=token(client, program))
    assert answer.status_code == 403
    assert "member:list" in answer.get_json()["detail"]


def test_a_scope_never_opens_what_the_role_does_not(client: FlaskClient, program: Program, world: World) -> None:
    other = world.workspace()
    absent = client.get(f"/api/v1/workspaces/{uuid4()}", headers=token(client, program))
    foreign = client.get(f"/api/v1/workspaces/{other.id}", headers=token(client, program))
    assert (foreign.status_code, foreign.data) == (404, absent.data)


def test_a_wrong_secret_and_an_unknown_client_get_the_same_answer(client: FlaskClient, program: Program) -> None:
    wrong = ask(client, program, secret="x" * 43)
    unknown = ask(client, Program(uuid4(), uuid4(), program.secret, program.admin, program.team))
    assert (
        (wrong.status_code, wrong.data) == (401, b'{"error":"invalid_client"}\n') == (unknown.status_code, unknown.data)
    )


@pytest.mark.parametrize("end", ["revoke", "rotate", "disable agency"])
def test_a_token_ends_at_once(end: str, client: FlaskClient, program: Program, world: World) -> None:
    headers = token(client, program)
    if end == "revoke":
        with world.work(program.admin) as uow:
            programs.revoke_client(uow, program.id)
    elif end == "rotate":
        with world.work(program.admin) as uow:
            programs.rotate_secret(uow, program.id)
    else:
        with world.house.work(OPERATOR) as uow:
            identity.end_sessions(uow, program.admin.agency)
    assert client.get(f"/api/v1/workspaces/{program.team.id}", headers=headers).status_code == 401


def test_a_client_that_has_run_out_gets_no_token(client: FlaskClient, program: Program, world: World) -> None:
    with world.house.work(OPERATOR) as uow:
        row = uow.find(programs.ApiClient, id=program.id)
        assert row is not None
        row.expires_at = uow.now - timedelta(seconds=1)
    assert ask(client, program).status_code == 401


def test_a_token_counts_on_the_api_alone_and_never_in_an_address(client: FlaskClient, program: Program) -> None:
    headers = token(client, program)
    value = headers["Authorization"].removeprefix("Bearer ")
    assert client.get(f"/w/{program.team.id}", headers=headers).status_code in {303, 401}
    address = f"/api/v1/workspaces/{program.team.id}?access_token={value}"
    assert client.get(address).status_code == 401
    assert client.post(f"/oauth/token?client_id={program.id}", data={}).status_code == 400


def test_a_program_changes_nothing_that_belongs_to_a_person(client: FlaskClient, program: Program) -> None:
    answer = client.post("/api/v1/workspaces", json={}, headers=token(client, program))
    assert answer.status_code == 403


def test_a_scope_that_was_not_given_is_no_token(client: FlaskClient, program: Program) -> None:
    assert ask(client, program, scope="member:invite").get_json() == {"error": "invalid_scope"}


def test_only_the_agencys_own_administrator_with_a_recent_sign_in_makes_and_ends_them(
    program: Program, world: World
) -> None:
    new = programs.NewClient(name="Mine", scopes=SCOPES)
    foreign, plain = administrator(world, "FR"), world.person("DE")
    for who, error in ((plain, NotPermitted), (stale(program.admin), StepUp)):
        with pytest.raises(error), world.work(who) as uow:
            programs.create_client(uow, new)
    with pytest.raises(NotFound), world.work(foreign) as uow:
        programs.revoke_client(uow, program.id)
    with world.work(foreign) as uow:
        assert programs.list_clients(uow) == []


def test_nobody_signs_in_as_a_program_and_the_log_says_what_it_did(
    app: Flask, house: House, client: FlaskClient, program: Program, world: World
) -> None:
    with world.house.work(OPERATOR) as uow:
        person = uow.find(Person, id=program.person_id)
    assert person is not None
    assert person.service
    client.get(f"/api/v1/workspaces/{program.team.id}", headers=token(client, program))
    log = browser(app, house, program.team.admin).get(f"/api/v1/workspaces/{program.team.id}/log?limit=200")
    acts = [one["event"] for one in log.get_json()["items"] if one["actor"]["person"] == str(program.person_id)]
    assert acts == ["workspace:read"]
