"""The scrub: every stored byte is read and hashed again in time, the longest unread first, disturbing nobody.

What was found goes on the exhibit's custody log only when it is news: bytes that rotted or went, and bytes that are
whole again. A scrub takes one object at a time and keeps nothing in memory, so that it can end at any block and go on
later.
"""

import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import case, func, select
from sqlmodel import col

from jit_server.access import SYSTEM, Action
from jit_server.core.errors import Altered, VaultDown
from jit_server.core.jobs import Stopping
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.stored import Condition, StoredCheck, note
from jit_server.evidence.tus.lying import as_stored, lumps_of
from jit_server.evidence.usecases import content, reading_back
from jit_server.work import House, UnitOfWork

log = structlog.get_logger()

TURN_SECONDS: Final = 240
"""How long one turn goes on; the next one begins within five minutes of this one's beginning."""
EARLY: Final = 2 / 3
"""An object is due after this part of the time in which it must be read: a worker may stand still for a while."""
READ_BACK_WITHIN: Final = timedelta(minutes=10)
"""What was taken in is read back by a job of its own; if that was lost, the scrub does it."""
DAMAGED_AGAIN: Final = timedelta(days=1)
UNREADABLE_AGAIN: Final = timedelta(hours=1)
DOWN_AFTER: Final = 3
"""After so many objects in a row that the store could not read it is the store that is down."""
MOST: Final = 20


def scrub(house: House, stopping: Stopping) -> None:
    """Read again what is due, the longest unread first, for a few minutes.

    Raises:
        VaultDown: the store does not answer.
    """
    until, unread = time.monotonic() + TURN_SECONDS, 0
    pace = _Pace(house.settings.scrub_mib_per_second)
    while not stopping() and time.monotonic() < until:
        item = _due(house)
        if item is None:
            return
        try:
            _read_again(house, item, stopping, pace)
            unread = 0
        except VaultDown:
            unread += 1
            _later(house, item)
            if unread == DOWN_AFTER:
                raise


class _Pace:
    """So many bytes a second at most, over the whole turn."""

    def __init__(self, mib_per_second: int) -> None:
        self._rate, self._ready = mib_per_second * 2**20, time.monotonic()

    def take(self, size: int) -> None:
        """Wait until so many bytes are allowed."""
        self._ready = max(self._ready, time.monotonic()) + size / self._rate
        time.sleep(max(0.0, self._ready - time.monotonic()))


def _due(house: House) -> EvidenceItem | None:
    with house.work(SYSTEM) as uow:
        often = timedelta(days=house.settings.scrub_days) * EARLY
        whole = StoredCheck.condition == Condition.WHOLE
        never = whole & col(StoredCheck.read_back_at).is_(None)  # type: ignore[operator]
        every = case((never, READ_BACK_WITHIN), (whole, often), else_=min(often, DAMAGED_AGAIN))  # type: ignore[arg-type]
        due = func.greatest(col(StoredCheck.checked_at) + every, StoredCheck.retry_at) <= uow.now
        wanted = select(col(StoredCheck.item_id)).where(due).order_by(col(StoredCheck.checked_at)).limit(1)
        item_id = uow.session.execute(wanted).scalar_one_or_none()
        return uow.find(EvidenceItem, id=item_id) if item_id else None


def _read_again(house: House, item: EvidenceItem, stopping: Stopping, pace: _Pace) -> None:
    with house.work(SYSTEM) as uow:
        known, lumps = uow.find(StoredCheck, item_id=item.id), lumps_of(uow, item)
    if known is None or known.read_back_at is None:  # the job that should have done it failed
        reading_back.run(house, stopping, item_id=item.id)
        return
    try:
        with closing(as_stored(house.vault, lumps)) as blocks:
            for block in blocks:
                pace.take(len(block))
                if stopping():
                    return
    except Altered as found:
        _is_damaged(house, item, found)
    else:
        _is_whole(house, item)


def _is_damaged(house: House, item: EvidenceItem, found: Altered) -> None:
    with house.work(SYSTEM) as uow:
        condition = Condition.of(found)
        if note(uow, item.id, condition):
            log.error("evidence_damaged", item=str(item.id), workspace=str(item.workspace_id), how=str(condition))
            uow.record(
                "evidence:damaged", item, result="error", how=str(condition), by="scrub", registered_sha256=item.sha256
            )


def _is_whole(house: House, item: EvidenceItem) -> None:
    with house.work(SYSTEM) as uow:
        if note(uow, item.id, Condition.WHOLE):  # it was put back
            content.put_on_record(uow, item, by="scrub")


def _later(house: House, item: EvidenceItem) -> None:
    with house.work(SYSTEM) as uow:
        row = uow.find(StoredCheck, item_id=item.id)
        if row is not None:
            row.retry_at = uow.now + UNREADABLE_AGAIN


def stored_check(uow: UnitOfWork, item: EvidenceItem) -> StoredCheck | None:
    """How the bytes of an exhibit that the actor may see were found last."""
    return uow.find(StoredCheck, item_id=item.id)


def damaged(uow: UnitOfWork, workspace_ids: Iterable[UUID]) -> list[EvidenceItem]:
    """Exhibits of these workspaces that are damaged and that the actor may know of, at most 20 looked at."""
    wanted = (
        select(EvidenceItem)
        .join(StoredCheck, col(StoredCheck.item_id) == col(EvidenceItem.id))
        .where(col(StoredCheck.workspace_id).in_(list(workspace_ids)), StoredCheck.condition != Condition.WHOLE)  # type: ignore[arg-type]
        .order_by(col(StoredCheck.checked_at))
        .limit(MOST)
    )
    found: Sequence[EvidenceItem] = uow.session.execute(wanted).scalars().all()
    return [item for item in found if uow.permits(Action.EVIDENCE_LIST, item)]


def figures(uow: UnitOfWork) -> dict[str, float]:
    """How many exhibits are damaged, and since when the longest unread one waits, in seconds."""
    counted = select(func.count()).where(StoredCheck.condition != Condition.WHOLE)  # type: ignore[arg-type]
    oldest = uow.session.execute(select(func.min(StoredCheck.checked_at))).scalar_one()
    return {
        "damaged": uow.session.execute(counted).scalar_one(),
        "oldest_seconds": (uow.now - oldest).total_seconds() if oldest else 0.0,
    }
