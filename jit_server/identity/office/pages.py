"""HTML doors of an agency: home (A1), its people (A2) and what they did (A8)."""

import csv
import io
from typing import Any
from uuid import UUID

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext
from pydantic import BaseModel, ConfigDict

from jit_server.audit.verbs import EVENTS
from jit_server.core.errors import Conflict, Invalid, JitError
from jit_server.identity import scim
from jit_server.identity.models import AgencyRole
from jit_server.identity.office import directory_pages, key_pages, sign_in_pages  # noqa: F401 - the same blueprint
from jit_server.identity.office.frame import frame, pages
from jit_server.identity.scim.tokens import live_tokens
from jit_server.identity.shapes import NewInvitation
from jit_server.identity.usecases import approvals, staff, staffing, watching
from jit_server.identity.usecases.administering import seen_agency
from jit_server.identity.usecases.watching import Watched
from jit_server.web import cursor
from jit_server.web.api import check, parse_query
from jit_server.web.context import work
from jit_server.web.declared import administers
from jit_server.web.pages import form, go, show
from jit_server.work import UnitOfWork

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would run; a name that begins so is quoted in an export."""


class RoleForm(BaseModel):
    """What somebody becomes inside their agency."""

    model_config = ConfigDict(extra="forbid")

    role: AgencyRole


@pages.shows("/agency", to=administers("what needs the administrators of one's own agency"))
def home() -> ResponseReturnValue:
    """What needs an administrator today (A1)."""
    with work() as uow:
        values = frame(uow, "home")
        values |= {
            "needs": watching.needs(uow),
            "count": staff.counts(uow),
            "kept": staff.kept(uow),
            "most": uow.house.settings.quota_agency_bytes,
            "expiring": watching.expiring(uow),
            "approvals": approvals.lines(uow),
            "run": scim.last_run(uow, agency := seen_agency(uow)),
            "tokens": live_tokens(uow, agency),
            "refusals": watching.acts(uow, Watched(event="session:refused"), most=5, note=False),
        }
    return show("agency/home.html", **values)


@pages.shows("/agency/members", to=administers("the people of one's own agency"))
def members() -> ResponseReturnValue:
    """The people of the agency (A2)."""
    return _members()


@pages.takes("/agency/members/invite", to=administers("whom one's own agency expects"))
def invite() -> ResponseReturnValue:
    """Expect somebody."""
    try:
        with work() as uow:
            made = staffing.invite(uow, form(NewInvitation))
    except (Invalid, Conflict) as error:
        return _members(error)
    words = gettext("%(who)s is expected: the first sign-in that fits takes the invitation.", who=made.value)
    return go("/agency/members#expected", words)


@pages.takes("/agency/invitations/<uuid:invitation_id>/withdraw", to=administers("whom one's own agency expects"))
def withdraw(invitation_id: UUID) -> ResponseReturnValue:
    """Expect somebody no longer."""
    with work() as uow:
        made = staffing.withdraw(uow, invitation_id)
    return go("/agency/members#expected", gettext("%(who)s is expected no longer.", who=made.value))


@pages.shows("/agency/members/<uuid:person_id>", to=administers("the people of one's own agency"))
def member(person_id: UUID) -> ResponseReturnValue:
    """One person of the agency: role, access, sessions."""
    with work() as uow:
        values = frame(uow, "members", loosens=True)
        one = staff.colleague(uow, person_id)
        values |= {
            "person": one,
            "myself": uow.actor.person_id == one.id,
            "roles": [str(role) for role in AgencyRole],
            "sessions": staff.sessions_of(uow, person_id),
            "acts": watching.acts(uow, Watched(person=person_id), most=10),
        }
    return show("agency/member.html", **values)


@pages.takes("/agency/members/<uuid:person_id>/role", to=administers("roles inside one's own agency"))
def change_role(person_id: UUID) -> ResponseReturnValue:
    """Give a role inside the agency."""
    with work() as uow:
        found = staffing.change_role(uow, person_id, form(RoleForm).role)
    return _back(person_id, gettext("The role of %(name)s has changed.", name=found.name))


@pages.takes("/agency/members/<uuid:person_id>/disable", to=administers("the access of one's own people"))
def disable(person_id: UUID) -> ResponseReturnValue:
    """End somebody's access."""
    with work() as uow:
        found = staffing.disable(uow, person_id)
    return _back(person_id, gettext("%(name)s is switched off and signed out everywhere.", name=found.name))


