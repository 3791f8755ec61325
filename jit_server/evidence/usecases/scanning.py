"""Each exhibit's bytes shown to a virus scanner, after they were taken in: it says what they are, and moves nothing.

An exhibit may well be malware, and is evidence all the same: it stays where it is, and is taken with care only.
"""

from contextlib import closing
from typing import Final
from uuid import UUID

from sqlalchemy import exists, select
from sqlmodel import col

from jit_server.access import SYSTEM
from jit_server.core.errors import Altered, KeyGone, VaultDown
from jit_server.core.jobs import Stopping
from jit_server.evidence.keys import vault_of
from jit_server.evidence.malware.archives import Watched, seen_whole
from jit_server.evidence.malware.clamd import Answer, Clamd
from jit_server.evidence.malware.models import MalwareCheck, Verdict
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.usecases.content import checked
from jit_server.work import House, UnitOfWork

MOST: Final = 20
"""Exhibits looked at in one turn over those that nobody looked at yet."""


def scan(house: House, stopping: Stopping, workspace_id: UUID, item_id: UUID) -> None:  # noqa: ARG001 - one step
    """Look at one exhibit, unless that was done.

    Raises:
        Unavailable: the scanner does not answer; the job is tried again.
        VaultDown: the bytes cannot be read now; the same.
    """
    if not house.settings.clamd:
        return
    with house.work(SYSTEM) as uow:
        item = uow.find(EvidenceItem, id=item_id, workspace_id=workspace_id)
        if item is None or uow.find(MalwareCheck, item_id=item.id) is not None:
            return
    _look(house, item)


def scan_rest(house: House, stopping: Stopping) -> None:
    """Look at what nobody looked at: taken in before there was a scanner, or while it was away for long.

    An exhibit that cannot be read keeps none of the others from being looked at; its turn comes again.

    Raises:
        Unavailable: the scanner does not answer.
        VaultDown: the store does not answer.
    """
    looked, last = 0, UUID(int=0)
    while house.settings.clamd and looked < MOST and not stopping():
        item = _unseen(house, last)
        if item is None:
            return
        last = item.id
        try:
            _look(house, item)
            looked += 1
        except VaultDown:
            if not house.vault.status().ready:
                raise


def _unseen(house: House, after: UUID) -> EvidenceItem | None:
    wanted = (
        select(EvidenceItem)
        .where(col(EvidenceItem.id) > after, ~exists().where(col(MalwareCheck.item_id) == col(EvidenceItem.id)))
        .order_by(col(EvidenceItem.id))
        .limit(1)
    )
    with house.work(SYSTEM) as uow:
        return uow.session.scalar(wanted)


def _look(house: House, item: EvidenceItem) -> None:
    clamd = Clamd(house.settings.clamd)
    engine = clamd.version()
    answer = _answer(house, item, clamd)
    with house.work(SYSTEM) as uow:
        uow.add(
            MalwareCheck(
                workspace_id=item.workspace_id,
                item_id=item.id,
                verdict=answer.verdict,
                signature=answer.signature,
                engine=engine,
                checked_at=uow.now,
            )
        )
        uow.record(
            "evidence:scanned",
            uow.find(EvidenceItem, id=item.id),
            verdict=str(answer.verdict),
            signature=answer.signature,
            engine=engine,
        )


def _answer(house: House, item: EvidenceItem, clamd: Clamd) -> Answer:
    """What the scanner says of the exhibit's own bytes; of what cannot be read any more it says nothing."""

    def begin() -> UnitOfWork:
        return house.work(SYSTEM)

    try:
        with begin() as uow:
            vault = vault_of(uow, item)
        most = house.settings.clamd_max_bytes
        with closing(checked(begin, vault, item)) as blocks:
            watched = Watched(blocks)
            answer = clamd.scan(watched, most)
        if answer.verdict is not Verdict.CLEAN or not watched.is_archive:
            return answer
        with closing(checked(begin, vault, item)) as blocks:
            return answer if seen_whole(blocks, most) else Answer(Verdict.NOT_FULLY_SCANNED)
    except (Altered, KeyGone):
        return Answer(Verdict.NOT_SCANNED)
