"""What every bench case stands on: a PostgreSQL of its own, migrated, and servers started on demand."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine

from jit_server.core import database, jobs, keyring, schema, vault
from jit_server.core.children import die_with_parent
from jit_server.core.keys import SigningKey
from jit_server.core.postgres import EmbeddedPostgres, Urls
from jit_server.core.settings import Settings
from jit_server.demo.processes import free_port
from jit_server.work import House

READY_SECONDS = 30


@dataclass
class Server:
    """A running server: `jit-server serve`, gunicorn with gevent workers."""

    url: str
    process: subprocess.Popen[bytes]
    start_seconds: float
    """From starting the process to the first good answer of /readyz."""
    settings: Settings

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in text.split()]


def memory(pid: int, field: str = "VmRSS") -> int:
    """A process's memory in bytes (`VmRSS` now, `VmHWM` at most)."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024


def cpu(pid: int) -> float:
    """Seconds of processor that a process has taken, its own and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Env:
    """Database, engines, house and servers for the cases of one file; made when first asked for."""

    folder: Path
    postgres: EmbeddedPostgres
    name: str = "bench"
    quick: bool = False
    _opened: list[Engine] = field(default_factory=list)

    @cached_property
    def urls(self) -> Urls:
        """A migrated database of this file's own, as owner and as the app's role."""
        schema.upgrade(self.postgres.database("template").owner)
        return self.postgres.database(self.name, template="template")

    @cached_property
    def settings(self) -> Settings:
        """Settings of the run, from nowhere else."""
        return self.settings_with()

    def settings_with(self, **changes: Any) -> Settings:
        """The run's settings with some changed."""
        stated = {
            "base_url": "http://127.0.0.1:8080",
            "rates": False,
            "data": self.folder / "data",
            "database_url": self.urls.app,
            "database_owner_url": self.urls.owner,
            "oidc_allow_loopback": True,
        }
        return Settings(_env_file=None, **(stated | changes))

    @cached_property
    def engine(self) -> Engine:
        """The app's role."""
        return self._open(self.urls.app)

    @cached_property
    def owner_engine(self) -> Engine:
        """The owner of the tables, without a time limit worth naming."""
        return self._open(self.urls.owner, timeout=600)

    @cached_property
    def house(self) -> House:
        """What a server process holds, without a bus."""
        kept = vault.of(self.settings)
        kept.prepare()
        keyring.of(self.settings).prepare()
        return House(self.settings, self.engine, kept, SigningKey.load_or_create(self.settings.log_key, "jit.bench"))

    @cached_property
    def world(self) -> Any:
        """Agencies and people, through the product's use-cases (tests/builders.py)."""
        from tests.builders import World

        return World.create(self.house)

    @contextmanager
    def working(self, settings: Settings) -> Iterator[int]:
        """The process that does the jobs of a server with these settings, once it does; its process id."""
        process = subprocess.Popen(
            [sys.executable, "-m", "jit_server.cli", "worker"],
            cwd=self.folder,
            env=_environment(settings) | {"PYTHONPATH": str(Path(__file__).parents[1])},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - a run that is killed leaves no worker
        )
        try:
            with self.engine.connect() as connection:
                while jobs.board(connection).workers == 0:
                    if process.poll() is not None:
                        raise RuntimeError(f"the worker ended with code {process.returncode}")
                    time.sleep(0.05)
                    connection.rollback()
            yield process.pid
        finally:
            _end(process)

    @contextmanager
    def serve(self, workers: int = 1, **changes: Any) -> Iterator[Server]:
        """A server on a port of its own, with the run's database; stopped at the end of the block."""
        port = free_port("127.0.0.1")
        settings = self.settings_with(base_url=f"http://127.0.0.1:{port}", port=port, workers=workers, **changes)
        vault.of(settings).prepare()
        SigningKey.load_or_create(settings.log_key, urlsplit(settings.base_url).hostname or "jit")
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "jit_server.cli", "serve"],
            cwd=self.folder,
            env=_environment(settings) | {"PYTHONPATH": str(Path(__file__).parents[1])},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - a run that is killed leaves no server
        )
        try:
            _await(f"{settings.base_url}/readyz", process)
            yield Server(settings.base_url, process, time.perf_counter() - started, settings)
        finally:
            _end(process)

    def _open(self, url: str, timeout: int = 30) -> Engine:
        made = database.engine(url, timeout=timeout)
        self._opened.append(made)
        return made

    def close(self) -> None:
        """Give all connections back."""
        for engine in self._opened:
            engine.dispose()


def _environment(settings: Settings) -> dict[str, str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("JIT_")}
    stated = {name: getattr(settings, name) for name in settings.model_fields_set - {"database_owner_url"}}
    ours = {f"JIT_{name.upper()}": str(value) for name, value in stated.items() if value is not None}
    return outside | ours | {"GUNICORN_CMD_ARGS": "--graceful-timeout 2"}


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with code {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    raise RuntimeError(f"{url} does not answer after {READY_SECONDS} s")


def case(
    name: str, value: float, unit: str, *, beside: float | None = None, bar: float | None = None,
    ratio: float | None = None, holds: bool | None = None, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """One line of the bench. `ratio` is `value / beside` unless given; without a bar a case only reports."""
    if ratio is None and beside:
        ratio = value / beside
    return {
        "case": name,
        "value": round(value, 4),
        "unit": unit,
        "beside": None if beside is None else round(beside, 4),
        "ratio": None if ratio is None else round(ratio, 4),
        "bar": bar,
        "holds": holds,
        **more,
    }
