"""HTML doors of saved views: keep the filters of the page one looks at, forget a view."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server import evidence
from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid
from jit_server.evidence.saved.models import Place
from jit_server.evidence.wire import pages
from jit_server.web.context import work
from jit_server.web.pages import go
from jit_server.work import UnitOfWork

HERE = "/w/<uuid:workspace_id>/views"
AT = {Place.REGISTER: "evidence", Place.TIMELINE: "timeline"}
KEPT = ("q", "state", "handling", "compartment", "gate", "kind", "shown", "clock")
"""The filters that a view holds, by the names they have in addresses."""


@pages.takes(f"{HERE}/<any(register,timeline):place>", to=Action.EVIDENCE_LIST)
def save_view(workspace_id: UUID, place: str) -> ResponseReturnValue:
    """Keep the filters under a name."""
    there, filters = Place(place), _filters(request.form)
    try:
        with work() as uow:
            evidence.save_view(uow, workspace_id, there, request.form.get("name", ""), filters)
    except Invalid as error:
        (wrong,) = error.members["errors"]
        return go(_address(workspace_id, there, filters), wrong["remedy"])
    except Conflict as error:
        return go(_address(workspace_id, there, filters), gettext(error.detail))
    return go(_address(workspace_id, there, filters), gettext("The view is saved, for you alone."))


@pages.takes(f"{HERE}/<uuid:view_id>/forget", to=Action.EVIDENCE_LIST)
def forget_view(workspace_id: UUID, view_id: UUID) -> ResponseReturnValue:
    """Forget a view."""
    with work() as uow:
        evidence.forget_view(uow, workspace_id, view_id)
    there = Place.TIMELINE if request.form.get("place") == "timeline" else Place.REGISTER
    return go(_address(workspace_id, there, {}), gettext("The view is forgotten."))


def offered(uow: UnitOfWork, workspace_id: UUID, place: Place) -> dict[str, Any]:
    """One's own views, as the page shows them."""
    shown = [
        {"id": one.id, "name": one.name, "url": _address(workspace_id, place, one.filters), "filters": one.filters}
        for one in evidence.views(uow, workspace_id, place)
    ]
    asked = _filters(request.args)
    return {"views": [one | {"here": one["filters"] == asked} for one in shown], "kept": asked, "place": str(place)}


def _filters(sent: Mapping[str, str]) -> dict[str, str]:
    return {name: sent[name][:200] for name in KEPT if sent.get(name)}


def _address(workspace_id: UUID, place: Place, filters: Mapping[str, str]) -> str:
    return f"/w/{workspace_id}/{AT[place]}" + (f"?{urlencode(filters)}" if filters else "")
