"""What the room lets wait for people: lines of my day (E2), and what a refusal leaves open (E6)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from flask_babel import gettext
from sqlalchemy import or_, select
from sqlmodel import SQLModel, col

from jit_server import consents
from jit_server.access import Action, Remedy
from jit_server.consents.lifecycle import ApprovalState, ConsentState
from jit_server.consents.models import Approval, Consent, Notice, NoticeKind
from jit_server.consents.usecases.emergencies import OPENS
from jit_server.consents.usecases.things import known
from jit_server.consents.usecases.two_people import may_decide
from jit_server.consents.words import clock_words, notice_words
from jit_server.work import UnitOfWork
from jit_server.workspaces.compartments import AccessGrant, GrantKind
from jit_server.workspaces.usecases import entering, reading
from jit_server.workspaces.usecases.reading import standing_of

RowT = TypeVar("RowT", bound=SQLModel)


def ways_out(uow: UnitOfWork, workspace_id: UUID, policy: Mapping[str, Any]) -> dict[str, Any] | None:
    """What whoever was refused can do: ask, follow what was asked, or break glass; and whether a consent has ended."""
    subject = policy.get("subject")
    if not subject:
        return None
    key, kind = UUID(subject["id"]), subject["kind"]
    thing = known(uow, workspace_id, kind, key)
    here, query = f"/w/{workspace_id}", f"?kind={kind}&subject={key}"
    asking = policy["remedy"] == Remedy.ASK_ORIGINATOR and uow.permits(Action.ACCESS_ASK, thing)
    waiting = uow.find(Consent, asked_by=uow.actor.person_id, subject_id=key, state=ConsentState.ASKED)
    opens = asking and Action(policy["action"]) in OPENS and uow.permits(Action.ACCESS_BREAK_GLASS, thing)
    return {
        "ask": f"{here}/asks/new{query}" if asking and waiting is None else None,
        "asked": {"url": f"{here}/asks/{waiting.id}", "due_at": waiting.due_at} if waiting is not None else None,
        "ended_at": _ended(uow, workspace_id, key, policy["action"]),
        "emergency": f"{here}/emergencies/new{query}" if opens else None,
    }


def _ended(uow: UnitOfWork, workspace_id: UUID, subject_id: UUID, action: str) -> datetime | None:
    """When the last consent that opened this to the actor ended, if one did."""
    standing = standing_of(uow, workspace_id)
    theirs = (col(AccessGrant.person_id) == standing.person_id) | (col(AccessGrant.party_id) == standing.party_id)
    found = uow.every(
        AccessGrant, col(AccessGrant.workspace_id) == workspace_id, AccessGrant.subject_id == subject_id, theirs
    )
    ends = [
        one.revoked_at or one.expires_at for one in found if action in one.actions and one.kind != GrantKind.OUTBOUND
    ]
    return max((one for one in ends if one <= uow.now), default=None)


def lines(uow: UnitOfWork, workspaces: Mapping[UUID, str]) -> list[dict[str, Any]]:
    """What waits for the actor: invitations, asks and acts to answer, and what they have not seen."""
    found = [
        _line("enter", gettext("Enter the workspace"), one.name, f"/w/{one.workspace_id}/enter")
        for one in entering.invitations(uow)
    ]
    if workspaces:
        found += _asks_to_answer(uow, workspaces)
        found += _acts_to_approve(uow, workspaces)
        found += [
            _notice_line(one, uow.now, workspaces) for one in consents.unseen(uow) if one.workspace_id in workspaces
        ]
    return found


def _asks_to_answer(uow: UnitOfWork, workspaces: Mapping[UUID, str]) -> list[dict[str, Any]]:
    mine = _waiting(uow, Consent, Action.ACCESS_DECIDE, workspaces, Consent.state == ConsentState.ASKED)
    names = consents.subject_names(uow, mine)
    return [
        _line(
            "ask",
            gettext("Answer who asks for access to %(what)s", what=names.get(one.subject_id, "")),
            f"{workspaces[one.workspace_id]} · {clock_words(one.due_at, uow.now)}",
            f"/w/{one.workspace_id}/asks/{one.id}",
            one.due_at,
        )
        for one in sorted(mine, key=lambda one: one.due_at)
    ]


def approvals(uow: UnitOfWork) -> list[dict[str, Any]]:
    """Acts in the actor's own workspaces that wait for them as the second person, for the page of their agency (A1)."""
    mine = reading.my_names(uow)
    return _acts_to_approve(uow, mine) if mine else []


def _acts_to_approve(uow: UnitOfWork, workspaces: Mapping[UUID, str]) -> list[dict[str, Any]]:
    found = _waiting(uow, Approval, Action.APPROVAL_GIVE, workspaces, Approval.state == ApprovalState.WAITING)
    return [
        _line(
            "approval",
            gettext("Be the second person: approve or reject"),
            f"{workspaces[one.workspace_id]} · {clock_words(one.expires_at, uow.now)}",
            f"/w/{one.workspace_id}/approvals/{one.id}",
            one.expires_at,
        )
        for one in found
        if may_decide(uow, one)
    ]


def _waiting(uow: UnitOfWork, table: type[RowT], to: Action, workspaces: Iterable[UUID], waits: Any) -> Sequence[RowT]:
    """What waits in these workspaces and is the actor's to decide, in two queries: where anything waits, and what."""
    column: Any = table.workspace_id  # type: ignore[attr-defined]
    begun = uow.session.scalars(select(column).where(column.in_(list(workspaces)), waits).distinct())
    open_to = uow.scopes(table, to=to, within=sorted(begun))
    return uow.every(table, waits, or_(*open_to.values())) if open_to else []


def _notice_line(one: Notice, now: datetime, workspaces: Mapping[UUID, str]) -> dict[str, Any]:
    here = f"/w/{one.workspace_id}"
    urls = {
        NoticeKind.GLASS_BROKEN: f"{here}/emergencies/{one.subject_id}",
        NoticeKind.GLASS_REVIEWED: f"{here}/emergencies/{one.subject_id}",
        NoticeKind.ANSWERED: f"{here}/asks/{one.subject_id}",
    }
    kind = "emergency" if one.kind is NoticeKind.GLASS_BROKEN else "notice"
    where = workspaces[one.workspace_id]
    return _line(kind, notice_words(one, now), where, urls.get(one.kind, f"/notices/{one.id}"), one.made_at)


def _line(kind: str, title: str, sub: str, url: str, at: datetime | None = None) -> dict[str, Any]:
    return {"kind": kind, "title": title, "sub": sub, "url": url, "at": at}
