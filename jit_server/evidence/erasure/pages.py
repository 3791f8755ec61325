"""HTML doors of erasure: propose it, take its receipts, and what is due in all one's teams (A7)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlmodel import col

from jit_server import evidence
from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid
from jit_server.evidence import EvidenceItem, LineOut
from jit_server.evidence.decisions import brief, frame, item_of
from jit_server.evidence.erasure import overview
from jit_server.evidence.erasure.models import Erasure, ErasureReceipt
from jit_server.evidence.erasure.shapes import NewErasure
from jit_server.evidence.wire import pages
from jit_server.web.context import work
from jit_server.web.declared import own
from jit_server.web.pages import form, go, show
from jit_server.work import UnitOfWork
from jit_server.workspaces import Workspace

HERE = "/w/<uuid:workspace_id>/evidence/<number>/erasure"


@pages.shows(HERE, to=Action.CUSTODY_DECIDE)
def ask_erasure(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """Why it is to be erased; a recent sign-in is asked for before anything is typed."""
    with work() as uow:
        item = item_of(uow, workspace_id, number, Action.CUSTODY_DECIDE)
        uow.require_fresh_sign_in()
        uow.record("evidence:listed", item)
        return _asked(uow, item, "", [])


@pages.takes(HERE, to=Action.CUSTODY_DECIDE)
def propose_erasure(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """Lay it before a second person."""
    try:
        with work() as uow:
            item = item_of(uow, workspace_id, number, Action.CUSTODY_DECIDE)
            evidence.propose_erasure(uow, item.id, form(NewErasure).reason)
    except (Conflict, Invalid) as error:
        wrong = error.members.get("errors") or [{"field": "reason", "message": error.detail, "remedy": ""}]
        with work() as uow:
            item = item_of(uow, workspace_id, number, Action.CUSTODY_DECIDE)
            return _asked(uow, item, request.form.get("reason", ""), wrong)
    return go(f"/w/{workspace_id}/evidence/{number}", gettext("The erasure waits for a second person."))


def _asked(uow: UnitOfWork, item: EvidenceItem, reason: str, errors: list[dict[str, str]]) -> ResponseReturnValue:
    values = frame(uow, item.workspace_id) | {"item": brief(item), "typed": {"reason": reason}, "errors": errors}
    return show("evidence/erase.html", 422 if errors else 200, **values)


@pages.shows(f"{HERE}/receipts", to=Action.EVIDENCE_LIST)
def take_erasure_receipts(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """Take the signed receipts."""
    with work() as uow:
        item = item_of(uow, workspace_id, number, Action.EVIDENCE_LIST)
        found = evidence.erasure_receipts(uow, item.id)
    answer = Response(json.dumps(found, indent=1), mimetype="application/json")
    answer.headers["Content-Disposition"] = evidence.disposition(f"{number}-erasure.json")
    return answer


@pages.shows("/agency/retention", to=own("what one's own teams let one know of"))
def read_retention() -> ResponseReturnValue:
    """Schedule, holds, erasures due and receipts outstanding in the person's own teams (A7)."""
    with work() as uow:
        values = overview.of(uow)
    return show("evidence/retention.html", **values)


def about(uow: UnitOfWork, item: EvidenceItem) -> dict[str, Any]:
    """The values of `evidence/_erasure.html`."""
    found, proposed = evidence.erasure_of(uow, item), evidence.proposed_erasure(uow, item)
    workspace = uow.find(Workspace, id=item.workspace_id)
    ends = evidence.erases_at(uow, workspace, [item]) if workspace else {}
    return {
        "erased": _erased(*found) if found else None,
        "erases_in": _days(uow, ends).get(item.id),
        "erasing": proposed.id if proposed else None,
    }


def _erased(order: Erasure, made: list[ErasureReceipt]) -> dict[str, Any]:
    return {"at": order.ordered_at, "cause": str(order.cause), "stages": [str(one.stage) for one in made]}


def countdown(uow: UnitOfWork, workspace_id: UUID, lines: Sequence[LineOut]) -> dict[str, Any]:
    """Of the register's lines, which are erased, and in how many days others go by themselves."""
    workspace = uow.find(Workspace, id=workspace_id)
    gone = uow.every(Erasure, col(Erasure.item_id).in_([line.id for line in lines])) if lines else []
    ends = evidence.erases_at(uow, workspace, lines) if workspace else {}
    return {"erases": _days(uow, ends), "erased": {one.item_id for one in gone}}


def _days(uow: UnitOfWork, ends: Mapping[UUID, Any]) -> dict[UUID, int]:
    return {key: max(0, -(-int((at - uow.now).total_seconds()) // 86400)) for key, at in ends.items()}
