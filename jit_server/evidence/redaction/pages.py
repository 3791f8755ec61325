"""HTML doors of redaction: the form on which areas are named, and what W8 shows of one's own orders."""

from typing import Any
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server import evidence
from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid, PurposeRequired
from jit_server.evidence import EvidenceItem, NewRedaction
from jit_server.evidence.custody.pages import faults
from jit_server.evidence.decisions import ask, brief, frame
from jit_server.evidence.redaction.shapes import Ground, Refusal
from jit_server.evidence.redaction.words import ground_words, refusal_words
from jit_server.evidence.usecases.uses import used
from jit_server.evidence.wire import pages
from jit_server.web import purpose
from jit_server.web.api import check
from jit_server.web.context import work
from jit_server.web.pages import go, show
from jit_server.work import UnitOfWork

HERE = "/w/<uuid:workspace_id>/evidence/<number>/redact"
SIDES = ("x", "y", "width", "height")
FEW = 6
"""Areas that the form offers to be filled in, beside those that are filled in."""


@pages.shows(HERE, to=Action.EVIDENCE_DOWNLOAD)
def ask_redaction(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """What is to be blacked out, and why."""
    with work() as uow:
        item_id = _item(uow, workspace_id, number).id
    try:
        with purpose.work(item_id) as uow:
            item = _item(uow, workspace_id, number)
            uow.record("evidence:listed", item, **used(uow, item, Action.EVIDENCE_DOWNLOAD))
            return _asked(uow, item, item.title, [], [])
    except PurposeRequired:
        return ask(workspace_id, number, "redact")


@pages.takes(HERE, to=Action.EVIDENCE_DOWNLOAD)
def order_redaction(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """Order the copy; what is wrong is shown beside what was typed."""
    typed = _typed()
    try:
        with work() as uow:
            item_id = _item(uow, workspace_id, number).id
        with purpose.work(item_id) as uow:
            new = check(NewRedaction, {"title": request.form.get("title", ""), "areas": [_area(one) for one in typed]})
            evidence.order_redaction(uow, item_id, new)
    except PurposeRequired:
        return ask(workspace_id, number, "redact")
    except (Conflict, Invalid) as error:
        with work() as uow:
            item = _item(uow, workspace_id, number)
            return _asked(uow, item, request.form.get("title", ""), typed, _beside(error))
    return go(
        f"/w/{workspace_id}/evidence/{number}", gettext("The redacted copy is being made. It takes some minutes.")
    )


def _item(uow: UnitOfWork, workspace_id: UUID, number: str) -> EvidenceItem:
    item_id = evidence.numbered(uow, workspace_id, number)
    return uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_DOWNLOAD, within=workspace_id)


def _typed() -> list[dict[str, str]]:
    """The areas that something was typed of."""
    columns = {name: request.form.getlist(name) for name in ("page", *SIDES, "reason")}
    count = min(max(map(len, columns.values()), default=0), 500)
    rows = [
        {name: (values[place : place + 1] or [""])[0].strip() for name, values in columns.items()}
        for place in range(count)
    ]
    return [row for row in rows if any(row[name] for name in SIDES)]


def _area(row: dict[str, str]) -> dict[str, Any]:
    """An area as the shape takes it; the form counts in hundredths."""
    said: dict[str, Any] = {"reason": row["reason"]}
    try:
        said["page"] = int(row["page"] or "1")
        said |= {name: float(row[name].replace(",", ".")) / 100 for name in SIDES}
    except ValueError:
        hint = "Write page, left, top, width and height as numbers."
        raise Invalid.field("areas", "is no area of a page", hint) from None
    return said


def _beside(error: Conflict | Invalid) -> list[dict[str, Any]]:
    known = {"title", "areas"}
    return [one | {"field": one["field"] if one["field"] in known else "areas"} for one in faults(error, "areas")]


def _asked(
    uow: UnitOfWork, item: EvidenceItem, title: str, typed: list[dict[str, str]], errors: list[dict[str, Any]]
) -> ResponseReturnValue:
    empty = {"page": "1", "reason": ""} | dict.fromkeys(SIDES, "")
    values = frame(uow, item.workspace_id) | {
        "item": brief(item) | {"id": str(item.id)},
        "title": title,
        "areas": [*typed, *([empty] * FEW)],
        "grounds": [(str(one), ground_words(one)) for one in Ground],
        "refusals": {str(one): refusal_words(one) for one in Refusal},
        "errors": errors,
    }
    return show("evidence/redact.html", 422 if errors else 200, **values)


def about(uow: UnitOfWork, item: EvidenceItem) -> dict[str, Any]:
    """What W8 shows: whether it can be redacted here, and one's own orders that wait or ended without a copy."""
    orders = [one for one in evidence.redactions_of(uow, item) if one.number is None]
    shown = [
        {"title": one.title, "at": one.ordered_at, "refused": refusal_words(one.refused) if one.refused else None}
        for one in orders
    ]
    return {"redactions": shown, "can_redact": evidence.can_redact(item)}
