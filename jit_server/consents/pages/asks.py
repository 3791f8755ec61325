"""Ask the originator, follow the ask, answer it (from E6 on)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from flask.typing import ResponseReturnValue
from flask_babel import gettext
from pydantic import BaseModel, ConfigDict

from jit_server import consents
from jit_server.access import Action
from jit_server.consents import views
from jit_server.consents.pages.base import MINE, About, again, pages, subject, ticked
from jit_server.core.errors import Conflict, Invalid
from jit_server.web.api import check, parse_query
from jit_server.web.context import work
from jit_server.web.pages import form, go, show
from jit_server.workspaces.usecases.reading import standing_of


class GrantForm(BaseModel):
    """A yes; the consent ends with the day named."""

    model_config = ConfigDict(extra="forbid")

    to: consents.Grantee
    actions: frozenset[Action]
    until: date
    clause: str
    reason: str | None = None

    def granting(self) -> consents.Granting:
        """As the use-case takes it."""
        ends = datetime.combine(self.until, time(23, 59, 59), UTC)
        said = self.model_dump(exclude={"until"}) | {"expires_at": ends}
        return check(consents.Granting, said)


@pages.shows("/w/<uuid:workspace_id>/asks", to=MINE)
def list_asks(workspace_id: UUID) -> ResponseReturnValue:
    """Asks to answer, one's own, emergencies."""
    with work() as uow:
        values = views.list_asks(uow, workspace_id)
    return show("consents/asks.html", **values)


@pages.shows("/w/<uuid:workspace_id>/asks/new", to=Action.ACCESS_ASK)
def new_ask(workspace_id: UUID) -> ResponseReturnValue:
    """The form of an ask."""
    with work() as uow:
        standing_of(uow, workspace_id)
        about = parse_query(About)
        values = views.new_ask(uow, workspace_id, about.kind, about.subject)
    return show("consents/new_ask.html", typed={}, errors=[], **values)


@pages.takes("/w/<uuid:workspace_id>/asks", to=Action.ACCESS_ASK)
def ask(workspace_id: UUID) -> ResponseReturnValue:
    """Ask the originator."""
    try:
        wanted = ticked(consents.NewAsk)
        with work() as uow:
            made = consents.ask(uow, workspace_id, wanted).id
    except (Invalid, Conflict) as error:
        return again("consents/new_ask.html", error, views.new_ask, workspace_id, *subject())
    return go(f"/w/{workspace_id}/asks/{made}", gettext("The originator has been asked."))


@pages.shows("/w/<uuid:workspace_id>/asks/<uuid:ask_id>", to=MINE)
def read_ask(workspace_id: UUID, ask_id: UUID) -> ResponseReturnValue:
    """One ask with its clock; for the originator the answer's form."""
    with work() as uow:
        values = views.ask(uow, workspace_id, ask_id)
    return show("consents/ask.html", typed={}, errors=[], **values)


@pages.takes("/w/<uuid:workspace_id>/asks/<uuid:ask_id>/grant", to=Action.ACCESS_DECIDE)
def grant(workspace_id: UUID, ask_id: UUID) -> ResponseReturnValue:
    """Agree."""
    return _answered(
        workspace_id,
        ask_id,
        lambda uow: consents.grant(uow, ask_id, ticked(GrantForm).granting(), within=workspace_id),
        gettext("Consent given. It ends by itself."),
    )


@pages.takes("/w/<uuid:workspace_id>/asks/<uuid:ask_id>/refuse", to=Action.ACCESS_DECIDE)
def refuse(workspace_id: UUID, ask_id: UUID) -> ResponseReturnValue:
    """Say no."""
    return _answered(
        workspace_id,
        ask_id,
        lambda uow: consents.refuse(uow, ask_id, form(consents.Because), within=workspace_id),
        gettext("Refused. Whoever asked reads your reason."),
    )


@pages.takes("/w/<uuid:workspace_id>/asks/<uuid:ask_id>/revoke", to=Action.ACCESS_DECIDE)
def revoke(workspace_id: UUID, ask_id: UUID) -> ResponseReturnValue:
    """End a consent."""
    return _answered(
        workspace_id,
        ask_id,
        lambda uow: consents.revoke(uow, ask_id, form(consents.Because), within=workspace_id),
        gettext("The consent has ended."),
    )


@pages.takes("/w/<uuid:workspace_id>/asks/<uuid:ask_id>/withdraw", to=MINE)
def withdraw(workspace_id: UUID, ask_id: UUID) -> ResponseReturnValue:
    """Take one's own ask back."""
    return _answered(
        workspace_id,
        ask_id,
        lambda uow: consents.withdraw(uow, ask_id, within=workspace_id),
        gettext("You have taken the ask back."),
    )


def _answered(workspace_id: UUID, ask_id: UUID, act: Callable[[Any], Any], said: str) -> ResponseReturnValue:
    try:
        with work() as uow:
            act(uow)
    except (Invalid, Conflict) as error:
        return again("consents/ask.html", error, views.ask, workspace_id, ask_id)
    return go(f"/w/{workspace_id}/asks/{ask_id}", said)
