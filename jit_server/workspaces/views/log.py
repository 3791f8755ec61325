"""The workspace's log (W18): who did what, refusals too, and whether it is whole."""

from collections.abc import Iterable
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from flask_babel import gettext

from jit_server import audit, witnesses
from jit_server.access import Action
from jit_server.audit import verbs
from jit_server.core.errors import Invalid
from jit_server.work import UnitOfWork
from jit_server.workspaces import subjects
from jit_server.workspaces.usecases import members as team
from jit_server.workspaces.usecases import overseeing, reading, record
from jit_server.workspaces.views.frame import action_words, banner, may

DIGITS = 15
"""Digits of a position: far below what the column holds."""


def timeline(
    entries: Iterable[record.EntryOut],
    names: dict[str, dict[str, str]],
    things: dict[str, tuple[str, str]] | None = None,
) -> list[dict[str, Any]]:
    """Entries as the timeline shows them; `things` names what they are about."""
    about = things or {}
    return [
        {
            "position": one.position,
            "event": one.event,
            "at": one.at,
            "actor": names.get(one.actor.get("person") or ""),
            "result": one.result,
            "why": one.why["text"] if one.why else None,
            "clause": one.clause,
            "detail": str(one.facts["action"]) if "action" in one.facts else None,
            "subject": about.get(one.subject.get("id") or "", (None, None))[0],
            "subject_url": about.get(one.subject.get("id") or "", (None, None))[1],
        }
        for one in entries
    ]


def log(uow: UnitOfWork, workspace_id: UUID, wanted: dict[str, str], size: int) -> dict[str, Any]:
    """W18."""
    shown = banner(uow, workspace_id)
    standing = reading.standing_of(uow, workspace_id)
    before = _number(wanted.get("cursor"))
    chosen = {name: wanted.get(name) or None for name in ("event", "result", "actor")}
    entries = record.read_log(
        uow,
        workspace_id,
        latest=True,
        before=before,
        limit=size,
        event=chosen["event"],
        result=chosen["result"],
        actor=_uuid(chosen["actor"]),
    )
    names = record.names(uow, workspace_id, entries)
    people = team.members(uow, workspace_id, note=False) if Action.MEMBER_LIST in may(uow, standing) else []
    here = f"/w/{workspace_id}/audit"
    kept = {name: value for name, value in chosen.items() if value}
    older = f"{here}?{urlencode({**kept, 'cursor': entries[-1].position})}" if len(entries) == size else None
    return {
        "workspace": shown,
        "may": may(uow, standing),
        "entries": timeline(entries, names, subjects.named(uow, entries)),
        "filters": chosen,
        "events": sorted(verbs.EVENTS),
        "actors": [(str(one.person_id), f"{one.name}, {one.agency}") for one in people],
        "newer": f"{here}?{urlencode(kept)}" if before and kept else here if before else None,
        "older": older,
        "checkpoint": signed_head(uow, workspace_id),
    }


def who_could(uow: UnitOfWork, workspace_id: UUID, wanted: dict[str, str]) -> dict[str, Any]:
    """Who could see an exhibit at a past moment, now unless one is given."""
    thing_id, zone = _uuid(wanted.get("thing"), "thing"), ZoneInfo(uow.actor.preferences.get("zone", "UTC"))
    moment, problems = _moment(wanted.get("on"), zone, uow.now)
    seen = overseeing.who_could(uow, workspace_id, thing_id, moment) if thing_id and not problems else []
    about: Any = SimpleNamespace(subject={"kind": "evidence_item", "id": str(thing_id or "")})
    name, url = subjects.named(uow, [about]).get(str(thing_id), (gettext("Exhibit"), f"/w/{workspace_id}/evidence"))
    return {
        "workspace": banner(uow, workspace_id),
        "may": may(uow, reading.standing_of(uow, workspace_id)),
        "thing": {"id": thing_id, "name": name, "url": url},
        "on": moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M"),
        "zone": zone.key,
        "moment": moment,
        "people": [
            {
                "name": one.name,
                "agency": one.agency,
                "state": one.state,
                "role": str(one.role),
                "words": [action_words(action) for action in one.actions],
            }
            for one in seen
        ],
        "errors": problems,
    }


def _moment(text: str | None, zone: ZoneInfo, now: datetime) -> tuple[datetime, list[dict[str, str]]]:
    if not text:
        return now, []
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone), []
    except ValueError:
        message, remedy = gettext("is no moment"), gettext("Choose a day and a time.")
        return now, [{"field": "on", "message": message, "remedy": remedy}]


def signed_head(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """The signed head of the log, as the page shows it."""
    note = audit.checkpoint(uow.connection, workspace_id, uow.house.key)
    _origin, size, root, *_rest = note.splitlines()
    verifier = audit.verifier(uow.house.key, workspace_id)
    seen = [{"name": one.name, "size": one.size, "at": one.at} for one in witnesses.seen_by(uow, workspace_id)]
    head = {"size": int(size), "root": root, "signed_at": uow.now, "key": str(verifier), "text": note}
    return head | {"witnesses": seen}


def check(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """Recompute the log and say what came of it."""
    report = audit.verify(uow.connection, workspace_id)
    if report.ok:
        words = gettext("All %(n)s entries agree with their hashes and with the signed heads.", n=report.size)
    else:
        words = str(report)
    return {"ok": report.ok, "at": uow.now, "words": words}


def _number(text: str | None) -> int | None:
    if text is None or text == "":
        return None
    if not text.isascii() or not text.isdigit() or len(text) > DIGITS:
        raise Invalid.field("cursor", "is not a position of this log", "Use the page's own links.")
    return int(text)


def _uuid(text: str | None, field: str = "actor") -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Invalid.field(field, "is not an id", "Use the page's own links and lists.") from None
