"""JSON doors of an agency for those who look after it: what waits, people, invitations, what they did."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from jit_server.identity import scim
from jit_server.identity.models import AgencyRole, Claim, Invitation
from jit_server.identity.office.frame import only_who_looks_after_it
from jit_server.identity.scim import RunOut
from jit_server.identity.shapes import NewInvitation
from jit_server.identity.usecases import approvals, staff, staffing, watching
from jit_server.identity.usecases.administering import seen_agency
from jit_server.identity.usecases.staff import Colleague
from jit_server.identity.usecases.watching import Act, Watched
from jit_server.web import cursor
from jit_server.web.api import Routes, answer, check, created
from jit_server.web.api import page as page_of
from jit_server.web.context import work
from jit_server.web.declared import administers
from jit_server.work import UnitOfWork

routes = Routes("agency")
routes.before_request(only_who_looks_after_it)
OWN = administers("the people of one's own agency")


class _Stated(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Role(_Stated):
    """What somebody becomes inside their agency."""

    role: AgencyRole


class People(_Stated):
    """Which people: a kind of them, a part of the name, and where the list goes on."""

    show: Literal["", "active", "disabled", "admins", "weak", "away", "expiring"] = ""
    named: Annotated[str, Field(max_length=120)] = ""
    cursor: str | None = None


class _Key(BaseModel):
    id: UUID


class ColleagueOut(BaseModel):
    """A person of the agency; of workspaces only how many and when the next access ends."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    role: AgencyRole
    created_at: datetime
    disabled_at: datetime | None
    last_seen: datetime | None
    live: int = Field(description="Open sessions.")
    workspaces: int
    next_expiry: datetime | None
    source: str
    strong: bool = Field(description="Whether the last sign-in was what the agency asks for.")


class Expected(BaseModel):
    """An open invitation."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    claim: Claim
    value: str
    created_at: datetime
    expires_at: datetime


class NeedOut(BaseModel):
    """Something that waits for an administrator."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    count: int
    href: str


class Ended(BaseModel):
    """How many sessions ended."""

    ended: int


class ApprovalOut(BaseModel):
    """An act in a workspace of one's own that waits for a second person."""

    title: str
    sub: str
    url: str
    at: datetime = Field(description="When it lapses.")


class Overview(BaseModel):
    """What waits, how many people there are of each kind, and what the directory did when it last spoke."""

    needs: list[NeedOut]
    count: dict[str, int]
    approvals: list[ApprovalOut]
    directory: RunOut | None


@routes.reads("/agency", to=administers("what needs the administrators of one's own agency"), answers={200: Overview})
def overview() -> ResponseReturnValue:
    """What waits for the administrators of one's own agency."""
    with work() as uow:
        needs, count = watching.needs(uow), staff.counts(uow)
        waiting = [
            ApprovalOut(**{name: one[name] for name in ApprovalOut.model_fields}) for one in approvals.lines(uow)
        ]
        run = scim.last_run(uow, seen_agency(uow))
    wanted = [NeedOut.model_validate(one) for one in needs]
    return answer(Overview(needs=wanted, count=count, approvals=waiting, directory=run))


@routes.reads("/agency/members", to=OWN, query=People, answers={200: [ColleagueOut]})
def members(query: People) -> ResponseReturnValue:
    """The people of one's own agency, by name."""
    after: tuple[str, str] | None = None
    if query.cursor is not None:
        name, key = cursor.decode(query.cursor, 2)
        after = name, str(check(_Key, {"id": key}).id)
    with work() as uow:
        found = staff.colleagues(uow, show=query.show, named=query.named, after=after)
    shown, more = found[: staff.PAGE], len(found) > staff.PAGE
    return page_of([_out(one) for one in shown], cursor.encode(shown[-1].name, shown[-1].id) if more else None)


@routes.reads("/agency/members/<uuid:person_id>", to=OWN, answers={200: ColleagueOut})
def member(person_id: UUID) -> ResponseReturnValue:
    """One person of one's own agency."""
    with work() as uow:
        return answer(_out(staff.colleague(uow, person_id)))


@routes.patches("/agency/members/<uuid:person_id>", to=OWN, body=Role, answers={200: ColleagueOut})
def change_role(person_id: UUID, body: Role) -> ResponseReturnValue:
    """Give a role inside the agency."""
    with work() as uow:
        staffing.change_role(uow, person_id, body.role)
        return _after(uow, person_id)


@routes.posts("/agency/members/<uuid:person_id>/disable", to=OWN, answers={200: ColleagueOut})
def disable(person_id: UUID) -> ResponseReturnValue:
    """End somebody's access; their sessions and live connections end now."""
    with work() as uow:
        staffing.disable(uow, person_id)
        return _after(uow, person_id)


@routes.posts("/agency/members/<uuid:person_id>/enable", to=OWN, answers={200: ColleagueOut})
def enable(person_id: UUID) -> ResponseReturnValue:
    """Give somebody their access back."""
    with work() as uow:
        staffing.enable(uow, person_id)
        return _after(uow, person_id)


@routes.posts("/agency/members/<uuid:person_id>/sessions/end", to=OWN, answers={200: Ended})
def end_sessions(person_id: UUID) -> ResponseReturnValue:
    """End every session of somebody; they may sign in again."""
    with work() as uow:
        return answer(Ended(ended=staffing.end_sessions_of(uow, person_id)))


@routes.reads("/agency/invitations", to=OWN, answers={200: [Expected]})
def invitations() -> ResponseReturnValue:
    """Whom one's own agency expects."""
    with work() as uow:
        return page_of([_expected(one) for one in staff.invitations(uow)], None)


@routes.posts("/agency/invitations", to=OWN, body=NewInvitation, answers={201: Expected})
def invite(body: NewInvitation) -> ResponseReturnValue:
    """Expect somebody: the first sign-in that fits takes the invitation."""
    with work() as uow:
        return created(_expected(staffing.invite(uow, body)))


@routes.deletes("/agency/invitations/<uuid:invitation_id>", to=OWN, answers={200: Expected})
def withdraw(invitation_id: UUID) -> ResponseReturnValue:
    """Expect somebody no longer."""
    with work() as uow:
        return answer(_expected(staffing.withdraw(uow, invitation_id)))


@routes.reads(
    "/agency/audit",
    to=administers("what the own people of one's agency did, without case content"),
    query=Watched,
    answers={200: [Act]},
)
def audit(query: Watched) -> ResponseReturnValue:
    """What the agency's own people did, newest first; go on with `before` = the last one's `at`."""
    with work() as uow:
        return page_of(watching.acts(uow, query), None)


def _after(uow: UnitOfWork, person_id: UUID) -> ResponseReturnValue:
    uow.session.flush()
    return answer(_out(staff.colleague(uow, person_id)))


def _out(one: Colleague) -> ColleagueOut:
    return ColleagueOut.model_validate(one)


def _expected(one: Invitation) -> Expected:
    return Expected.model_validate(one)
