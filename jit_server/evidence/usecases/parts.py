"""Parts of an upload as they come: each piece is safe, and on its part's row, before the next is asked for.

Whoever sends is asked for the right anew with every request, with every piece and every few seconds between.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlmodel import col

from jit_server.core.errors import Conflict, Invalid, NotFound, TooLarge
from jit_server.core.vault import BLOCK, Behind, SealedVault, Staged, new_key
from jit_server.evidence.keys import new_place, object_of, vault_at
from jit_server.evidence.lifecycle import WORDS, State, advance
from jit_server.evidence.models import Upload
from jit_server.evidence.tus.errors import OtherChecksum, PartEnded
from jit_server.evidence.tus.models import UploadPart, UploadPiece
from jit_server.evidence.usecases import room
from jit_server.evidence.usecases.destroying import forget
from jit_server.evidence.usecases.room import BEAT_SECONDS
from jit_server.evidence.usecases.uploads import Begin, upload
from jit_server.work import UnitOfWork

PIECE: Final = 64 * BLOCK
"""Bytes of one object at most: what is lost of each part when the server's process dies."""
PARTS_AT_MOST: Final = 1_000
PIECES_AT_MOST: Final = 10_000


@dataclass(frozen=True)
class Checksum:
    """What the bytes of one request must come to: `sha1` or `sha256`, and the digest."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True)
class PartNow:
    """A part and how far it has come."""

    part: UploadPart
    offset: int
    expires_at: datetime | None


@dataclass(frozen=True)
class _Taken:
    """A part that one request appends to: from where, with which key, and by what name it has taken it."""

    part: UploadPart
    vault: SealedVault
    offset: int
    by: UUID


def begin_part(uow: UnitOfWork, upload_id: UUID, length: int, *, partial: bool) -> PartNow:
    """Make room for the whole file, or for one part of several.

    Raises:
        Invalid: the length is not the declared one, or a part longer than the file.
        QuotaFull: there is no room for the file.
        Conflict: it was rejected, or is an exhibit already.
    """
    sent = _under_way(uow, upload_id)
    if not 0 < length <= sent.size or (not partial and length != sent.size):
        raise Invalid.field("Upload-Length", f"{sent.size} bytes were declared", "Send the file that was declared.")
    counted = select(func.count()).where(col(UploadPart.upload_id) == sent.id)
    if uow.session.execute(counted).scalar_one() >= PARTS_AT_MOST:
        raise Conflict(f"An upload has at most {PARTS_AT_MOST} parts: declare anew.")
    part = UploadPart(
        upload_id=sent.id, workspace_id=sent.workspace_id, compartment_id=sent.compartment_id, length=length,
        partial=partial, made_at=uow.now,
    )  # fmt: skip
    return PartNow(uow.add(part), 0, sent.expires_at)


def part_now(uow: UnitOfWork, upload_id: UUID, part_id: UUID) -> PartNow:
    """A part of one's own upload and how far it has come. Raises `PartEnded` where it is over."""
    sent = upload(uow, upload_id)
    part = _part(uow, sent, part_id)
    if sent.state == State.REJECTED:
        raise PartEnded
    return PartNow(part, offset_of(uow, part), sent.expires_at)


def end_part(uow: UnitOfWork, upload_id: UUID, part_id: UUID) -> list[tuple[str, str]]:
    """Give a part up; what is to be dropped from the vault once that is committed."""
    sent = upload(uow, upload_id)
    uow.session.refresh(sent, with_for_update=True)
    part = _part(uow, sent, part_id, lock=True)
    if sent.state in {State.RECEIVED, State.AVAILABLE}:
        raise Conflict(WORDS[State(sent.state)], state=str(sent.state))
    return _ended(uow, sent, [part], final=False)


