"""Lawful bases (warrants, orders, clauses) and the exhibits that rest on them, many to many (MISSION D11; LED Art. 24).

A basis is recorded on each exhibit it covers by an act of its own, all with the same id. An exhibit on which none is in
force is shown as such, and goes into no package for a court.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid
from jit_server.evidence.custody.did import Authorized, NewBasis
from jit_server.evidence.custody.models import CustodyAct
from jit_server.evidence.custody.shapes import Verb
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.usecases.doing import do
from jit_server.work import UnitOfWork

NAMED = 20
KNOWN = 50


def record_basis(uow: UnitOfWork, workspace_id: UUID, new: NewBasis) -> list[CustodyAct]:
    """Record one lawful basis on several exhibits of one's own party.

    Raises:
        Invalid: neither stated nor named, or the earlier act is none that the actor may repeat.
        NotFound, NotPermitted: an exhibit is hidden, or another party's.
    """
    stated = new.basis if new.like is None else _like(uow, workspace_id, new.like)
    if stated is None:
        raise Invalid.field("basis", "is missing", "State it, or name the act that recorded it.")
    for item_id in new.items:
        uow.get(EvidenceItem, item_id, to=Action.CUSTODY_DECIDE, within=workspace_id)
    return [do(uow, item_id, stated) for item_id in sorted(set(new.items))]  # in one order: none waits in a ring


def _like(uow: UnitOfWork, workspace_id: UUID, act_id: UUID) -> Authorized:
    act = uow.find(CustodyAct, id=act_id, workspace_id=workspace_id, verb=Verb.AUTHORIZE)
    item = uow.find(EvidenceItem, id=act.item_id) if act is not None else None
    ended = uow.find(CustodyAct, answers=act_id) is not None
    if act is None or item is None or ended or not uow.permits(Action.CUSTODY_DECIDE, item):
        raise Invalid.field("like", "is no basis of your party", "Choose one that is offered, or state it anew.")
    return Authorized.model_validate(act.said)


def known_bases(uow: UnitOfWork, workspace_id: UUID) -> list[CustodyAct]:
    """The bases in force that the actor may record on further exhibits: the newest 50, each once."""
    scopes = uow.scopes(EvidenceItem, to=Action.CUSTODY_DECIDE, within=[workspace_id])
    statement = (
        select(CustodyAct)
        .join(EvidenceItem, col(EvidenceItem.id) == col(CustodyAct.item_id))
        .where(_in_force(CustodyAct), *scopes.values())
        .order_by(col(CustodyAct.acted_at).desc())
        .limit(KNOWN)
    )
    found: dict[str, CustodyAct] = {}
    for act in uow.session.scalars(statement) if scopes else ():
        found.setdefault(act.said["basis"], act)
    return list(found.values())


def _in_force(table: Any) -> ColumnElement[bool]:
    later = aliased(CustodyAct)
    in_force: ColumnElement[bool] = (col(table.verb) == Verb.AUTHORIZE) & ~exists().where(
        col(later.answers) == col(table.id)
    )
    return in_force


def unbased(
    uow: UnitOfWork, workspace_id: UUID, item_ids: Iterable[UUID] | None, to: Action, *, limit: int = 1000
) -> Sequence[EvidenceItem]:
    """Those of these exhibits (of all, if None) to which the actor may do this and that rest on no lawful basis."""
    scopes = uow.scopes(EvidenceItem, to=to, within=[workspace_id])
    basis = aliased(CustodyAct)
    where = [~exists().where(col(basis.item_id) == col(EvidenceItem.id), _in_force(basis)), *scopes.values()]
    if item_ids is not None:
        where.append(col(EvidenceItem.id).in_(list(item_ids)))
    return uow.every(EvidenceItem, *where, limit=limit) if scopes else []


def require_bases(uow: UnitOfWork, workspace_id: UUID, items: Collection[EvidenceItem]) -> None:
    """Refuse what would bring an exhibit before a court that rests on nothing.

    Raises:
        Conflict: some rest on nothing; the problem names them and the remedy.
    """
    missing = unbased(uow, workspace_id, [item.id for item in items], Action.EVIDENCE_EXPORT)
    if not missing:
        return
    numbers = sorted(item.number for item in missing)
    more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
    words = f"No lawful basis is recorded for {', '.join(numbers[:NAMED])}{more}."
    remedy = "Whoever supplied them records the warrant, order or clause they rest on; or leave them out."
    raise Conflict(f"{words} {remedy}", exhibits=numbers[:NAMED], remedy=remedy)
