"""The log alone: entries appended without the rooms above, and a superuser's hand to tamper with them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine

from jit_server import audit
from jit_server.core import database
from jit_server.core.postgres import EmbeddedPostgres, Urls

NOON = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture(scope="session")
def superuser(postgres: EmbeddedPostgres, urls: Urls) -> Iterator[Engine]:
    """The host's own account: no right binds it, and it can switch triggers off."""
    made = database.engine(postgres.url("postgres", urls.app.partition("@/")[2].partition("?")[0]))
    yield made
    made.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A transaction of the app's role, acting as the system."""
    with engine.begin() as connection:
        database.act_as(connection, "system")
        yield connection


@pytest.fixture
def log_id() -> UUID:
    return uuid4()


def an_entry(log_id: UUID, event: str = "message:posted", **changes: object) -> audit.Entry:
    """An entry as a room would record it."""
    fields: dict[str, object] = {
        "log": log_id,
        "event": event,
        "at": NOON,
        "tz": "Europe/Rome",
        "who": audit.Who(kind="person", agency=uuid4(), person=uuid4(), session=uuid4(), acr="urn:example:high"),
        "what": audit.What(event.partition(":")[0], uuid4()),
        "facts": {"channel": uuid4(), "digest": "sha256:" + "ab" * 32},
    }
    return audit.Entry(**(fields | changes))  # type: ignore[arg-type]


def grow(engine: Engine, log_id: UUID, count: int, batch: int = 500) -> None:
    """Append `count` entries."""
    while count > 0:
        with engine.begin() as connection:
            database.act_as(connection, "system")
            audit.append(connection, log_id, [an_entry(log_id) for _ in range(min(count, batch))])
        count -= batch
