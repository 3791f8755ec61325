"""Exhibits at rest are encrypted: a vault as the data key of one object sees it.

The format is C2SP chunked encryption as `cryptography` speaks it, Cobblestone-256: AES-256-GCM over chunks of 16 KiB,
committed to its key, with random access (https://c2sp.org/chunked-encryption, ADR 29). What the store gives back is
read once more as soon as it is taken in (`read_back`): SHA-256 and SHA-512 of the plain bytes, and the digest of those
that lie there, which needs no key to be checked.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import AlreadyFinalized, InvalidTag

from jit_server.core.errors import Altered
from jit_server.core.vault.base import Body, Lying, Meter, Staged, Stat, Stored, Vault, VaultStatus, check_key
from jit_server.core.vault.middle import CHUNK, HEAD, SEALED_CHUNK, TAG, Chunks, PartBody, altered, stored_part
from jit_server.core.vault.offload import Behind

COBBLESTONE: Final = "cobblestone-256"
"""The mark of this format in an exhibit's row; another algorithm gets another mark, and this one stays readable."""


@dataclass(frozen=True)
class ReadBack:
    """What a store gave back: size and digests (hex) of the plain bytes, and the SHA-256 of those that lie there."""

    size: int
    sha256: str
    sha512: str
    stored_sha256: str


def new_data_key() -> bytes:
    """A key for one object."""
    return Cobblestone256Encryptor.generate_key()


def context_of(key: str) -> bytes:
    """What the ciphertext is bound to, so that none passes for another: workspace, object and its version here.

    An object of ours has one version. What a store calls a version is known only after the bytes are written.
    """
    workspace, _, made = check_key(key).partition("/")
    return f"{workspace}|{made}|1".encode()


