"""HTML doors of events: write one, take one back."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server import evidence, workspaces
from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid, NotFound
from jit_server.evidence import EvidenceItem
from jit_server.evidence.custody.pages import faults
from jit_server.evidence.decisions import frame
from jit_server.evidence.story.models import TimelineEvent
from jit_server.evidence.story.shapes import EventWithdrawal, NewEvent
from jit_server.evidence.wire import pages, zones
from jit_server.web import context
from jit_server.web.api import check
from jit_server.web.context import work
from jit_server.web.pages import go, show
from jit_server.work import UnitOfWork
from jit_server.workspaces import subjects

HERE = "/w/<uuid:workspace_id>/timeline/events"
FIELDS = ("title", "at", "zone", "place", "text", "handling", "compartment_id", "day_only", "items")


@pages.shows(f"{HERE}/new", to=Action.EVIDENCE_REGISTER)
def new_event(workspace_id: UUID) -> ResponseReturnValue:
    """The form; of an exhibit (`number`) it offers the moment and the place of its seizure."""
    with work() as uow:
        space = uow.get(workspaces.Workspace, workspace_id, to=Action.EVIDENCE_REGISTER)
        typed = {"zone": context.actor().preferences.get("zone", "UTC"), "handling": str(space.default_handling)}
        return _asked(uow, workspace_id, typed | _of_exhibit(uow, workspace_id, request.args.get("number", "")), [])


@pages.takes(HERE, to=Action.EVIDENCE_REGISTER)
def add_event(workspace_id: UUID) -> ResponseReturnValue:
    """Put it on the timeline; what is wrong is shown beside what was typed."""
    sent = {name: request.form[name] for name in FIELDS if request.form.get(name, "").strip()}
    try:
        with work() as uow:
            new = check(NewEvent, sent | {"items": _numbered(uow, workspace_id, sent.get("items", ""))})
            evidence.add_event(uow, workspace_id, new)
    except (Conflict, Invalid) as error:
        with work() as uow:
            return _asked(uow, workspace_id, sent, faults(error, "title"))
    return go(f"/w/{workspace_id}/timeline", gettext("The event is on the timeline."))


@pages.takes(f"{HERE}/<uuid:event_id>/withdraw", to=Action.EVIDENCE_LIST)
def withdraw_event(workspace_id: UUID, event_id: UUID) -> ResponseReturnValue:
    """Take it back."""
    back = f"/w/{workspace_id}/timeline"
    try:
        with work() as uow:
            evidence.withdraw_event(uow, event_id, check(EventWithdrawal, {"reason": request.form.get("reason", "")}))
    except Conflict as error:
        return go(back, gettext(error.detail))
    except Invalid:
        return go(back, gettext("Say why it is taken back."))
    return go(back, gettext("It is taken back."))


def _of_exhibit(uow: UnitOfWork, workspace_id: UUID, number: str) -> dict[str, str]:
    if not number:
        return {}
    item_id = evidence.numbered(uow, workspace_id, number)
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_LIST, within=workspace_id)
    uow.record("evidence:listed", item)
    local = item.collected_at.astimezone(ZoneInfo(item.zone))
    return {
        "title": gettext("Collected: %(title)s", title=item.title)[:200], "at": local.strftime("%Y-%m-%dT%H:%M"),
        "zone": item.zone, "place": item.place, "handling": str(item.handling), "items": item.number,
        "compartment_id": str(item.compartment_id or ""),
    }  # fmt: skip


def _numbered(uow: UnitOfWork, workspace_id: UUID, said: str) -> list[str]:
    """The exhibits' ids by their numbers, as somebody types them."""
    try:
        numbers = dict.fromkeys(said.replace(",", " ").replace(";", " ").split())
        return [str(evidence.numbered(uow, workspace_id, number)) for number in numbers]
    except NotFound:
        hint = "Write the numbers as the register shows them, with a space between."
        raise Invalid.field("items", "names an exhibit that is not there", hint) from None


def _asked(
    uow: UnitOfWork, workspace_id: UUID, typed: Mapping[str, str], errors: list[dict[str, Any]]
) -> ResponseReturnValue:
    values = frame(uow, workspace_id) | {
        "typed": dict.fromkeys(FIELDS, "") | dict(typed),
        "errors": errors,
        "zones": [(zone, zone) for zone in zones()],
        "compartments": [(str(key), name) for key, name in workspaces.compartments(uow, workspace_id)],
    }
    return show("evidence/event.html", 422 if errors else 200, **values)


def _called(row: TimelineEvent) -> tuple[str, str]:
    return row.title, f"/w/{row.workspace_id}/timeline"


subjects.register("timeline_event", TimelineEvent, _called)
