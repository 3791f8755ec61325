"""The server as it is really run: `jit-server serve`, so checks first, then gunicorn with gevent workers."""

import contextlib
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from jit_server.core.children import die_with_parent
from jit_server.core.settings import Settings

START_SECONDS = 60
STOP_SECONDS = 15


@dataclass
class Server:
    """A server process and its workers, over one database and one data folder."""

    settings: Settings
    folder: Path
    workers: int = 2
    process: psutil.Popen | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """The address people use."""
        return self.settings.base_url

    @property
    def _errors(self) -> Path:
        return self.folder / f"server-{self.settings.port}.log"

    def log(self) -> str:
        """What it has written to its error output so far."""
        return self._errors.read_text() if self._errors.exists() else ""

    def start(self) -> None:
        """Start it and wait until every worker is there and the server says it is ready."""
        with self._errors.open("ab") as sink:
            self.process = psutil.Popen(
                [sys.executable, "-m", "jit_server.cli", "serve", "--workers", str(self.workers)],
                cwd=self.folder, env=self._environment(), stdout=sink, stderr=sink,
                preexec_fn=die_with_parent(signal.SIGTERM),  # a run that is killed leaves no server
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it now; requests under way are cut."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        family = [*process.children(), process]
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            for one in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            process.wait(STOP_SECONDS)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """The server is down within the block and up again, at the same address, after it."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def _environment(self) -> dict[str, str]:
        """The settings that were stated, and no other `JIT_*` of whoever runs the tests."""
        stated = {name: getattr(self.settings, name) for name in self.settings.model_fields_set}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("JIT_")}
        ours = {f"JIT_{name.upper()}": str(value) for name, value in stated.items() if value is not None}
        return inherited | ours | {"PYTHONUNBUFFERED": "1", "GUNICORN_CMD_ARGS": "--graceful-timeout 1"}

    def _ready(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
            return answer.status == 200 and self.process is not None and len(self.process.children()) >= self.workers
        return False


@contextlib.contextmanager
def serving(settings: Settings, folder: Path, workers: int = 2) -> Iterator[Server]:
    """A running server, stopped afterwards."""
    server = Server(settings, folder, workers)
    try:
        server.start()
        yield server
    finally:
        server.stop()
