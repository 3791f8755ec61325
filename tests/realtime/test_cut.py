"""A4, X8: a running download ends within two seconds of its taker's access, on every worker, and asleep or not."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from jit_server import workspaces
from jit_server.access import Action, Role
from jit_server.core import clock
from jit_server.identity import programs, sessions
from jit_server.identity.models import Person
from jit_server.work import UnitOfWork
from tests.builders import Team, Who, World, sign_in
from tests.evidence.builders import exhibit
from tests.evidence.media import sound
from tests.evidence.test_viewing import looked_at
from tests.identity.test_programs import Program, administrator, ask
from tests.identity.test_scim import asks, patch, token, user
from tests.realtime.taking import Taker, holders

SIZE = 48 * 2**20
CUT_SECONDS = 2.0
SCOPES = (Action.WORKSPACE_READ, Action.EVIDENCE_LIST, Action.EVIDENCE_READ, Action.EVIDENCE_DOWNLOAD)


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    """A workspace with something large in it."""
    return world.workspace()


@pytest.fixture(scope="module")
def path(team: Team) -> str:
    """Where the large thing is taken from."""
    item = exhibit(team, team.admin, os.urandom(SIZE), handling="H1")
    return f"/api/v1/evidence/{item.id}/content"


@dataclass
class Case:
    """Somebody who takes, how they show who they are, and what ends their access."""

    headers: dict[str, str]
    end: Callable[[], object]


@dataclass
class Scene:
    """What the cases are made of."""

    team: Team
    app: Flask
    owner: Engine

    @property
    def world(self) -> World:
        return self.team.world

    def person(self) -> tuple[Who, str]:
        """A member of FR's, and the secret of their session."""
        who = self.team.join("FR")
        return who, sign_in(self.world.house, who)

    def cookie(self, secret: str) -> dict[str, str]:
        return {"Cookie": f"{self.world.house.settings.cookie}={secret}"}

    def program(self) -> tuple[Program, dict[str, str]]:
        """A program of DE's that is a member, and how it shows who it is."""
        admin = administrator(self.world, "DE")
        with self.world.work(admin) as uow:
            made = programs.create_client(uow, programs.NewClient(name="Case system", scopes=SCOPES))
            found = Program(made.client.id, made.client.person_id, made.secret, admin, self.team)
        with self.world.work(self.team.admin) as uow:
            workspaces.invite(uow, self.team.id, workspaces.NewMember(person_id=found.person_id, role=Role.MEMBER))
        key = ask(self.app.test_client(), found).get_json()["access_token"]
        return found, {"Authorization": f"Bearer {key}"}


def removed(scene: Scene) -> Case:
    who, secret = scene.person()
    return Case(scene.cookie(secret), lambda: scene.team.remove(who))


def signed_out(scene: Scene) -> Case:
    _, secret = scene.person()

    def end() -> None:
        with scene.owner.begin() as connection:
            statement = text("UPDATE login_session SET ended_at = now() WHERE token_hash = :digest")
            connection.execute(statement, {"digest": sessions.hashed(secret)})

    return Case(scene.cookie(secret), end)


def deactivated(scene: Scene) -> Case:
    who, secret = scene.person()
    directory = asks(scene.app, token(scene.world, "FR"))
    with scene.world.work(who) as uow:
        person = uow.find(Person, id=who.id)
        assert person is not None
        sub = person.sub
    key = directory("POST", "/Users", user(externalId=sub)).json["id"]
    return Case(scene.cookie(secret), lambda: directory("PATCH", f"/Users/{key}", patch(active=False)))


def run_out(uow: UnitOfWork, client_id: UUID) -> None:
    client = uow.find(programs.ApiClient, id=client_id)
    assert client is not None
    client.expires_at = clock.now()


def by_admin(act: Callable[[UnitOfWork, UUID], object]) -> Callable[[Scene], Case]:
    """A program, and what its agency's administrator does to its key."""

    def made(scene: Scene) -> Case:
        found, headers = scene.program()

        def end() -> None:
            with scene.world.work(found.admin) as uow:
                act(uow, found.id)

        return Case(headers, end)

    return made


