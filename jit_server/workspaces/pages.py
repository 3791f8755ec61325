"""HTML doors of the room: my day (E2), the workspace (W1), its agreement, members (W17) and log (W18)."""

from datetime import UTC, date, datetime, time
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from pydantic import BaseModel, ConfigDict, Field

from jit_server import workspaces
from jit_server.access import Action, Role
from jit_server.core.errors import Invalid
from jit_server.web.context import work
from jit_server.web.declared import own
from jit_server.web.pages import Pages, form, go, show
from jit_server.workspaces import views

pages = Pages("workspaces", __name__)
PAGE = 50


class SignForm(BaseModel):
    """The signature's statement."""

    model_config = ConfigDict(extra="ignore")

    digest: str = Field(max_length=100)
    statement: str = Field(pattern="^on$")
    qualified: str | None = Field(default=None, max_length=200)


class InviteForm(BaseModel):
    """Whom to give access, as what, until when."""

    model_config = ConfigDict(extra="forbid")

    person_id: UUID
    role: Role
    until: date


@pages.shows("/", to=own("only the person's own workspaces"))
def my_day() -> ResponseReturnValue:
    """What needs me, then my workspaces (E2)."""
    with work() as uow:
        mine = workspaces.my_workspaces(uow, note=True)
        values = views.my_day(uow, mine)
    return show("workspaces/my_day.html", **values)


@pages.shows("/w/<uuid:workspace_id>", to=Action.WORKSPACE_READ)
def home(workspace_id: UUID) -> ResponseReturnValue:
    """One workspace (W1)."""
    with work() as uow:
        values = views.home(uow, workspace_id)
    return show("workspaces/home.html", here="home", **values)


@pages.takes("/w/<uuid:workspace_id>/open", to=Action.WORKSPACE_OPEN)
def open_workspace(workspace_id: UUID) -> ResponseReturnValue:
    """Open the space."""
    with work() as uow:
        workspaces.open_workspace(uow, workspace_id)
    return go(f"/w/{workspace_id}", gettext("The workspace is open."))


@pages.takes("/w/<uuid:workspace_id>/phase", to=Action.WORKSPACE_CHANGE_PHASE)
def change_phase(workspace_id: UUID) -> ResponseReturnValue:
    """Move the workspace on."""
    change = form(workspaces.PhaseChange)
    with work() as uow:
        version = workspaces.workspace(uow, workspace_id, note=False).version
        workspaces.change_phase(uow, workspace_id, change, version=version)
    return go(f"/w/{workspace_id}", gettext("The phase has changed."))


@pages.shows("/w/<uuid:workspace_id>/agreement", to=Action.AGREEMENT_READ)
def read_agreement(workspace_id: UUID) -> ResponseReturnValue:
    """The agreement, its clauses, its signatures."""
    with work() as uow:
        values = views.agreement(uow, workspace_id, request.args.to_dict())
    return show("workspaces/agreement.html", here="agreement", **values)


@pages.shows("/w/<uuid:workspace_id>/members", to=Action.MEMBER_LIST)
def list_members(workspace_id: UUID) -> ResponseReturnValue:
    """Who belongs to the team and what each may do (W17)."""
    with work() as uow:
        values = views.members(uow, workspace_id)
    return show("workspaces/members.html", here="members", errors=[], **values)


@pages.takes("/w/<uuid:workspace_id>/members", to=Action.MEMBER_INVITE)
def invite_member(workspace_id: UUID) -> ResponseReturnValue:
    """Give a person access."""
    try:
        wanted = form(InviteForm)
        until = datetime.combine(wanted.until, time(23, 59, 59), UTC)
        with work() as uow:
            new = workspaces.NewMember(person_id=wanted.person_id, role=wanted.role, expires_at=until)
            workspaces.invite(uow, workspace_id, new)
    except Invalid as error:
        with work() as uow:
            values = views.members(uow, workspace_id, typed=request.form.to_dict())
        return show("workspaces/members.html", 422, here="members", errors=error.members.get("errors", []), **values)
    return go(f"/w/{workspace_id}/members", gettext("Access given."))


@pages.shows("/w/<uuid:workspace_id>/members/<uuid:member_id>", to=Action.MEMBER_LIST)
def show_member(workspace_id: UUID, member_id: UUID) -> ResponseReturnValue:
    """One member: since when, until when, and every right with its reason."""
    with work() as uow:
        values = views.member(uow, workspace_id, member_id)
    return show("workspaces/member.html", here="members", **values)


@pages.takes("/w/<uuid:workspace_id>/members/<uuid:member_id>/end", to=Action.MEMBER_END)
def end_member(workspace_id: UUID, member_id: UUID) -> ResponseReturnValue:
    """End a person's access now."""
    reason = form(workspaces.End)
    with work() as uow:
        workspaces.end(uow, member_id, reason, within=workspace_id)
    return go(f"/w/{workspace_id}/members", gettext("Access ended."))


@pages.shows("/w/<uuid:workspace_id>/audit", to=Action.LOG_READ)
def read_log(workspace_id: UUID) -> ResponseReturnValue:
    """Who did what, refusals too (W18)."""
    with work() as uow:
        values = views.log(uow, workspace_id, request.args.to_dict(), PAGE)
    return show("workspaces/log.html", here="audit", check=None, **values)


@pages.shows("/w/<uuid:workspace_id>/audit/who-could", to=Action.LOG_READ)
def who_could(workspace_id: UUID) -> ResponseReturnValue:
    """Who could see an exhibit on a past day."""
    with work() as uow:
        uow.get(workspaces.Workspace, workspace_id, to=Action.LOG_READ)
        values = views.who_could(uow, workspace_id, request.args.to_dict())
    return show("workspaces/who_could.html", 422 if values["errors"] else 200, here="audit", **values)


@pages.takes("/w/<uuid:workspace_id>/audit/verify", to=Action.LOG_VERIFY)
def verify_log(workspace_id: UUID) -> ResponseReturnValue:
    """Recompute the whole log and compare it with its signed heads."""
    with work() as uow:
        values = views.log(uow, workspace_id, {}, PAGE)
        uow.get(workspaces.Workspace, workspace_id, to=Action.LOG_VERIFY)
        values["check"] = views.check(uow, workspace_id)
    return show("workspaces/log.html", here="audit", **values)


from jit_server.workspaces import agreement_pages, policy_pages  # noqa: E402, F401 - more pages of the room, on the same blueprint