def sealed_size(size: int) -> int:
    """Bytes in the store for so many plain ones: a head, and a tag a chunk; the last chunk is never full."""
    return HEAD + size + TAG * (size // CHUNK + 1)


def plain_size(size: int) -> int:
    """Plain bytes in so many of the store. Raises `Altered` where no text has that length."""
    chunks, rest = divmod(size - HEAD, SEALED_CHUNK)
    if size < HEAD or rest < TAG:
        detail = f"The vault holds {size} bytes, which no encrypted exhibit has: some are missing or added."
        raise Altered(detail)
    return chunks * CHUNK + rest - TAG


Seen = Callable[[bytes, bytes], object]


def _unseen(_lay: bytes, _was: bytes) -> None:
    """Nobody hashes them."""


class SealedBody:
    """The plain bytes of one version, each chunk proved before it is given out.

    `seen` gets each block as it lay and as it was, where it is decrypted: hashing them there is a queue less.
    """

    def __init__(self, stored: Body, data_key: bytes, context: bytes, seen: Seen = _unseen) -> None:
        self._stored, self._key, self._context, self._seen = stored, data_key, context, seen
        self.size = plain_size(stored.size)

    def __iter__(self) -> Iterator[bytes]:
        decryptor = Cobblestone256Decryptor(self._key, self._context)

        def take(block: bytes) -> bytes:
            made = decryptor.update(block)
            self._seen(block, made)
            return made

        try:
            yield from through(take, self._stored)
            last = decryptor.finalize()
        except (InvalidTag, AlreadyFinalized) as fault:  # one that has found a wrong tag takes no further block
            raise altered() from fault
        self._seen(b"", last)
        yield last

    def close(self) -> None:
        """Give back the file or connection."""
        self._stored.close()


class SealedVault:
    """A vault whose objects are encrypted under one data key. Sizes and digests are those of the plain bytes."""

    def __init__(self, store: Vault, data_key: bytes) -> None:
        self._store, self._key = store, data_key

    def prepare(self) -> None:
        """See `Vault.prepare`."""
        self._store.prepare()

    def put(
        self, key: str, chunks: Iterable[bytes], *, size: int, sha256: str | None = None, hashed: bool = True
    ) -> Stored:
        """See `Vault.put`. The digest is that of the plain bytes which came in; what lies there, `read_back` tells."""
        meter = Meter(size, sha256, hashed=hashed)
        encryptor = Cobblestone256Encryptor(self._key, context_of(key))
        with closing(_encrypted(chunks, meter, encryptor)) as pieces:
            kept = self._store.put(key, pieces, size=sealed_size(size), hashed=False)
        return Stored(key, kept.version_id, meter.size, meter.sha256)

    def stage(self, key: str, chunks: Iterable[bytes], *, hashed: bool = True) -> Staged:
        """See `Vault.stage`. Size and digest are those of what lies in the store."""
        encryptor, lying = Cobblestone256Encryptor(self._key, context_of(key)), hashlib.sha256()
        with closing(_sealed(chunks, encryptor, lying.update)) as pieces:
            kept = self._store.stage(key, pieces, hashed=False)
        return replace(kept, sha256=lying.hexdigest() if hashed else "")

    def settle(self, key: str, handle: str) -> str:
        """See `Vault.settle`."""
        return self._store.settle(key, handle)

    def drop(self, key: str, handle: str) -> None:
        """See `Vault.drop`."""
        self._store.drop(key, handle)

    def read_back(self, key: str, version_id: str) -> ReadBack:
        """Read all that lies in the store, each chunk proved, and hash it as it lies and as it was.

        Raises:
            Altered: it is not what was encrypted here, or gone.
            VaultDown: the store does not answer.
        """
        lying, first, longer = hashlib.sha256(), hashlib.sha256(), hashlib.sha512()
        size, behind = 0, Behind(longer.update)

        def seen(lay: bytes, was: bytes) -> None:
            lying.update(lay)
            first.update(was)

        with closing(self.open(key, version_id, seen)) as body:
            try:
                for block in body:
                    size += len(block)
                    behind.give(block)
            finally:
                behind.wait()
        return ReadBack(size, first.hexdigest(), longer.hexdigest(), lying.hexdigest())

    def open(self, key: str, version_id: str, seen: Seen = _unseen) -> SealedBody:
        """See `Vault.open` and `SealedBody`."""
        stored = self._store.open(key, version_id)
        try:
            return SealedBody(stored, self._key, context_of(key), seen)
        except Altered:
            stored.close()
            raise

    def open_part(self, key: str, version_id: str, part: range) -> PartBody:
        """See `Vault.open_part`. Each chunk is proved by itself: what is not asked for is neither read nor proved."""
        with closing(self._store.open_part(key, version_id, range(HEAD))) as head:
            chunks = Chunks(self._key, context_of(key), b"".join(head))
        return PartBody(self._store.open_part(key, version_id, stored_part(part)), chunks, part)

    def stat(self, key: str, version_id: str) -> Stat:
        """See `Vault.stat`."""
        return _plain(self._store.stat(key, version_id))

    def retain(self, key: str, version_id: str, until: datetime) -> Stat:
        """See `Vault.retain`."""
        return _plain(self._store.retain(key, version_id, until))

    def hold(self, key: str, version_id: str, *, on: bool) -> Stat:
        """See `Vault.hold`."""
        return _plain(self._store.hold(key, version_id, on=on))

    def purge(self, key: str) -> int:
        """See `Vault.purge`."""
        return self._store.purge(key)

    def listing(self) -> Iterator[Lying]:
        """See `Vault.listing`; for a store that holds only encrypted objects."""
        return (replace(one, size=plain_size(one.size)) for one in self._store.listing())

    def sweep(self, before: datetime) -> int:
        """See `Vault.sweep`."""
        return self._store.sweep(before)

    def status(self) -> VaultStatus:
        """See `Vault.status`."""
        return self._store.status()


def through(work: Callable[[bytes], bytes], blocks: Iterable[bytes]) -> Iterator[bytes]:
    """What `work` makes of each block, in order; it works off the event loop while the next blocks are fetched."""
    done: deque[bytes] = deque()
    behind = Behind(lambda block: done.append(work(block)), most=2)
    try:
        for block in blocks:
            behind.give(block)
            while done:
                yield done.popleft()
    finally:
        behind.wait()
    yield from done


def _encrypted(chunks: Iterable[bytes], meter: Meter, encryptor: Cobblestone256Encryptor) -> Generator[bytes]:
    """The ciphertext; its end is given out only if the plain bytes were all those announced."""

    def take(block: bytes) -> bytes:
        meter.hash(block)
        return encryptor.update(block)

    yield from through(take, map(meter.count, chunks))
    meter.check()
    yield encryptor.finalize()


def _sealed(
    chunks: Iterable[bytes], encryptor: Cobblestone256Encryptor, seen: Callable[[bytes], None]
) -> Generator[bytes]:
    """The ciphertext of as many bytes as come; `seen` gets it as well, where it is made: a queue less for each part."""

    def take(block: bytes) -> bytes:
        made = encryptor.update(block)
        seen(made)
        return made

    yield from through(take, chunks)
    last = encryptor.finalize()
    seen(last)
    yield last


def digests(body: Body) -> tuple[Meter, str]:
    """SHA-256 and SHA-512 of a body, each in a thread of its own."""
    meter, longer = Meter(body.size), hashlib.sha512()
    first, second = Behind(meter.hash), Behind(longer.update)
    try:
        for block in body:
            meter.count(block)
            first.give(block)
            second.give(block)
    finally:
        first.wait()
        second.wait()
    return meter, longer.hexdigest()


def _plain(stat: Stat) -> Stat:
    return Stat(stat.key, stat.version_id, plain_size(stat.size), stat.retained_until, stat.held)
