"""The database fails as databases do: whoever asks is told so, nothing is half there, nothing leaves unrecorded.

X4 (read-only, full disk, a lock that is never given back) and X6 (a line that breaks at each question in turn).
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from psycopg import sql
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from jit_server import app as application
from jit_server import audit
from jit_server.access import SYSTEM
from jit_server.core import database
from jit_server.core.postgres import EmbeddedPostgres
from jit_server.core.settings import Settings
from jit_server.work import House
from tests.builders import Team, World, browser
from tests.engines.apart import apart
from tests.engines.cutter import Cut, Cutter
from tests.evidence.builders import declare, kept, stated
from tests.messaging.test_speaking import channel_in

NAME, CONTENT = "outages", b"bytes that prove something"
TOLD, DONE = 503, {200, 201}
A_KEY_COMES_FIRST = {"workspace_key": -1, "object_key": -1}
"""The keys under which bytes will lie are there before they are; a workspace's own with its first exhibit."""


@dataclass
class Place:
    """A server over a database of its own, reached past the line (`house`) and through it (`app`)."""

    cluster: EmbeddedPostgres
    house: House
    app: Flask
    through: Engine
    cutter: Cutter
    world: World

    def root(self) -> psycopg.Connection[Any]:
        """The superuser's hand."""
        return psycopg.connect(self.cluster.url("postgres", NAME), autocommit=True)

    def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        with self.root() as root:
            wanted = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
            tables = [name for (name,) in root.execute(wanted)]
            counted = sql.SQL("SELECT count(*) FROM {}")
            return {name: root.execute(counted.format(sql.Identifier(name))).fetchone()[0] for name in tables}  # type: ignore[index]

    def one(self, statement: str, **values: object) -> Any:
        """One value, past everything."""
        with self.root() as root:
            row = root.execute(statement, values).fetchone()  # type: ignore[arg-type]
            return row and row[0]


@pytest.fixture(scope="module")
def place(settings: Settings, scratch: Path) -> Iterator[Place]:
    with (
        EmbeddedPostgres(scratch / NAME / "pg") as cluster,
        apart(cluster, settings, scratch / NAME, NAME) as house,
        tempfile.TemporaryDirectory(prefix="jit-cut-") as folder,
    ):
        cutter = Cutter(house.settings.database_url, Path(folder))
        through = database.engine(cutter.url, pool=2)
        behind = House(house.settings, through, house.vault, house.key)
        app = application.create(house.settings, behind)
        yield Place(cluster, house, app, through, cutter, World.create(house))
        app.extensions["jit.sockets"].close()
        through.dispose()
        cutter.close()


@pytest.fixture(scope="module")
def team(place: Place) -> Team:
    return place.world.workspace()


@pytest.fixture(scope="module")
def client(place: Place, team: Team) -> FlaskClient:
    return browser(place.app, place.house, team.admin)


@dataclass
class Act:
    """Something a person does: how it is asked, as often as one likes, and how often it has taken effect."""

    ask: Callable[[FlaskClient], TestResponse]
    effects: Callable[[], int]
    rest: Callable[[], None] = lambda: None
    """What passes until it may be asked again."""


def says(place: Place, team: Team) -> Act:
    """A message."""
    channel, key = channel_in(team), uuid4().hex
    body = {"topic": "t", "text": "Search at six", "client_id": key}
    return Act(
        lambda client: client.post(f"/api/v1/channels/{channel}/messages", json=body),
        lambda: place.one("SELECT count(*) FROM message WHERE client_id = %(key)s", key=key),
    )


def declares(place: Place, team: Team) -> Act:
    """An exhibit that is going to be sent."""
    body = stated(len(CONTENT))
    return Act(
        lambda client: client.post(f"/api/v1/workspaces/{team.id}/uploads", json=body),
        lambda: place.one("SELECT count(*) FROM upload WHERE client_id = %(key)s", key=body["client_id"]),
    )


def sends(place: Place, team: Team) -> Act:
    """Its bytes."""
    upload = declare(team, team.admin, len(CONTENT))

    def rest() -> None:
        place.one("UPDATE upload SET beat_at = beat_at - interval '1 day' WHERE id = %(id)s RETURNING 1", id=upload)

    return Act(
        lambda client: client.put(f"/api/v1/uploads/{upload}", data=CONTENT, content_type="application/octet-stream"),
        lambda: place.one("SELECT count(*) FROM evidence_item WHERE id = %(id)s", id=upload),
        rest,
    )


def removes(place: Place, team: Team) -> Act:
    """Somebody's access ends."""
    who = team.join("FR")
    member = team.members[who.id]
    return Act(
        lambda client: client.delete(
            f"/api/v1/workspaces/{team.id}/members/{member}", json={"reason": "moved to another unit"}
        ),
        lambda: place.one("SELECT count(*) FROM member WHERE id = %(id)s AND status = 'removed'", id=member),
    )


def exports(place: Place, team: Team) -> Act:
    """An exhibit leaves, with its proofs."""
    item = kept(team, team.admin)

    def recorded() -> int:
        with place.house.work(SYSTEM) as uow:
            return len(audit.read(uow.connection, team.id, 0, 100, subject=item.id, events=("evidence:exported",)))

    return Act(lambda client: client.get(f"/api/v1/evidence/{item.id}/bundle", buffered=True), recorded)


