"""The worker takes every job of its database: these tests have one to themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from jit_server.access import SYSTEM
from jit_server.core.postgres import EmbeddedPostgres
from jit_server.core.settings import Settings
from jit_server.work import House
from tests.builders import Team, World
from tests.engines.apart import apart


@pytest.fixture(scope="package")
def own_house(postgres: EmbeddedPostgres, settings: Settings, scratch: Path) -> Iterator[House]:
    """Database, vault and key that no other test uses."""
    with apart(postgres, settings, scratch, "jobs") as made:
        yield made


@pytest.fixture(scope="package")
def own_world(own_house: House) -> World:
    """Its agencies."""
    return World.create(own_house)


@pytest.fixture
def lonely(own_house: House) -> House:
    """The same with no job in it."""
    with own_house.work(SYSTEM) as uow:
        uow.connection.execute(text("DELETE FROM procrastinate_jobs"))
        uow.connection.execute(text("DELETE FROM procrastinate_workers"))
    return own_house


@pytest.fixture
def team(own_world: World, lonely: House) -> Team:
    """A team in a house without jobs."""
    return own_world.workspace()
