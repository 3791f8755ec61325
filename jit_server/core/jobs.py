"""Work for later: jobs that exist if and only if the act that asked for them committed.

A job is a row in the same database, put there in the asker's transaction; `jit-server worker` does it. It carries ids
only and may be done twice: whatever it does must come to the same. One that failed for good stays visible.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from jit_server.core.errors import NotFound

QUEUE: Final = "jit"
ALIVE_SECONDS: Final = 30
"""A worker that gave no sign of life for so long is gone, and its jobs are another's."""

Stopping = Callable[[], bool]
"""Whether the worker has been asked to stop: a long job ends at its next step then, and goes on another time."""

_PUT = text(
    "SELECT unnest(procrastinate_defer_jobs_v1(ARRAY[CAST(ROW(:queue, :task, 0, NULL, NULL, CAST(:ids AS jsonb), NULL)"
    " AS procrastinate_job_to_defer_v1)]))"
).bindparams(bindparam("ids", type_=JSONB))
_COUNT = text("SELECT task_name, status::text, count(*) FROM procrastinate_jobs GROUP BY 1, 2 ORDER BY 1, 2")
_WAITS = text(
    "SELECT coalesce(extract(epoch FROM now() - min(coalesce(j.scheduled_at, e.at))), 0)::float"
    " FROM procrastinate_jobs j JOIN procrastinate_events e ON e.job_id = j.id AND e.type = 'deferred'"
    " WHERE j.status = 'todo' AND coalesce(j.scheduled_at, now()) <= now()"
)
_WORKERS = text(
    "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :alive)"
)
_LIST = text(
    "SELECT j.id, j.task_name AS task, j.status::text AS state, j.attempts, j.args AS ids, f.at, f.fault"
    " FROM procrastinate_jobs j LEFT JOIN job_fault f ON f.job_id = j.id"
    " WHERE j.id > :after AND (NOT :failed OR j.status = 'failed') ORDER BY j.id LIMIT :limit"
)
_AGAIN = text(
    "SELECT id FROM procrastinate_jobs WHERE status = 'failed' AND (CAST(:job AS bigint) IS NULL OR id = :job)"
    " ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED"
)
_RETRY = text("SELECT procrastinate_retry_job_v2(:job, now(), NULL, NULL, NULL)")
_LOST = text(
    "SELECT j.id, j.attempts FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id"
    " WHERE j.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < now() - make_interval(secs => :alive))"
    " ORDER BY j.id LIMIT :limit FOR UPDATE OF j SKIP LOCKED"
)
_FAILED = text("SELECT procrastinate_finish_job_v1(:job, 'failed', false)")
_FORGET = text("DELETE FROM procrastinate_jobs WHERE task_name = :task AND status = 'failed'")
_FAULT = text(
    "INSERT INTO job_fault (job_id, at, fault) VALUES (:job, now(), :fault)"
    " ON CONFLICT (job_id) DO UPDATE SET at = excluded.at, fault = excluded.fault"
)
MOST: Final = 1000
DEADLY: Final = 3
"""A job under which workers ended so often is not tried again by itself."""


@dataclass(frozen=True)
class Task:
    """A kind of job: a room's `tasks.py` lists its own.

    `run` is called with the house, a `Stopping` and the job's ids. After a failure it is tried again after `wait`
    seconds, then after twice as many, and so on, `tries` times in all. `every` is a cron line in UTC for what no act
    asks for but time itself: such a task never runs twice at once, and its next turn is its next try.
    """

    name: str
    run: Callable[..., None]
    every: str = ""
    tries: int = 10
    wait: int = 10

    def again_in(self, failures: int) -> int | None:
        """Seconds until the next try after so many failures, an hour at most; None: it has failed for good."""
        return None if self.every or failures >= self.tries else min(self.wait * 2 ** (failures - 1), 3600)


@dataclass(frozen=True)
class Job:
    """One job as the operator sees it: ids, never content."""

    id: int
    task: str
    state: str
    attempts: int
    ids: dict[str, Any]
    at: datetime | None
    fault: str | None


@dataclass(frozen=True)
class Board:
    """How the jobs stand. `waits` is for how many seconds the oldest due job has waited."""

    workers: int
    counts: dict[tuple[str, str], int]
    waits: float

    def of(self, state: str) -> int:
        """How many jobs are in this state."""
        return sum(count for (_, where), count in self.counts.items() if where == state)


def put(connection: Connection, task: str, **ids: UUID) -> int:
    """Put a job in the row, in the caller's transaction. Row-level security wants a person's to name a workspace."""
    given = {name: str(value) for name, value in ids.items()}
    values = {"queue": QUEUE, "task": task, "ids": given}
    return int(connection.execute(_PUT, values).scalar_one())


def board(connection: Connection) -> Board:
    """How the jobs of the whole server stand; what was done is not kept."""
    counts = {(task, state): count for task, state, count in connection.execute(_COUNT)}
    workers = connection.execute(_WORKERS, {"alive": ALIVE_SECONDS}).scalar_one()
    return Board(workers, counts, connection.execute(_WAITS).scalar_one())


def listed(connection: Connection, *, failed: bool = False, after: int = 0, limit: int = MOST) -> list[Job]:
    """Jobs by their number, at most `limit`: all that wait, run or failed, or only those that failed for good."""
    values = {"failed": failed, "after": after, "limit": limit}
    return [Job(**row) for row in connection.execute(_LIST, values).mappings()]


def retry(connection: Connection, job: int | None = None) -> list[int]:
    """Put a failed job back in the row, or all of them (at most 1,000).

    Raises:
        NotFound: no job of this number has failed.
    """
    found = list(connection.execute(_AGAIN, {"job": job, "limit": MOST}).scalars())
    if job is not None and not found:
        raise NotFound(f"No failed job {job}.")
    for one in found:
        connection.execute(_RETRY, {"job": one})
    return found


def rescue(connection: Connection) -> list[int]:
    """Put back in the row what workers were doing that are gone; what ends its worker time and again has failed."""
    found = connection.execute(_LOST, {"alive": ALIVE_SECONDS, "limit": MOST}).all()
    for job, attempts in found:
        if attempts < DEADLY:
            connection.execute(_RETRY, {"job": job})
        else:
            connection.execute(_FAILED, {"job": job})
            fault(connection, job, "Its worker ended in the middle of it, each time.")
    return [job for job, _ in found]


def forget_failed(connection: Connection, task: str) -> None:
    """Let go of earlier failures of what time asks for anew: only the latest turn counts."""
    connection.execute(_FORGET, {"task": task})


def fault(connection: Connection, job: int, words: str) -> None:
    """Keep why a job failed, in words without anybody's data."""
    connection.execute(_FAULT, {"job": job, "fault": words})
