"""JSON doors of the room: asks, emergencies, acts of two people, entry, and one's notices."""

from uuid import UUID

from flask.typing import ResponseReturnValue

from jit_server import consents
from jit_server.access import Action
from jit_server.web.api import Routes, answer, created, page
from jit_server.web.context import work
from jit_server.web.declared import own
from jit_server.work import UnitOfWork
from jit_server.workspaces.attestations import Entry
from jit_server.workspaces.usecases import entering

routes = Routes("consents")
HERE = "/workspaces/<uuid:workspace_id>"
MINE = own("only what the person asked, or what is asked of their party")


@routes.reads(f"{HERE}/asks", to=MINE, answers={200: [consents.AskOut]})
def list_asks(workspace_id: UUID) -> ResponseReturnValue:
    """List the asks one made or may answer."""
    with work() as uow:
        return page(consents.asks_out(uow, consents.asks(uow, workspace_id, note=True)), None)


@routes.posts(f"{HERE}/asks", to=Action.ACCESS_ASK, body=consents.NewAsk, answers={201: consents.AskOut})
def ask(workspace_id: UUID, body: consents.NewAsk) -> ResponseReturnValue:
    """Ask the originator for what a marking keeps from one."""
    with work() as uow:
        made = consents.ask(uow, workspace_id, body)
        return created(_ask(uow, made), location=f"/api/v1/workspaces/{workspace_id}/asks/{made.id}")


@routes.reads(f"{HERE}/asks/<uuid:ask_id>", to=MINE, answers={200: consents.AskOut})
def read_ask(workspace_id: UUID, ask_id: UUID) -> ResponseReturnValue:
    """Follow one ask."""
    with work() as uow:
        return answer(_ask(uow, consents.visible(uow, ask_id, workspace_id, note=True)))


def _ask(uow: UnitOfWork, consent: consents.Consent) -> consents.AskOut:
    uow.session.flush()
    return consents.asks_out(uow, [consent])[0]


@routes.posts(
    f"{HERE}/asks/<uuid:ask_id>/grant",
    to=Action.ACCESS_DECIDE,
    body=consents.Granting,
    answers={200: consents.AskOut},
)
def grant(workspace_id: UUID, ask_id: UUID, body: consents.Granting) -> ResponseReturnValue:
    """Agree, with a scope, an end and the clause it stands on; needs a recent sign-in."""
    with work() as uow:
        return answer(_ask(uow, consents.grant(uow, ask_id, body, within=workspace_id)))


@routes.posts(
    f"{HERE}/asks/<uuid:ask_id>/refuse", to=Action.ACCESS_DECIDE, body=consents.Because, answers={200: consents.AskOut}
)
def refuse(workspace_id: UUID, ask_id: UUID, body: consents.Because) -> ResponseReturnValue:
    """Say no, with the reason; needs a recent sign-in."""
    with work() as uow:
        return answer(_ask(uow, consents.refuse(uow, ask_id, body, within=workspace_id)))


@routes.posts(
    f"{HERE}/asks/<uuid:ask_id>/revoke", to=Action.ACCESS_DECIDE, body=consents.Because, answers={200: consents.AskOut}
)
def revoke(workspace_id: UUID, ask_id: UUID, body: consents.Because) -> ResponseReturnValue:
    """End a consent at once."""
    with work() as uow:
        return answer(_ask(uow, consents.revoke(uow, ask_id, body, within=workspace_id)))


@routes.posts(f"{HERE}/asks/<uuid:ask_id>/withdraw", to=MINE, answers={200: consents.AskOut})
def withdraw(workspace_id: UUID, ask_id: UUID) -> ResponseReturnValue:
    """Take one's own ask back."""
    with work() as uow:
        return answer(_ask(uow, consents.withdraw(uow, ask_id, within=workspace_id)))


@routes.posts(
    f"{HERE}/emergencies",
    to=Action.ACCESS_BREAK_GLASS,
    body=consents.NewEmergency,
    answers={201: consents.EmergencyOut},
)
def break_glass(workspace_id: UUID, body: consents.NewEmergency) -> ResponseReturnValue:
    """Open a restricted thing in an emergency; its originator is told at once. Needs a recent sign-in."""
    with work() as uow:
        made = consents.break_glass(uow, workspace_id, body)
        where = f"/api/v1/workspaces/{workspace_id}/emergencies/{made.id}"
        return created(_emergency(uow, made), location=where)


