"""The bus: hints over PostgreSQL LISTEN/NOTIFY that say "workspace W reached position N" and nothing else.

Content never travels here, so whoever can publish learns and forges nothing: a false hint costs one harmless read.
A hint leaves after the commit, on a connection of its own (a NOTIFY inside the business transaction would serialise
commits), and hints that wait are merged to the highest position. Losing hints is allowed: readers compare positions
with the database every few seconds and after every reconnect.
"""

import os
import re
import sys
import threading
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
import structlog

LOG: Final = "jit_log"
"""Channel on which logs say how far they have come."""
PRESENCE: Final = "jit_presence"
"""Channel on which workspaces say that who is here, or who types, has changed."""

_KEEPALIVE: Final[dict[str, Any]] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,
}
_HINT: Final = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) (0|[1-9][0-9]{0,17})", re.ASCII)
_PENDING: Final = 10_000  # workspaces; beyond, hints are dropped and the readers' own comparison finds them
_PACE: Final = 0.004  # seconds; under load several hints become one
_PAUSES: Final = (0.05, 0.2, 0.5, 1.0, 2.0)  # seconds between attempts to reconnect
_logger = structlog.get_logger(__name__)


class Hint(NamedTuple):
    """A workspace's log has reached a position (0 on the presence channel)."""

    workspace_id: UUID
    position: int


def parse(payload: str) -> Hint | None:
    """The hint in a payload; None for anything else, whoever sent it."""
    found = _HINT.fullmatch(payload)
    return Hint(UUID(found[1]), int(found[2])) if found else None


def address(url: str) -> str:
    """A SQLAlchemy URL as libpq reads it."""
    return re.sub(r"^postgresql\+\w+:", "postgresql:", url)


def cooperative() -> None:
    """Refuse to run where waiting for the database would hold every other request of a gevent process.

    psycopg chooses how it waits when it is imported: gevent's patches must come first.

    Raises:
        RuntimeError: psycopg was imported before `gevent.monkey.patch_all()`.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("select"):
        return
    from psycopg import waiting

    if waiting.wait is getattr(waiting, "wait_c", None):
        msg = "psycopg was imported before gevent patched the standard library: import order is wrong"
        raise RuntimeError(msg)


class Herald:
    """Hints of a process that is about to end, a command: each is told before `hint` returns, or not at all."""

    def __init__(self, url: str) -> None:
        self._url = address(url)

    def hint(self, workspace_id: UUID, position: int) -> None:
        """Say that the log of a workspace has reached a position; who misses it compares positions anyway."""
        try:
            with psycopg.connect(self._url, autocommit=True, connect_timeout=2, application_name="jit herald") as link:
                link.execute("SELECT pg_notify(%s, %s)", [LOG, f"{workspace_id} {position}"])
        except psycopg.Error as error:
            _logger.warning("bus.lost", purpose="herald", error=type(error).__name__)


class Bus:
    """Tells other processes that a log has grown, and hears it from them. One per process; started when first used."""

    def __init__(self, url: str) -> None:
        self._url = address(url)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._pending: dict[tuple[str, UUID], int] = {}
        self._teller: int | None = None  # the process whose teller runs: threads do not survive a fork
        self._heard: Callable[[str, Hint], None] | None = None
        self.listening = threading.Event()
        """Set while this process hears hints; unset, it lives by comparing positions."""

    def hint(self, workspace_id: UUID, position: int) -> None:
        """Say that the log of a workspace has reached a position. Returns at once and never fails."""
        self._tell(LOG, workspace_id, position)

    def presence(self, workspace_id: UUID) -> None:
        """Say that somebody came, left or types. Returns at once and never fails."""
        self._tell(PRESENCE, workspace_id, 0)

    def listen(self, heard: Callable[[str, Hint], None], resumed: Callable[[], None]) -> None:
        """Call `heard(channel, hint)` for every hint from now on, in a thread of its own, and at once for one's own.

        Args:
            heard: must return soon; it runs on the listening thread.
            resumed: called after every (re)connect: what was said meanwhile is lost, so compare positions.
        """
        cooperative()
        self._heard = heard
        threading.Thread(target=self._listen, args=(heard, resumed), name="jit-bus-listen", daemon=True).start()

    def close(self) -> None:
        """Stop telling and listening; hints not yet sent are dropped."""
        self._closed.set()
        self._wake.set()

    def _tell(self, channel: str, workspace_id: UUID, position: int) -> None:
        key = (channel, workspace_id)
        with self._lock:
            if len(self._pending) < _PENDING or key in self._pending:
                self._pending[key] = max(position, self._pending.get(key, 0))
            if self._teller != os.getpid() and not self._closed.is_set():
                self._teller = os.getpid()
                threading.Thread(target=self._send, name="jit-bus-tell", daemon=True).start()
        self._wake.set()
        if self._heard is not None:  # whoever listens in this process need not wait for the round trip
            self._heard(channel, Hint(workspace_id, position))

    def _send(self) -> None:
        def drain_for_ever(connection: psycopg.Connection) -> None:
            while not self._closed.is_set():
                self._wake.wait()
                self._wake.clear()
                self._drain(connection)
                self._closed.wait(_PACE)

        self._keep_connected("tell", drain_for_ever)

    def _drain(self, connection: psycopg.Connection) -> None:
        with self._lock:
            taken, self._pending = self._pending, {}
        channels = [channel for channel, _ in taken]
        payloads = [f"{workspace_id} {position}" for (_, workspace_id), position in taken.items()]
        if not taken:
            return
        try:
            connection.execute(
                "SELECT pg_notify(c, p) FROM unnest(%s::text[], %s::text[]) AS hint (c, p)", [channels, payloads]
            )
        except psycopg.Error:
            self._give_back(taken)
            raise

    def _give_back(self, taken: dict[tuple[str, UUID], int]) -> None:
        with self._lock:
            for key, position in taken.items():
                self._pending[key] = max(position, self._pending.get(key, 0))
        self._wake.set()

    def _listen(self, heard: Callable[[str, Hint], None], resumed: Callable[[], None]) -> None:
        def hear_for_ever(connection: psycopg.Connection) -> None:
            connection.execute(f"LISTEN {LOG}")
            connection.execute(f"LISTEN {PRESENCE}")
            self.listening.set()
            resumed()
            while not self._closed.is_set():
                for notify in connection.notifies(timeout=2):
                    hint = parse(notify.payload)
                    if hint is not None:
                        heard(notify.channel, hint)

        self._keep_connected("listen", hear_for_ever)

    def _keep_connected(self, purpose: str, use: Callable[[psycopg.Connection], None]) -> None:
        """Use one connection after another, each until it breaks, until the bus is closed."""
        failures = 0
        while not self._closed.is_set():
            try:
                with psycopg.connect(
                    self._url, autocommit=True, connect_timeout=5, application_name=f"jit bus {purpose}", **_KEEPALIVE
                ) as connection:
                    failures = 0
                    use(connection)
            except psycopg.Error as error:
                if purpose == "listen":
                    self.listening.clear()
                _logger.warning("bus.lost", purpose=purpose, error=type(error).__name__)
                self._closed.wait(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1