@pages.takes("/agency/members/<uuid:person_id>/enable", to=administers("the access of one's own people"))
def enable(person_id: UUID) -> ResponseReturnValue:
    """Give somebody their access back."""
    with work() as uow:
        found = staffing.enable(uow, person_id)
    return _back(person_id, gettext("%(name)s may sign in again.", name=found.name))


@pages.takes("/agency/members/<uuid:person_id>/sessions/end", to=administers("the sessions of one's own people"))
def end_sessions(person_id: UUID) -> ResponseReturnValue:
    """End every session of somebody."""
    with work() as uow:
        ended = staffing.end_sessions_of(uow, person_id)
    return _back(person_id, ngettext("%(num)d session has ended.", "%(num)d sessions have ended.", ended))


@pages.takes(
    "/agency/members/<uuid:person_id>/sessions/<uuid:session_id>/end",
    to=administers("the sessions of one's own people"),
)
def end_session(person_id: UUID, session_id: UUID) -> ResponseReturnValue:
    """End one session of somebody."""
    with work() as uow:
        staffing.end_session_of(uow, person_id, session_id)
    return _back(person_id, gettext("The session has ended."))


@pages.shows("/agency/audit", to=administers("what the own people of one's agency did, without case content"))
def audit() -> ResponseReturnValue:
    """What the agency's people did, without case content (A8)."""
    which = parse_query(Watched)
    with work() as uow:
        values = frame(uow, "audit")
        found = watching.acts(uow, which, most=watching.PAGE + 1)
        people = staff.colleagues(uow)
    acts, more = found[: watching.PAGE], len(found) > watching.PAGE
    values |= {
        "acts": acts,
        "filters": which.model_dump(mode="json"),
        "events": sorted(EVENTS),
        "people": [(str(one.id), one.name) for one in people],
        "first": "/agency/audit" if which.before else None,
        "older": cursor.next_url_with("before", acts[-1].at.isoformat()) if more else None,
        "export": f"/agency/audit.csv?{request.query_string.decode()}",
    }
    return show("agency/audit.html", **values)


@pages.shows("/agency/audit.csv", to=administers("what the own people of one's agency did, without case content"))
def export() -> ResponseReturnValue:
    """The same as a table for other programs, UTF-8, one line an entry."""
    which = parse_query(Watched)
    written = io.StringIO()
    with work() as uow:
        csv.writer(written).writerows([_inert(cell) for cell in line] for line in watching.export(uow, which))
    headers = {"Content-Disposition": 'attachment; filename="agency-log.csv"', "Cache-Control": "no-store"}
    return Response(written.getvalue(), mimetype="text/csv", headers=headers)


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _back(person_id: UUID, notice: str) -> ResponseReturnValue:
    return go(f"/agency/members/{person_id}", notice)


def _members(problem: JitError | None = None) -> ResponseReturnValue:
    wanted = request.args.get("show", "")
    narrowed = wanted if wanted in staff.SHOWS else ""
    named = request.args.get("named", "").strip()[:120]
    with work() as uow:
        values = frame(uow, "members")
        values |= {"count": staff.counts(uow), "expected": staff.invitations(uow)}
        values |= _page(uow, narrowed, named)
    typed = {name: request.form.get(name, "") for name in ("claim", "value", "days")}
    values |= {
        "show": narrowed,
        "named": named,
        "typed": typed if problem else {"claim": "email", "value": "", "days": "14"},
        "errors": problem.members.get("errors", [{"field": "value", "message": gettext(problem.detail), "remedy": ""}])
        if problem
        else [],
    }
    return show("agency/members.html", problem.status if problem else 200, **values)


def _page(uow: UnitOfWork, narrowed: str, named: str) -> dict[str, Any]:
    at = request.args.get("cursor")
    after: tuple[str, str] | None = None
    if at:
        name, key = cursor.decode(at, 2)
        after = name, str(check(_Key, {"id": key}).id)
    people = staff.colleagues(uow, show=narrowed, named=named, after=after)
    shown = people[: staff.PAGE]
    more = len(people) > staff.PAGE
    following = cursor.encode(shown[-1].name, shown[-1].id) if more else None
    return {
        "people": shown,
        "first": cursor.next_url_with("cursor", "") if at else None,
        "older": cursor.next_url(following) if following else None,
    }


class _Key(BaseModel):
    id: UUID