@routes.reads(f"{HERE}/emergencies/<uuid:emergency_id>", to=MINE, answers={200: consents.EmergencyOut})
def read_emergency(workspace_id: UUID, emergency_id: UUID) -> ResponseReturnValue:
    """Read one emergency."""
    with work() as uow:
        return answer(_emergency(uow, consents.emergency(uow, emergency_id, workspace_id, note=True)))


@routes.posts(
    f"{HERE}/emergencies/<uuid:emergency_id>/review",
    to=Action.ACCESS_DECIDE,
    body=consents.Reviewing,
    answers={200: consents.EmergencyOut},
)
def review(workspace_id: UUID, emergency_id: UUID, body: consents.Reviewing) -> ResponseReturnValue:
    """Confirm that it was an emergency, or object."""
    with work() as uow:
        return answer(_emergency(uow, consents.review(uow, emergency_id, body, within=workspace_id)))


def _emergency(uow: UnitOfWork, opened: consents.BreakGlass) -> consents.EmergencyOut:
    uow.session.flush()
    return consents.emergencies_out(uow, [opened])[0]


@routes.reads(f"{HERE}/approvals", to=Action.APPROVAL_GIVE, answers={200: [consents.ApprovalOut]})
def list_approvals(workspace_id: UUID) -> ResponseReturnValue:
    """List the acts that take two people."""
    with work() as uow:
        return page(consents.approvals_out(uow, consents.approvals(uow, workspace_id, note=True)), None)


@routes.posts(
    f"{HERE}/approvals",
    to=Action.WORKSPACE_CHANGE_PHASE,
    body=consents.Closing,
    answers={201: consents.ApprovalOut},
)
def propose_closing(workspace_id: UUID, body: consents.Closing) -> ResponseReturnValue:
    """Propose a phase that closes something for good; needs a recent sign-in."""
    with work() as uow:
        made = consents.propose_closing(uow, workspace_id, body)
        where = f"/api/v1/workspaces/{workspace_id}/approvals/{made.id}"
        return created(_approval(uow, made), location=where)


@routes.posts(
    f"{HERE}/approvals/<uuid:approval_id>/decide",
    to=Action.APPROVAL_GIVE,
    body=consents.Deciding,
    answers={200: consents.ApprovalOut},
)
def decide(workspace_id: UUID, approval_id: UUID, body: consents.Deciding) -> ResponseReturnValue:
    """Be the second person: approve, which does it, or reject; needs a recent sign-in."""
    with work() as uow:
        return answer(_approval(uow, consents.decide(uow, approval_id, body, within=workspace_id)))


@routes.posts(
    f"{HERE}/approvals/<uuid:approval_id>/withdraw",
    to=Action.APPROVAL_GIVE,
    body=consents.Because,
    answers={200: consents.ApprovalOut},
)
def take_back(workspace_id: UUID, approval_id: UUID, body: consents.Because) -> ResponseReturnValue:
    """Take back what one proposed."""
    with work() as uow:
        return answer(_approval(uow, consents.take_back(uow, approval_id, body, within=workspace_id)))


def _approval(uow: UnitOfWork, approval: consents.Approval) -> consents.ApprovalOut:
    uow.session.flush()
    return consents.approvals_out(uow, [approval])[0]


@routes.reads(f"{HERE}/entry", to=own("only for whoever is invited"), answers={200: entering.EntryOut})
def read_entry(workspace_id: UUID) -> ResponseReturnValue:
    """Read what is asked on the way in."""
    with work() as uow:
        return answer(entering.invitation(uow, workspace_id))


@routes.posts(f"{HERE}/entry", to=own("only for whoever is invited"), body=Entry, answers={200: None})
def enter(workspace_id: UUID, body: Entry) -> ResponseReturnValue:
    """Attest confidentiality and training, and belong to the team."""
    with work() as uow:
        member = entering.enter(uow, workspace_id, body)
        return answer({"id": member.id, "role": member.role, "status": member.status})


@routes.posts("/notices/<uuid:notice_id>/seen", to=own("one's own notices"), answers={200: None})
def see_notice(notice_id: UUID) -> ResponseReturnValue:
    """Say that one has seen a notice."""
    with work() as uow:
        seen = consents.acknowledge(uow, notice_id)
        return answer({"id": seen.id, "kind": seen.kind, "seen_at": seen.seen_at})
