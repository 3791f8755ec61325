"""Where an exhibit's bytes lie, whether in one object or in several, and how the several are read as one."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from jit_server.core.vault import COBBLESTONE, Body, Stat, Vault, sealed_size, verified
from jit_server.evidence.models import UNSEALED, EvidenceItem
from jit_server.evidence.stored import StoredCheck
from jit_server.evidence.tus.models import JOINED, EvidencePiece
from jit_server.work import UnitOfWork


class Readable(Protocol):
    """A vault, as far as reading goes."""

    def open(self, key: str, version_id: str) -> Body:
        """See `Vault.open`."""

    def open_part(self, key: str, version_id: str, part: range) -> Body:
        """See `Vault.open_part`."""

    def stat(self, key: str, version_id: str) -> Stat:
        """See `Vault.stat`."""


@dataclass(frozen=True)
class Lump:
    """One object in the vault: `size` and `sha256` are those of what lies there, `plain` the bytes it brings.

    The digest is empty until the object was read back.
    """

    key: str
    version_id: str
    size: int
    sha256: str
    plain: int


def lumps_of(uow: UnitOfWork, item: EvidenceItem) -> list[Lump]:
    """Every object that holds bytes of this exhibit, in their order."""
    return lumps_of_all(uow, [item])[item.id]


def lumps_of_all(uow: UnitOfWork, items: Iterable[EvidenceItem]) -> dict[UUID, list[Lump]]:
    """The same for several exhibits, with one query for all that are joined, and one for the others."""
    items = list(items)
    alone = [item.id for item in items if item.seal == COBBLESTONE]
    checks = select(StoredCheck.item_id, StoredCheck.stored_sha256).where(col(StoredCheck.item_id).in_(alone))  # type: ignore[call-overload]
    digests = {key: digest for key, digest in uow.session.execute(checks)} if alone else {}  # noqa: C416 - rows, not pairs
    found = {item.id: [_whole(item, digests.get(item.id))] if item.seal != JOINED else [] for item in items}
    joined = [key for key, lumps in found.items() if not lumps]
    if joined:
        wanted = select(EvidencePiece).where(col(EvidencePiece.item_id).in_(joined))
        for row in uow.session.scalars(wanted.order_by(col(EvidencePiece.item_id), col(EvidencePiece.number))):
            key = f"{row.workspace_id}/{row.object_id}"
            found[row.item_id].append(Lump(key, row.version_id, row.stored_size, row.stored_sha256, row.size))
    return found


def _whole(item: EvidenceItem, digest: str | None) -> Lump:
    if item.seal == UNSEALED:
        return Lump(item.vault_key, item.version_id, item.size, item.sha256, item.size)
    return Lump(item.vault_key, item.version_id, sealed_size(item.size), digest or "", item.size)


def as_stored(vault: Vault, lumps: Iterable[Lump]) -> Generator[bytes, None, None]:
    """What lies in the store, object after object, each proved by its digest; no key is needed. Raises `Altered`."""
    for one in lumps:
        with closing(verified(vault.open(one.key, one.version_id), size=one.size, sha256=one.sha256)) as blocks:
            yield from blocks


class JoinedBody:
    """The bytes of several objects as one; each is opened when its turn comes."""

    def __init__(self, opened: Iterable[Callable[[], Body]], size: int) -> None:
        self._opened = opened
        self._now: Body | None = None
        self.size = size

    def __iter__(self) -> Iterator[bytes]:
        for each in self._opened:
            self._now = each()
            yield from self._now
            self.close()

    def close(self) -> None:
        """Give back the file or connection."""
        if self._now is not None:
            self._now.close()
            self._now = None


class JoinedVault:
    """A vault as an exhibit of several objects sees it: whatever name is asked for, it is this exhibit."""

    def __init__(self, vault: Readable, lumps: Sequence[Lump]) -> None:
        self._vault, self._lumps = vault, lumps

    def open(self, key: str, version_id: str) -> JoinedBody:  # noqa: ARG002 - as every vault is asked
        """See `Vault.open`."""
        opened = [partial(self._vault.open, one.key, one.version_id) for one in self._lumps]
        return JoinedBody(opened, sum(one.plain for one in self._lumps))

    def open_part(self, key: str, version_id: str, part: range) -> JoinedBody:  # noqa: ARG002 - the same
        """See `Vault.open_part`: only the objects that hold some of it are opened."""
        opened, first = [], 0
        for one in self._lumps:
            here = range(max(part.start - first, 0), min(part.stop - first, one.plain))
            if here:
                opened.append(partial(self._vault.open_part, one.key, one.version_id, here))
            first += one.plain
        return JoinedBody(opened, len(part))

    def stat(self, key: str, version_id: str) -> Stat:
        """See `Vault.stat`: retained and held as far as all of it is."""
        found = [self._vault.stat(one.key, one.version_id) for one in self._lumps]
        until = [one.retained_until for one in found]
        known: Any = None if None in until else min(until)  # type: ignore[type-var]
        return Stat(key, version_id, sum(one.size for one in found), known, all(one.held for one in found))
