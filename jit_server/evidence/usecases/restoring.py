"""What a backup may not bring back: which keys stay out of one, and what a restored server erases once more.

A backup of yesterday does not know what was erased today. Its keys are destroyed again before anybody is served, from a
list that is kept elsewhere; and what only passed through goes as well, since no backup holds its key (MISSION I4, I7).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import String, cast, exists, func, select, union
from sqlalchemy.dialects import postgresql
from sqlmodel import col

from jit_server.access import SYSTEM
from jit_server.core.errors import Conflict
from jit_server.core.vault import Locked
from jit_server.evidence.erasure.models import Cause, Erasure
from jit_server.evidence.keys import DestroyedKey, ObjectKey
from jit_server.evidence.lifecycle import State
from jit_server.evidence.models import UNSEALED, EvidenceItem, Upload
from jit_server.evidence.usecases.destroying import forget
from jit_server.evidence.usecases.erasing import order
from jit_server.evidence.usecases.retaining import TOGETHER, is_erased, is_held
from jit_server.work import House, UnitOfWork
from jit_server.workspaces import Workspace
from jit_server.workspaces.models import RetentionProfile

KEYS: Final = "object_key"
KEY_COLUMNS: Final = [one.name for one in ObjectKey.__table__.columns]  # type: ignore[attr-defined]
_NAME: Final = cast(col(ObjectKey.workspace_id), String) + "/" + cast(col(ObjectKey.object_id), String)
"""What the object of a key is called in the vault."""


@dataclass
class Again:
    """What was erased once more, and what a hold that stood in the backup keeps: exhibits by their ids."""

    erased: list[UUID] = field(default_factory=list)
    held: list[UUID] = field(default_factory=list)


def kept_keys() -> str:
    """The query for the keys that a backup holds: not those of what passes through, unless a hold needs it."""
    transit = exists().where(
        col(Workspace.id) == col(ObjectKey.workspace_id),
        col(Workspace.retention_profile) == RetentionProfile.TRANSIT,
    )
    needed = exists().where(col(EvidenceItem.vault_key) == _NAME, is_held())
    wanted = select(*ObjectKey.__table__.columns).where(~transit | needed)  # type: ignore[attr-defined]
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return str(wanted.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def erasures(house: House) -> Iterator[dict[str, Any]]:
    """Everything that was ever erased or destroyed here: ids and moments, no names and no digests."""
    last = UUID(int=0)
    both = union(
        select(col(Erasure.item_id).label("item"), col(Erasure.ordered_at).label("at")),
        select(col(DestroyedKey.item_id).label("item"), col(DestroyedKey.destroyed_at).label("at")),
    ).subquery()
    while True:
        with house.work(SYSTEM) as uow:
            wanted = select(both.c.item, func.min(both.c.at)).where(both.c.item > last).group_by(both.c.item)
            page = uow.session.execute(wanted.order_by(both.c.item).limit(TOGETHER)).all()
        if not page:
            return
        yield from ({"item": str(item), "at": at.isoformat()} for item, at in page)
        last = page[-1][0]


def erase_again(house: House, listed: list[dict[str, Any]]) -> Again:
    """Erase what is on the list and is still here, and what has no key any more; done twice, it does nothing more.

    Raises:
        VaultDown: the store does not say whether it holds an exhibit.
    """
    again = Again()
    for one in listed:
        _erase(house, UUID(one["item"]), f"It was erased at {one['at']}, after the backup was made.", again)
    for item_id in _keyless(house):
        _erase(house, item_id, "It passed through: no backup holds its key.", again)
    return again


def _erase(house: House, item_id: UUID, reason: str, again: Again) -> None:
    try:
        with house.work(SYSTEM) as uow:
            item, sent = uow.find(EvidenceItem, id=item_id), uow.find(Upload, id=item_id)
            if item is not None and uow.find(Erasure, item_id=item_id) is None:
                order(uow, item, Cause.RESTORED, reason)
                again.erased.append(item_id)
            elif item is None and sent is not None and _reject(uow, sent):
                again.erased.append(item_id)
    except (Conflict, Locked):
        again.held.append(item_id)


def _reject(uow: UnitOfWork, sent: Upload) -> bool:
    """An upload that was given up after the backup; say whether it was still alive in it."""
    if uow.find(DestroyedKey, item_id=sent.id) is not None:
        return False
    sent.state = State.REJECTED
    forget(uow, sent)
    return sent.vault_key is not None


def _keyless(house: House) -> list[UUID]:
    """Exhibits whose key is in no table, though nobody destroyed it."""
    wanted = select(col(EvidenceItem.id)).where(
        col(EvidenceItem.seal) != UNSEALED,
        ~is_erased(),
        ~exists().where(col(DestroyedKey.item_id) == col(EvidenceItem.id)),
        ~exists().where(col(EvidenceItem.vault_key) == _NAME),
    )
    with house.work(SYSTEM) as uow:
        return list(uow.session.scalars(wanted))
