"""A destroyed key makes an exhibit unreadable in every place it lies in, and never comes back."""

import os

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from jit_server import evidence
from jit_server.core.errors import Conflict, KeyGone
from jit_server.core.vault import Locked
from jit_server.evidence import EvidenceItem
from jit_server.evidence.keys import DestroyedKey, object_of
from jit_server.evidence.usecases import content as contents
from jit_server.work import House
from tests.builders import Team, World, browser
from tests.evidence.builders import begins, events, exhibit, kept


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


def destroy(team: Team, item: EvidenceItem) -> DestroyedKey:
    with team.world.work(team.admin) as uow:
        return evidence.destroy(uow, item)


def keys_of(engine: Engine, item: EvidenceItem) -> int:
    wanted = text("SELECT count(*) FROM object_key WHERE object_id = :id")
    with engine.connect() as connection:
        return connection.execute(wanted, {"id": object_of(item.vault_key)}).scalar_one()


def test_a_destroyed_key_is_gone_from_the_database_and_its_exhibit_is_refused_at_every_door(
    team: Team, house: House, app: Flask, owner_engine: Engine
):
    item, other = (exhibit(team, team.admin, os.urandom(1000)) for _ in range(2))
    assert keys_of(owner_engine, item) == 1
    destroy(team, item)
    assert (keys_of(owner_engine, item), keys_of(owner_engine, other)) == (0, 1)
    client, address = browser(app, house, team.admin), f"/api/v1/evidence/{item.id}"
    for answer in (client.get(f"{address}/content"), client.get(f"{address}/content", headers={"Range": "bytes=0-9"})):
        assert (answer.status_code, answer.json["type"]) == (410, "/problems/key-gone")
    assert client.get(f"{address}/bundle").status_code == 410
    assert client.get(address).status_code == 200  # what is known of it stays
    assert client.get(f"/api/v1/evidence/{other.id}/content").status_code == 200


def test_destroying_is_on_the_record_once_however_often_it_is_asked_for(team: Team):
    item = exhibit(team, team.admin)
    first, second = destroy(team, item), destroy(team, item)
    assert first.destroyed_at == second.destroyed_at
    assert events(team, team.admin, item.id).count("evidence:key_destroyed") == 1


def test_what_is_left_in_the_store_is_still_proved_untouched_without_a_key(team: Team):
    item = kept(team, team.admin)
    destroy(team, item)
    begin = begins(team, team.admin)
    assert contents.verify_without_keys(begin, item).ok
    assert not contents.verify_stored(begin, item).ok


def test_what_is_held_keeps_its_key(team: Team, house: House):
    item = exhibit(team, team.admin)
    house.vault.hold(item.vault_key, item.version_id, on=True)
    with pytest.raises(Locked):
        destroy(team, item)
    house.vault.hold(item.vault_key, item.version_id, on=False)
    destroy(team, item)


def test_bytes_that_are_gone_keep_nobody_from_destroying_the_key(team: Team, house: House, owner_engine: Engine):
    item = exhibit(team, team.admin)
    (house.settings.data / "vault" / "objects" / item.vault_key / item.version_id).unlink()
    destroy(team, item)
    assert keys_of(owner_engine, item) == 0


def test_what_has_no_key_is_not_erased_by_destroying_one(team: Team, owner_engine: Engine):
    item = exhibit(team, team.admin)
    older = "UPDATE evidence_item SET seal = 'none' WHERE id = :id"
    with owner_engine.begin() as connection:
        connection.execute(text(older), {"id": item.id})
    with team.world.work(team.admin) as uow:
        changed = uow.find(EvidenceItem, id=item.id)
        with pytest.raises(Conflict):
            evidence.destroy(uow, changed)


def test_destroying_and_reading_under_way_leave_a_reader_what_was_opened_and_nobody_else_anything(team: Team):
    item = exhibit(team, team.admin, os.urandom(100))
    _, blocks = evidence.download(begins(team, team.admin), item.id)
    destroy(team, item)
    assert len(b"".join(blocks)) == 100
    with pytest.raises(KeyGone):
        evidence.download(begins(team, team.admin), item.id)


INSERT = (
    "INSERT INTO destroyed_key (object_id, item_id, workspace_id, destroyed_at) VALUES (:object, :item, :team, now())"
)


def test_the_database_destroys_no_key_but_that_of_the_exhibit_named(team: Team, engine: Engine, owner_engine: Engine):
    item, other = (exhibit(team, team.admin) for _ in range(2))
    named = {"object": object_of(other.vault_key), "item": item.id, "team": team.id}
    with engine.connect() as connection:
        connection.execute(text("SELECT set_config('jit.actor', :who, true)"), {"who": str(team.admin.id)})
        with pytest.raises(Exception, match="not the key of that exhibit"):
            connection.execute(text(INSERT), named)
    assert keys_of(owner_engine, other) == 1


def test_another_team_destroys_nothing_here(world: World, team: Team, engine: Engine, owner_engine: Engine):
    item, theirs = exhibit(team, team.admin), world.workspace()
    named = {"object": object_of(item.vault_key), "item": item.id, "team": team.id}
    with engine.connect() as connection:
        connection.execute(text("SELECT set_config('jit.actor', :who, true)"), {"who": str(theirs.admin.id)})
        with pytest.raises(Exception, match="row-level security"):
            connection.execute(text(INSERT), named)
    assert keys_of(owner_engine, item) == 1


def test_a_destroyed_key_does_not_come_back(team: Team, engine: Engine):
    item = exhibit(team, team.admin)
    destroy(team, item)
    again = (
        "INSERT INTO object_key (object_id, workspace_id, key_id, wrapped, made_at)"
        " VALUES (:object, :team, gen_random_uuid(), decode(repeat('00', 60), 'hex'), now())"
    )
    with engine.connect() as connection:
        connection.execute(text("SELECT set_config('jit.actor', :who, true)"), {"who": str(team.admin.id)})
        with pytest.raises(Exception, match="was destroyed"):
            connection.execute(text(again), {"object": object_of(item.vault_key), "team": team.id})


@pytest.mark.parametrize("verb", ["UPDATE {} SET destroyed_at = destroyed_at", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_apps_role_neither_changes_nor_removes_the_fact(engine: Engine, verb: str):
    with engine.connect() as connection, pytest.raises(Exception, match="permission denied"):
        connection.execute(text(verb.format("destroyed_key")))
