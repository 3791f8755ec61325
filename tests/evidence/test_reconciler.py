"""The reconciler: what a crash left half done is ended and swept, what no row names is listed, the rest is left."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from jit_server.access import SYSTEM
from jit_server.core import clock
from jit_server.core.errors import Conflict
from jit_server.core.postgres import EmbeddedPostgres
from jit_server.core.settings import Settings
from jit_server.core.vault import new_key
from jit_server.evidence import Upload
from jit_server.evidence.usecases import reconciling
from jit_server.work import House
from tests.builders import Team, World
from tests.engines.apart import apart
from tests.evidence.builders import declare, exhibit, send


@pytest.fixture(scope="module")
def own_house(postgres: EmbeddedPostgres, settings: Settings, scratch: Path) -> Iterator[House]:
    """The reconciler looks at all that a server holds: these tests have a server to themselves."""
    with apart(postgres, settings, scratch, "reconciler") as made:
        yield made


@pytest.fixture(scope="module")
def team(own_house: House) -> Team:
    return World.create(own_house).workspace()


def reconcile(house: House) -> None:
    reconciling.reconcile(house, lambda: False)


def leave(house: House, upload_id: object, *, state: str, hours: int) -> None:
    """As if its sender's process had died so long ago."""
    with house.work(SYSTEM) as uow:
        left = text("UPDATE upload SET state = :state, beat_at = beat_at - :hours * interval '1 hour' WHERE id = :id")
        uow.connection.execute(left, {"state": state, "hours": hours, "id": upload_id})


def upload_of(house: House, upload_id: object) -> tuple[str, list[str]]:
    """Its state, and why the log says its attempts ended."""
    with house.work(SYSTEM) as uow:
        row = uow.find(Upload, id=upload_id)
        assert row is not None
        told = (
            "SELECT (convert_from(canonical, 'UTF8')::jsonb)->'facts'->>'reason' FROM audit_entry"
            " WHERE subject_id = :id AND event = 'evidence:rejected' ORDER BY position"
        )
        return row.state, list(uow.connection.execute(text(told), {"id": upload_id}).scalars())


def test_a_transfer_whose_process_died_may_be_sent_again(team: Team, own_house: House):
    content = os.urandom(50)
    upload_id = declare(team, team.admin, len(content))
    leave(own_house, upload_id, state="uploading", hours=2)
    for _ in range(2):
        reconcile(own_house)
    assert upload_of(own_house, upload_id) == ("declared", ["cut"])
    assert send(team, team.admin, upload_id, content).id == upload_id


def test_an_upload_that_never_came_is_ended_for_good(team: Team, own_house: House):
    upload_id = declare(team, team.admin, 50)
    leave(own_house, upload_id, state="declared", hours=8 * 24)
    for _ in range(2):
        reconcile(own_house)
    assert upload_of(own_house, upload_id) == ("rejected", ["expired"])
    with pytest.raises(Conflict):
        send(team, team.admin, upload_id, os.urandom(50))


def test_what_is_under_way_or_done_is_left_alone(team: Team, own_house: House):
    done = exhibit(team, team.admin, os.urandom(20))
    waiting, running = declare(team, team.admin, 20), declare(team, team.admin, 20)
    leave(own_house, waiting, state="declared", hours=24)
    leave(own_house, running, state="uploading", hours=0)
    leave(own_house, done.id, state="available", hours=10_000)
    reconcile(own_house)
    states = [upload_of(own_house, one)[0] for one in (waiting, running, done.id)]
    assert states == ["declared", "uploading", "available"]


def test_remains_of_a_killed_transfer_are_swept_once_its_time_is_over(own_house: House):
    staging = own_house.settings.data / "vault" / "staging"
    old, young = staging / "old", staging / "young"
    for path in (old, young):
        path.write_bytes(b"half")
    long_ago = (clock.now() - timedelta(days=8)).timestamp()
    os.utime(old, (long_ago, long_ago))
    reconcile(own_house)
    assert (old.exists(), young.exists()) == (False, True)


def test_an_object_no_exhibit_names_is_listed_after_a_day_and_kept(team: Team, own_house: House):
    item = exhibit(team, team.admin, os.urandom(20))
    orphan = own_house.vault.put(new_key(team.id), [b"nobody's"], size=8)
    assert list(reconciling.orphans(own_house)) == []
    long_ago = (clock.now() - timedelta(days=2)).timestamp()
    for one in (orphan.key + "/" + orphan.version_id, item.vault_key + "/" + item.version_id):
        os.utime(own_house.settings.data / "vault" / "objects" / one, (long_ago, long_ago))
    (found,) = reconciling.orphans(own_house)
    assert (found.key, found.version_id, found.size) == (orphan.key, orphan.version_id, 8)
    reconcile(own_house)
    assert own_house.vault.stat(orphan.key, orphan.version_id).size == 8
    stated = {"JIT_DATABASE_URL": own_house.settings.database_url, "JIT_DATA": str(own_house.settings.data)}
    said = subprocess.run(
        [sys.executable, "-m", "jit_server.cli", "evidence", "orphans", "--json"], env=os.environ | stated,
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert [one["version_id"] for one in json.loads(said.stdout)] == [orphan.version_id]
