"""From parts to an exhibit: what is stored is read back, hashed, compared and registered; no byte is copied.

It can be asked again after any crash: pieces that are versions already stay what they are, and the exhibit is one.
"""

import hashlib
import time
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlmodel import col

from jit_server import audit, identity
from jit_server.access import SYSTEM
from jit_server.core.errors import Altered, Conflict, Invalid, JitError, Mismatch, NotFound, NotPermitted, VaultDown
from jit_server.core.jobs import Stopping
from jit_server.core.vault import BLOCK, Behind, ReadBack, SealedBody, SealedVault, Seen, Stored
from jit_server.evidence.keys import vault_at
from jit_server.evidence.lifecycle import WORDS, State, advance
from jit_server.evidence.models import EvidenceItem, Upload
from jit_server.evidence.tus.models import JOINED, EvidencePiece, UploadPart, UploadPiece
from jit_server.evidence.usecases.parts import offset_of, pieces_of
from jit_server.evidence.usecases.reading_back import digest_of, keep
from jit_server.evidence.usecases.room import BEAT_SECONDS
from jit_server.evidence.usecases.uploads import Begin, exhibit_of, give_up, register_stored, still_ours, upload
from jit_server.work import House, UnitOfWork

SEVERAL = "several"
"""What stands for the version of an exhibit that lies in several objects; each piece names its own."""
TOGETHER: Final = 4
"""Pieces that are made versions at once."""
AT_ONCE: Final = 256 * BLOCK
"""Bytes that are read back while whoever sent them waits: a second or two. The worker reads back what is larger."""
TASK: Final = "evidence:join"
_PASSING: Final = 500
"""From this status on it is the server's own trouble: no reason to reject anybody's evidence."""


@dataclass(frozen=True)
class _Lying:
    piece: UploadPiece
    key: str
    version_id: str


def join(begin: Begin, upload_id: UUID, part_ids: Sequence[UUID]) -> EvidenceItem | None:
    """Have the exhibit made of these parts, in this order; asked again after that, it answers with the exhibit.

    None: all bytes are here, and the worker makes the exhibit; reading back what is larger than `AT_ONCE` takes longer
    than a request may.

    Raises:
        Invalid: a part is missing, unfinished or another upload's, or they are not the declared size together.
        Mismatch: their digest is not the declared one: rejected for good, on the record.
        Conflict: it was rejected for another reason.
        VaultDown: the store does not answer, or gives back other bytes than it was given: ask again.
    """
    with begin() as uow:
        sent = upload(uow, upload_id)
        uow.session.refresh(sent, with_for_update=True)
        if sent.state == State.AVAILABLE:
            return exhibit_of(uow, sent)
        if sent.state == State.RECEIVED:
            return None
        parts = _parts(uow, sent, part_ids)
        pieces = _in_order(uow, parts)
        if sent.state != State.UPLOADING:
            raise _rejected(uow, sent)
        sent.beat_at = uow.now
        if sent.size > AT_ONCE:
            _leave(uow, sent, parts)
            return None
    return _made(begin, sent, pieces)


def _leave(uow: UnitOfWork, sent: Upload, parts: Sequence[UploadPart]) -> None:
    """Leave it to the worker, on the record: the bytes are here, their sender can go."""
    for place, part in enumerate(parts):
        part.place = place
    sent.state = advance(State.UPLOADING, State.RECEIVED)
    uow.record("evidence:uploaded", sent, size=sent.size, parts=len(parts), attempt=sent.attempt)
    uow.later(TASK, workspace_id=sent.workspace_id, upload_id=sent.id)


def run(house: House, _stopping: Stopping, *, upload_id: UUID, **_ids: UUID) -> None:
    """The job: make the exhibit as whoever sent it; done twice, it is one.

    Raises:
        VaultDown: its bytes cannot be read now; the job is tried again.
    """

    def system() -> UnitOfWork:
        return house.work(SYSTEM)

    with system() as uow:
        sent = uow.find(Upload, id=upload_id, state=str(State.RECEIVED))
        actor = identity.acting(uow, sent.declared_by) if sent else None
        if sent is None:
            return
        parts = uow.every(UploadPart, col(UploadPart.upload_id) == upload_id, col(UploadPart.place).is_not(None))
        pieces = _in_order(uow, sorted(parts, key=lambda one: one.place or 0))
    if actor is None:
        give_up(system, sent, State.REJECTED, NotPermitted())
        return

    def begin() -> UnitOfWork:
        return house.work(actor)

    try:
        _made(begin, sent, pieces)
    except JitError as why:  # another digest, or whoever sent it may not any more
        if why.status >= _PASSING:
            raise
        give_up(system, sent, State.REJECTED, why)


