"""A backup is a folder: the dump of the database, the folder vault's objects, a signed list of both. Never a key file.

One table's rows are chosen rather than dumped: keys of what only passes through stay out (`Snapshot.rows`).
"""

import json
import os
import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any, ClassVar, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from jit_server.core import clock, database
from jit_server.core.errors import JitError
from jit_server.core.keys import SigningKey

DUMP: Final = "database.dump"
ROWS: Final = ".rows"
"""How a file of one table's chosen rows ends; the table's name stands before it."""
LIST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
OBJECTS: Final = "objects"


class BackupRefused(JitError):
    """A backup or restore was asked for that would lose, mix or overwrite something. Nothing was done."""

    slug: ClassVar[str] = "backup-refused"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "The backup was refused"


def keep_apart(one: Path, other: Path) -> None:
    """Keys never share a folder with what they open, nor lies one of them below the other."""
    first, second = one.resolve(), other.resolve()
    if first == second or first in second.parents or second in first.parents:
        raise BackupRefused(f"{one} and {other} are not apart: keys and backup each need a place of their own.")


def must_be_empty(folder: Path) -> None:
    """Refuse a folder that holds something."""
    if folder.exists() and any(folder.iterdir()):
        raise BackupRefused(f"{folder} is not empty: name a new folder.")


def copy_keys(keys: Path, into: Path) -> list[str]:
    """Copy the key files to a place that holds no backup; answer their names."""
    if any(parent.joinpath(LIST).exists() for parent in (into.resolve(), *into.resolve().parents)):
        raise BackupRefused(f"{into} lies in a backup: keys need a place of their own.")
    if not keys.is_dir():
        raise BackupRefused(f"There are no keys in {keys}.")
    keep_apart(keys, into)
    must_be_empty(into)
    into.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = sorted(path.name for path in keys.iterdir() if path.is_file() and not path.name.startswith("."))
    for name in names:
        shutil.copy2(keys / name, into / name)
    return names


@dataclass(frozen=True)
class Snapshot:
    """The database as it was at one moment; pg_dump and our own questions see the same rows."""

    connection: Connection
    name: str
    _url: str

    def dump(self, into: Path, *, without: str) -> None:
        """Let pg_dump write all but the rows of one table."""
        _program("pg_dump", self._url, "--format=custom", f"--snapshot={self.name}", f"--exclude-table-data={without}",
                 f"--file={into}")  # fmt: skip

    def rows(self, chosen: str, into: Path) -> None:
        """Write the rows that a query chooses, in PostgreSQL's own text form."""
        driver: Any = self.connection.connection.driver_connection
        with into.open("wb") as file, driver.cursor() as cursor, cursor.copy(f"COPY ({chosen}) TO STDOUT") as rows:
            file.writelines(bytes(part) for part in rows)


@contextmanager
def snapshot(url: str) -> Generator[Snapshot]:
    """Hold one moment of the database for as long as a backup takes.

    Raises:
        BackupRefused: row-level security binds the role, so that rows would be missing.
    """
    with _connected(url) as connection:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        bound = "SELECT NOT (rolsuper OR rolbypassrls) FROM pg_roles WHERE rolname = current_user"
        if connection.exec_driver_sql(bound).scalar_one():
            raise BackupRefused(
                "Row-level security binds this role: name one with BYPASSRLS in JIT_BACKUP_DATABASE_URL."
            )
        yield Snapshot(connection, connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one(), url)


@contextmanager
def _connected(url: str) -> Generator[Connection]:
    engine = database.engine(url, pool=2)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def load(url: str, dumped: Path, rows: dict[Path, list[str]]) -> None:
    """Let pg_restore fill an empty database, whole or not at all; then the chosen rows, by table and columns."""
    _program("pg_restore", url, "--exit-on-error", "--single-transaction", str(dumped), naming="--dbname=")
    with _connected(url) as connection:
        driver: Any = connection.connection.driver_connection
        for path, columns in rows.items():
            into = f"COPY {path.name.removesuffix(ROWS)} ({', '.join(columns)}) FROM STDIN"
            with path.open("rb") as file, driver.cursor() as cursor, cursor.copy(into) as copy:
                while block := file.read(2**20):
                    copy.write(block)


