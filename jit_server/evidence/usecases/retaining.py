"""How long exhibits are kept (MISSION I1, I2, I4, I6), and the turn of the clock that erases what is due.

In a workspace of the profile `transit` an exhibit goes when its last addressee has acknowledged it, after 28 days at
the latest; in a `repository` only two people erase. A workspace that two people let be purged is emptied. A hold stops
all of it, whatever the profile.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, and_, case, exists, literal, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from jit_server.access import SYSTEM, Gate, Phase
from jit_server.core.errors import Conflict
from jit_server.core.jobs import Stopping
from jit_server.core.vault import Locked
from jit_server.evidence.custody.models import CustodyAct
from jit_server.evidence.custody.shapes import Verb
from jit_server.evidence.erasure.models import Cause, Erasure, ErasureReceipt, Stage
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.outside import Mode, ReleaseCheck, ReleaseRecipient
from jit_server.evidence.release.models import ReleaseReceipt
from jit_server.evidence.shapes import LineOut
from jit_server.evidence.usecases.erasing import erase_bytes, order
from jit_server.work import House, UnitOfWork
from jit_server.workspaces import Workspace
from jit_server.workspaces.models import RetentionProfile

TRANSIT: Final = timedelta(days=28)
BEFOREHAND: Final = timedelta(minutes=15)
"""So much before its longest time is over the erasure begins: the turn comes every ten minutes."""
TOGETHER: Final = 100

log = structlog.get_logger()


def retain(house: House, stopping: Stopping, within: UUID | None = None) -> None:
    """Erase what is due, and remove from the store what locks kept there until now; of one workspace, if one is named.

    Raises:
        VaultDown: the store does not answer.
    """
    for item_id, cause in _due(house, within):
        if stopping():
            return
        _order(house, item_id, Cause(cause))
    for workspace_id, item_id in _unremoved(house, within):
        if stopping():
            return
        erase_bytes(house, stopping, workspace_id, item_id)


def _order(house: House, item_id: UUID, cause: Cause) -> None:
    try:
        with house.work(SYSTEM) as uow:
            item = uow.find(EvidenceItem, id=item_id)
            if item is not None:
                order(uow, item, cause)
    except (Conflict, Locked):  # held in the meantime, here or in the store: it is somebody's to lift
        log.warning("erasure_stopped_by_hold", item=str(item_id))


def _due(house: House, within: UUID | None) -> Sequence[Any]:
    with house.work(SYSTEM) as uow:
        old = col(EvidenceItem.registered_at) <= uow.now - TRANSIT + BEFOREHAND
        purging = col(Workspace.phase) == str(Phase.PURGING)
        transit = and_(col(Workspace.retention_profile) == RetentionProfile.TRANSIT, or_(old, all_have_it()))
        cause = case((purging, literal(Cause.PURGING)), (old, literal(Cause.AGE)), else_=literal(Cause.TAKEN))
        wanted = (
            select(col(EvidenceItem.id), cause)
            .join(Workspace, col(Workspace.id) == col(EvidenceItem.workspace_id))
            .where(or_(purging, transit), ~is_erased(), ~is_held(), _in(EvidenceItem, within))
            .order_by(col(EvidenceItem.registered_at))
            .limit(TOGETHER)
        )
        return uow.session.execute(wanted).all()


def _unremoved(house: House, within: UUID | None) -> Sequence[Any]:
    with house.work(SYSTEM) as uow:
        removed = exists().where(
            col(ErasureReceipt.item_id) == col(Erasure.item_id), col(ErasureReceipt.stage) == Stage.REMOVED
        )
        wanted = select(col(Erasure.workspace_id), col(Erasure.item_id)).where(~removed, _in(Erasure, within))
        return uow.session.execute(wanted.order_by(col(Erasure.ordered_at)).limit(TOGETHER)).all()


def _in(table: type[Any], within: UUID | None) -> ColumnElement[bool]:
    here: ColumnElement[bool] = table.workspace_id == within if within is not None else literal(True)
    return here


def is_erased() -> ColumnElement[bool]:
    """Whether an exhibit is erased, for queries over exhibits."""
    return exists().where(col(Erasure.item_id) == col(EvidenceItem.id))


def is_held() -> ColumnElement[bool]:
    """Whether a hold is in force on an exhibit, for queries over exhibits."""
    lifts, holds = aliased(CustodyAct), aliased(CustodyAct)
    lifted = exists().where(col(lifts.answers) == col(holds.id))
    return exists().where(col(holds.item_id) == col(EvidenceItem.id), col(holds.verb) == Verb.HOLD, ~lifted)


def all_have_it() -> ColumnElement[bool]:
    """Whether an exhibit had addressees and each of them has acknowledged it, for queries over exhibits."""
    addressed = (
        select(ReleaseRecipient.id)  # type: ignore[call-overload]
        .join(ReleaseCheck, col(ReleaseCheck.id) == col(ReleaseRecipient.check_id))
        .where(
            col(ReleaseRecipient.item_id) == col(EvidenceItem.id),
            col(ReleaseCheck.mode) != Mode.REFERENCE,
            col(ReleaseRecipient.gate) != Gate.REFUSED,
            col(ReleaseRecipient.withdrawn_at).is_(None),
        )
        .correlate(EvidenceItem)
    )
    missing = addressed.where(~exists().where(col(ReleaseReceipt.recipient_id) == col(ReleaseRecipient.id)))
    return and_(addressed.exists(), ~missing.exists())


def erases_at(uow: UnitOfWork, workspace: Workspace, items: Iterable[EvidenceItem | LineOut]) -> dict[UUID, datetime]:
    """When each of these exhibits goes by itself at the latest; those held, erased or in a repository do not."""
    if workspace.retention_profile is not RetentionProfile.TRANSIT:
        return {}
    some = {item.id: item.registered_at + TRANSIT for item in items}
    wanted = select(col(EvidenceItem.id)).where(col(EvidenceItem.id).in_(some), or_(is_erased(), is_held()))
    stays = set(uow.session.scalars(wanted)) if some else set()
    return {key: at for key, at in some.items() if key not in stays}