def _made(begin: Begin, sent: Upload, pieces: Sequence[UploadPiece]) -> EvidenceItem:
    with begin() as uow:
        vault = vault_at(uow, sent.workspace_id, str(sent.vault_key))
    with ThreadPoolExecutor(TOGETHER) as several:  # each asks the store a few times, and mostly waits
        lying = list(several.map(lambda one: _settled(vault, one), pieces))
    try:
        found = _read_back(begin, sent, vault, lying)
    except Mismatch as other:
        give_up(begin, sent, State.REJECTED, other)
        raise
    with begin() as uow:
        item = _register(uow, sent, Stored(str(sent.vault_key), SEVERAL, found.size, found.sha256), lying)
    keep(begin, item, found)
    return item


def _rejected(uow: UnitOfWork, sent: Upload) -> JitError:
    """Why it was, for whoever asks again; the record knows."""
    last = audit.read(uow.connection, sent.workspace_id, subject=sent.id)[-1].content.get("facts", {})
    if last.get("reason") == Mismatch.slug and "sha256" in last:
        return _other_digest(sent, last["size"], last["sha256"])
    return Conflict(WORDS[State.REJECTED], state=str(sent.state))


def _other_digest(sent: Upload, size: int, found: str) -> Mismatch:
    detail = "The bytes that arrived have another SHA-256 than the one declared. Check the file, declare it anew."
    return Mismatch(detail, announced_sha256=sent.declared_sha256, size=size, sha256=found)


def _parts(uow: UnitOfWork, sent: Upload, part_ids: Sequence[UUID]) -> list[UploadPart]:
    """These parts, each there and whole."""
    found: list[UploadPart] = []
    for part_id in part_ids:
        part = uow.find(UploadPart, id=part_id, upload_id=sent.id)
        alive = part is not None and (part.ended_at is None or sent.state == State.REJECTED)
        if part is None or not alive or offset_of(uow, part) != part.length:
            raise Invalid.field("Upload-Concat", f"part {part_id} is not whole", "Send what is missing of it first.")
        found.append(part)
    if len(set(part_ids)) != len(part_ids) or sum(one.length for one in found) != sent.size:
        raise Invalid.field("Upload-Concat", f"the parts are not {sent.size} bytes together", "Name each part once.")
    return found


def _in_order(uow: UnitOfWork, parts: Sequence[UploadPart]) -> list[UploadPiece]:
    """The pieces of these parts, one after the other."""
    return [piece for part in parts for piece in pieces_of(uow, part)]


def _settled(vault: SealedVault, piece: UploadPiece) -> _Lying:
    key = f"{piece.workspace_id}/{piece.object_id}"
    try:
        return _Lying(piece, key, vault.settle(key, piece.handle))
    except Altered as gone:
        raise VaultDown("The evidence store has lost a piece of this file. Declare it anew.") from gone


def _read_back(begin: Begin, sent: Upload, vault: SealedVault, lying: Sequence[_Lying]) -> ReadBack:
    """Both digests of what is stored now, which must be the one declared, if one was."""
    first, second, last = hashlib.sha256(), hashlib.sha512(), time.monotonic()
    behind, size = Behind(second.update), 0
    try:
        with closing(_bodies(vault, lying, lambda _lay, was: first.update(was))) as bodies:
            for body in bodies:
                for block in body:
                    size += len(block)
                    behind.give(block)
                if time.monotonic() - last > BEAT_SECONDS:
                    with begin() as uow:
                        still_ours(uow, sent).beat_at = uow.now
                    last = time.monotonic()
    except Altered as fault:
        raise VaultDown("The evidence store gave back other bytes than it was given. Declare it anew.") from fault
    behind.wait()
    if size != sent.size or sent.declared_sha256 not in {None, first.hexdigest()}:
        raise _other_digest(sent, size, first.hexdigest())
    whole = digest_of(one.piece.stored_sha256 for one in lying)
    return ReadBack(size, first.hexdigest(), second.hexdigest(), whole)


def _bodies(vault: SealedVault, lying: Sequence[_Lying], seen: Seen) -> Generator[SealedBody]:
    """Each piece's bytes; the store is asked for the next while this one is read."""
    with ThreadPoolExecutor(1) as ahead:
        coming = deque([ahead.submit(vault.open, lying[0].key, lying[0].version_id, seen)])
        try:
            for following in (*lying[1:], None):
                with closing(coming.popleft().result()) as body:
                    if following is not None:
                        coming.append(ahead.submit(vault.open, following.key, following.version_id, seen))
                    yield body
        finally:
            for left in coming:
                if left.exception() is None:
                    left.result().close()


def _register(uow: UnitOfWork, sent: Upload, stored: Stored, lying: Sequence[_Lying]) -> EvidenceItem:
    now = uow.find(Upload, id=sent.id)
    if now is None:
        raise NotFound
    uow.session.refresh(now, with_for_update=True)
    if now.state == State.AVAILABLE:  # the same was asked twice at once
        return exhibit_of(uow, now)
    item = register_stored(uow, sent, stored, seal=JOINED)
    for number, one in enumerate(lying):
        shared = one.piece.model_dump(exclude={"part_id", "place", "handle"})
        uow.add(EvidencePiece(item_id=item.id, number=number, version_id=one.version_id, **shared))
    return item
