"""PostgreSQL: the engine, the base of every row, and the types that keep time honest."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, cast
from uuid import UUID, uuid4

import psycopg
from psycopg import errors as pg
from psycopg import generators
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import DateTime, Engine, MetaData, String, TypeDecorator, create_engine, event
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Field, SQLModel

from jit_server.core.errors import Conflict, DatabaseDown, Invalid, JitError, NotFound

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata

APP_ROLE = "jit_app"
_ACTOR = re.compile("[a-z0-9-]*")


class UtcDateTime(TypeDecorator[datetime]):
    """`timestamptz` that refuses naive times and always answers in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given by SQLAlchemy
        """Refuse a time without a zone: it cannot be put in order with others."""
        if value is not None and value.tzinfo is None:
            msg = "a stored time needs a zone"
            raise ValueError(msg)
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given by SQLAlchemy
        """Answer in UTC whatever the connection's zone."""
        return value.astimezone(UTC) if value is not None else None


class Word(TypeDecorator[StrEnum]):
    """An enumeration kept as its value in a `varchar`, and given back as its member."""

    impl = String
    cache_ok = True

    def __init__(self, kind: type[StrEnum], length: int | None = None) -> None:
        super().__init__(length)
        self.kind = kind

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - given by SQLAlchemy
        """Refuse a word the enumeration does not have."""
        return str(self.kind(value)) if value is not None else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002 - given by SQLAlchemy
        """Give the member."""
        return self.kind(value) if value is not None else None


class Row(SQLModel):
    """A row with an id of its own. Tables validate nothing: parse the input shape first."""

    id: UUID = Field(default_factory=uuid4, primary_key=True)


class Link(psycopg.Connection[Any]):
    """A connection that spends as little as it can on what runs in every transaction."""

    _voice: psycopg.Cursor[Any] | None = None

    def begin_as(self, actor: str) -> None:
        """Begin a transaction and say who asks, in one round trip: the driver would send BEGIN alone and first.

        The driver begins nothing by itself where a transaction is already open, and ends this one like its own.
        """
        with self.lock:
            self.pgconn.send_query(f"BEGIN; SET LOCAL jit.actor = '{actor}'".encode())
            for result in self.wait(generators.execute(self.pgconn)):
                if result.status != ExecStatus.COMMAND_OK:
                    raise pg.error_from_result(result)

    def value(self, statement: str, values: tuple[Any, ...]) -> Any:
        """The one value a statement answers with, by a cursor that is kept."""
        if self._voice is None:
            self._voice = self.cursor()
        (found,) = self._voice.execute(statement, values).fetchone()  # type: ignore[misc]
        return found


def engine(url: str, *, pool: int = 20, timeout: int = 5) -> Engine:
    """An engine for one role, with the time limits of PROOFS 3.11.

    Args:
        url: `postgresql://...`; the driver is always psycopg 3.
        pool: connections kept at most.
        timeout: seconds a statement may take.
    """
    made = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool,
        max_overflow=pool,
        pool_timeout=5,
        pool_pre_ping=False,
        hide_parameters=True,  # what people write must not reach the application log by way of an error (E6)
        connect_args={
            "connect_timeout": 5,
            "options": f"-c statement_timeout={timeout}s -c lock_timeout=2s -c timezone=UTC"
            " -c idle_in_transaction_session_timeout=30s",
        },
    )

    event.listen(made, "do_connect", lambda _dialect, _record, words, names: Link.connect(*words, **names))

    @event.listens_for(made, "handle_error")
    def forget_broken(context: Any) -> None:  # the whole pool is stale once the server has gone
        if context.is_disconnect:
            context.invalidate_pool_on_disconnect = True

    return made


def act_as(connection: Connection, actor: str) -> None:
    """Tell row-level security who asks, for this transaction only.

    A session-level SET would leak into the next transaction of a pooled connection.

    Raises:
        ValueError: an actor is an id, a word, or nothing.
    """
    if not _ACTOR.fullmatch(actor):
        raise ValueError("an actor is an id, a word, or nothing")
    link = connection.connection.driver_connection
    if isinstance(link, Link) and link.pgconn.transaction_status == TransactionStatus.IDLE:
        with _as_ever(connection):
            link.begin_as(actor)
    else:
        connection.exec_driver_sql("SELECT set_config('jit.actor', %s, true)", (actor,))  # half the cost of `text`


def goes_on(connection: Connection) -> bool:
    """Whether its transaction takes another statement: not after an error or on a broken line, where all is undone."""
    link = None if connection.invalidated else connection.connection.driver_connection
    return isinstance(link, Link) and link.pgconn.transaction_status in {
        TransactionStatus.IDLE,
        TransactionStatus.INTRANS,
    }


def call(connection: Connection, statement: str, values: tuple[Any, ...]) -> Any:
    """The one value that a statement in the driver's own words answers with, for what runs in every transaction.

    SQLAlchemy around the driver works twice as long as the driver itself.
    """
    with _as_ever(connection):
        return cast(Link, connection.connection.driver_connection).value(statement, values)


@contextmanager
def _as_ever(connection: Connection) -> Iterator[None]:
    """Around the driver's own words: a transaction is begun, and errors are SQLAlchemy's, as for any statement."""
    if not connection.in_transaction():
        connection.begin()
    try:
        yield
    except psycopg.Error as error:
        broken = bool(getattr(connection.connection.driver_connection, "broken", True))
        if broken:
            connection.invalidate(error)
        raise DBAPIError.instance(
            None,
            None,
            error,
            psycopg.Error,
            True,
            broken,
            dialect=connection.dialect,
        ) from error


_FAILS: Final = (pg.ReadOnlySqlTransaction, pg.DataCorrupted, pg.IndexCorrupted)
"""A database that runs and does not serve: a stand-by, or broken files. The driver calls these internal errors."""


def problem_of(error: BaseException) -> JitError | None:
    """The problem that an error of the database driver means to the person who asked, or None."""
    if isinstance(error, JitError):
        return error
    if isinstance(error, IntegrityError):
        unique = isinstance(error.orig, pg.UniqueViolation)
        return Conflict("This exists already.") if unique else Invalid("The values do not fit together.")
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, pg.InsufficientPrivilege):
        return NotFound()  # the second wall: the access ended between the question and the commit
    if isinstance(cause, pg.DataError):
        return Invalid("A value does not fit its field.")
    gone = isinstance(error, (OperationalError, InterfaceError, PoolTimeoutError))
    return DatabaseDown() if gone or isinstance(cause, _FAILS) else None


@contextmanager
def as_problems() -> Iterator[None]:
    """What the database refuses at the commit is a problem like any other (a row made twice at once, no database)."""
    try:
        yield
    except (DBAPIError, PoolTimeoutError) as error:
        known = problem_of(error)
        if known is None:
            raise
        raise known from error
