"""Acts of two people: propose, look, approve or reject."""

from typing import Literal
from uuid import UUID

from flask.typing import ResponseReturnValue
from flask_babel import gettext
from pydantic import BaseModel, ConfigDict

from jit_server import consents
from jit_server.access import Action
from jit_server.consents import views
from jit_server.consents.pages.base import again, pages
from jit_server.core.errors import Conflict, Invalid
from jit_server.web.api import check
from jit_server.web.context import work
from jit_server.web.pages import form, go, show


class DecideForm(BaseModel):
    """The second person's answer, by which button was pressed."""

    model_config = ConfigDict(extra="forbid")

    answer: Literal["approve", "reject"]
    digest: str
    reason: str | None = None


@pages.shows("/w/<uuid:workspace_id>/approvals", to=Action.APPROVAL_GIVE)
def list_approvals(workspace_id: UUID) -> ResponseReturnValue:
    """What waits for a second person, and what one may propose."""
    with work() as uow:
        values = views.list_approvals(uow, workspace_id)
    return show("consents/approvals.html", typed={}, errors=[], **values)


@pages.takes("/w/<uuid:workspace_id>/approvals", to=Action.WORKSPACE_CHANGE_PHASE)
def propose_closing(workspace_id: UUID) -> ResponseReturnValue:
    """Propose a phase that closes something for good."""
    try:
        wanted = form(consents.Closing)
        with work() as uow:
            made = consents.propose_closing(uow, workspace_id, wanted).id
    except (Invalid, Conflict) as error:
        return again("consents/approvals.html", error, views.list_approvals, workspace_id)
    return go(f"/w/{workspace_id}/approvals/{made}", gettext("Proposed. It waits for a second person."))


@pages.shows("/w/<uuid:workspace_id>/approvals/<uuid:approval_id>", to=Action.APPROVAL_GIVE)
def read_approval(workspace_id: UUID, approval_id: UUID) -> ResponseReturnValue:
    """One act: what happens, to whom, whether it can be undone."""
    with work() as uow:
        values = views.approval(uow, workspace_id, approval_id)
    return show("consents/approval.html", typed={}, errors=[], **values)


@pages.takes("/w/<uuid:workspace_id>/approvals/<uuid:approval_id>/decide", to=Action.APPROVAL_GIVE)
def decide(workspace_id: UUID, approval_id: UUID) -> ResponseReturnValue:
    """Be the second person."""
    try:
        said = form(DecideForm)
        approve = said.answer == "approve"
        wanted = check(consents.Deciding, {"approve": approve, "digest": said.digest, "reason": said.reason})
        with work() as uow:
            consents.decide(uow, approval_id, wanted, within=workspace_id)
    except (Invalid, Conflict) as error:
        return again("consents/approval.html", error, views.approval, workspace_id, approval_id)
    return go(f"/w/{workspace_id}/approvals/{approval_id}", gettext("Done.") if approve else gettext("Rejected."))


@pages.takes("/w/<uuid:workspace_id>/approvals/<uuid:approval_id>/withdraw", to=Action.APPROVAL_GIVE)
def take_back(workspace_id: UUID, approval_id: UUID) -> ResponseReturnValue:
    """Take back what one proposed."""
    try:
        because = form(consents.Because)
        with work() as uow:
            consents.take_back(uow, approval_id, because, within=workspace_id)
    except (Invalid, Conflict) as error:
        return again("consents/approval.html", error, views.approval, workspace_id, approval_id)
    return go(f"/w/{workspace_id}/approvals", gettext("Taken back."))