def abandon(uow: UnitOfWork, upload_id: UUID) -> list[tuple[str, str]]:
    """Give an upload up for good, with all that has arrived; what is to be dropped once that is committed.

    Raises:
        Conflict: it is an exhibit already, or was rejected.
    """
    sent = upload(uow, upload_id)
    uow.session.refresh(sent, with_for_update=True)
    sent.state = advance(State(sent.state), State.REJECTED)
    forget(uow, sent)
    alive = select(UploadPart).where(col(UploadPart.upload_id) == sent.id, col(UploadPart.ended_at).is_(None))
    return _ended(uow, sent, list(uow.session.scalars(alive)), final=True)


def _ended(uow: UnitOfWork, sent: Upload, over: list[UploadPart], *, final: bool) -> list[tuple[str, str]]:
    """Put the end of these parts on the record."""
    pieces = [one for part in over for one in pieces_of(uow, part)]
    for part in over:
        part.ended_at = uow.now
    uow.record(
        "evidence:rejected", sent, result="error", reason="stopped", final=final, attempt=sent.attempt,
        announced_size=sent.size, announced_sha256=sent.declared_sha256, size=sum(one.size for one in pieces),
    )  # fmt: skip
    return [(f"{one.workspace_id}/{one.object_id}", one.handle) for one in pieces]


def pieces_of(uow: UnitOfWork, part: UploadPart) -> list[UploadPiece]:
    """What has arrived of a part, from its first byte on."""
    wanted = select(UploadPiece).where(col(UploadPiece.part_id) == part.id).order_by(col(UploadPiece.place))
    return list(uow.session.scalars(wanted))


def offset_of(uow: UnitOfWork, part: UploadPart) -> int:
    """How many bytes of a part have arrived."""
    wanted = select(func.coalesce(func.sum(UploadPiece.size), 0)).where(col(UploadPiece.part_id) == part.id)
    return int(uow.session.execute(wanted).scalar_one())


def _part(uow: UnitOfWork, sent: Upload, part_id: UUID, *, lock: bool = False) -> UploadPart:
    found = uow.find(UploadPart, id=part_id, upload_id=sent.id)
    if found is None:
        raise NotFound
    if lock:
        uow.session.refresh(found, with_for_update=True)
    if found.ended_at is not None:
        raise PartEnded
    return found


def _under_way(uow: UnitOfWork, upload_id: UUID) -> Upload:
    """One's own upload, locked, alive and with a key for what comes."""
    sent = upload(uow, upload_id)
    uow.session.refresh(sent, with_for_update=True)
    if sent.expires_at is not None and sent.expires_at < uow.now:
        raise PartEnded
    if sent.state != State.UPLOADING:
        next_state = advance(State(sent.state), State.UPLOADING)
        room.require(uow, sent.workspace_id, sent.size, hold=True)
        sent.state = next_state
        sent.attempt += 1
    if sent.vault_key is None:
        sent.vault_key = new_place(uow, sent.workspace_id, sent.compartment_id).key
        sent.expires_at = uow.now + timedelta(days=uow.house.settings.upload_days)
    sent.beat_at = uow.now
    return sent


def append(
    begin: Begin, upload_id: UUID, part_id: UUID, offset: int, content: Iterable[bytes], named: Checksum | None
) -> PartNow:
    """Add bytes to a part, as many as come; how far it has come then.

    Without a checksum what arrived before the line was cut is kept; with one, all of it or nothing.

    Raises:
        Conflict: the part has come to another offset, or another request has taken over.
        TooLarge: more bytes than the part has room for; the last piece is not kept.
        OtherChecksum: they were damaged on their way; nothing is kept.
        VaultDown: the vault does not answer; what was kept before stays.
    """
    with begin() as uow:
        taken = _take(uow, upload_id, part_id, offset)
    arriving = _Arriving(_alive(begin, upload_id, taken, content), taken.part.length - offset, named)
    waiting: list[UploadPiece] = []
    now: PartNow | None = None
    try:
        while arriving.more():
            waiting.append(_staged(taken, arriving))
            if named is None:
                now = _keep(begin, upload_id, taken, waiting)
        arriving.check()
        return _keep(begin, upload_id, taken, waiting) if waiting or now is None else now
    except BaseException:
        for one in waiting:
            taken.vault.drop(f"{one.workspace_id}/{one.object_id}", one.handle)
        raise


