"""The bytes of an exhibit on their way out: always hashed again, always on the record before the first one leaves."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlmodel import col

from jit_server import audit
from jit_server.access import Action
from jit_server.audit import tree
from jit_server.core.errors import Altered, KeyGone
from jit_server.core.vault import verified
from jit_server.evidence.keys import is_destroyed, vault_of
from jit_server.evidence.malware.verdicts import guard
from jit_server.evidence.models import UNSEALED, EvidenceItem
from jit_server.evidence.stored import Condition, note
from jit_server.evidence.tus.lying import Readable, as_stored, lumps_of
from jit_server.evidence.usecases.describing import description
from jit_server.evidence.usecases.uploads import Begin
from jit_server.evidence.usecases.uses import used
from jit_server.work import UnitOfWork, rows_by_id

log = structlog.get_logger()

_TOGETHER = 200
LOOK_AGAIN_SECONDS = 1
"""How often a running download asks whether it may go on: who is revoked is cut within 2 s (PROOFS P2)."""


@dataclass(frozen=True)
class Check:
    """What hashing the stored bytes again gave; `destroyed` where somebody decided that they be unreadable."""

    ok: bool
    at: datetime
    detail: str
    destroyed: bool = False


class Permitted:
    """Blocks on their way out, as long as whoever takes them may; they close what they come from.

    The question is asked anew whenever the last answer is old, however long a block waited for its taker.
    """

    def __init__(self, begin: Begin, item_id: UUID, action: Action, blocks: Generator[bytes, None, None]) -> None:
        self._begin, self._item_id, self._action, self._blocks = begin, item_id, action, blocks
        self._asked = time.monotonic()

    def __iter__(self) -> Self:
        """Itself: each block is given once."""
        return self

    def __next__(self) -> bytes:
        """The next block, for one who may take it now."""
        block = next(self._blocks)
        self.look()
        return block

    def look(self) -> None:
        """Ask whether the taker still may, unless that was asked a moment ago.

        Raises:
            NotFound: they do not belong here any more, or their session or key has ended.
            NotPermitted: they belong here, but this is not for them any more.
        """
        if time.monotonic() - self._asked > LOOK_AGAIN_SECONDS:
            with self._begin() as uow:
                uow.get(EvidenceItem, self._item_id, to=self._action)
            self._asked = time.monotonic()

    def close(self) -> None:
        """Let go of what the blocks come from."""
        self._blocks.close()


def download(begin: Begin, item_id: UUID, to: Action = Action.EVIDENCE_DOWNLOAD) -> tuple[EvidenceItem, Permitted]:
    """An exhibit and its bytes. They are recorded as given out before the first of them leaves.

    `to` is what is asked of the policy: whoever verifies what waits in quarantine takes it for that only.

    Raises:
        PurposeRequired: it is restricted, and nobody said what for.
        StepUp: malware was found in it, and the sign-in is not a recent one.
        VaultDown: the vault does not answer; nothing is on record as given out.
        KeyGone: its key was destroyed.
        Altered: the bytes have changed. Found in time for a small file; a large one ends before its last block.
    """
    with begin() as uow:
        item = uow.get(EvidenceItem, item_id, to=to)
        used(uow, item, to)
        guard(uow, item.id)
        vault = vault_of(uow, item)
    return item, _given(begin, item_id, to, checked(begin, vault, item), "evidence:downloaded")


def stream(
    begin: Begin, item_id: UUID, wanted: Callable[[EvidenceItem], range | None], to: Action = Action.EVIDENCE_DOWNLOAD
) -> tuple[EvidenceItem, range | None, Permitted]:
    """A part of an exhibit's bytes, each chunk proved before it leaves; recorded with its place before the first one.

    `wanted` says which part, None for all. All is given too where the exhibit was taken in before there were keys: only
    the whole can be proved then.

    Raises: as `download`.
    """
    with begin() as uow:
        item = uow.get(EvidenceItem, item_id, to=to)
        used(uow, item, to)
        guard(uow, item.id)
        part = None if item.seal == UNSEALED else wanted(item)
        vault = vault_of(uow, item)
    if part is None:
        return item, None, download(begin, item_id, to)[1]
    blocks = _part(begin, vault, item, part)
    place = {"first": part.start, "last": part.stop - 1}
    return item, part, _given(begin, item_id, to, blocks, "evidence:streamed", **place)


def _part(begin: Begin, vault: Readable, item: EvidenceItem, part: range) -> Generator[bytes, None, None]:
    try:
        with closing(vault.open_part(item.vault_key, item.version_id, part)) as body:
            yield from body
    except Altered as found:
        raise_alarm(begin, item, found)
        raise


def _given(
    begin: Begin, item_id: UUID, to: Action, blocks: Generator[bytes, None, None], event: str, **facts: Any
) -> Permitted:
    """The blocks as they leave; the first one is there, and what leaves is on record, before any of them does."""
    first = next(blocks)
    try:
        with begin() as uow:
            item = uow.get(EvidenceItem, item_id, to=to)
            uow.record(event, item, sha256=item.sha256, size=item.size, **facts, **used(uow, item, to))
    except BaseException:
        blocks.close()
        raise
    return Permitted(begin, item_id, to, with_first(first, blocks))


def checked(begin: Begin, vault: Readable, item: EvidenceItem) -> Generator[bytes, None, None]:
    """The stored blocks; if they are not what was taken in, that goes on the record and the operator is told."""
    try:
        yield from stored(vault, item)
    except Altered as found:
        raise_alarm(begin, item, found)
        raise


def stored(vault: Readable, item: EvidenceItem) -> Generator[bytes, None, None]:
    """The stored blocks, one at least, the last only when all are what was taken in. Raises `Altered`."""
    yield from verified(vault.open(item.vault_key, item.version_id), size=item.size, sha256=item.sha256)


def raise_alarm(begin: Begin, item: EvidenceItem, found: Altered) -> None:
    """Put on record that the stored bytes are not those taken in, and tell the operator."""
    log.error("evidence_altered", workspace=str(item.workspace_id), item=str(item.id), **found.members)
    with begin() as uow, uow.as_system():
        row = uow.find(EvidenceItem, id=item.id)
        condition = Condition.of(found)
        note(uow, item.id, condition)
        seen = {name: found.members[name] for name in ("size", "sha256") if name in found.members}
        uow.record("evidence:damaged", row, result="error", how=str(condition), registered_sha256=item.sha256, **seen)


def with_first(first: bytes, rest: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    """A block already fetched, then the others."""
    try:
        yield first
        yield from rest
    finally:
        rest.close()


def verify(begin: Begin, item_id: UUID) -> Check:
    """Hash the stored bytes again and prove the exhibit's entry on the log; what comes of it is on the record."""
    with begin() as uow:
        item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_READ)
    return verify_stored(begin, item)