def must_be_one_empty_database(url: str, other: str) -> None:
    """Refuse unless both addresses lead to the same database, and it holds no table yet."""
    which = text("SELECT oid, pg_postmaster_start_time() FROM pg_database WHERE datname = current_database()")
    held = text("SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
    with _connected(url) as first, _connected(other) as second:
        if first.execute(which).one() != second.execute(which).one():
            raise BackupRefused("JIT_DATABASE_URL and JIT_BACKUP_DATABASE_URL name two databases: name one, by both.")
        count = first.execute(held).scalar_one()
    if count:
        raise BackupRefused(f"The database holds {count} tables already: name an empty one.")


@contextmanager
def in_words() -> Generator[None]:
    """What disk and database answer, as a refusal in words."""
    try:
        yield
    except OSError as error:
        raise BackupRefused(f"{error.filename or 'The disk'}: {error.strerror or error}.") from error
    except SQLAlchemyError as error:
        raise BackupRefused(f"The database refused: {str(error.__cause__ or error).strip()[:500]}") from error


def _program(name: str, url: str, *words: str, naming: str = "") -> None:
    """Run one of PostgreSQL's programs; the password goes by its environment, where other accounts cannot see it."""
    path = shutil.which(name)
    if path is None:
        raise BackupRefused(f"{name} is not on the PATH: install PostgreSQL's client programs of the server's version.")
    parts = make_url(url)
    plain = parts.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    secret = {"PGPASSWORD": str(parts.password)} if parts.password else {}
    ran = subprocess.run(  # noqa: S603 - the program is PostgreSQL's, its words are ours
        [path, *words, naming + plain], env=os.environ | secret, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise BackupRefused(f"{name} failed: {ran.stderr.strip()[-500:]}")


def copy_objects(vault: Path, into: Path, since: Path | None) -> None:
    """Copy the objects; what an earlier backup holds is linked: an object never changes, its lock may."""
    for path in _files(vault):
        name = path.relative_to(vault)
        target, earlier = into / name, since / OBJECTS / name if since else None
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileNotFoundError):  # erased meanwhile; the list of erasures says so
            size = path.stat().st_size
            if earlier and path.suffix != ".lock" and earlier.exists() and earlier.stat().st_size == size:
                os.link(earlier, target)
            else:
                shutil.copy2(path, target)


def seal(folder: Path, key: SigningKey, about: dict[str, Any]) -> dict[str, Any]:
    """Hash every part and sign the list."""
    parts = {str(path.relative_to(folder)): _sha256(path) for path in _files(folder)}
    listed = about | {"parts": parts}
    write_signed(folder / LIST, listed, key)
    os.sync()
    return listed


def write_signed(path: Path, listed: dict[str, Any], key: SigningKey) -> None:
    """Write a list and, beside it, the signature of its bytes. The server's name and the moment are put on it."""
    written = json.dumps({"by": key.name, "made": clock.now().isoformat(), **listed}, indent=1, sort_keys=True).encode()
    path.write_bytes(written)
    path.with_suffix(".sig").write_text(b64encode(key.sign(written)).decode() + "\n")


def read_signed(path: Path, public_key: bytes) -> dict[str, Any]:
    """A list that this server signed.

    Raises:
        BackupRefused: it is not there, or this server's key did not sign it.
    """
    try:
        written = path.read_bytes()
        signature = b64decode(path.with_suffix(".sig").read_text())
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, written)
    except FileNotFoundError as error:
        raise BackupRefused(f"{error.filename} is missing: a list and its signature belong together.") from error
    except (InvalidSignature, ValueError) as error:
        raise BackupRefused(f"{path} was not signed by this server's key.") from error
    listed: dict[str, Any] = json.loads(written)
    return listed | {"made": datetime.fromisoformat(listed["made"])}


def faults(folder: Path, public_key: bytes) -> list[str]:
    """Name every part that is missing, altered or added since the list was signed. Raises `BackupRefused`."""
    listed: dict[str, str] = read_signed(folder / LIST, public_key)["parts"]
    there = {str(path.relative_to(folder)) for path in _files(folder)} - {LIST, SIGNATURE}
    found = [f"{name}: missing" for name in sorted(listed.keys() - there)]
    found += [f"{name}: not on the list" for name in sorted(there - listed.keys())]
    return found + [
        f"{name}: altered" for name in sorted(listed.keys() & there) if _sha256(folder / name) != listed[name]
    ]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
