"""Keys in another's place open nothing: each wrap is bound to what it is for (C10, beside `tests/contracts`)."""

import os
from collections.abc import Iterator
from typing import ClassVar
from uuid import UUID

import pytest
from sqlalchemy import Engine, RowMapping, text

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


class Tampering:
    """Changes made past the application to one workspace's keys, and what they were before."""

    TABLES: ClassVar[dict[str, str]] = {"workspace_key": "turn", "object_key": "object_id"}
    """Each with what tells its rows of one workspace apart."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._kept = engine, dict[str, list[RowMapping]]()

    def __call__(self, statement: str, one: UUID, **names: object) -> None:
        with self._engine.begin() as connection:
            for table in () if self._kept else self.TABLES:
                wanted = text(f"SELECT * FROM {table} WHERE workspace_id = :one")
                self._kept[table] = list(connection.execute(wanted, {"one": one}).mappings())
            connection.execute(text(statement), {"one": one, **names})

    def undo(self) -> None:
        with self._engine.begin() as connection:
            for table, key in self.TABLES.items():
                back = text(
                    f"UPDATE {table} SET wrapped = :wrapped, key_id = :key_id"
                    f" WHERE workspace_id = :workspace_id AND {key} = :{key}"
                )
                for row in self._kept.get(table, ()):
                    connection.execute(back, dict(row))


@pytest.fixture
def tamper(owner_engine: Engine) -> Iterator[Tampering]:
    """A rotation of all keys, in another test, is to find them as they were made."""
    tampering = Tampering(owner_engine)
    yield tampering
    tampering.undo()


OF_ANOTHER = (
    "UPDATE workspace_key SET {} = (SELECT {} FROM workspace_key WHERE workspace_id = :other) WHERE workspace_id = :one"
)
OBJECT_OF_ANOTHER = (
    "UPDATE object_key SET wrapped = (SELECT wrapped FROM object_key WHERE object_id = :other)"
    " WHERE object_id = :object"
)


@pytest.mark.parametrize("columns", [["wrapped"], ["wrapped", "key_id"]], ids=["its bytes", "its bytes and its name"])
def test_another_workspaces_key_in_the_place_of_ours_opens_nothing(world: World, tamper: Tampering, columns: list[str]):
    ours, theirs = world.workspace(), world.workspace()
    item, _ = exhibit(ours, ours.admin, os.urandom(100)), exhibit(theirs, theirs.admin)
    for column in columns:
        tamper(OF_ANOTHER.format(column, column), one=ours.id, other=theirs.id)
    with pytest.raises((VaultDown, KeyGone)):
        taken(ours, item)


def test_an_object_key_of_another_workspace_opens_nothing_here(world: World, tamper: Tampering):
    ours, theirs = world.workspace(), world.workspace()
    item, other = exhibit(ours, ours.admin), exhibit(theirs, theirs.admin)
    tamper(OBJECT_OF_ANOTHER, one=ours.id, object=object_of(item.vault_key), other=object_of(other.vault_key))
    with pytest.raises(VaultDown, match="changed"):
        taken(ours, item)


def test_a_wrap_of_before_a_rotation_put_in_place_of_the_newest_still_opens_only_what_it_was_for(
    world: World, house: House, tamper: Tampering
):
    ours = world.workspace()
    item = exhibit(ours, ours.admin, b"what it was for")
    keyring.of(house.settings).rotate()
    with house.work(OPERATOR) as uow:
        rewrap(uow, ours.id)
    tamper(
        "UPDATE workspace_key SET wrapped = (SELECT wrapped FROM workspace_key WHERE workspace_id = :one AND turn = 1)"
        " WHERE workspace_id = :one AND turn > 1",
        one=ours.id,
    )
    with pytest.raises(VaultDown, match="changed"):  # the row names the new key-encryption key, which did not wrap it
        taken(ours, item)


def test_what_is_tampered_with_here_is_put_back_for_other_tests(world: World, owner_engine: Engine):
    ours, theirs = world.workspace(), world.workspace()
    item, other = exhibit(ours, ours.admin, b"as it was"), exhibit(theirs, theirs.admin)
    tampering = Tampering(owner_engine)
    for column in ("wrapped", "key_id"):
        tampering(OF_ANOTHER.format(column, column), one=ours.id, other=theirs.id)
    tampering(OBJECT_OF_ANOTHER, one=ours.id, object=object_of(item.vault_key), other=object_of(other.vault_key))
    with pytest.raises((VaultDown, KeyGone)):
        taken(ours, item)
    tampering.undo()
    assert taken(ours, item) == b"as it was"
