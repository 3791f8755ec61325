"""What a vault is: immutable versions of evidence bytes under server-made keys, the same for folder and S3."""

import hashlib
import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, Protocol, Self
from uuid import UUID, uuid4

from jit_server.core.errors import Altered, JitError, Mismatch
from jit_server.core.vault.offload import Behind

BLOCK = 2**20
"""Bytes handled at a time: large enough for few thread hand-overs, small enough for flat memory."""

STAGED_MOST = 2**30
"""Bytes staged under one name at most: pieces of a larger file are staged one by one."""

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_KEY = re.compile(f"{_UUID}/{_UUID}")


class Locked(JitError):
    """The object is under retention or hold: a lock can be lengthened, never shortened, before its day."""

    slug: ClassVar[str] = "object-locked"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "The object is locked"


@dataclass(frozen=True)
class Stored:
    """Bytes taken in: where they lie, how many (bytes) and their SHA-256 (hex), computed here from what arrived.

    The digest is empty where the caller hashes by itself.
    """

    key: str
    version_id: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Staged:
    """Bytes kept safe that are no version yet: `settle` makes one of them, `drop` and `sweep` clear them away.

    `size` and `sha256` are those of what lies in the store, `handle` is the store's own name for it.
    """

    key: str
    handle: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Stat:
    """What the vault itself says of one version; read back, never remembered."""

    key: str
    version_id: str
    size: int
    retained_until: datetime | None
    held: bool


@dataclass(frozen=True)
class Lying:
    """One version that lies in the vault, whoever knows of it."""

    key: str
    version_id: str
    size: int
    since: datetime


@dataclass(frozen=True)
class VaultStatus:
    """Whether the vault works and what it promises; `worm` is true only where the store itself forbids deletion."""

    kind: Literal["folder", "s3"]
    ready: bool
    worm: bool
    detail: str


class Body(Protocol):
    """The bytes of one version, read block by block. Close it, whatever happens."""

    size: int

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None:
        """Give back the file or connection."""


class Vault(Protocol):
    """Keeps bytes. Every method raises `VaultDown` when the store does not answer within 10 s or is full."""

    def prepare(self) -> None:
        """Make the store ready for use where it is not yet; may be called again at any time."""

    def put(
        self, key: str, chunks: Iterable[bytes], *, size: int, sha256: str | None = None, hashed: bool = True
    ) -> Stored:
        """Store exactly `size` bytes as a new version, or nothing.

        Args:
            key: from `new_key`.
            chunks: the bytes, in pieces of any length; 64 KiB to 1 MiB serve best.
            size: bytes announced.
            sha256: digest announced (hex), if any.
            hashed: false where the caller reads back and hashes by itself.

        Raises:
            Mismatch: fewer or more bytes, or another digest than announced; nothing is kept.
            VaultDown: the store is down or full; nothing is kept.
        """

    def stage(self, key: str, chunks: Iterable[bytes], *, hashed: bool = True) -> Staged:
        """Keep bytes safe, as many as come, without making a version of them yet.

        They outlive this process, bear no lock, and any process may settle them. At most `STAGED_MOST` bytes. With
        `hashed=False` somebody else hashes what lies there, and the answer has no digest.

        Raises:
            VaultDown: the store is down or full; nothing is kept.
        """

    def settle(self, key: str, handle: str) -> str:
        """Make a version of what was staged and name it; asked again, the answer is the same.

        Raises:
            Altered: there is nothing of that name.
        """

    def drop(self, key: str, handle: str) -> None:
        """Clear away what was staged; what is not there, or is a version by now, is let be."""

    def open(self, key: str, version_id: str) -> Body:
        """Read one version. Raises `Altered` when it is not there any more."""

    def open_part(self, key: str, version_id: str, part: range) -> Body:
        """Read some bytes of one version; fewer where it ends before them. Raises `Altered` as `open` does."""

    def stat(self, key: str, version_id: str) -> Stat:
        """What the store says of one version. Raises `Altered` when it is not there any more."""

    def retain(self, key: str, version_id: str, until: datetime) -> Stat:
        """Forbid deletion until then; a retention is only ever lengthened (`Locked`)."""

    def hold(self, key: str, version_id: str, *, on: bool) -> Stat:
        """Set or lift a hold, which forbids deletion without a date."""

    def purge(self, key: str) -> int:
        """Remove every version and unfinished upload under a key, as far as no lock or hold forbids it.

        The answer is how many the store itself then lists under the key: 0 proves that nothing is left.
        """

    def listing(self) -> Iterator[Lying]:
        """Every whole version that lies in the vault, in no order that matters."""

    def sweep(self, before: datetime) -> int:
        """Remove what was staged or begun before then and never became a version; how many there were."""

    def status(self) -> VaultStatus:
        """Whether it works and what it promises; never raises for a store that is down."""


