"""Runs jobs with procrastinate: its worker fetches, each room's own functions do the work in threads.

The library is met here only (ADR 28). Its connections act as the server itself, as row-level security knows it.
"""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, Final
from uuid import UUID

import procrastinate
import psycopg
import structlog
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from jit_server.access import SYSTEM
from jit_server.core import bus, jobs
from jit_server.core.errors import JitError
from jit_server.core.jobs import Stopping, Task
from jit_server.work import House

ROOMS: Final = ("worker", "evidence", "witnesses")
LOOK_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 2
_OPTIONS: Final = "-c jit.actor=system -c timezone=UTC -c statement_timeout=5s -c lock_timeout=2s"
log = structlog.get_logger()

Ready = Callable[[], None]


def _silent() -> None:
    """Say nothing: nobody waits for the worker."""


def every_task() -> list[Task]:
    """The tasks of all rooms."""
    return [task for room in ROOMS for task in import_module(f"jit_server.{room}.tasks").TASKS]


def run(house: House, tasks: Sequence[Task], *, at_once: int = 2, once: bool = False, ready: Ready = _silent) -> None:
    """Do jobs until a signal comes: what is under way is finished or ends at its next step, nothing new is begun.

    Args:
        house: database, vault and key.
        tasks: what this worker can do.
        at_once: jobs under way at once.
        once: return when nothing is due any more, instead of waiting for more.
        ready: called when the worker is about to look for jobs.
    """
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # what happens is on our own log, with ids only
    asyncio.run(_run(house, tasks, at_once, once=once, ready=ready))


async def _run(house: House, tasks: Sequence[Task], at_once: int, *, once: bool, ready: Ready) -> None:
    stopping = threading.Event()
    _stop_by_signal(stopping, asyncio.current_task())
    done = False
    while not (done or stopping.is_set()):
        with suppress(asyncio.CancelledError):  # that was the signal
            try:
                await _work(_app(house, tasks, stopping.is_set, at_once), at_once, once=once, ready=ready)
                done = True
            except (ConnectorException, psycopg.Error) as error:
                log.warning("jobs.database_gone", error=type(error).__name__)
                await asyncio.sleep(_AGAIN_SECONDS)


async def _work(app: procrastinate.App, at_once: int, *, once: bool, ready: Ready) -> None:
    async with app.open_async():
        ready()
        await app.run_worker_async(
            queues=[jobs.QUEUE], concurrency=at_once, wait=not once, listen_notify=False,
            fetch_job_polling_interval=LOOK_SECONDS, delete_jobs="successful", install_signal_handlers=False,
        )  # fmt: skip


def _stop_by_signal(stopping: threading.Event, current: "asyncio.Task[Any] | None") -> None:
    def stop() -> None:
        if not stopping.is_set() and current is not None:
            stopping.set()
            current.cancel()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop)


def _app(house: House, tasks: Sequence[Task], stopping: Stopping, at_once: int) -> procrastinate.App:
    url = bus.address(house.settings.database_url)
    connector = procrastinate.PsycopgConnector(
        conninfo=url, kwargs={"options": _OPTIONS, "connect_timeout": 5}, min_size=1, max_size=at_once + 2, timeout=5
    )
    app = procrastinate.App(connector=connector)
    for task in tasks:
        alone = task.name if task.every else None
        known = app.task(
            name=task.name, queue=jobs.QUEUE, pass_context=True, lock=alone, queueing_lock=alone, retry=_Again(task)
        )(_doing(task, house, stopping))
        if task.every:
            app.periodic(cron=task.every)(known)
    return app


class _Again(BaseRetryStrategy):
    """The task's own rule for when to try again."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002 - as called
        seconds = self._task.again_in(job.attempts + 1)
        return None if seconds is None else RetryDecision(retry_in={"seconds": seconds})


def _doing(task: Task, house: House, stopping: Stopping) -> Callable[..., None]:
    """What the library calls for one job: the task's function, with words on our log and, after a failure, kept."""

    def do(context: Any, timestamp: int | None = None, **ids: str) -> None:  # noqa: ARG001 - a turn's moment; we look at the clock
        job, began = context.job, time.monotonic()
        try:
            task.run(house, stopping, **{name: UUID(value) for name, value in ids.items()})
        except Exception as error:
            _failed(house, task, job.id, error)
            raise
        if task.every:
            with house.work(SYSTEM) as uow:
                jobs.forget_failed(uow.connection, task.name)
        log.info("job.done", job=job.id, task=task.name, seconds=round(time.monotonic() - began, 3), **ids)

    return do


def _failed(house: House, task: Task, job: int, error: Exception) -> None:
    """Keep why. Of an error that is no problem of ours only its kind: its words may be somebody's."""
    words = f"{error.slug}: {error.detail}" if isinstance(error, JitError) else type(error).__name__
    log.warning("job.failed", job=job, task=task.name, fault=words)
    with suppress(JitError), house.work(SYSTEM) as uow:
        if task.every:
            jobs.forget_failed(uow.connection, task.name)
        jobs.fault(uow.connection, job, words)
