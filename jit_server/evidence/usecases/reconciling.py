"""After crashes: transfers that nobody goes on with are ended, their remains swept, and what no row names is named.

Idempotent. Whole objects that no exhibit names are only listed: after the database was put back to an earlier day they
may be the one copy of an exhibit, so removing them is for a person to decide. Rows whose object is gone are the scrub's
to name.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Final
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlmodel import col

from jit_server.access import SYSTEM
from jit_server.core import clock
from jit_server.core.jobs import Stopping
from jit_server.core.vault import Lying
from jit_server.evidence.lifecycle import State, advance
from jit_server.evidence.models import EvidenceItem, Upload
from jit_server.evidence.tus.models import EvidencePiece, UploadPart, UploadPiece
from jit_server.evidence.usecases.destroying import forget
from jit_server.work import House, UnitOfWork

SETTLED: Final = timedelta(hours=1)
"""A transfer without a sign of life for so long is not under way, whatever its row says."""
STALE: Final = timedelta(days=1)
_TOGETHER: Final = 200


def reconcile(house: House, stopping: Stopping) -> None:
    """End transfers that stand still and uploads that never came, and sweep what they left in the vault."""
    with house.work(SYSTEM) as uow:
        expired = _settle(uow)
    _clear(house, expired)
    if not stopping():
        house.vault.sweep(clock.now() - timedelta(days=house.settings.upload_days))


def _settle(uow: UnitOfWork) -> list[UUID]:
    """Uploads with their time over, at most 200 a turn, each with an entry of its own; those that are over for good."""
    expired: list[UUID] = []
    cut, never = uow.now - SETTLED, uow.now - timedelta(days=uow.house.settings.upload_days)
    due = or_(
        and_(col(Upload.state) == str(State.UPLOADING), col(Upload.beat_at) < cut, col(Upload.expires_at).is_(None)),
        and_(col(Upload.state).in_([str(State.UPLOADING), str(State.DECLARED)]), col(Upload.expires_at) < uow.now),
        and_(col(Upload.state) == str(State.DECLARED), col(Upload.beat_at) < never),
    )
    wanted = select(Upload).where(due).order_by(col(Upload.beat_at)).limit(_TOGETHER).with_for_update(skip_locked=True)
    for one in uow.session.execute(wanted).scalars():
        before = State(one.state)
        is_cut = before is State.UPLOADING and one.expires_at is None  # what came in parts has until its day
        one.state = advance(before, State.DECLARED if is_cut else State.REJECTED)
        reason = "cut" if is_cut else "expired"
        if not is_cut:
            forget(uow, one)
        expired += [] if is_cut else [one.id]
        uow.record(
            "evidence:rejected", one, result="error", reason=reason, final=one.state == State.REJECTED,
            attempt=one.attempt, announced_size=one.size, announced_sha256=one.declared_sha256,
        )  # fmt: skip
    return expired


def _clear(house: House, expired: list[UUID]) -> None:
    """Drop what has arrived of uploads that are over."""
    with house.work(SYSTEM) as uow:
        wanted = select(UploadPiece).join(UploadPart, col(UploadPart.id) == col(UploadPiece.part_id))
        pieces = list(uow.session.scalars(wanted.where(col(UploadPart.upload_id).in_(expired)))) if expired else []
    for one in pieces:
        house.vault.drop(f"{one.workspace_id}/{one.object_id}", one.handle)


def orphans(house: House) -> Iterator[Lying]:
    """What has lain in the vault for a day or longer and no exhibit names."""
    before = clock.now() - STALE
    old = (one for one in house.vault.listing() if one.since < before)
    for some in _batches(old):
        with house.work(SYSTEM) as uow:
            keys = select(col(EvidenceItem.vault_key), col(EvidenceItem.version_id)).where(
                col(EvidenceItem.vault_key).in_([one.key for one in some])
            )
            named = {(row.vault_key, row.version_id) for row in uow.session.execute(keys)}
            objects = [UUID(one.key.partition("/")[2]) for one in some]
            pieces = select(EvidencePiece).where(col(EvidencePiece.object_id).in_(objects))
            named |= {(f"{one.workspace_id}/{one.object_id}", one.version_id) for one in uow.session.scalars(pieces)}
        yield from (one for one in some if (one.key, one.version_id) not in named)


def _batches(found: Iterator[Lying]) -> Iterator[list[Lying]]:
    while some := list(islice(found, _TOGETHER)):
        yield some