ACTS = (says, declares, sends, removes, exports)


def is_told(answer: TestResponse) -> None:
    assert answer.status_code == TOLD, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["type"].endswith("/database-down"), answer.get_json()
    assert answer.headers["Retry-After"]


@contextlib.contextmanager
def read_only(place: Place) -> Iterator[None]:
    """As a stand-by is, or a server whose operator has stopped all writing."""
    with place.root() as root:
        root.execute(f"ALTER DATABASE {NAME} SET default_transaction_read_only = on")  # type: ignore[arg-type]
        place.through.dispose()
        yield
        root.execute(f"ALTER DATABASE {NAME} RESET default_transaction_read_only")  # type: ignore[arg-type]
    place.through.dispose()


@contextlib.contextmanager
def locked(place: Place) -> Iterator[None]:
    """Somebody holds the log and does not let go."""
    with psycopg.connect(place.cluster.url("postgres", NAME)) as other:
        other.execute("LOCK TABLE audit_entry IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()


@pytest.mark.parametrize("fault", [read_only, locked], ids=lambda one: one.__name__)
@pytest.mark.parametrize("act", ACTS, ids=lambda one: one.__name__)
def test_x4_what_cannot_be_recorded_does_not_happen(
    place: Place, team: Team, client: FlaskClient, act: Callable[[Place, Team], Act], fault: Callable[[Place], Any]
) -> None:
    wanted = act(place, team)
    assert wanted.effects() == 0
    before = place.rows()
    with fault(place):
        is_told(wanted.ask(client))
    assert place.rows() | A_KEY_COMES_FIRST == before | A_KEY_COMES_FIRST
    wanted.rest()
    assert wanted.ask(client).status_code in DONE
    assert wanted.effects() == 1


def test_x4_what_cannot_be_recorded_is_not_read_either(place: Place, team: Team, client: FlaskClient) -> None:
    item = kept(team, team.admin)
    for path in (f"evidence/{item.id}", f"evidence/{item.id}/content", f"workspaces/{team.id}/evidence"):
        with read_only(place):
            answer = client.get(f"/api/v1/{path}")
            is_told(answer)
            assert CONTENT not in answer.data
        assert client.get(f"/api/v1/{path}").status_code == 200


def test_x4_a_full_disk_is_said_and_nothing_is_half_there(place: Place, settings: Settings, scratch: Path) -> None:
    """The first message of a server needs a block that its disk has not got: the table's file is `/dev/full`."""
    with apart(place.cluster, settings, scratch / NAME, "full_disk") as house:
        app, world = application.create(house.settings, house), World.create(house)
        team = world.workspace()
        channel, someone = channel_in(team), browser(app, house, team.admin)
        said = {"topic": "t", "text": "x", "client_id": uuid4().hex}
        with psycopg.connect(place.cluster.url("postgres", "full_disk"), autocommit=True) as root:
            with full(root, place.cluster.folder, "message"):
                house.engine.dispose()  # the next connection opens the files anew
                is_told(someone.post(f"/api/v1/channels/{channel}/messages", json=said))
                house.engine.dispose()
            assert root.execute("SELECT count(*) FROM message").fetchone() == (0,)
        assert someone.post(f"/api/v1/channels/{channel}/messages", json=said).status_code == 201
        app.extensions["jit.sockets"].close()


@contextlib.contextmanager
def full(root: psycopg.Connection[Any], folder: Path, table: str) -> Iterator[None]:
    """An empty table on a disk that takes nothing more."""
    row = root.execute("SELECT pg_relation_filepath(%s), pg_relation_size(%s)", [table, table]).fetchone()
    assert row is not None
    assert row[1] == 0
    file = folder / row[0]
    aside = file.with_name(f"{file.name}.aside")
    file.rename(aside)
    file.symlink_to("/dev/full")
    try:
        yield
    finally:
        file.unlink()
        aside.rename(file)


@pytest.mark.parametrize("how", list(Cut), ids=lambda one: one.name.lower())
@pytest.mark.parametrize("act", ACTS, ids=lambda one: one.__name__)
def test_x6_wherever_the_line_breaks_it_is_said_and_asked_again_it_is_done_once(
    place: Place, team: Team, client: FlaskClient, act: Callable[[Place, Team], Act], how: Cut
) -> None:
    plain = act(place, team)
    with place.cutter.cutting(-1, how) as counting:
        assert plain.ask(client).status_code in DONE
        points = counting.count
    assert points >= 3, "a transaction is three questions at least"
    for fatal in range(points):
        wanted = act(place, team)
        with place.cutter.cutting(fatal, how):
            first = wanted.ask(client)
        where = f"{how}, question {fatal} of {points}: {first.status_code}"
        assert first.status_code in {*DONE, TOLD}, where
        if first.status_code in DONE:
            assert wanted.effects() >= 1, where
        wanted.rest()
        again = wanted.ask(client)
        assert again.status_code in DONE or wanted.effects() == 1, (where, again.text)
        once = wanted.effects() >= 1 if act is exports else wanted.effects() == 1
        assert once, where
    with place.house.work(SYSTEM) as uow:
        assert audit.verify(uow.connection, team.id).ok
    assert not list((place.house.settings.data / "vault" / "staging").iterdir())
