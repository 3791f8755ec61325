"""Children of the launcher: started together, stopped together, never left behind."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from jit_server.core.children import die_with_parent
from jit_server.core.errors import Unavailable

START_SECONDS: Final = 60
STOP_SECONDS: Final = 20


class Processes:
    """Python processes that live as long as the `with` block."""

    def __init__(self, folder: Path) -> None:
        """`folder` becomes their working folder: no `.env` of another installation lies there."""
        self._folder = folder
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, arguments: list[str], settings: Mapping[str, str]) -> None:
        """Start a Python process with these settings and no other `JIT_*`; what it prints goes to stderr."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("JIT_")}
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self._folder,
            env=environment | dict(settings),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            process_group=0,  # Ctrl-C in the terminal comes to us alone: we stop them in order
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - no threads run here
        )
        self._running.append((name, process))

    def check(self) -> None:
        """Complain if one has ended by itself."""
        for name, process in self._running:
            if process.poll() is not None:
                raise Unavailable(f"{name} ended with code {process.returncode}; its last words are above.")

    def wait(self) -> None:
        """Return only by an exception: a signal, or the end of one of them."""
        while True:
            self.check()
            time.sleep(0.5)

    def stop(self) -> None:
        """Ask each to end, the youngest first, and make it after a while."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave orphans
        for _, process in reversed(self._running):
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for _, process in reversed(self._running):
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()


def wait_for(url: str, processes: Processes) -> None:
    """Return as soon as the address answers well."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        processes.check()
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own http address
                if answer.status == 200:  # noqa: PLR2004
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.05)
    raise Unavailable(f"{url} does not answer after {START_SECONDS} s.")


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):
            return False
        return True


def check_free(host: str, port: int, remedy: str) -> None:
    """Complain when somebody else listens there.

    Raises:
        Unavailable: the port is taken.
    """
    if not is_free(host, port):
        raise Unavailable(f"Port {port} is used by another program. {remedy}")


def free_port(host: str) -> int:
    """A port nobody uses now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
