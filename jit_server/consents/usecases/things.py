"""The things that asks and emergencies are about: any kind that a room above registered and that grants may open."""

from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from sqlmodel import col

from jit_server import access
from jit_server.access import Action, Decision, Remedy, Role
from jit_server.consents.models import Notice, NoticeKind
from jit_server.core.errors import Invalid, NotFound
from jit_server.work import UnitOfWork
from jit_server.workspaces.models import Member, MemberStatus, Workspace
from jit_server.workspaces.usecases.phases import bump, end_of
from jit_server.workspaces.usecases.reading import standing_of

LEADS = (Role.LEADER, Role.SPACE_ADMIN)


def known(uow: UnitOfWork, workspace_id: UUID, kind: str, subject_id: UUID) -> Any:
    """The thing, for whoever may know that it exists.

    Raises:
        NotFound: no such kind or thing, or none that the actor may know of.
    """
    table = access.table_of(kind)
    if table is None or not getattr(table, "__grantable__", False):
        raise NotFound
    return uow.get(table, subject_id, to=table.__known_by__, within=workspace_id)


def verdict(uow: UnitOfWork, action: Action, thing: Any) -> Decision:
    """What the policy says of this action on the thing, with what would change a refusal."""
    standing = standing_of(uow, thing.workspace_id)
    decision = uow.decide(action, thing, standing)
    return decision if decision.allowed else uow.policy(standing).explained(decision, standing, action, thing)


def check_wanted(uow: UnitOfWork, thing: Any, actions: Iterable[Action]) -> None:
    """Only what a marking keeps from the actor can be asked for.

    Raises:
        Invalid: an action that is open already, or that no consent would open.
    """
    for action in sorted(actions):
        found = verdict(uow, action, thing)
        if found.allowed:
            raise Invalid.field("actions", f"{action} is open to you already", "Ask for what is refused.")
        if found.remedy is not Remedy.ASK_ORIGINATOR:
            raise Invalid.field("actions", f"no consent opens {action} to you", "Leave it out.")


def last_moment(uow: UnitOfWork, workspace_id: UUID) -> datetime:
    """The latest end of a consent: the agreement's term or, once that is over, the end of access under it."""
    workspace = uow.get(Workspace, workspace_id, to=Action.WORKSPACE_READ)
    term = datetime.combine(workspace.period_to, time(23, 59, 59), UTC)
    return term if uow.now < term else end_of(workspace)


def new_epoch(uow: UnitOfWork, workspace_id: UUID) -> None:
    """Let every socket and running download ask again: something that was open is closed."""
    workspace = uow.get(Workspace, workspace_id, to=Action.WORKSPACE_READ)
    uow.session.refresh(workspace, with_for_update={"key_share": True})
    bump(workspace)


def hold(uow: UnitOfWork, row: Any) -> None:
    """The row as it is now, held until the commit: two answers at once must not both count."""
    uow.session.flush()
    uow.session.refresh(row, with_for_update=True)


def leaders(uow: UnitOfWork, workspace_id: UUID, party_id: UUID) -> list[UUID]:
    """The people who lead a party here now."""
    found = uow.every(
        Member,
        col(Member.workspace_id) == workspace_id,
        col(Member.party_id) == party_id,
        col(Member.status) == MemberStatus.ACTIVE,
        col(Member.role).in_(LEADS),
    )
    return [one.person_id for one in found if one.expires_at is None or one.expires_at > uow.now]


def tell(
    uow: UnitOfWork, people: Iterable[UUID], kind: NoticeKind, subject: Any, mark: str = "", ends_at: Any = None
) -> None:
    """A line on each person's day until they have seen it; the same one is never told twice."""
    told = {
        one.person_id
        for one in uow.every(Notice, Notice.kind == kind, Notice.subject_id == subject.id, Notice.mark == mark)
    }
    for person_id in sorted(set(people) - told):
        uow.add(
            Notice(
                workspace_id=getattr(subject, "workspace_id", subject.id),
                person_id=person_id,
                kind=kind,
                subject_kind=subject.__tablename__,
                subject_id=subject.id,
                mark=mark,
                made_at=uow.now,
                ends_at=ends_at,
            )
        )
