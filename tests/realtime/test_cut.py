"""A4, X8: a running download ends within two seconds of its taker's access, on every worker, and asleep or not."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import text

from jit_server import workspaces
from jit_server.access import Action, Role
from jit_server.core import clock
from jit_server.identity import programs, sessions
from jit_server.identity.models import Person
from tests.builders import Team, Who, World, sign_in
from tests.evidence.builders import exhibit
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


@pytest.fixture
def cases(team: Team, world: World, app, client, owner_engine):
    """Each end of access that PROOFS A4 names, by name."""

    def person() -> tuple[Who, dict[str, str], bytes]:
        who = team.join("FR")
        secret = sign_in(world.house, who)
        return who, {"Cookie": f"{world.house.settings.cookie}={secret}"}, sessions.hashed(secret)

    def removed() -> Case:
        who, headers, _ = person()
        return Case(headers, lambda: team.remove(who))

    def signed_out() -> Case:
        _, headers, digest = person()

        def end() -> None:
            with owner_engine.begin() as connection:
                connection.execute(
                    text("UPDATE login_session SET ended_at = now() WHERE token_hash = :digest"), {"digest": digest}
                )

        return Case(headers, end)

    def deactivated() -> Case:
        who, headers, _ = person()
        directory = asks(app, token(world, "FR"))
        with world.house.work(who.actor) as uow:
            sub = uow.find(Person, id=who.id).sub
        key = directory("POST", "/Users", user(externalId=sub)).json["id"]
        return Case(headers, lambda: directory("PATCH", f"/Users/{key}", patch(active=False)))

    def program() -> tuple[Program, dict[str, str]]:
        admin = administrator(world, "DE")
        with world.work(admin) as uow:
            made = programs.create_client(uow, programs.NewClient(name="Case system", scopes=SCOPES))
            found = Program(made.client.id, made.client.person_id, made.secret, admin, team)
        with world.work(team.admin) as uow:
            workspaces.invite(uow, team.id, workspaces.NewMember(person_id=found.person_id, role=Role.MEMBER))
        key = ask(client, found).get_json()["access_token"]
        return found, {"Authorization": f"Bearer {key}"}

    def by_admin(act: Callable[..., object]) -> Callable[[], Case]:
        def made() -> Case:
            found, headers = program()

            def end() -> None:
                with world.work(found.admin) as uow:
                    act(uow, found.id)

            return Case(headers, end)

        return made

    def run_out(uow, client_id) -> None:
        uow.find(programs.ApiClient, id=client_id).expires_at = clock.now()

    return {
        "member removed": removed,
        "session ended": signed_out,
        "deactivated by SCIM": deactivated,
        "secret rotated": by_admin(programs.rotate_secret),
        "key revoked": by_admin(programs.revoke_client),
        "key run out": by_admin(run_out),
    }


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


@pytest.mark.parametrize(
    "how", ["member removed", "session ended", "deactivated by SCIM", "secret rotated", "key revoked", "key run out"]
)
def test_a4_a_running_download_is_cut_on_every_worker_when_access_ends(served, path, cases, how):
    case = cases[how]()
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


def test_a_taker_that_takes_nothing_is_cut_as_well(served, path, cases):
    case = cases["member removed"]()
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


def test_a_download_outlives_the_tokens_ten_minutes_and_not_its_key(served, path, cases, owner_engine):
    case = cases["key revoked"]()
    (taker,) = [Taker(served.port, path, case.headers)]
    try:
        with owner_engine.begin() as connection:
            connection.execute(
                text("UPDATE api_token SET expires_at = :over WHERE token_hash = :digest"),
                {
                    "over": clock.now() - timedelta(milliseconds=1),
                    "digest": sessions.hashed(case.headers["Authorization"].removeprefix("Bearer ")),
                },
            )
        taker.until_cut(2.5)
        assert not taker.ended
        late = Taker(served.port, path, case.headers)
        assert late.status == 401
        late.close()
        case.end()
        assert taker.until_cut(10) <= CUT_SECONDS
    finally:
        taker.close()