CASES = {
    "member removed": removed,
    "session ended": signed_out,
    "deactivated by SCIM": deactivated,
    "secret rotated": by_admin(programs.rotate_secret),
    "key revoked": by_admin(programs.revoke_client),
    "key run out": by_admin(run_out),
}


@pytest.fixture
def scene(team: Team, app: Flask, owner_engine: Engine) -> Scene:
    return Scene(team, app, owner_engine)


def begun(served, path: str, headers: dict[str, str]) -> list[Taker]:
    """Downloads under way, at least one on each worker."""
    takers: list[Taker] = []
    while len(takers) < 4 or (len(takers) < 40 and not all(holders(served.port, served.workers))):
        takers.append(Taker(served.port, path, headers))
    assert all(holders(served.port, served.workers))
    assert [taker.status for taker in takers] == [200] * len(takers)
    for taker in takers:
        taker.take()
    return takers


@pytest.mark.parametrize("how", list(CASES))
def test_a4_a_running_download_is_cut_on_every_worker_when_access_ends(served, path, scene, how):
    case = CASES[how](scene)
    takers = begun(served, path, case.headers)
    try:
        with ThreadPoolExecutor(len(takers)) as pool:
            running = [pool.submit(taker.until_cut, 20) for taker in takers]
            time.sleep(0.5)
            assert not any(taker.ended for taker in takers)
            case.end()
            ended = time.monotonic()
            for one in running:
                one.result()
            took = time.monotonic() - ended
        print(f"A4 download, {how}: {len(takers)} cut after {took:.2f} s")
        assert all(taker.ended and taker.taken < SIZE for taker in takers)
        assert took <= CUT_SECONDS
        again = Taker(served.port, path, case.headers)
        assert again.status in {401, 404}
        again.close()
    finally:
        for taker in takers:
            taker.close()


@pytest.mark.parametrize("how", ["member removed", "session ended"])
def test_what_the_player_plays_is_cut_like_a_download(served, team, scene, how):
    item = looked_at(team, sound(300, 88_200), handling="H1")
    case, path = CASES[how](scene), f"/api/v1/evidence/{item.id}/media"
    taker = Taker(served.port, path, {**case.headers, "Range": "bytes=0-"})
    try:
        assert taker.status == 206
        taker.take()
        case.end()
        took = taker.until_cut(60)
        print(f"A4 media, {how}: cut after {took:.2f} s")
        assert taker.ended
        assert taker.taken < item.size
        again = Taker(served.port, path, case.headers)
        assert again.status in {401, 404}
        again.close()
    finally:
        taker.close()


def test_a_taker_that_takes_nothing_is_cut_as_well(served, path, scene):
    case = removed(scene)
    taker = Taker(served.port, path, case.headers)
    try:
        time.sleep(0.5)
        case.end()
        time.sleep(CUT_SECONDS)
        begun_at = time.monotonic()
        taker.drain(0.2)
        assert taker.ended
        assert taker.taken < SIZE / 4  # what had left before; what the server's kernel still held was dropped
        assert time.monotonic() - begun_at < 1
    finally:
        taker.close()


def test_a_download_outlives_the_tokens_ten_minutes_and_not_its_key(served, path, scene):
    case = CASES["key revoked"](scene)
    taker = Taker(served.port, path, case.headers)
    try:
        digest = sessions.hashed(case.headers["Authorization"].removeprefix("Bearer "))
        with scene.owner.begin() as connection:
            statement = text("UPDATE api_token SET expires_at = :over WHERE token_hash = :digest")
            connection.execute(statement, {"over": clock.now() - timedelta(milliseconds=1), "digest": digest})
        taker.until_cut(2.5)
        assert not taker.ended
        late = Taker(served.port, path, case.headers)
        assert late.status == 401
        late.close()
        case.end()
        assert taker.until_cut(10) <= CUT_SECONDS
    finally:
        taker.close()
