"""The vault in a folder: for one machine, the demo and small sites. Not WORM: whoever owns the disk can alter it.

`<root>/objects/<workspace>/<object>/<version>` holds the bytes and `<version>.lock` retention and hold. A version is
written in `staging`, flushed to disk, then renamed: it is either whole or not there. `parts` holds what was staged.
"""

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from jit_server.core import clock
from jit_server.core.errors import Altered, VaultDown
from jit_server.core.vault.base import (
    BLOCK,
    STAGED_MOST,
    Locked,
    Lying,
    Meter,
    Staged,
    Stat,
    Stored,
    VaultStatus,
    check_key,
)
from jit_server.core.vault.offload import Behind, off

_VERSION = re.compile("[0-9a-f]{32}")
_FLUSH_EVERY = 64 * BLOCK
_STALE = timedelta(days=1)


class FolderBody:
    """An open file, read in blocks off the event loop."""

    def __init__(self, fd: int, part: range | None = None) -> None:
        self._fd = fd
        whole = range(os.fstat(fd).st_size)
        self._part = whole if part is None else whole[part.start : part.stop]
        self.size = len(self._part)

    def __iter__(self) -> Iterator[bytes]:
        place, stop = self._part.start, self._part.stop
        with _or_gone():
            while block := off(os.pread, self._fd, min(BLOCK, stop - place), place):
                place += len(block)
                yield block

    def close(self) -> None:
        """Close the file; more than once does no harm."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class FolderVault:
    """Files of mode 0600 below a root of mode 0700, which should hold nothing else."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._staging, self._parts, self._objects = root / "staging", root / "parts", root / "objects"

    def prepare(self) -> None:
        """Make the folders, and clear what a killed process left in staging a day ago or longer."""
        with _or_down():
            self._root.parent.mkdir(parents=True, exist_ok=True)
            for folder in (self._root, self._staging, self._parts, self._objects):
                folder.mkdir(mode=0o700, exist_ok=True)
            _clear(self._staging, clock.now() - _STALE)

    def put(
        self, key: str, chunks: Iterable[bytes], *, size: int, sha256: str | None = None, hashed: bool = True
    ) -> Stored:
        """See `Vault.put`."""
        folder, version = self._objects / check_key(key), uuid4().hex
        meter = Meter(size, sha256, hashed=hashed)
        with self._staged(size) as (fd, staged):
            behind = Behind(_Writer(fd, meter).take)
            try:
                for chunk in chunks:
                    behind.give(meter.count(chunk))
            finally:
                behind.wait()
            meter.check()
            off(_commit, fd, staged, folder / version, self._root)
        return Stored(key, version, meter.size, meter.sha256)

    def stage(self, key: str, chunks: Iterable[bytes], *, hashed: bool = True) -> Staged:
        """See `Vault.stage`."""
        check_key(key)
        handle, meter = uuid4().hex, Meter(STAGED_MOST, hashed=hashed)
        with self._staged(0) as (fd, staged):
            behind = Behind(_Writer(fd, meter).take)
            try:
                for chunk in chunks:
                    behind.give(meter.count(chunk))
            finally:
                behind.wait()
            off(_rename, fd, staged, self._parts / handle)
        return Staged(key, handle, meter.size, meter.sha256)

    def settle(self, key: str, handle: str) -> str:
        """See `Vault.settle`. The handle becomes the version."""
        final = self._path(key, handle)
        with _or_gone():
            if not final.exists():
                off(_move, self._parts / handle, final, self._root)
        return handle

    def drop(self, key: str, handle: str) -> None:
        """See `Vault.drop`."""
        self._path(key, handle)
        with _or_down():
            (self._parts / handle).unlink(missing_ok=True)

    def open(self, key: str, version_id: str) -> FolderBody:
        """See `Vault.open`."""
        with _or_gone():
            return FolderBody(self._opened(key, version_id))

    def open_part(self, key: str, version_id: str, part: range) -> FolderBody:
        """See `Vault.open_part`."""
        with _or_gone():
            return FolderBody(self._opened(key, version_id), part)

    def _opened(self, key: str, version_id: str) -> int:
        return os.open(self._path(key, version_id), os.O_RDONLY | os.O_NOFOLLOW)

    def stat(self, key: str, version_id: str) -> Stat:
        """See `Vault.stat`."""
        path = self._path(key, version_id)
        with _or_gone():
            size, lock = path.stat().st_size, _read_lock(path)
        until = datetime.fromisoformat(str(lock["until"])) if lock.get("until") else None
        return Stat(key, version_id, size, until, bool(lock.get("held")))

    def retain(self, key: str, version_id: str, until: datetime) -> Stat:
        """See `Vault.retain`."""
        now = self.stat(key, version_id)
        if now.retained_until and until < now.retained_until:
            detail = f"It is retained until {now.retained_until.isoformat()}: a retention is only ever lengthened."
            raise Locked(detail)
        self._write_lock(key, version_id, until, held=now.held)
        return self.stat(key, version_id)

    def hold(self, key: str, version_id: str, *, on: bool) -> Stat:
        """See `Vault.hold`."""
        now = self.stat(key, version_id)
        self._write_lock(key, version_id, now.retained_until, held=on)
        return self.stat(key, version_id)

    def purge(self, key: str) -> int:
        """See `Vault.purge`. What is under way in staging belongs to no key yet and is swept."""
        folder = self._objects / check_key(key)
        with _or_down():
            for path in folder.glob("*"):
                if _VERSION.fullmatch(path.name) and self._free(key, path.name):
                    path.unlink(missing_ok=True)
                    path.with_suffix(".lock").unlink(missing_ok=True)
            left = len(list(folder.glob("*")))
            if folder.is_dir() and not left:
                folder.rmdir()
                _flush_folder(folder.parent)
        return left

    def _free(self, key: str, version_id: str) -> bool:
        now = self.stat(key, version_id)
        return not now.held and (now.retained_until is None or now.retained_until <= clock.now())

    def listing(self) -> Iterator[Lying]:
        """See `Vault.listing`."""
        with _or_down():
            for path in self._objects.glob("*/*/*"):
                if _VERSION.fullmatch(path.name):
                    seen = path.lstat()
                    key = "/".join(path.parts[-3:-1])
                    yield Lying(key, path.name, seen.st_size, datetime.fromtimestamp(seen.st_mtime, UTC))

    def sweep(self, before: datetime) -> int:
        """See `Vault.sweep`: what a killed process left in staging, and what nobody settled."""
        with _or_down():
            return _clear(self._staging, before) + _clear(self._parts, before)

    def status(self) -> VaultStatus:
        """See `Vault.status`: free space, and plainly that this is not WORM."""
        try:
            free = shutil.disk_usage(self._objects).free
            ready = os.access(self._staging, os.W_OK) and os.access(self._objects, os.W_OK)
        except OSError as fault:
            return VaultStatus("folder", ready=False, worm=False, detail=f"folder vault not readable: {fault.strerror}")
        return VaultStatus("folder", ready, worm=False, detail=f"folder vault, not WORM; {free // 2**20} MiB free")

    def _path(self, key: str, version_id: str) -> Path:
        if not _VERSION.fullmatch(version_id):
            msg = "not a version of this vault"
            raise ValueError(msg)
        return self._objects / check_key(key) / version_id

    @contextmanager
    def _staged(self, size: int) -> Iterator[tuple[int, Path]]:
        """A new file in staging that is gone afterwards, unless it was renamed into place."""
        with _or_down():
            if shutil.disk_usage(self._staging).free < size:
                detail = "The evidence store has no room for this file. The operator must add space; send it again."
                raise VaultDown(detail)
            staged = self._staging / uuid4().hex
            fd = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            yield fd, staged
        finally:
            os.close(fd)
            with suppress(OSError):  # what cannot be cleared now is swept; the file has its name, or its own error
                staged.unlink(missing_ok=True)

    def _write_lock(self, key: str, version_id: str, until: datetime | None, *, held: bool) -> None:
        path = self._path(key, version_id)
        lock = {"until": until.astimezone(UTC).isoformat() if until else None, "held": held}
        content = json.dumps(lock).encode()
        with self._staged(len(content)) as (fd, staged):
            _Writer(fd, Meter(len(content), None)).take(content)
            off(_commit, fd, staged, path.with_suffix(".lock"), self._root)


