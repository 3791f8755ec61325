"""Exhibits at rest are encrypted; their keys are wrapped, rotated and destroyed without touching a byte of them."""

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from jit_server import audit, serving
from jit_server.access import OPERATOR
from jit_server.core import keyring
from jit_server.core.errors import Altered, KeyGone, VaultDown
from jit_server.core.keyring import KeyFile
from jit_server.core.settings import Settings
from jit_server.core.vault import BLOCK, new_key, sealed_size
from jit_server.evidence import Condition, EvidenceItem, StoredCheck, download, export, verify
from jit_server.evidence.keys import object_of, rewrap
from jit_server.evidence.usecases import content as contents
from jit_server.evidence.usecases import reading_back
from jit_server.evidence.usecases.rotation import rewrap_all
from jit_server.work import House, UnitOfWork
from tests.builders import Team, World, browser
from tests.evidence.builders import begins, custody, declare, exhibit, send, sha256


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


def lying(house: House, item: EvidenceItem) -> Path:
    return house.settings.data / "vault" / "objects" / item.vault_key / item.version_id


def taken(team: Team, item: EvidenceItem) -> bytes:
    return b"".join(download(begins(team, team.admin), item.id)[1])


def check_of(team: Team, item: EvidenceItem) -> StoredCheck:
    with team.world.work(team.admin) as uow:
        return reading_back.checks_of(uow, [item])[item.id]


def keks(owner_engine: Engine, team: Team) -> list[str]:
    wanted = text("SELECT kek FROM workspace_key WHERE workspace_id = :id ORDER BY turn")
    with owner_engine.connect() as connection:
        return list(connection.execute(wanted, {"id": team.id}).scalars())


def test_an_exhibit_lies_encrypted_and_comes_back_as_it_was(team: Team, house: House):
    content = b"the diary of Maria Example " * 100_000
    item = exhibit(team, team.admin, content)
    there = lying(house, item).read_bytes()
    assert b"Maria" not in there
    assert len(there) == sealed_size(len(content))
    assert taken(team, item) == content


def test_what_came_in_is_registered_at_once_and_cited_once_the_store_gave_it_back(team: Team, house: House):
    content = os.urandom(BLOCK + 3)
    item = exhibit(team, team.admin, content)
    assert (item.size, item.sha256, item.seal) == (len(content), sha256(content), "cobblestone-256")
    assert check_of(team, item).read_back_at is None
    reading_back.run(house, lambda: False, item_id=item.id)
    check = check_of(team, item)
    assert check.sha512 == hashlib.sha512(content).hexdigest()
    assert check.stored_sha256 == sha256(lying(house, item).read_bytes())
    with team.world.work(team.admin) as uow:
        (entry,) = audit.read(uow.connection, team.id, subject=item.id, events=["evidence:read_back"])
    said = {"sha256": item.sha256, "sha512": check.sha512, "size": item.size, "stored_sha256": check.stored_sha256}
    assert entry.content["facts"] == said


def test_registering_an_exhibit_asks_for_its_reading_back_and_for_a_look_at_it(team: Team, owner_engine: Engine):
    item = exhibit(team, team.admin)
    wanted = text("SELECT task_name FROM procrastinate_jobs WHERE args ->> 'item_id' = :id")
    with owner_engine.connect() as connection:
        asked = set(connection.execute(wanted, {"id": str(item.id)}).scalars())
    assert asked == {"evidence:read_back", "evidence:recognise"}


def test_it_is_read_back_once_however_often_it_is_asked_for(team: Team, house: House):
    item = exhibit(team, team.admin)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: reading_back.read_back(begins(team, team.admin), item), range(4)))
    reading_back.run(house, lambda: False, item_id=item.id)
    assert [one.event for one in custody(team, team.admin, item.id)].count("evidence:read_back") == 1


