"""One PostgreSQL for the whole run, migrated up from empty; a world of agencies, people and workspaces over it."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from jit_server import app as application
from jit_server.core import database, keyring, schema, vault
from jit_server.core.keys import SigningKey
from jit_server.core.postgres import EmbeddedPostgres, Urls
from jit_server.core.settings import Settings
from jit_server.work import House
from tests.builders import World

hypothesis.settings.register_profile(
    "jit", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)  # no test is timed: the machine may be busy
hypothesis.settings.load_profile("jit")
# `make mutation`: the first example that fails is enough, and the same examples for every mutant.
hypothesis.settings.register_profile(
    "mutation",
    hypothesis.settings.get_profile("jit"),
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    derandomize=True,
    database=None,
)


_MADE_UP = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Every process must call a test the same: an id made up while tests are collected is no part of a name."""
    return _MADE_UP.sub("id", val) if isinstance(val, str) and val.isascii() and _MADE_UP.search(val) else None


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder that goes with the run. Not below pytest's own: PostgreSQL's socket paths must stay short."""
    folder = Path(tempfile.mkdtemp(prefix="jit-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(scratch: Path) -> Iterator[EmbeddedPostgres]:
    """An embedded PostgreSQL that serves this run only."""
    with EmbeddedPostgres(scratch / "pg") as running:
        yield running


@pytest.fixture(scope="session")
def urls(request: pytest.FixtureRequest) -> Urls:
    """A database migrated up from empty: owner's and app's way in."""
    ready = os.environ.get("JIT_TESTS_DATABASE")
    if ready:  # `make mutation` lends one to its hundreds of runs
        return Urls(*ready.split())
    made = request.getfixturevalue("postgres").database("jit")
    schema.upgrade(made.owner)
    return made


@pytest.fixture(scope="session")
def settings(urls: Urls, scratch: Path) -> Settings:
    """Settings of the run, none of them from the environment's `.env`."""
    return Settings(
        _env_file=None,
        base_url="http://127.0.0.1:8080",
        data=scratch / "data",
        database_url=urls.app,
        database_owner_url=urls.owner,
        oidc_allow_loopback=True,
        rates=False,  # tests ask more than people do; tests/web/test_limits.py turns them on
    )


@pytest.fixture(scope="session")
def engine(settings: Settings) -> Iterator[Engine]:
    """The app's role."""
    made = database.engine(settings.database_url)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def owner_engine(settings: Settings) -> Iterator[Engine]:
    """The role that owns the tables; tests use it to tamper and to look."""
    made = database.engine(settings.database_owner_url)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def house(settings: Settings, engine: Engine) -> House:
    """What a server process holds, without a bus."""
    kept = vault.of(settings)
    kept.prepare()
    keyring.of(settings).prepare()
    return House(settings, engine, kept, SigningKey.load_or_create(settings.log_key, "jit.test"))


@pytest.fixture(scope="session")
def app(settings: Settings, house: House) -> Iterator[Flask]:
    """The whole application."""
    made = application.create(settings, house)
    yield made
    made.extensions["jit.sockets"].close()


@pytest.fixture(scope="session")
def world(house: House) -> World:
    """Agencies of three States and their people; each test proposes a workspace of its own."""
    return World.create(house)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without a session."""
    return app.test_client()
