"""The way in for whoever is invited, and a person's own notices."""

from uuid import UUID

from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server import consents
from jit_server.consents import views
from jit_server.consents.pages.base import again, pages
from jit_server.core.errors import Invalid
from jit_server.web.context import work
from jit_server.web.declared import own
from jit_server.web.pages import form, go, show
from jit_server.workspaces.attestations import Entry
from jit_server.workspaces.usecases import entering

INVITED = own("only for whoever is invited; to everybody else there is nothing here")


@pages.shows("/w/<uuid:workspace_id>/enter", to=INVITED)
def read_entry(workspace_id: UUID) -> ResponseReturnValue:
    """What is asked before the first look."""
    with work() as uow:
        if uow.standing(workspace_id) is not None:
            return go(f"/w/{workspace_id}")
        values = views.entry(uow, workspace_id)
    return show("consents/enter.html", typed={}, errors=[], **values)


@pages.takes("/w/<uuid:workspace_id>/enter", to=INVITED)
def enter(workspace_id: UUID) -> ResponseReturnValue:
    """Attest, and enter."""
    try:
        entry = form(Entry)
        with work() as uow:
            entering.enter(uow, workspace_id, entry)
    except Invalid as error:
        return again("consents/enter.html", error, views.entry, workspace_id)
    return go(f"/w/{workspace_id}", gettext("Welcome. You belong to the team now."))


@pages.shows("/notices/<uuid:notice_id>", to=own("one's own notices"))
def read_notice(notice_id: UUID) -> ResponseReturnValue:
    """One notice in words."""
    with work() as uow:
        values = views.notice(uow, notice_id)
    return show("consents/notice.html", **values)


@pages.takes("/notices/<uuid:notice_id>/seen", to=own("one's own notices"))
def see_notice(notice_id: UUID) -> ResponseReturnValue:
    """Say that one has seen it."""
    with work() as uow:
        consents.acknowledge(uow, notice_id)
    return go("/", gettext("Noted."))