def _take(uow: UnitOfWork, upload_id: UUID, part_id: UUID, offset: int) -> _Taken:
    sent = _under_way(uow, upload_id)
    part = _part(uow, sent, part_id, lock=True)
    come = offset_of(uow, part)
    if come != offset:
        raise Conflict(f"The part has come to {come}, not {offset}: ask where it stands and go on from there.")
    part.taken_by = uuid4()
    return _Taken(part, vault_at(uow, sent.workspace_id, str(sent.vault_key)), offset, part.taken_by)


def _staged(taken: _Taken, arriving: "_Arriving") -> UploadPiece:
    """The next piece, safe in the vault."""
    key, place = new_key(taken.part.workspace_id), taken.offset + arriving.size
    kept: Staged = taken.vault.stage(key, arriving.piece())
    return UploadPiece(
        object_id=object_of(key), part_id=taken.part.id, workspace_id=taken.part.workspace_id,
        compartment_id=taken.part.compartment_id, place=place, size=taken.offset + arriving.size - place,
        stored_size=kept.size, stored_sha256=kept.sha256, handle=kept.handle,
    )  # fmt: skip


def _keep(begin: Begin, upload_id: UUID, taken: _Taken, waiting: list[UploadPiece]) -> PartNow:
    """Put pieces on their part's row, if this request is still the one that appends; how far it has come then."""
    with begin() as uow:
        sent = _under_way(uow, upload_id)
        _still_ours(uow, sent, taken)
        counted = select(func.count()).where(col(UploadPiece.part_id) == taken.part.id)
        if uow.session.execute(counted).scalar_one() + len(waiting) > PIECES_AT_MOST:
            raise Conflict(f"A part has at most {PIECES_AT_MOST} pieces: send larger ones.")
        for one in waiting:
            uow.add(UploadPiece(**one.model_dump()))
        now = part_now(uow, upload_id, taken.part.id)
    waiting.clear()
    return now


def _still_ours(uow: UnitOfWork, sent: Upload, taken: _Taken) -> None:
    if _part(uow, sent, taken.part.id, lock=True).taken_by != taken.by:
        raise Conflict("Another request sends this part now.")


def _alive(begin: Begin, upload_id: UUID, taken: _Taken, content: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes; every few seconds a sign of life, at which a sender who may no longer send is stopped."""
    last = time.monotonic()
    for block in content:
        yield block
        if time.monotonic() - last > BEAT_SECONDS:
            with begin() as uow:
                _still_ours(uow, _under_way(uow, upload_id), taken)
            last = time.monotonic()


class _Arriving:
    """The bytes of one request, cut into pieces, counted, and hashed where a checksum was named."""

    def __init__(self, blocks: Iterator[bytes], most: int, named: Checksum | None) -> None:
        self._blocks, self._most, self._next = blocks, most, b""
        self._named = named
        self._hash = hashlib.new(named.algorithm, usedforsecurity=False) if named else None
        self._hashing = Behind(self._hash.update) if self._hash else None
        self.size = 0

    def more(self) -> bool:
        """Whether another byte has come."""
        while not self._next:
            block = next(self._blocks, None)
            if block is None:
                return False
            self._next = block
        return True

    def piece(self) -> Iterator[bytes]:
        """The blocks of the next piece."""
        left = PIECE
        while left and self.more():
            block, self._next = self._next[:left], self._next[left:]
            left -= len(block)
            self.size += len(block)
            if self.size > self._most:
                raise TooLarge(f"More bytes than the {self._most} that are missing.", max_bytes=self._most)
            if self._hashing:
                self._hashing.give(block)
            yield block

    def check(self) -> None:
        """Raise `OtherChecksum` unless the bytes are those that the request named."""
        if self._hashing and self._hash and self._named:
            self._hashing.wait()
            if self._hash.digest() != self._named.digest:
                raise OtherChecksum
