"""Each exhibit's bytes looked at once: what they are, whether the name says so, what they tell of themselves."""

from contextlib import closing
from typing import Final
from uuid import UUID

from sqlalchemy import exists, select
from sqlmodel import col

from jit_server import audit
from jit_server.access import SYSTEM
from jit_server.audit.entry import canonical
from jit_server.core.errors import Altered, KeyGone, VaultDown
from jit_server.core.jobs import Stopping
from jit_server.evidence.keys import vault_of
from jit_server.evidence.models import UNSEALED, EvidenceItem
from jit_server.evidence.nature.asking import Found, ask
from jit_server.evidence.nature.kinds import contradicted
from jit_server.evidence.nature.models import EvidenceNature, Outcome
from jit_server.evidence.usecases.content import checked, raise_alarm
from jit_server.work import House, UnitOfWork

MOST: Final = 20
"""Exhibits looked at in one turn over those that nobody looked at yet."""
HEAD: Final = 32 * 2**20
"""Of a longer exhibit, only so many of its first bytes are looked at."""


def recognise(house: House, stopping: Stopping, workspace_id: UUID, item_id: UUID) -> None:  # noqa: ARG001 - one step
    """The job: look at one exhibit, unless that was done.

    Raises:
        VaultDown: the bytes cannot be read now; the job is tried again.
    """
    with house.work(SYSTEM) as uow:
        item = uow.find(EvidenceItem, id=item_id, workspace_id=workspace_id)
        if item is None or uow.find(EvidenceNature, item_id=item.id) is not None:
            return
    _look(house, item)


def recognise_rest(house: House, stopping: Stopping) -> None:
    """Look at what nobody looked at: taken in before there was such a look.

    An exhibit that cannot be read keeps none of the others from being looked at; its turn comes again.

    Raises:
        VaultDown: the store does not answer.
    """
    looked, last = 0, UUID(int=0)
    while looked < MOST and not stopping():
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
    unseen = ~exists().where(col(EvidenceNature.item_id) == col(EvidenceItem.id))
    with house.work(SYSTEM) as uow:
        wanted = select(EvidenceItem).where(col(EvidenceItem.id) > after, unseen).order_by(col(EvidenceItem.id))
        return uow.session.scalar(wanted.limit(1))


def _look(house: House, item: EvidenceItem) -> None:
    try:
        data = _head(house, item)
    except (Altered, KeyGone):
        _keep(house, item, Found(), Outcome.UNREAD)
        return
    found = ask(data)
    _keep(house, item, found, _outcome(found))


def _outcome(found: Found) -> Outcome:
    if not found.whole:
        return Outcome.DAMAGED
    return Outcome.RECOGNISED if found.kind else Outcome.UNKNOWN


def _head(house: House, item: EvidenceItem) -> bytes:
    """The first bytes, each chunk proved; of what has no key only the whole can be."""

    def begin() -> UnitOfWork:
        return house.work(SYSTEM)

    with begin() as uow:
        vault = vault_of(uow, item)
    data = bytearray()
    if item.seal == UNSEALED or item.size <= HEAD:
        with closing(checked(begin, vault, item)) as blocks:
            for block in blocks:
                data += block[: HEAD - len(data)]
        return bytes(data)
    try:
        with closing(vault.open_part(item.vault_key, item.version_id, range(HEAD))) as body:
            return b"".join(body)
    except Altered as fault:
        raise_alarm(begin, item, fault)
        raise


def _keep(house: House, item: EvidenceItem, found: Found, outcome: Outcome) -> None:
    """The row, and its entry: the log holds a keyed commitment to what the bytes say of themselves, not the words."""
    named = contradicted(item.file_name, found.kind)
    with house.work(SYSTEM) as uow:
        row = EvidenceNature(
            workspace_id=item.workspace_id,
            item_id=item.id,
            outcome=outcome,
            kind=found.kind,
            media_type=found.media_type,
            named=named,
            facts=found.facts,
            found_at=uow.now,
        )
        uow.add(row)
        uow.record(
            "evidence:recognised",
            uow.find(EvidenceItem, id=item.id),
            outcome=str(outcome),
            kind=found.kind,
            media_type=found.media_type,
            named=named,
            metadata=audit.commit(canonical(found.facts).decode(), item.salt),
        )
