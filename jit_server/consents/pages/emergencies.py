"""Break-glass and its review."""

from uuid import UUID

from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server import consents
from jit_server.access import Action
from jit_server.consents import views
from jit_server.consents.pages.base import MINE, About, again, pages, subject, ticked
from jit_server.core.errors import Conflict, Invalid
from jit_server.web.api import parse_query
from jit_server.web.context import work
from jit_server.web.pages import form, go, show
from jit_server.workspaces.usecases.reading import standing_of


@pages.shows("/w/<uuid:workspace_id>/emergencies/new", to=Action.ACCESS_BREAK_GLASS)
def new_emergency(workspace_id: UUID) -> ResponseReturnValue:
    """The form of break-glass."""
    with work() as uow:
        standing_of(uow, workspace_id)
        about = parse_query(About)
        values = views.new_emergency(uow, workspace_id, about.kind, about.subject)
    return show("consents/new_emergency.html", typed={}, errors=[], **values)


@pages.takes("/w/<uuid:workspace_id>/emergencies", to=Action.ACCESS_BREAK_GLASS)
def break_glass(workspace_id: UUID) -> ResponseReturnValue:
    """Open a thing in an emergency."""
    try:
        wanted = ticked(consents.NewEmergency)
        with work() as uow:
            made = consents.break_glass(uow, workspace_id, wanted).id
    except (Invalid, Conflict) as error:
        return again("consents/new_emergency.html", error, views.new_emergency, workspace_id, *subject())
    return go(f"/w/{workspace_id}/emergencies/{made}", gettext("Open. The originator has been told."), "warning")


@pages.shows("/w/<uuid:workspace_id>/emergencies/<uuid:emergency_id>", to=MINE)
def read_emergency(workspace_id: UUID, emergency_id: UUID) -> ResponseReturnValue:
    """One emergency; for the originator the review."""
    with work() as uow:
        values = views.emergency(uow, workspace_id, emergency_id)
    return show("consents/emergency.html", typed={}, errors=[], **values)


@pages.takes("/w/<uuid:workspace_id>/emergencies/<uuid:emergency_id>/review", to=Action.ACCESS_DECIDE)
def review(workspace_id: UUID, emergency_id: UUID) -> ResponseReturnValue:
    """Confirm or object."""
    try:
        said = form(consents.Reviewing)
        with work() as uow:
            consents.review(uow, emergency_id, said, within=workspace_id)
    except (Invalid, Conflict) as error:
        return again("consents/emergency.html", error, views.emergency, workspace_id, emergency_id)
    return go(f"/w/{workspace_id}/emergencies/{emergency_id}", gettext("Your word is on the record."))
