"""HTML door of the timeline (W10): exhibits by the moment they were collected, day by day, on one of three clocks."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone

from jit_server import evidence
from jit_server.access import Action
from jit_server.evidence.api import RegisterQuery, cursor_of, point_of, wanted_of
from jit_server.evidence.decisions import frame
from jit_server.evidence.shapes import LineOut
from jit_server.evidence.usecases.chronicle import Point, Stretch, chronicle
from jit_server.evidence.wire import pages
from jit_server.web.api import parse_query
from jit_server.web.context import work
from jit_server.web.display import moment
from jit_server.web.pages import show


class TimelineQuery(RegisterQuery):
    """The register's query; `newer` goes back towards the latest, `clock` says on whose clock the page tells time."""

    newer: str | None = None
    clock: Literal["mine", "utc", "place"] = "mine"


@pages.shows("/w/<uuid:workspace_id>/timeline", to=Action.EVIDENCE_LIST)
def show_timeline(workspace_id: UUID) -> ResponseReturnValue:
    """Show the case day by day (W10)."""
    query = parse_query(TimelineQuery)
    stretch = Stretch(point_of(query.cursor), point_of(query.newer))
    with work() as uow:
        lines, points = chronicle(uow, workspace_id, wanted_of(query), stretch)
        known = evidence.known(uow, workspace_id)
        values = frame(uow, workspace_id)
    full = len(points) == query.limit
    return show(
        "evidence/timeline.html",
        days=_days(lines, query.clock),
        filters={name: str(getattr(query, name) or "") for name in ("q", "state", "handling", "clock")},
        states=list(known),
        older=_turn("cursor", points[-1]) if points and (full or stretch.after) else None,
        newer=_turn("newer", points[0]) if points and (stretch.before or (full and stretch.after)) else None,
        **values,
    )


def _days(lines: Sequence[LineOut], clock: str) -> list[tuple[date, list[dict[str, Any]]]]:
    """The lines under their days, as the chosen clock has them."""
    mine = get_timezone()

    def local(line: LineOut) -> datetime:
        zone = {"mine": mine, "utc": ZoneInfo("UTC"), "place": ZoneInfo(line.zone)}[clock]
        return line.collected_at.astimezone(zone)

    return [
        (day, [line.model_dump() | {"at": moment(line.collected_at, local(line).tzinfo)} for line in found])
        for day, found in groupby(lines, lambda line: local(line).date())
    ]


def _turn(name: str, point: Point) -> str:
    kept = {key: value for key, value in request.args.items() if key not in {"cursor", "newer"} and value}
    return f"{request.path}?{urlencode({**kept, name: cursor_of(point)})}"
