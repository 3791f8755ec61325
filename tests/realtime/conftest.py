"""The server as it is really run: gunicorn, gevent workers, a port of its own."""

import contextlib
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from jit_server import messaging
from jit_server.core.settings import Settings
from tests.builders import Team, World, sign_in

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is promised here are seconds."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.alone)


@dataclass
class Served:
    """A running server."""

    port: int
    process: psutil.Popen
    errors: Path

    @property
    def workers(self) -> list[psutil.Process]:
        """The worker processes, oldest first."""
        return sorted(self.process.children(), key=lambda child: child.create_time())

    def log(self) -> str:
        """What it wrote to its error output."""
        return self.errors.read_text()

    def rss(self) -> int:
        """Resident bytes of all workers."""
        return sum(worker.memory_info().rss for worker in self.workers)

    def get(self, path: str) -> int:
        """The status of a GET."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(settings: Settings, folder: Path, workers: int = 2, **more: str) -> Iterator[Served]:
    """Start the server over the run's database and stop it afterwards; `more` goes into its environment."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "JIT_BASE_URL": f"http://127.0.0.1:{port}",
        "JIT_PORT": str(port),
        "JIT_DATA": str(settings.data),
        "JIT_DATABASE_URL": settings.database_url,
        "JIT_WORKERS": str(workers),
        "JIT_OIDC_ALLOW_LOOPBACK": str(settings.oidc_allow_loopback),
        "JIT_RATES": str(settings.rates),
        "PYTHONUNBUFFERED": "1",
    } | more
    errors = folder / f"server-{port}.log"
    command = [sys.executable, "-m", "gunicorn", "--config", "python:jit_server.gunicorn", "jit_server.app:create()"]
    with errors.open("wb") as sink:
        process = psutil.Popen(command, cwd=ROOT, env=environment, stdout=sink, stderr=sink)
        served = Served(port, process, errors)
        try:
            _await_health(served, workers)
            yield served
        finally:
            for worker in served.workers:
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.resume()
            process.send_signal(signal.SIGQUIT)
            try:
                process.wait(10)
            except psutil.TimeoutExpired:
                for one in [*process.children(), process]:
                    one.kill()
                process.wait(5)


def _await_health(served: Served, workers: int) -> None:
    deadline = time.monotonic() + 120  # a busy machine is no fault
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if served.get("/healthz") == 200 and len(served.workers) >= workers:
                return
        assert served.process.poll() is None, served.log()
        time.sleep(0.1)
    raise AssertionError(served.log())


@pytest.fixture(scope="module")
def served(settings: Settings, world: World, scratch: Path) -> Iterator[Served]:
    """Two workers, as in a real installation."""
    with serving(settings, scratch) as running:
        yield running
        assert "Traceback" not in running.log(), running.log()


@pytest.fixture
def start(settings: Settings, world: World, scratch: Path) -> Iterator[Callable[..., Served]]:
    """Start a server of one's own, for tests that hurt it."""
    with contextlib.ExitStack() as stack:
        yield lambda workers=2, **more: stack.enter_context(serving(settings, scratch, workers, **more))


@pytest.fixture
def team(world: World) -> Team:
    """A workspace of its own."""
    return world.workspace()


@pytest.fixture
def channel(team: Team):
    """A channel in it."""
    with team.world.work(team.admin) as uow:
        return messaging.create_channel(uow, team.id, messaging.NewChannel(name="operations")).id


@pytest.fixture
def cookie(world: World):
    """Sign somebody in."""
    return lambda who: sign_in(world.house, who)
