"""Exhibits in the order of their collection: what happened in the case, not when it reached this server."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlmodel import col

from jit_server.access import Action
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.shapes import LineOut
from jit_server.evidence.usecases.describing import lines_out
from jit_server.evidence.usecases.reading import MOST, Wanted, narrowed
from jit_server.work import UnitOfWork


@dataclass(frozen=True)
class Point:
    """A place on the timeline: the moment of collection, and the place in the log where two have the same."""

    collected_at: datetime
    position: int


@dataclass(frozen=True)
class Stretch:
    """Which stretch of the timeline: what lies before a point, behind one, or the latest."""

    before: Point | None = None
    after: Point | None = None


BARS_OF: Final = 2000
"""How many of the latest the picture of the density counts."""


def moments(uow: UnitOfWork, workspace_id: UUID, wanted: Wanted) -> list[datetime]:
    """When the latest of the exhibits that one may know of were collected."""
    table = EvidenceItem.metadata.tables["evidence_item"].c
    scope = uow.scope(EvidenceItem, to=Action.EVIDENCE_LIST, within=workspace_id)
    latest = (
        select(table.collected_at)
        .where(scope, narrowed(wanted))
        .order_by(table.collected_at.desc(), table.position.desc())
    )
    return list(uow.session.execute(latest.limit(BARS_OF)).scalars())


def chronicle(
    uow: UnitOfWork, workspace_id: UUID, wanted: Wanted, stretch: Stretch
) -> tuple[list[LineOut], list[Point]]:
    """The exhibits one may know of, latest collected first; with them, their points. The look is on the record."""
    place = tuple_(col(EvidenceItem.collected_at), col(EvidenceItem.position))
    statement = uow.select(EvidenceItem, to=Action.EVIDENCE_LIST, within=workspace_id).where(narrowed(wanted))
    if stretch.before is not None:
        statement = statement.where(place < (stretch.before.collected_at, stretch.before.position))
    if stretch.after is not None:
        statement = statement.where(place > (stretch.after.collected_at, stretch.after.position))
    columns = (col(EvidenceItem.collected_at), col(EvidenceItem.position))
    order = [one.asc() if stretch.after is not None else one.desc() for one in columns]
    items = list(uow.all(statement.order_by(*order).limit(min(wanted.limit, MOST))))
    items.sort(key=lambda item: (item.collected_at, item.position or 0), reverse=True)
    uow.record("evidence:listed", workspace_id=workspace_id)
    return lines_out(uow, items), [Point(item.collected_at, item.position or 0) for item in items]
