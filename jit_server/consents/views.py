"""What the room's pages show, worked out from its use-cases; templates state the shapes at their top."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask_babel import gettext

from jit_server import consents
from jit_server.access import Action, Phase, Remedy, Rule, purposes, source_of
from jit_server.consents import closing
from jit_server.consents.lifecycle import ApprovalState, ConsentState
from jit_server.consents.models import Notice, NoticeKind
from jit_server.consents.usecases.describing import party_words
from jit_server.consents.usecases.emergencies import OPENS
from jit_server.consents.usecases.things import known, last_moment, verdict
from jit_server.consents.words import days_left, notice_words, purpose_words, reason_words
from jit_server.core.errors import NotFound
from jit_server.work import UnitOfWork
from jit_server.workspaces import lifecycle
from jit_server.workspaces.models import Workspace
from jit_server.workspaces.usecases import entering
from jit_server.workspaces.usecases.reading import standing_of
from jit_server.workspaces.views import action_words, banner, may

CAN_BE_ASKED = (Action.EVIDENCE_READ, Action.CUSTODY_READ, Action.EVIDENCE_DOWNLOAD, Action.EVIDENCE_EXPORT,
                Action.EVIDENCE_RELEASE)  # fmt: skip
"""In the order in which a form offers them."""


def frame(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """What each page of a workspace gets."""
    return {"workspace": banner(uow, workspace_id), "may": may(uow, standing_of(uow, workspace_id)), "here": None}


def list_asks(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """Asks to answer, one's own asks, emergencies."""
    found = consents.asks_out(uow, consents.asks(uow, workspace_id, note=True))
    waiting = [one for one in found if one.may_decide and one.state is ConsentState.ASKED]
    return frame(uow, workspace_id) | {
        "waiting": waiting,
        "mine": [one for one in found if one.mine],
        "answered": [one for one in found if one.may_decide and one.state is not ConsentState.ASKED],
        "emergencies": consents.emergencies_out(uow, consents.emergencies(uow, workspace_id)),
    }


def new_ask(uow: UnitOfWork, workspace_id: UUID, kind: str, subject_id: UUID) -> dict[str, Any]:
    """The form of an ask: what can be asked for, for which purposes."""
    thing = known(uow, workspace_id, kind, subject_id)
    return frame(uow, workspace_id) | {
        "subject": consents.subject_out(uow, kind, subject_id),
        "handling": str(thing.handling),
        "originator": party_words(uow, thing.party_id),
        "choices": _choices(uow, thing, CAN_BE_ASKED),
        "purposes": [(code, purpose_words(code)) for code in purposes.purposes()],
    }


def _choices(uow: UnitOfWork, thing: Any, among: Any) -> list[dict[str, Any]]:
    found = [action for action in among if verdict(uow, action, thing).remedy is Remedy.ASK_ORIGINATOR]
    return [{"action": str(action), "words": action_words(action)} for action in found]


def ask(uow: UnitOfWork, workspace_id: UUID, ask_id: UUID) -> dict[str, Any]:
    """One ask with its clock, and the forms that are open to the actor."""
    (shown,) = consents.asks_out(uow, [consents.visible(uow, ask_id, workspace_id, note=True)])
    _seen(uow, ask_id)
    rules = uow.policy(standing_of(uow, workspace_id)).rules
    until = min(uow.now + timedelta(days=shown.days), last_moment(uow, workspace_id))
    return frame(uow, workspace_id) | {
        "ask": shown,
        "purpose": purpose_words(shown.purpose),
        "asked_for": [{"action": str(one), "words": action_words(one)} for one in shown.actions],
        "granted": [action_words(one) for one in shown.granted_actions],
        "clauses": _clauses(rules),
        "until": until.date().isoformat(),
        "latest": last_moment(uow, workspace_id).date(),
        "days_left": days_left(shown.due_at, uow.now),
    }