def verify_stored(begin: Begin, item: EvidenceItem) -> Check:
    """The same for an exhibit already fetched (the operator's command): no byte is shown to anybody."""
    with begin() as uow:
        now = uow.now
    try:
        with begin() as uow:
            vault = vault_of(uow, item)
        for _ in checked(begin, vault, item):
            pass
    except KeyGone as gone:
        with begin() as uow:
            return Check(ok=False, at=now, detail=gone.detail, destroyed=is_destroyed(uow, item))
    except Altered as found:
        return Check(ok=False, at=now, detail=found.detail)
    with begin() as uow:
        note(uow, item.id, Condition.WHOLE)
        fault = put_on_record(uow, item)
    return Check(ok=not fault, at=now, detail=fault)


def put_on_record(uow: UnitOfWork, item: EvidenceItem, **facts: Any) -> str:
    """Put on record that the stored bytes are whole, and whether the log proves them; what is wrong with it, if so."""
    row = uow.find(EvidenceItem, id=item.id)
    fault = fault_on_log(uow, item)
    result: Literal["ok", "error"] = "error" if fault else "ok"
    uow.record("evidence:verified", row, result=result, sha256=item.sha256, size=item.size, **facts)
    return fault


def verify_without_keys(begin: Begin, item: EvidenceItem) -> Check:
    """Hash what lies in the store, as it lies there: finds bit rot where no key is at hand.

    Only damage goes on the record, because this proves less than `verify_stored`.
    """
    with begin() as uow:
        vault, now, lumps = uow.vault, uow.now, lumps_of(uow, item)
    if not all(one.sha256 for one in lumps):
        return Check(ok=False, at=now, detail="It was not read back yet: run the worker, or verify with the keys.")
    try:
        for _ in as_stored(vault, lumps):
            pass
    except Altered as found:
        gone = bool(found.members.get("missing"))  # and no digest found: it would not be one of the exhibit
        raise_alarm(begin, item, Altered(found.detail, missing=gone))
        return Check(ok=False, at=now, detail=found.detail)
    return Check(ok=True, at=now, detail="")


def fault_on_log(uow: UnitOfWork, item: EvidenceItem) -> str:
    """What is wrong between the exhibit and its entry on the log; empty when all agrees."""
    position = item.position or 0
    entries = audit.read(uow.connection, item.workspace_id, position - 1, 1)
    if not entries or entries[0].position != position or entries[0].event != "evidence:registered":
        return f"Entry {position} of the log is not this exhibit's registration."
    facts = entries[0].content["facts"]
    if (facts["sha256"], facts["size"]) != (item.sha256, item.size):
        return f"Entry {position} of the log names another digest or size."
    if facts["description"] != audit.commit(description(item), item.salt):
        return f"The description is not the one that entry {position} of the log commits to."
    head = audit.head(uow.connection, item.workspace_id)
    proof = audit.inclusion(uow.connection, item.workspace_id, position, head.size)
    if not tree.includes(tree.leaf_hash(entries[0].canonical), position - 1, head.size, proof, head.root):
        return f"Entry {position} is not in the log's tree as it stands."
    return ""


def every_item(begin: Begin, workspace_id: UUID | None = None, item_id: UUID | None = None) -> Iterator[EvidenceItem]:
    """Every exhibit, or those of one workspace, or one: for the operator, whom row-level security lets pass."""
    exact = {col(EvidenceItem.workspace_id): workspace_id, col(EvidenceItem.id): item_id}
    wanted = select(EvidenceItem.id).order_by(col(EvidenceItem.id)).limit(_TOGETHER)  # type: ignore[call-overload]
    wanted = wanted.where(*(column == value for column, value in exact.items() if value is not None))
    last = UUID(int=0)
    while True:
        with begin() as uow:
            ids = uow.session.execute(wanted.where(col(EvidenceItem.id) > last)).scalars().all()
            items = rows_by_id(uow, EvidenceItem, ids)
        yield from (items[key] for key in ids)
        if len(ids) < _TOGETHER:
            return
        last = ids[-1]
