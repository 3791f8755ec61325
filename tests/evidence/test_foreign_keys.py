"""Keys in another's place open nothing: each wrap is bound to what it is for (C10, beside `tests/contracts`)."""

import os
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from jit_server.access import OPERATOR
from jit_server.core import keyring
from jit_server.core.errors import KeyGone, VaultDown
from jit_server.evidence import EvidenceItem, download
from jit_server.evidence.keys import object_of, rewrap
from jit_server.work import House
from tests.builders import Team, World
from tests.evidence.builders import begins, exhibit


def taken(team: Team, item: EvidenceItem) -> bytes:
    return b"".join(download(begins(team, team.admin), item.id)[1])


def tamper(owner_engine: Engine, statement: str, **names: object) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text(statement), names)


@pytest.fixture(autouse=True)
def put_back(owner_engine: Engine) -> Iterator[None]:
    """A rotation of all keys, in another test, is to find them as they were made."""
    tamper(owner_engine, "CREATE TABLE kept_workspace_key AS SELECT * FROM workspace_key")
    yield
    tamper(
        owner_engine,
        "UPDATE workspace_key AS now SET wrapped = kept.wrapped, key_id = kept.key_id FROM kept_workspace_key AS kept"
        " WHERE (now.workspace_id, now.turn) = (kept.workspace_id, kept.turn)",
    )
    tamper(owner_engine, "DROP TABLE kept_workspace_key")


OF_ANOTHER = (
    "UPDATE workspace_key SET {} = (SELECT {} FROM workspace_key WHERE workspace_id = :other) WHERE workspace_id = :one"
)


@pytest.mark.parametrize("columns", [["wrapped"], ["wrapped", "key_id"]], ids=["its bytes", "its bytes and its name"])
def test_another_workspaces_key_in_the_place_of_ours_opens_nothing(
    world: World, owner_engine: Engine, columns: list[str]
):
    ours, theirs = world.workspace(), world.workspace()
    item, _ = exhibit(ours, ours.admin, os.urandom(100)), exhibit(theirs, theirs.admin)
    for column in columns:
        tamper(owner_engine, OF_ANOTHER.format(column, column), one=ours.id, other=theirs.id)
    with pytest.raises((VaultDown, KeyGone)):
        taken(ours, item)


def test_an_object_key_of_another_workspace_opens_nothing_here(world: World, owner_engine: Engine):
    ours, theirs = world.workspace(), world.workspace()
    item, other = exhibit(ours, ours.admin), exhibit(theirs, theirs.admin)
    tamper(
        owner_engine,
        "UPDATE object_key SET wrapped = (SELECT wrapped FROM object_key WHERE object_id = :other)"
        " WHERE object_id = :one",
        one=object_of(item.vault_key),
        other=object_of(other.vault_key),
    )
    with pytest.raises(VaultDown, match="changed"):
        taken(ours, item)


def test_a_wrap_of_before_a_rotation_put_in_place_of_the_newest_still_opens_only_what_it_was_for(
    world: World, house: House, owner_engine: Engine
):
    ours = world.workspace()
    item = exhibit(ours, ours.admin, b"what it was for")
    keyring.of(house.settings).rotate()
    with house.work(OPERATOR) as uow:
        rewrap(uow, ours.id)
    tamper(
        owner_engine,
        "UPDATE workspace_key SET wrapped = (SELECT wrapped FROM workspace_key WHERE workspace_id = :one AND turn = 1)"
        " WHERE workspace_id = :one AND turn > 1",
        one=ours.id,
    )
    with pytest.raises(VaultDown, match="changed"):  # the row names the new key-encryption key, which did not wrap it
        taken(ours, item)
