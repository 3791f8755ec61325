"""What is due in all teams of one person: how long things are kept, what is held, what goes, what is not proved yet."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select
from sqlmodel import col

from jit_server.access import Action
from jit_server.consents import Approval
from jit_server.consents.lifecycle import ApprovalState
from jit_server.evidence.erasure.models import Erasure, ErasureReceipt, Stage
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.usecases.erasing import KIND
from jit_server.evidence.usecases.retaining import TRANSIT, is_erased, is_held
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import Workspace
from jit_server.workspaces.models import RetentionProfile

SOON: Final = 7
MOST: Final = 200
REVIEW_DAYS: Final = 365
"""How often a repository's content is looked through, so that nothing is kept for want of a decision (LED Art. 5)."""


def of(uow: UnitOfWork) -> dict[str, Any]:
    """The values of A7; each line of a team in which the person may see custody, and of what they may know of."""
    ids = [one.workspace_id for one in uow.standings()]
    scopes = uow.scopes(EvidenceItem, to=Action.CUSTODY_READ, within=ids)
    spaces = rows_by_id(uow, Workspace, scopes)
    seen = or_(*scopes.values()) if scopes else None
    empty: dict[str, Any] = {"schedule": [], "held": [], "waiting": [], "due": [], "outstanding": []}
    if seen is None:
        return empty
    return {
        "schedule": _schedule(uow, spaces),
        "held": _lines(uow, seen, spaces, is_held()),
        "waiting": _waiting(uow, seen, spaces),
        "due": _due(uow, seen, spaces),
        "outstanding": _outstanding(uow, seen, spaces),
    }


def _schedule(uow: UnitOfWork, spaces: dict[UUID, Workspace]) -> list[dict[str, Any]]:
    """How long each team keeps its content, and when it is to be looked through next."""
    found = []
    for one in sorted(spaces.values(), key=lambda space: space.name):
        turns = max(1, -(-(uow.now.date() - one.period_from).days // REVIEW_DAYS))
        review = one.period_from.toordinal() + turns * REVIEW_DAYS
        transit = one.retention_profile is RetentionProfile.TRANSIT
        found.append(
            {
                "id": one.id,
                "name": one.name,
                "profile": str(one.retention_profile),
                "days": TRANSIT.days if transit else None,
                "review": None if transit else one.period_from.fromordinal(review),
            }
        )
    return found


def _items(uow: UnitOfWork, seen: ColumnElement[bool], *where: ColumnElement[bool]) -> Sequence[EvidenceItem]:
    wanted = select(EvidenceItem).where(seen, *where).order_by(col(EvidenceItem.registered_at)).limit(MOST)
    return uow.session.scalars(wanted).all()


def _lines(
    uow: UnitOfWork, seen: ColumnElement[bool], spaces: dict[UUID, Workspace], *where: ColumnElement[bool]
) -> list[dict[str, Any]]:
    return [_line(item, spaces) for item in _items(uow, seen, *where)]


def _line(item: EvidenceItem, spaces: dict[UUID, Workspace]) -> dict[str, Any]:
    address = f"/w/{item.workspace_id}/evidence/{item.number}"
    return {"number": item.number, "title": item.title, "team": spaces[item.workspace_id].name, "url": address}


def _due(uow: UnitOfWork, seen: ColumnElement[bool], spaces: dict[UUID, Workspace]) -> list[dict[str, Any]]:
    """What goes by itself within a week."""
    transit = [key for key, one in spaces.items() if one.retention_profile is RetentionProfile.TRANSIT]
    soon = col(EvidenceItem.registered_at) <= uow.now - TRANSIT + SOON * (TRANSIT / TRANSIT.days)
    found = _items(uow, seen, col(EvidenceItem.workspace_id).in_(transit), soon, ~is_erased(), ~is_held())
    return [_line(item, spaces) | {"at": item.registered_at + TRANSIT} for item in found]


def _waiting(uow: UnitOfWork, seen: ColumnElement[bool], spaces: dict[UUID, Workspace]) -> list[dict[str, Any]]:
    """Erasures that one person proposed and a second one has not approved."""
    open_ = uow.every(
        Approval,
        col(Approval.kind) == KIND,
        col(Approval.state) == ApprovalState.WAITING,
        col(Approval.expires_at) > uow.now,
        limit=MOST,
    )
    items = {item.id: item for item in _items(uow, seen, col(EvidenceItem.id).in_([one.subject_id for one in open_]))}
    return [
        _line(items[one.subject_id], spaces)
        | {
            "act": f"/w/{one.workspace_id}/approvals/{one.id}",
            "at": one.expires_at,
            "may": one.proposed_by != uow.actor.person_id and uow.permits(Action.APPROVAL_GIVE, items[one.subject_id]),
        }
        for one in open_
        if one.subject_id in items
    ]


def _outstanding(uow: UnitOfWork, seen: ColumnElement[bool], spaces: dict[UUID, Workspace]) -> list[dict[str, Any]]:
    """What is erased and of which the store has not yet said that nothing is left."""
    removed = exists().where(
        col(ErasureReceipt.item_id) == col(EvidenceItem.id), col(ErasureReceipt.stage) == Stage.REMOVED
    )
    found = _items(uow, seen, is_erased(), ~removed)
    orders = uow.every(Erasure, col(Erasure.item_id).in_([item.id for item in found]))
    at = {one.item_id: one.ordered_at for one in orders}
    return [_line(item, spaces) | {"at": at[item.id]} for item in found]
