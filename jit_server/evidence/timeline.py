"""HTML door of the timeline (W10): exhibits by the moment they were collected, day by day, on one of three clocks."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import groupby
from typing import Any, Final, Literal
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
from jit_server.evidence.saved import pages as saved_pages
from jit_server.evidence.saved.models import Place
from jit_server.evidence.shapes import LineOut
from jit_server.evidence.story.models import TimelineEvent
from jit_server.evidence.story.shapes import EventOut
from jit_server.evidence.usecases.chronicle import Point, Stretch, chronicle, moments
from jit_server.evidence.wire import pages
from jit_server.web.api import parse_query
from jit_server.web.context import work
from jit_server.web.display import moment
from jit_server.web.pages import show

BARS: Final = 120
FEWEST: Final = 3
"""From how many moments on there is a picture of their density."""


class TimelineQuery(RegisterQuery):
    """The register's query; `newer` goes back towards the latest, `clock` says on whose clock the page tells time."""

    newer: str | None = None
    clock: Literal["mine", "utc", "place"] = "mine"
    shown: Literal["exhibits", "events"] | None = None


@pages.shows("/w/<uuid:workspace_id>/timeline", to=Action.EVIDENCE_LIST)
def show_timeline(workspace_id: UUID) -> ResponseReturnValue:
    """Show the case day by day: exhibits and events (W10)."""
    query = parse_query(TimelineQuery)
    stretch, wanted = Stretch(point_of(query.cursor), point_of(query.newer)), wanted_of(query)
    with work() as uow:
        lines, points = chronicle(uow, workspace_id, wanted, stretch) if query.shown != "events" else ([], [])
        rows = evidence.case_events(uow, workspace_id, wanted, stretch) if query.shown != "exhibits" else []
        found = _together(
            lines, points, rows, evidence.events_out(uow, rows), query.limit, latest=stretch.after is None
        )
        if query.shown == "events":
            uow.record("evidence:listed", workspace_id=workspace_id)
        known, times = evidence.known(uow, workspace_id), moments(uow, workspace_id, wanted)
        values = frame(uow, workspace_id) | saved_pages.offered(uow, workspace_id, Place.TIMELINE)
    full, points = len(found) == query.limit, [point for point, _ in found]
    return show(
        "evidence/timeline.html",
        days=_days([line for _, line in found], query.clock),
        bars=_bars(times, _zone(query.clock)),
        filters={name: str(getattr(query, name) or "") for name in ("q", "state", "handling", "shown", "clock")},
        states=list(known),
        older=_turn("cursor", points[-1]) if points and (full or stretch.after) else None,
        newer=_turn("newer", points[0]) if points and (stretch.before or (full and stretch.after)) else None,
        **values,
    )


def _together(
    lines: Sequence[LineOut], points: Sequence[Point], rows: Sequence[TimelineEvent], told: Sequence[EventOut],
    most: int, *, latest: bool,
) -> list[tuple[Point, LineOut | EventOut]]:  # fmt: skip
    """Both kinds in one order, latest first; of a way back, those nearest to where it began."""
    both: list[tuple[Point, LineOut | EventOut]] = [*zip(points, lines, strict=True)]
    both += [(Point(row.at, row.position or 0), one) for row, one in zip(rows, told, strict=True)]
    both.sort(key=lambda two: (two[0].collected_at, two[0].position), reverse=True)
    return both[:most] if latest else both[-most:]


def _zone(clock: str) -> tzinfo:
    """The clock of the page; each thing's own where that is asked for, and then the reader's for the picture."""
    return ZoneInfo("UTC") if clock == "utc" else get_timezone()


def _days(found: Sequence[LineOut | EventOut], clock: str) -> list[tuple[date, list[dict[str, Any]]]]:
    """What happened under its days, as the chosen clock has them."""

    def local(one: LineOut | EventOut) -> datetime:
        at = one.collected_at if isinstance(one, LineOut) else one.at
        own = clock == "place" or (isinstance(one, EventOut) and one.day_only)
        return at.astimezone(ZoneInfo(one.zone) if own else _zone(clock))

    def line(one: LineOut | EventOut) -> dict[str, Any]:
        at = local(one)
        return one.model_dump() | {"at": moment(at, at.tzinfo), "is_event": isinstance(one, EventOut)}

    return [(day, [line(one) for one in some]) for day, some in groupby(found, lambda one: local(one).date())]


def _bars(times: Sequence[datetime], zone: tzinfo) -> list[dict[str, Any]]:
    """How much was collected in each day, month or year: the finest of them that needs at most `BARS` bars."""
    if len(times) < FEWEST:
        return []
    days = [at.astimezone(zone).date() for at in times]
    for length in (10, 7, 4):
        counts = Counter(day.isoformat()[:length] for day in days)
        between = _between(min(days), max(days), length)
        if len(between) <= BARS:
            break
    else:
        between = between[-BARS:]
    most = max(counts.values())
    return [
        {"name": name, "count": counts[name], "height": round(100 * counts[name] / most), "url": _end(name, zone)}
        for name in between
    ]


def _between(first: date, last: date, length: int) -> list[str]:
    """Each day, month or year from one day to another, by its first 10, 7 or 4 letters."""
    if length == len("2026"):
        return [f"{year:04}" for year in range(first.year, last.year + 1)]
    if length == len("2026-11"):
        months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        return [f"{month // 12:04}-{month % 12 + 1:02}" for month in months]
    return [(first + timedelta(days=number)).isoformat() for number in range(min((last - first).days, 1000) + 1)]


def _end(name: str, zone: tzinfo) -> str:
    """Where the page leads that begins with the last of this day, month or year."""
    day = date.fromisoformat(f"{name}-01-01"[:10])
    months = day.year * 12 + day.month + (12 if len(name) == len("2026") else 1) - 1
    after = day + timedelta(days=1) if len(name) == len("2026-11-20") else date(months // 12, months % 12 + 1, 1)
    return _turn("cursor", Point(datetime(after.year, after.month, after.day, tzinfo=zone).astimezone(UTC), 0))


def _turn(name: str, point: Point) -> str:
    kept = {key: value for key, value in request.args.items() if key not in {"cursor", "newer"} and value}
    return f"{request.path}?{urlencode({**kept, name: cursor_of(point)})}"
