"""How many sockets each person has open, over all workers: each worker keeps its word on that fresh in a table.

Two workers that let somebody in at the same moment may let in one too many each; nobody gets further than that. What a
worker said counts for seconds unless it says it again, so one that is gone keeps nobody out. By the same word each
worker lets a person speak at its part of the pace that one has, so that two workers are not twice as fast.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID, uuid4

import structlog
from sqlalchemy import CheckConstraint, Connection, Engine, Integer, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Field, SQLModel

from jit_server.core import clock
from jit_server.core.database import UtcDateTime
from jit_server.core.errors import DatabaseDown, TooMany
from jit_server.web.sockets.pace import BURST, RATE, Bucket

FRESH: Final = timedelta(seconds=15)
"""How long a worker's word counts; it is renewed at each sweep."""

_SAY = (
    "INSERT INTO socket_count (worker_id, person_id, sockets, seen_at)"
    " SELECT :worker, p, s, :now FROM unnest(CAST(:people AS uuid[]), CAST(:sockets AS int[])) AS seat (p, s)"
    " ON CONFLICT (person_id, worker_id) DO UPDATE SET sockets = excluded.sockets, seen_at = excluded.seen_at"
)
_SAY_AND_ASK = text(
    f"WITH said AS ({_SAY})"  # noqa: S608 - a constant
    " SELECT person_id, sum(sockets) AS elsewhere FROM socket_count"
    " WHERE person_id = ANY(:people) AND worker_id <> :worker AND seen_at > :since GROUP BY person_id"
)
_FORGET = text(
    "DELETE FROM socket_count WHERE worker_id = :worker AND person_id = coalesce(CAST(:person AS uuid), person_id)"
)
_SWEEP = text("DELETE FROM socket_count WHERE seen_at < :before")
_logger = structlog.get_logger(__name__)


class SocketCount(SQLModel, table=True):
    """One worker's word on how many sockets a person has there now."""

    __tablename__ = "socket_count"
    __table_args__ = (CheckConstraint("sockets > 0", name="sockets"),)

    person_id: UUID = Field(primary_key=True)
    worker_id: UUID = Field(primary_key=True, index=True)
    sockets: int = Field(sa_type=Integer)
    seen_at: datetime = Field(sa_type=UtcDateTime)


class Crowd:
    """This worker's part in counting.

    Args:
        engine: the sockets' own.
        most: how many sockets one person may have open at once.
    """

    def __init__(self, engine: Engine, most: int) -> None:
        self._engine = engine
        self._most = most
        self._worker = uuid4()
        self._here: Counter[UUID] = Counter()
        self._paces: dict[UUID, Bucket] = {}

    def come(self, person_id: UUID) -> Callable[[], None]:
        """One socket more; what is returned must be called at its end.

        Raises:
            TooMany: the person has as many open as one may.
            DatabaseDown: the other workers' word cannot be had.
        """
        self._here[person_id] += 1
        self.pace(person_id)
        try:
            with self._engine.connect() as connection:
                elsewhere = self._exchange(connection, {person_id: self._here[person_id]}).get(person_id, 0)
        except SQLAlchemyError as error:
            self._go(person_id)
            raise DatabaseDown from error
        if self._here[person_id] + elsewhere > self._most:
            self._go(person_id)
            words = f"You have {self._most} live connections open, as many as one person may. Close a window."
            raise TooMany(words, most=self._most)
        return partial(self._go, person_id)

    def pace(self, person_id: UUID) -> Bucket:
        """How fast a person may speak here, over all their sockets together: this worker's part of their pace."""
        return self._paces.setdefault(person_id, Bucket(RATE, BURST))

    def renew(self) -> None:
        """Say again who has how many here, and forget what others have not said again."""
        here = dict(self._here)
        with self._engine.connect() as connection:
            if here:
                self._exchange(connection, here)
            connection.execute(_SWEEP, {"before": clock.now() - 4 * FRESH})

    def leave(self) -> None:
        """This worker is leaving: its word counts no more."""
        self._write(None)

    def _exchange(self, connection: Connection, here: dict[UUID, int]) -> dict[UUID, int]:
        """Say who has how many here and hear who has how many elsewhere; what one may say is shared out by that."""
        now = clock.now()
        said = {"people": list(here), "sockets": list(here.values()), "worker": self._worker, "now": now}
        rows = connection.execute(_SAY_AND_ASK, {**said, "since": now - FRESH})
        elsewhere = {row.person_id: int(row.elsewhere) for row in rows}
        for person_id, count in here.items():
            pace = self._paces.get(person_id)
            if pace is not None:
                pace.share(count / (count + elsewhere.get(person_id, 0)))
        return elsewhere

    def _go(self, person_id: UUID) -> None:
        self._here[person_id] -= 1
        if self._here[person_id] <= 0:
            del self._here[person_id]
            self._paces.pop(person_id, None)
            self._write(person_id)  # a number that is merely lower waits for the next sweep

    def _write(self, person_id: UUID | None) -> None:
        try:
            with self._engine.connect() as connection:
                connection.execute(_FORGET, {"worker": self._worker, "person": person_id})
        except SQLAlchemyError as error:  # it will be too old to count soon
            _logger.warning("crowd.failed", error=type(error).__name__)
