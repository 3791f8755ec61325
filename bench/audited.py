"""What it costs to commit a row together with its audit entry: eight writers, beside the same row alone."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, text

from bench.env import case
from jit_server import audit
from jit_server.core import clock, database
from jit_server.core.database import act_as

WRITERS = 8
FORK = multiprocessing.get_context("fork")
WORKSPACES = 1_000
BODY = "x" * 200
INSERT = text("INSERT INTO bench_write (id, workspace_id, body) VALUES (:id, :workspace, :body)")
WHO = audit.Who(kind="person", agency=uuid4(), person=uuid4(), session=uuid4(), acr="urn:example:high")
Write = Callable[[Connection, UUID], None]


def cases(quick: bool, env: Any) -> Iterator[dict[str, Any]]:
    """Audited writes a second over many workspaces and in one hot one; entries a second in batches (E8)."""
    with env.owner_engine.begin() as connection:
        connection.execute(text("CREATE TABLE bench_write (id uuid PRIMARY KEY, workspace_id uuid, body text)"))
        connection.execute(text("GRANT INSERT ON bench_write TO jit_app"))
    seconds, many = (2.0, 1_000) if quick else (6.0, 20_000)
    spaces = [uuid4() for _ in range(WORKSPACES)]
    for name, targets, bar in (
        ("audited_writes_1000_workspaces", spaces, 0.4),
        ("audited_writes_hot", spaces[:1], 0.1),
    ):
        rates = _rates(env.urls.app, targets, seconds)
        ratio = rates[audited] / rates[plain]
        yield case(name, rates[audited], "writes/s", beside=rates[plain], bar=bar, holds=ratio >= bar)
    rate = _batches(env.engine, uuid4(), many)
    yield case("audited_batches_of_500", rate, "entries/s", bar=1_000, holds=rate >= 1_000)


def plain(connection: Connection, workspace: UUID) -> None:
    """The row alone."""
    connection.execute(INSERT, {"id": uuid4(), "workspace": workspace, "body": BODY})


def audited(connection: Connection, workspace: UUID) -> None:
    """The row and its entry, as the unit of work commits them."""
    act_as(connection, "system")
    plain(connection, workspace)
    audit.append(connection, workspace, [entry(workspace)])


def entry(log_id: UUID) -> audit.Entry:
    """An entry as a room records it: 650 bytes in canonical form."""
    facts = {"channel": log_id, "text": "ab" * 32}
    what = audit.What("message", uuid4(), uuid4(), "H1")
    return audit.Entry(log=log_id, event="message:posted", at=clock.now(), who=WHO, what=what, facts=facts)


def _rates(url: str, targets: list[UUID], seconds: float) -> dict[Write, float]:
    """The middle of three rounds each, in turns, after one to warm up: other load on the machine comes and goes."""
    rounds: dict[Write, list[float]] = {plain: [], audited: []}
    for length in (0.5, *[seconds / 3] * 3):
        for write, found in rounds.items():
            found.append(_rate(url, write, targets, length))
    return {write: sorted(found[1:])[1] for write, found in rounds.items()}


def _rate(url: str, write: Write, targets: list[UUID], seconds: float) -> float:
    """Committed transactions a second, by writers that are processes, as the server's workers are."""
    ready, stop, done = FORK.Barrier(WRITERS + 1), FORK.Event(), FORK.Array("q", WRITERS, lock=False)
    asked = (url, write, targets, ready, stop, done)
    writers = [FORK.Process(target=_writer, args=(number, *asked), daemon=True) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    ready.wait()
    started = time.perf_counter()
    time.sleep(seconds)
    count, took = sum(done), time.perf_counter() - started
    stop.set()
    for writer in writers:
        writer.join()
    return count / took


def _writer(number: int, url: str, write: Write, targets: list[UUID], ready: Any, stop: Any, done: Any) -> None:
    random, engine = Random(number), database.engine(url, pool=1)
    with engine.begin() as connection:
        write(connection, random.choice(targets))  # connected, and the statements prepared
    ready.wait()
    while not stop.is_set():
        with engine.begin() as connection:
            write(connection, random.choice(targets))
        done[number] += 1
    engine.dispose()


def _batches(engine: Engine, log_id: UUID, count: int) -> float:
    """Entries a second when one writer appends 500 at a time."""
    started = time.perf_counter()
    fill(engine, log_id, count)
    return count / (time.perf_counter() - started)


def fill(engine: Engine, log_id: UUID, count: int, batch: int = 500) -> None:
    """Append `count` entries."""
    for start in range(0, count, batch):
        with engine.begin() as connection:
            audit.append(connection, log_id, [entry(log_id) for _ in range(min(batch, count - start))])
