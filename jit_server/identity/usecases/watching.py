"""What an agency's administrators and auditors watch: what needs them today, and what their own people did.

No case content: of what happened inside workspaces only event, moment, person and outcome are told, never where, on
what or why. The database itself answers no more than that (`jit_agency_log`, migration 0011).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict
from sqlalchemy import text

from jit_server.core import clock
from jit_server.identity.models import Agency, Issuer, Person
from jit_server.identity.scim.runs import last_run
from jit_server.identity.usecases import staff
from jit_server.identity.usecases.administering import seen_agency
from jit_server.work import UnitOfWork, rows_by_id

PAGE: Final = 50
MOST: Final = 10_000
"""Entries in one export; a longer one is taken in parts, by day."""
WEEK: Final = timedelta(days=7)
LAPSES: Final = timedelta(days=3)
_LOG = text("SELECT * FROM jit_agency_log(:since, :until, :person, :event, :result, :most)")
_REFUSED = text("SELECT count(*) FROM jit_agency_log(:since, :until, NULL, 'session:refused', NULL, 1000)")
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=ZoneInfo("UTC"))


class Watched(BaseModel):
    """Which entries: empty fields leave nothing out. `until` is the last day, in the reader's zone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event: str | None = None
    result: Literal["ok", "denied", "error"] | None = None
    person: UUID | None = None
    since: date | None = None
    until: date | None = None
    before: datetime | None = None


class Act(BaseModel):
    """One entry of a log as an agency sees it; `subject` is a person of the agency, never a thing of a case."""

    id: UUID
    at: datetime
    event: str
    result: str
    person: UUID | None
    name: str
    in_workspace: bool
    subject: str
    reason: str


@dataclass(frozen=True)
class Need:
    """Something that waits for an administrator: its kind, how many, and where it is done."""

    kind: str
    count: int
    href: str


def acts(uow: UnitOfWork, which: Watched, *, most: int = PAGE, note: bool = True) -> list[Act]:
    """What the agency's own people did and what was done about them, newest first; reading it is itself on record."""
    mine = seen_agency(uow)
    rows = list(uow.connection.execute(_LOG, _asked(uow, which) | {"most": most}))
    named = rows_by_id(uow, Person, {one for row in rows for one in (row.person, row.subject) if one})
    if note:
        uow.record("log:read", mine, agency=mine.slug, count=len(rows))
    return [_act(row, {key: who.name for key, who in named.items() if who.agency_id == mine.id}) for row in rows]


def export(uow: UnitOfWork, which: Watched) -> Iterator[list[str]]:
    """The same as lines of a table, headings first, at most `MOST`; it is on record before the first line leaves."""
    mine = seen_agency(uow)
    found = acts(uow, which, most=MOST, note=False)
    uow.record("log:exported", mine, agency=mine.slug, count=len(found))
    yield ["at (UTC)", "event", "outcome", "person", "person id", "place", "about", "reason"]
    for one in found:
        place = "workspace" if one.in_workspace else "server"
        at = one.at.astimezone(ZoneInfo("UTC")).isoformat(timespec="milliseconds")
        yield [at, one.event, one.result, one.name, str(one.person or ""), place, one.subject, one.reason]


def needs(uow: UnitOfWork) -> list[Need]:
    """What waits for an administrator of the agency, the most pressing first; nothing that does not."""
    mine, count = seen_agency(uow), staff.counts(uow)
    facts = {"since": uow.now - WEEK, "until": uow.now + timedelta(seconds=1)}
    refused = uow.connection.execute(_REFUSED, facts).scalar_one()
    lapsing = [one for one in staff.invitations(uow) if one.expires_at < uow.now + LAPSES]
    admins = len(uow.every(Person, *_live_admins(mine)))
    found = (
        Need("no_issuer", int(not _issuers(uow, mine)), "/agency/identity"),
        Need("refused", refused, "/agency/audit?event=session:refused"),
        Need("directory", _refused_to_directory(uow, mine), "/agency#directory"),
        Need("expiring", count["expiring"], "/agency/members?show=expiring"),
        Need("weak", count["weak"], "/agency/members?show=weak"),
        Need("lapsing", len(lapsing), "/agency/members#expected"),
        Need("lone_admin", int(admins == 1), "/agency/members?show=admins"),
        Need("away", count["away"], "/agency/members?show=away"),
    )
    return [one for one in found if one.count]


def _refused_to_directory(uow: UnitOfWork, mine: Agency) -> int:
    """How much of the directory's last run was refused, while that is news."""
    run = last_run(uow, mine)
    return run.refused if run is not None and run.last_at > uow.now - WEEK else 0


def expiring(uow: UnitOfWork) -> dict[int, int]:
    """How many people's next access ends within 7, 30 and 60 days, each counted in the nearest only."""
    found = staff.colleagues(uow, show="expiring")
    left = [(one.next_expiry - uow.now).days for one in found if one.next_expiry]
    steps = sorted(staff.SOON)
    return {step: sum(low <= days < step for days in left) for low, step in zip([0, *steps], steps, strict=False)}


def _asked(uow: UnitOfWork, which: Watched) -> dict[str, Any]:
    zone = ZoneInfo(uow.actor.preferences.get("zone", "UTC"))
    since = datetime.combine(which.since, time(), zone) if which.since else _EPOCH
    until = datetime.combine(which.until + timedelta(days=1), time(), zone) if which.until else clock.now() + LAPSES
    return {
        "since": since,
        "until": min(until, which.before) if which.before else until,
        "person": which.person,
        "event": which.event,
        "result": which.result,
    }


def _act(row: Any, named: dict[UUID, str]) -> Act:
    subject = named.get(row.subject, "") if row.subject_kind == "person" else ""
    return Act(
        id=row.id,
        at=row.at,
        event=row.event,
        result=row.result,
        person=row.person,
        name=named.get(row.person, ""),
        in_workspace=row.in_workspace,
        subject=subject,
        reason=row.reason or "",
    )


def _live_admins(mine: Agency) -> tuple[Any, ...]:
    return Person.agency_id == mine.id, Person.agency_role == "admin", Person.disabled_at.is_(None)  # type: ignore[union-attr]


def _issuers(uow: UnitOfWork, mine: Agency) -> int:
    return len(uow.every(Issuer, Issuer.agency_id == mine.id, Issuer.retired_at.is_(None)))  # type: ignore[union-attr]