def new_key(workspace_id: UUID) -> str:
    """A key for a new object: `<workspace>/<object>`, made here and never from anything a caller said."""
    return f"{workspace_id}/{uuid4()}"


def check_key(key: str) -> str:
    """The key, if it is one of ours. A foreign key is a fault in the program, hence `ValueError`."""
    if not _KEY.fullmatch(key):
        msg = "a vault key is <workspace uuid>/<object uuid>"
        raise ValueError(msg)
    return key


class Meter:
    """Counts and hashes what passes, and says whether it is what was announced."""

    def __init__(self, size: int, sha256: str | None = None, *, hashed: bool = True) -> None:
        self._announced, self._expected = size, sha256
        self._hash = hashlib.sha256() if hashed else None
        self.size = 0

    @property
    def hashed(self) -> bool:
        """Whether what passes is hashed."""
        return self._hash is not None

    @property
    def sha256(self) -> str:
        """Digest of all that passed, hex; empty where nothing was hashed."""
        return self._hash.hexdigest() if self._hash else ""

    def count(self, block: bytes) -> bytes:
        """Count a block before anything is done with it; too many bytes are refused at the first one too many."""
        self.size += len(block)
        if self.size > self._announced:
            detail = f"More bytes arrived than the {self._announced} announced. Announce the true size and send again."
            raise Mismatch(detail, announced_size=self._announced)
        return block

    def hash(self, block: bytes) -> None:
        """Add a block to the digest."""
        if self._hash is not None:
            self._hash.update(block)

    def check(self) -> Self:
        """Raise `Mismatch` unless size and digest are those announced."""
        if self.size != self._announced:
            detail = f"{self.size} bytes arrived of {self._announced} announced. Send the whole file again."
            raise Mismatch(detail, announced_size=self._announced, size=self.size, sha256=self.sha256)
        if self._expected is not None and self.sha256 != self._expected.lower():
            detail = "The bytes that arrived have another SHA-256 than the one declared. Check the file and send again."
            raise Mismatch(detail, announced_sha256=self._expected, size=self.size, sha256=self.sha256)
        return self


def verified(body: Body, *, size: int, sha256: str) -> Generator[bytes, None, None]:
    """The blocks of a body, the last one only once the whole is proved to be what was taken in.

    A reader of altered bytes therefore never gets a complete file. Raises `Altered`. Closes the body.
    """
    try:
        if body.size != size:
            detail = f"The vault holds {body.size} bytes, {size} were taken in."
            raise Altered(detail)
        meter, kept = Meter(size, sha256), b""
        hashing = Behind(meter.hash)
        try:
            for block in body:
                hashing.give(_fits(meter, block))
                if kept:
                    yield kept
                kept = block
        finally:
            hashing.wait()
        _is_whole(meter)
        yield kept
    finally:
        body.close()


def _fits(meter: Meter, block: bytes) -> bytes:
    try:
        return meter.count(block)
    except Mismatch as more:
        detail = "The vault gave more bytes than were taken in."
        raise Altered(detail) from more


def _is_whole(meter: Meter) -> None:
    try:
        meter.check()
    except Mismatch as other:
        detail = "The stored bytes have another size or SHA-256 than those taken in."
        raise Altered(detail, size=meter.size, sha256=meter.sha256) from other