def _clauses(rules: tuple[Rule, ...]) -> list[tuple[str, str]]:
    """What a consent can stand on: the agreement's own clauses, and the baseline's rule on originators."""
    decides = [one for one in rules if Action.ACCESS_DECIDE in one.actions and one.effect == "allow"]
    agreed = [one for one in rules if source_of(one.id) == "agreement"]
    return [(one.id, f"{one.id}: {one.reason[:90]}") for one in (*decides, *agreed)]


def new_emergency(uow: UnitOfWork, workspace_id: UUID, kind: str, subject_id: UUID) -> dict[str, Any]:
    """The form of break-glass."""
    thing = known(uow, workspace_id, kind, subject_id)
    uow.require(Action.ACCESS_BREAK_GLASS, thing)
    among = [action for action in CAN_BE_ASKED if action in OPENS]
    return frame(uow, workspace_id) | {
        "subject": consents.subject_out(uow, kind, subject_id),
        "handling": str(thing.handling),
        "originator": party_words(uow, thing.party_id),
        "choices": _choices(uow, thing, among),
        "reasons": [(str(one), reason_words(str(one))) for one in consents.Emergency],
    }


def emergency(uow: UnitOfWork, workspace_id: UUID, emergency_id: UUID) -> dict[str, Any]:
    """One emergency, and the originator's word on it."""
    (shown,) = consents.emergencies_out(uow, [consents.emergency(uow, emergency_id, workspace_id, note=True)])
    _seen(uow, emergency_id, NoticeKind.GLASS_REVIEWED)
    notice = uow.find(
        Notice, person_id=uow.actor.person_id, kind=NoticeKind.GLASS_BROKEN, subject_id=emergency_id, seen_at=None
    )
    return frame(uow, workspace_id) | {
        "emergency": shown,
        "opened": [action_words(one) for one in shown.actions],
        "reason": reason_words(str(shown.reason)),
        "notice": notice.id if notice is not None and notice.seen_at is None else None,
    }


def list_approvals(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """Acts that wait for a second person, and what one may propose."""
    found = consents.approvals_out(uow, consents.approvals(uow, workspace_id, note=True))
    workspace = uow.get(Workspace, workspace_id, to=Action.WORKSPACE_READ)
    closings = (
        lifecycle.closings(Phase(workspace.phase)) if uow.permits(Action.WORKSPACE_CHANGE_PHASE, workspace) else []
    )
    waits = any(one.kind == closing.KIND and one.state is ApprovalState.WAITING for one in found)
    return frame(uow, workspace_id) | {
        "waiting": [one for one in found if one.state is ApprovalState.WAITING],
        "past": [one for one in found if one.state is not ApprovalState.WAITING],
        "closings": [] if waits else [str(phase) for phase in closings],
    }


def approval(uow: UnitOfWork, workspace_id: UUID, approval_id: UUID) -> dict[str, Any]:
    """One act: what happens, to whom, whether it can be undone."""
    (shown,) = consents.approvals_out(uow, [consents.approval(uow, approval_id, workspace_id, note=True)])
    holds = Phase(shown.payload["after"]) if shown.kind == closing.KIND else None
    left = consents.remains(uow, workspace_id) if holds is Phase.CLOSED else {}
    return frame(uow, workspace_id) | {"approval": shown, "remains": sorted(left.items())}


def entry(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """What is asked on the way in."""
    found = entering.invitation(uow, workspace_id)
    return {"entry": found, "undertaking": gettext(found.undertaking), "today": uow.now.date().isoformat()}


def notice(uow: UnitOfWork, notice_id: UUID) -> dict[str, Any]:
    """One notice in words."""
    found = uow.find(Notice, id=notice_id, person_id=uow.actor.person_id)
    if found is None:
        raise NotFound
    workspace = uow.get(Workspace, found.workspace_id, to=Action.WORKSPACE_READ)
    return {"notice": found, "name": workspace.name, "says": notice_words(found, uow.now)}


def _seen(uow: UnitOfWork, subject_id: UUID, kind: NoticeKind = NoticeKind.ANSWERED) -> None:
    """Opening the page of an answer is seeing it."""
    found = uow.find(Notice, person_id=uow.actor.person_id, kind=kind, subject_id=subject_id, seen_at=None)
    if found is not None:
        consents.acknowledge(uow, found.id)
