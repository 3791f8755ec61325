"""Nobody finds out who is known here by asking: the answer, and the time it takes, are the same for everybody."""

import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from jit_server import identity
from jit_server.access import OPERATOR, Action, Role
from jit_server.identity import programs
from jit_server.identity.models import AgencyRole, Person
from jit_server.identity.usecases import staffing
from jit_server.work import House
from tests.builders import Who, World, browser
from tests.identity.signing_in import add_agency, new_slug

TRIES = 15
AS_GOOD_AS_EQUAL = 0.010
"""Seconds: what a network hides, and far below what a slow hash or a call to another server would cost."""


def administrator(world: World, state: str) -> Who:
    who = world.person(state)
    with world.house.work(OPERATOR) as uow:
        staffing.appoint(uow, who.agency, who.id, AgencyRole.ADMIN)
    return who


def person_of(house: House, who: Who) -> Person:
    with house.work(OPERATOR) as uow:
        found = uow.find(Person, id=who.id)
    assert found is not None
    return found


def said(answer: TestResponse) -> str:
    """All an answer says, but for the number of the request."""
    return re.sub(r'"trace_id": *"\w+"', "", answer.text)


def quickest(*asks: Callable[[], object]) -> list[float]:
    """The shortest time each takes, asked in turn so that a busy machine is busy for all."""
    best = [float("inf")] * len(asks)
    for _ in range(TRIES):
        for place, ask in enumerate(asks):
            begun = perf_counter()
            ask()
            best[place] = min(best[place], perf_counter() - begun)
    return best


@pytest.fixture
def into(app: Flask, house: House, world: World) -> Callable[[UUID], tuple[int, str]]:
    """Invite somebody into a workspace of DE and FR; the answer."""
    team = world.workspace()
    client = browser(app, house, team.admin)

    def ask(person_id: UUID) -> tuple[int, str]:
        stated = {"person_id": str(person_id), "role": str(Role.MEMBER)}
        answer = client.post(f"/api/v1/workspaces/{team.id}/members", json=stated)
        return answer.status_code, said(answer)

    return ask


def test_an_invitation_into_a_team_does_not_tell_a_strangers_id_from_none(
    into: Callable[[UUID], tuple[int, str]], house: House, world: World
) -> None:
    stranger, switched_off = world.person("NL"), world.person("FR")
    with world.work(administrator(world, "FR")) as uow:
        staffing.disable(uow, switched_off.id)
    nobody = into(uuid4())
    assert nobody[0] == 422
    assert into(stranger.id) == into(switched_off.id) == nobody
    assert into(world.person("FR").id)[0] == 201
    known, unknown = quickest(lambda: into(stranger.id), lambda: into(uuid4()))
    assert abs(known - unknown) < AS_GOOD_AS_EQUAL


def test_an_agencys_invitation_does_not_tell_whom_another_agency_knows(house: House, world: World) -> None:
    theirs = person_of(house, world.person("DE"))
    with world.work(administrator(world, "FR")) as uow:
        for sub in (theirs.sub, uuid4().hex):
            made = staffing.invite(uow, identity.NewInvitation(claim=identity.Claim.SUB, value=sub))
            assert (made.value, made.accepted_at) == (sub, None)


def test_another_agencys_person_is_as_absent_as_nobody_at_every_door_of_an_administrator(
    app: Flask, house: House, world: World
) -> None:
    admin, theirs = browser(app, house, administrator(world, "FR")), world.person("DE").id
    root = "/api/v1/agency/members"
    asks = {
        "read": lambda key: admin.get(f"{root}/{key}"),
        "change": lambda key: admin.patch(f"{root}/{key}", json={"role": "auditor"}),
        "switch off": lambda key: admin.post(f"{root}/{key}/disable"),
        "switch on": lambda key: admin.post(f"{root}/{key}/enable"),
        "end sessions": lambda key: admin.post(f"{root}/{key}/sessions/end"),
    }
    for ask in asks.values():
        there, nowhere = ask(theirs), ask(uuid4())
        assert there.status_code == 404
        assert said(there) == said(nowhere)


def test_the_door_of_an_agency_that_was_closed_is_as_absent_as_one_that_never_was(
    client: FlaskClient, house: House, owner_engine: Engine, tmp_path: Path
) -> None:
    closed, never = new_slug("x"), new_slug("x")
    (tmp_path / "secret").write_text("s" * 40)
    add_agency(house, closed, "https://idp.example", tmp_path / "secret")
    with owner_engine.begin() as connection:
        connection.execute(text("UPDATE agency SET enabled = false WHERE slug = :slug"), {"slug": closed})
    answers = [client.get(f"/login/{slug}", headers={"Accept": "application/json"}) for slug in (closed, never)]
    assert [one.status_code for one in answers] == [404, 404]
    assert said(answers[0]) == said(answers[1])


@pytest.mark.alone
def test_a_programs_wrong_secret_takes_as_long_as_a_program_that_does_not_exist(
    client: FlaskClient, world: World
) -> None:
    with world.work(administrator(world, "DE")) as uow:
        scopes = (Action.WORKSPACE_READ,)
        key = programs.create_client(uow, programs.NewClient(name="Case system", scopes=scopes)).client.id

    def ask(client_id: UUID) -> tuple[int, bytes]:
        basic = b64encode(f"{client_id}:{'x' * 43}".encode()).decode()
        stated = {"grant_type": "client_credentials"}
        answer = client.post("/oauth/token", data=stated, headers={"Authorization": f"Basic {basic}"})
        return answer.status_code, answer.data

    assert ask(key) == ask(uuid4()) == (401, b'{"error":"invalid_client"}\n')
    known, unknown = quickest(lambda: ask(key), lambda: ask(uuid4()))
    assert abs(known - unknown) < AS_GOOD_AS_EQUAL