class _Writer:
    """Writes and hashes block by block; the disk begins its work at once, so that the last flush is short."""

    def __init__(self, fd: int, meter: Meter) -> None:
        self._fd, self._meter = fd, meter
        self._written = self._begun = 0

    def take(self, block: bytes) -> None:
        with _or_down():
            view = memoryview(block)
            while view:
                view = view[os.write(self._fd, view) :]
            self._written += len(block)
            if self._written - self._begun >= _FLUSH_EVERY:  # begin, without waiting, what the last flush must end
                os.posix_fadvise(self._fd, self._begun, self._written - self._begun, os.POSIX_FADV_DONTNEED)
                self._begun = self._written
        self._meter.hash(block)


def _commit(fd: int, staged: Path, final: Path, root: Path) -> None:
    """Flush the file, give it its name, and flush the folders that hold the name."""
    with _or_down():
        os.fsync(fd)
        _move(staged, final, root)


def _rename(fd: int, staged: Path, final: Path) -> None:
    """The same for a name in a folder that is there."""
    with _or_down():
        os.fsync(fd)
        staged.rename(final)
        _flush_folder(final.parent)


def _move(staged: Path, final: Path, root: Path) -> None:
    for folder in (final.parent.parent, final.parent):  # a mode given to mkdir is not for the parents it makes
        folder.mkdir(mode=0o700, exist_ok=True)
    staged.rename(final)
    for folder in final.parents:
        _flush_folder(folder)
        if folder == root:
            break


def _clear(folder: Path, before: datetime) -> int:
    """Remove the files last written before then; how many there were."""
    count = 0
    for left in folder.iterdir():
        if left.lstat().st_mtime < before.timestamp():
            left.unlink(missing_ok=True)
            count += 1
    return count


def _flush_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _read_lock(path: Path) -> dict[str, object]:
    try:
        lock: dict[str, object] = json.loads(path.with_suffix(".lock").read_bytes())
    except FileNotFoundError:
        return {}
    return lock


@contextmanager
def _or_down() -> Iterator[None]:
    """Say in the vault's own terms what the file system said in its."""
    try:
        yield
    except OSError as fault:
        detail = f"The evidence store failed ({fault.strerror}). Nothing was recorded; send again later."
        raise VaultDown(detail) from fault


@contextmanager
def _or_gone() -> Iterator[None]:
    """The same for reading: bytes that are not there were altered, in the worst way."""
    with _or_down():
        try:
            yield
        except FileNotFoundError as gone:
            detail = "The vault does not hold these bytes any more."
            raise Altered(detail, missing=True) from gone
