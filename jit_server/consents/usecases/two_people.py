"""What one person proposes and a second one approves; one alone changes nothing."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col

from jit_server import access
from jit_server.access import Action, Decision, Refusal
from jit_server.consents import closing
from jit_server.consents.acts import act_of, digest_of
from jit_server.consents.lifecycle import APPROVAL, ApprovalState, step
from jit_server.consents.models import Approval, Because, Closing, Deciding
from jit_server.consents.usecases.things import hold
from jit_server.core.errors import Conflict, Invalid, NotFound, Outdated
from jit_server.identity.models import Person
from jit_server.work import UnitOfWork
from jit_server.workspaces.models import Workspace
from jit_server.workspaces.usecases.reading import standing_of

OPEN_FOR = timedelta(days=7)


def propose_closing(uow: UnitOfWork, workspace_id: UUID, wanted: Closing) -> Approval:
    """Propose the phase that closes something for good."""
    workspace = uow.get(Workspace, workspace_id, to=Action.WORKSPACE_CHANGE_PHASE)
    payload = {"before": str(workspace.phase), "after": str(wanted.phase)}
    return propose(uow, workspace_id, closing.KIND, workspace.id, payload, wanted.reason)


def propose(
    uow: UnitOfWork, workspace_id: UUID, kind: str, subject_id: UUID, payload: dict[str, Any], reason: str
) -> Approval:
    """Lay an act before a second person. Nothing happens until that person approves; after a week it lapses.

    Raises:
        Conflict: it cannot be done as things stand, or the same act waits already.
    """
    act = act_of(kind)
    subject = act.find(uow, workspace_id, subject_id)
    uow.require(act.propose, subject)
    uow.require_fresh_sign_in()
    act.stands(uow, subject, payload)
    _let_lapse(uow, workspace_id, kind, subject_id)
    standing = standing_of(uow, workspace_id)
    approval = Approval(
        workspace_id=workspace_id,
        kind=kind,
        subject_kind=subject.__tablename__,
        subject_id=subject_id,
        payload=payload,
        digest="",
        proposed_by=standing.person_id,
        proposed_party=standing.party_id,
        reason=reason,
        proposed_at=uow.now,
        expires_at=uow.now + OPEN_FOR,
    )
    approval.digest = digest_of(approval)
    uow.add(approval)
    why = {"code": kind, "text": reason}
    uow.record("approval:proposed", subject, why=why, approval=approval.id, kind=kind, digest=approval.digest)
    return approval


def _let_lapse(uow: UnitOfWork, workspace_id: UUID, kind: str, subject_id: UUID) -> None:
    waiting = uow.find(
        Approval, workspace_id=workspace_id, kind=kind, subject_id=subject_id, state=ApprovalState.WAITING
    )
    if waiting is None:
        return
    if waiting.expires_at > uow.now:
        raise Conflict("The same act has been proposed already and waits for a second person.")
    waiting.state = step(APPROVAL, waiting.state, ApprovalState.LAPSED)
    uow.session.flush()


def decide(uow: UnitOfWork, approval_id: UUID, said: Deciding, *, within: UUID | None = None) -> Approval:
    """The second person's yes, which does it, or no.

    Raises:
        NotPermitted: the same person proposed it, also under another account.
        Outdated: another act than the one that was read, or the world has moved on.
        Conflict: it was answered, withdrawn or has lapsed.
    """
    approval, subject = _held(uow, approval_id, within)
    if _same_person(uow, approval.proposed_by):
        reason = "You proposed this yourself: what takes two people takes another one."
        standing = standing_of(uow, approval.workspace_id)
        clause = uow.decide(Action.APPROVAL_GIVE, approval, standing).clause
        raise Refusal(Action.APPROVAL_GIVE, subject, standing, Decision(allowed=False, clause=clause, reason=reason))
    uow.require_fresh_sign_in()
    if said.digest != approval.digest or digest_of(approval) != approval.digest:
        raise Outdated("This is not the act that was proposed: read it again.", current=approval.digest)
    to = ApprovalState.APPROVED if said.approve else ApprovalState.REJECTED
    approval.state = step(APPROVAL, approval.state, to)
    approval.decided_by, approval.decided_at, approval.decision = uow.actor.person_id, uow.now, said.reason
    facts: dict[str, Any] = {"approval": approval.id, "kind": approval.kind, "digest": approval.digest}
    facts["proposed_by"] = approval.proposed_by
    why = {"code": approval.kind, "text": said.reason or approval.reason}
    if said.approve:
        act = act_of(approval.kind)
        act.stands(uow, subject, approval.payload)
        uow.record("approval:given", subject, why=why, **facts)
        act.perform(uow, subject, approval.payload, approval.reason)
    elif said.reason is None:
        raise Invalid.field("reason", "a no needs its reason", "Say why.")
    else:
        uow.record("approval:rejected", subject, why=why, **facts)
    return approval


def take_back(uow: UnitOfWork, approval_id: UUID, because: Because, *, within: UUID | None = None) -> Approval:
    """Whoever proposed an act takes it back."""
    approval, subject = _held(uow, approval_id, within)
    if approval.proposed_by != uow.actor.person_id:
        raise NotFound
    approval.state = step(APPROVAL, approval.state, ApprovalState.WITHDRAWN)
    approval.decided_by, approval.decided_at, approval.decision = approval.proposed_by, uow.now, because.reason
    why = {"code": "withdrawn", "text": because.reason}
    uow.record("approval:rejected", subject, why=why, approval=approval.id, kind=approval.kind)
    return approval


def _held(uow: UnitOfWork, approval_id: UUID, within: UUID | None) -> tuple[Approval, Any]:
    found = approval(uow, approval_id, within)
    hold(uow, found)
    if found.state is ApprovalState.WAITING and found.expires_at <= uow.now:
        raise Conflict("It has lapsed: propose it anew.", state=str(ApprovalState.LAPSED))
    return found, act_of(found.kind).find(uow, found.workspace_id, found.subject_id)


def _same_person(uow: UnitOfWork, proposed_by: UUID) -> bool:
    """Whether the actor is whoever proposed it: by id, by the agency's own subject, or by name.

    People of one name count as one person; a namesake asks a third. The other way round one human with two accounts
    would count as two.
    """
    me, them = uow.find(Person, id=uow.actor.person_id), uow.find(Person, id=proposed_by)
    if me is None or them is None or me.id == them.id:
        return True
    same_subject = me.agency_id == them.agency_id and me.sub == them.sub
    return same_subject or me.name.casefold().split() == them.name.casefold().split()


def _may_know(uow: UnitOfWork, approval: Approval) -> bool:
    """Whether the actor may know of what the act is about; a workspace is known to its members."""
    table = access.table_of(approval.subject_kind)
    if table is None:
        return True
    row = uow.find(table, id=approval.subject_id)
    return row is not None and uow.permits(table.__known_by__, row)


def approvals(uow: UnitOfWork, workspace_id: UUID, *, note: bool = False) -> list[Approval]:
    """The acts that wait for a second person, then those of the past; only what the actor may know of."""
    workspace = uow.get(Workspace, workspace_id, to=Action.APPROVAL_GIVE)
    if note:
        uow.record("approval:listed", workspace)
    found = uow.every(Approval, col(Approval.workspace_id) == workspace_id)
    known = [one for one in found if _may_know(uow, one)]
    return sorted(known, key=lambda one: (not waits(one, uow), -one.proposed_at.timestamp()))


def approval(uow: UnitOfWork, approval_id: UUID, within: UUID | None = None, *, note: bool = False) -> Approval:
    """One act, for whoever may be its second person and may know of what it is about."""
    found = uow.get(Approval, approval_id, to=Action.APPROVAL_GIVE, within=within)
    if not _may_know(uow, found):
        raise NotFound
    if note:
        uow.record("approval:read", found)
    return found


def waits(approval: Approval, uow: UnitOfWork) -> bool:
    """Whether it can still be approved."""
    return approval.state is ApprovalState.WAITING and approval.expires_at > uow.now


def may_decide(uow: UnitOfWork, approval: Approval) -> bool:
    """Whether it waits for a second person and the actor is another than the first; the right is asked beside."""
    return waits(approval, uow) and approval.proposed_by != uow.actor.person_id