def test_a_store_that_kept_something_else_is_found_out_by_the_first_reading(team: Team, house: House):
    item = exhibit(team, team.admin, os.urandom(40_000))
    path = lying(house, item)
    path.write_bytes(bytes(40_000) + path.read_bytes()[40_000:])
    reading_back.run(house, lambda: False, item_id=item.id)
    check = check_of(team, item)
    assert (check.condition, check.read_back_at) == (Condition.ALTERED, None)
    assert "evidence:damaged" in [one.event for one in custody(team, team.admin, item.id)]


def test_nobody_gets_a_bundle_of_what_the_store_kept_otherwise(team: Team, house: House):
    item = exhibit(team, team.admin, os.urandom(1000))
    lying(house, item).write_bytes(bytes(sealed_size(1000)))
    with pytest.raises(Altered):
        export(begins(team, team.admin), item.id)


def test_a_bundle_asked_for_at_once_reads_it_back_first(team: Team):
    item = exhibit(team, team.admin)
    _, pieces = export(begins(team, team.admin), item.id)
    assert b"".join(pieces)
    assert check_of(team, item).read_back_at is not None


def test_what_was_read_back_is_never_said_otherwise(team: Team, owner_engine: Engine):
    item = exhibit(team, team.admin)
    reading_back.read_back(begins(team, team.admin), item)
    for change in ("sha512 = repeat('0', 128)", "read_back_at = now()", "stored_sha256 = repeat('0', 64)"):
        with owner_engine.connect() as connection, pytest.raises(Exception, match="append-only"):
            connection.execute(text(f"UPDATE stored_check SET {change} WHERE item_id = :id"), {"id": item.id})


def test_the_page_and_the_api_show_the_second_digest(team: Team, house: House, app: Flask):
    item = exhibit(team, team.admin)
    client = browser(app, house, team.admin)
    assert client.get(f"/api/v1/evidence/{item.id}").json["sha512"] is None
    assert "Not yet." in client.get(f"/w/{team.id}/evidence/{item.number}").text
    check = reading_back.read_back(begins(team, team.admin), item)
    shown = client.get(f"/api/v1/evidence/{item.id}").json
    assert (shown["sha512"], shown["seal"], shown["size"]) == (check.sha512, "cobblestone-256", item.size)
    page = client.get(f"/w/{team.id}/evidence/{item.number}").text
    assert "Encrypted (cobblestone-256)" in page
    assert str(check.sha512)[:8] in page


def test_each_object_has_a_key_of_its_own_and_none_stands_in_the_database_unwrapped(
    team: Team, house: House, owner_engine: Engine
):
    items = [exhibit(team, team.admin) for _ in range(2)]
    with owner_engine.connect() as connection:
        rows = connection.execute(
            text("SELECT object_id, wrapped, key_id FROM object_key WHERE workspace_id = :id"), {"id": team.id}
        ).all()
    assert {row.object_id for row in rows} == {object_of(item.vault_key) for item in items}
    assert len({row.wrapped for row in rows}) == 2
    assert len({row.key_id for row in rows}) == 1
    assert keks(owner_engine, team) == [keyring.of(house.settings).ids()[-1]]


def test_what_was_taken_in_before_there_were_keys_stays_readable(team: Team, house: House, owner_engine: Engine):
    content = os.urandom(2 * BLOCK)
    item = exhibit(team, team.admin, content)
    plain = house.vault.put(new_key(team.id), [content], size=len(content))
    older = "UPDATE evidence_item SET seal = 'none', vault_key = :key, version_id = :version WHERE id = :id"
    with owner_engine.begin() as connection:
        connection.execute(text(older), {"key": plain.key, "version": plain.version_id, "id": item.id})
    assert taken(team, item) == content
    assert verify(begins(team, team.admin), item.id).ok


def test_a_row_claims_no_seal_that_is_not_known(team: Team, owner_engine: Engine):
    item = exhibit(team, team.admin)
    with owner_engine.connect() as connection, pytest.raises(Exception, match="ck_evidence_item_seal"):
        connection.execute(text("UPDATE evidence_item SET seal = 'rot13' WHERE id = :id"), {"id": item.id})


