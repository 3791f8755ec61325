"""What time does by itself: notices before an end, phases at the term, asks and proposals that lapse. Idempotent.

Once a minute one worker keeps the time of the whole server; whoever comes second finds nothing left to do.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from jit_server import access
from jit_server.access import SYSTEM, Phase
from jit_server.consents.lifecycle import APPROVAL, CONSENT, ApprovalState, ConsentState, step
from jit_server.consents.models import Approval, Consent, Notice, NoticeKind
from jit_server.consents.usecases.things import LEADS, leaders, tell
from jit_server.core.errors import JitError
from jit_server.work import House, UnitOfWork
from jit_server.workspaces.models import Member, MemberStatus, Workspace
from jit_server.workspaces.usecases import taking_effect
from jit_server.workspaces.usecases.phases import move

MARKS = (60, 30, 7)
"""Days before an end at which people are told (MISSION 5.3)."""
EXPIRING = timedelta(days=60)
LIVE = (Phase.OPERATIONAL, Phase.SUSPENDED, Phase.EXPIRING)
_LOCK = 0x6A69_7463
_DUE = text(
    "SELECT id FROM workspace WHERE phase = ANY(:live) AND period_to <= :soon"
    " UNION SELECT workspace_id FROM member WHERE status = 'active' AND expires_at > :now AND expires_at <= :until"
    " UNION SELECT workspace_id FROM consent WHERE state = 'asked' AND due_at <= :now"
    " UNION SELECT workspace_id FROM approval WHERE state = 'waiting' AND expires_at <= :now"
    " UNION SELECT v.workspace_id FROM policy_version v"
    " JOIN workspace w ON w.id = v.workspace_id AND w.policy_version = v.version"
    " JOIN agreement a ON a.id = v.agreement_id, jsonb_array_elements(a.document->'clauses') c"
    " WHERE CAST(c->>'valid_until' AS date) < CAST(:now AS date)"
    " AND CAST(c->>'valid_until' AS date) >= CAST(v.made_at AS date)"
)
_logger = structlog.get_logger(__name__)


@dataclass
class Kept:
    """What one round did."""

    workspaces: int = 0
    phases: int = 0
    notices: int = 0
    asks: int = 0
    proposals: int = 0
    clauses: int = 0


def keep_time(house: House) -> Kept | None:
    """Do whatever has fallen due on this server; None when another worker is at it.

    One workspace that fails does not stop the others: it is on the application's log and tried again in a minute.
    """
    with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}).scalar_one():
            return None
        try:
            return _round(house)
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})


def _round(house: House) -> Kept:
    done = Kept()
    with house.work(SYSTEM) as uow:
        soon = {"soon": uow.now.date() + EXPIRING, "until": uow.now + EXPIRING, "now": uow.now}
        due = uow.connection.execute(_DUE, soon | {"live": [str(one) for one in LIVE]}).scalars().all()
    for workspace_id in due:
        try:
            with house.work(SYSTEM) as uow:
                _keep(uow, workspace_id, done)
        except (JitError, SQLAlchemyError) as error:
            _logger.warning("clock.failed", workspace=str(workspace_id), error=type(error).__name__)
    return done


def _keep(uow: UnitOfWork, workspace_id: UUID, done: Kept) -> None:
    before = asdict(done)
    workspace = uow.find(Workspace, id=workspace_id)
    if workspace is None:
        return
    _lapse_asks(uow, workspace_id, done)
    _lapse_proposals(uow, workspace_id, done)
    done.clauses += taking_effect.run_out(uow, workspace)
    _tell_members(uow, workspace, done)
    if workspace.phase in LIVE:
        _tell_of_the_term(uow, workspace, done)
        _turn(uow, workspace, done)
    done.workspaces += asdict(done) != before


def _turn(uow: UnitOfWork, workspace: Workspace, done: Kept) -> None:
    today = uow.now.date()
    if today > workspace.period_to:
        _move(uow, workspace, Phase.POST_OPERATIONAL, "the agreement's term is over", done)
    elif workspace.phase == Phase.OPERATIONAL and workspace.period_to - today <= EXPIRING:
        _move(uow, workspace, Phase.EXPIRING, "the agreement's term ends within 60 days", done)


def _move(uow: UnitOfWork, workspace: Workspace, phase: Phase, reason: str, done: Kept) -> None:
    uow.session.refresh(workspace, with_for_update={"key_share": True})
    move(uow, workspace, phase, reason)
    done.phases += 1


def _lapse_asks(uow: UnitOfWork, workspace_id: UUID, done: Kept) -> None:
    waiting = (Consent.workspace_id == workspace_id, Consent.state == ConsentState.ASKED, Consent.due_at <= uow.now)
    for one in uow.every(Consent, *waiting):
        one.state, one.decided_at = step(CONSENT, one.state, ConsentState.LAPSED), uow.now
        table = access.table_of(one.subject_kind)
        thing = uow.find(table, id=one.subject_id) if table is not None else None
        uow.record("access:lapsed", thing or one, recipients=(str(one.asked_by),), ask=one.id)
        tell(uow, [one.asked_by], NoticeKind.ANSWERED, one, mark=str(one.state))
        done.asks += 1


def _lapse_proposals(uow: UnitOfWork, workspace_id: UUID, done: Kept) -> None:
    waiting = (Approval.workspace_id == workspace_id, Approval.state == ApprovalState.WAITING)
    for one in uow.every(Approval, *waiting, Approval.expires_at <= uow.now):
        one.state, one.decided_at = step(APPROVAL, one.state, ApprovalState.LAPSED), uow.now
        uow.record("approval:lapsed", one, approval=one.id, kind=one.kind)
        done.proposals += 1


def _tell_of_the_term(uow: UnitOfWork, workspace: Workspace, done: Kept) -> None:
    mark = mark_of(workspace.period_to, uow.now.date(), workspace.period_from)
    if mark is None or _told(uow, NoticeKind.TERM_ENDS, workspace.id, mark):
        return
    wanted = (Member.workspace_id == workspace.id, Member.status == MemberStatus.ACTIVE)
    people = [one.person_id for one in uow.every(Member, *wanted, col(Member.role).in_(LEADS))]
    ends = datetime.combine(workspace.period_to, time(23, 59, 59), UTC)
    tell(uow, people, NoticeKind.TERM_ENDS, workspace, mark=mark, ends_at=ends)
    uow.record("workspace:ending", workspace, recipients=tuple(str(one) for one in people), mark=mark)
    done.notices += len(people)


def _tell_members(uow: UnitOfWork, workspace: Workspace, done: Kept) -> None:
    wanted = (Member.workspace_id == workspace.id, Member.status == MemberStatus.ACTIVE)
    ending = (col(Member.expires_at) > uow.now, col(Member.expires_at) <= uow.now + EXPIRING)
    for member in uow.every(Member, *wanted, *ending):
        if member.expires_at is None:
            continue
        mark = mark_of(member.expires_at.date(), uow.now.date(), member.since.date())
        if mark is None or _told(uow, NoticeKind.MEMBERSHIP_ENDS, member.id, mark):
            continue
        people = [member.person_id, *leaders(uow, workspace.id, member.party_id)]
        tell(uow, people, NoticeKind.MEMBERSHIP_ENDS, member, mark=mark, ends_at=member.expires_at)
        whom = tuple(str(one) for one in people)
        uow.record("member:ending", member, recipients=whom, person=member.person_id, mark=mark)
        done.notices += len(set(people))


def _told(uow: UnitOfWork, kind: NoticeKind, subject_id: UUID, mark: str) -> bool:
    return uow.find(Notice, kind=kind, subject_id=subject_id, mark=mark) is not None


def mark_of(ends: date, today: date, since: date) -> str | None:
    """Which notice is due: the last threshold crossed, named with the end so that an extension is told of anew.

    A threshold that lay before the beginning is no news to anybody.
    """
    left, whole = (ends - today).days, (ends - since).days
    due = [days for days in MARKS if 0 <= left <= days < whole]
    return f"{ends:%Y-%m-%d}/{min(due)}" if due else None