# --- rotation


def as_operator(house: House) -> UnitOfWork:
    return house.work(OPERATOR)


def test_a_rotation_wraps_the_workspaces_keys_anew_and_touches_no_object(
    team: Team, house: House, owner_engine: Engine
):
    content = os.urandom(1000)
    item = exhibit(team, team.admin, content)
    before, old = lying(house, item).read_bytes(), keyring.of(house.settings).ids()[-1]
    new = keyring.of(house.settings).rotate()
    assert rewrap_all(lambda: as_operator(house)) >= 1
    assert keks(owner_engine, team) == [old, new]
    assert lying(house, item).read_bytes() == before
    assert taken(team, item) == content
    assert taken(team, exhibit(team, team.admin, content)) == content
    with team.world.work(team.admin) as uow:
        (entry,) = audit.read(uow.connection, team.id, events=["workspace:key_rewrapped"])
    assert (entry.content["facts"]["before"], entry.content["facts"]["now"]) == (old, new)
    assert entry.content["actor"]["kind"] == "operator"


def test_a_rotation_that_was_interrupted_is_ended_and_not_done_twice(team: Team, house: House, owner_engine: Engine):
    exhibit(team, team.admin)
    keyring.of(house.settings).rotate()
    for expected in (True, False):
        with as_operator(house) as uow:
            assert rewrap(uow, team.id) is expected
    assert len(keks(owner_engine, team)) == 2


def test_the_command_rotates_and_says_which_keys_are_no_longer_needed(
    team: Team, house: House, settings: Settings, tmp_path: Path
):
    item, old = exhibit(team, team.admin), keyring.of(house.settings).ids()[-1]
    stated = {"JIT_DATABASE_URL": settings.database_url, "JIT_DATA": str(settings.data), "PATH": os.environ["PATH"]}
    outcome = subprocess.run(
        [sys.executable, "-m", "jit_server.cli", "evidence", "rotate-key", "--json"],
        env=stated, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    said = json.loads(outcome.stdout)
    assert said["key"] == keyring.of(house.settings).ids()[-1] != old
    assert old in said["unused"]
    assert said["rewrapped"] >= 1
    assert taken(team, item)


# --- keys that are gone


def test_without_the_key_encryption_key_nothing_is_read_and_it_is_said(team: Team, house: House, tmp_path: Path):
    item = exhibit(team, team.admin)
    elsewhere = KeyFile(tmp_path / "kek.keys")
    elsewhere.prepare()
    bare = house.settings.model_copy(update={"kek_file": tmp_path / "kek.keys"})
    other = House(bare, house.engine, house.vault, house.key)
    with pytest.raises(VaultDown, match="is missing"):
        download(lambda: other.work(team.world.work(team.admin).actor), item.id)


def test_the_server_does_not_start_with_a_new_key_file_in_the_place_of_a_lost_one(
    team: Team, house: House, tmp_path: Path
):
    exhibit(team, team.admin)
    elsewhere = KeyFile(tmp_path / "kek.keys")
    elsewhere.prepare()
    lost = House(house.settings.model_copy(update={"kek_file": tmp_path / "kek.keys"}), house.engine, house.vault,
                 house.key)  # fmt: skip
    (found,) = [one for one in serving.unsafe(lost) if one.check == "keys of exhibits"]
    assert keyring.of(house.settings).ids()[-1] in found.detail
    assert not [one for one in serving.unsafe(house) if one.check == "keys of exhibits"]


@pytest.mark.parametrize("table", ["object_key", "workspace_key"])
def test_a_destroyed_key_makes_the_bytes_unreadable_for_good(
    world: World, house: House, owner_engine: Engine, app: Flask, table: str
):
    team = world.workspace()
    item = exhibit(team, team.admin)
    with owner_engine.begin() as connection:
        connection.execute(text(f"DELETE FROM {table} WHERE workspace_id = :id"), {"id": team.id})
    with pytest.raises(KeyGone):
        taken(team, item)
    assert not verify(begins(team, team.admin), item.id).ok
    answer = browser(app, house, team.admin).get(f"/api/v1/evidence/{item.id}/content")
    assert (answer.status_code, answer.json["type"]) == (410, "/problems/key-gone")
    assert [one.event for one in custody(team, team.admin, item.id)].count("evidence:downloaded") == 0
    later = exhibit(team, team.admin, b"what comes later has a new key")
    assert taken(team, later) == b"what comes later has a new key"


def test_an_object_key_put_in_place_of_another_opens_nothing(team: Team, owner_engine: Engine):
    first, second = (exhibit(team, team.admin) for _ in range(2))
    swap = (
        "UPDATE object_key SET wrapped = (SELECT wrapped FROM object_key WHERE object_id = :other)"
        " WHERE object_id = :one"
    )
    with owner_engine.begin() as connection:
        names = {"one": object_of(first.vault_key), "other": object_of(second.vault_key)}
        connection.execute(text(swap), names)
    with pytest.raises(VaultDown, match="changed"):
        taken(team, first)


@pytest.mark.parametrize("table", ["object_key", "workspace_key"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET wrapped = wrapped", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_apps_role_neither_changes_nor_destroys_a_key(engine: Engine, table: str, verb: str):
    with engine.connect() as connection, pytest.raises(Exception, match="permission denied"):
        connection.execute(text(verb.format(table)))


def test_another_teams_keys_are_not_seen(world: World, engine: Engine):
    mine, theirs = world.workspace(), world.workspace()
    exhibit(theirs, theirs.admin)
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('jit.actor', :who, true)"), {"who": str(mine.admin.id)})
        for table in ("object_key", "workspace_key"):
            found: list[UUID] = list(connection.execute(text(f"SELECT workspace_id FROM {table}")).scalars())
            assert theirs.id not in found


# --- damage


@pytest.mark.parametrize("place", [0, 30, 56, -1])
def test_one_turned_bit_is_found_with_and_without_keys(team: Team, house: House, place: int):
    item = exhibit(team, team.admin, os.urandom(40_000))
    reading_back.read_back(begins(team, team.admin), item)
    path = lying(house, item)
    there = bytearray(path.read_bytes())
    there[place] ^= 1
    path.write_bytes(there)
    begin = begins(team, team.admin)
    assert not verify(begin, item.id).ok
    assert not contents.verify_without_keys(begin, item).ok
    assert [one.event for one in custody(team, team.admin, item.id)].count("evidence:damaged") == 2


def test_what_lies_in_the_store_is_proved_without_the_key_file(team: Team, settings: Settings, tmp_path: Path):
    item = exhibit(team, team.admin)
    reading_back.read_back(begins(team, team.admin), item)
    elsewhere = tmp_path / "none.keys"
    stated = {"JIT_DATABASE_URL": settings.database_url, "JIT_DATA": str(settings.data), "PATH": os.environ["PATH"]}
    outcome = subprocess.run(
        [sys.executable, "-m", "jit_server.cli", "evidence", "verify", "--item", str(item.id), "--without-keys"],
        env=stated | {"JIT_KEK_FILE": str(elsewhere)}, cwd=tmp_path, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    assert "1 of 1 exhibits hold" in outcome.stdout


def test_a_workspaces_first_exhibits_at_once_share_one_key(world: World, owner_engine: Engine):
    team = world.workspace()
    uploads = [declare(team, team.admin, 4) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        items = list(pool.map(lambda one: send(team, team.admin, one, b"four"), uploads))
    assert len(keks(owner_engine, team)) == 1
    assert all(taken(team, item) == b"four" for item in items)
