"""JSON doors of custody: both sides of a hand-over."""

from uuid import UUID

from flask.typing import ResponseReturnValue

from jit_server import evidence
from jit_server.access import Action
from jit_server.evidence.wire import anew, routes
from jit_server.web import purpose
from jit_server.web.api import answer, created, page
from jit_server.web.context import work


@routes.reads("/evidence/<uuid:item_id>/handovers", to=Action.CUSTODY_READ, answers={200: [evidence.HandOverOut]})
def list_hand_overs(item_id: UUID) -> ResponseReturnValue:
    """List the hand-overs of an exhibit, newest first, each with its answer."""
    with purpose.work(item_id) as uow:
        return page(evidence.read_hand_overs(uow, item_id), None)


@routes.posts(
    "/evidence/<uuid:item_id>/handovers",
    to=Action.CUSTODY_RECORD,
    body=evidence.NewHandOver,
    answers={201: evidence.HandOverOut},
)
def hand_over(item_id: UUID, body: evidence.NewHandOver) -> ResponseReturnValue:
    """Hand an exhibit over to a party or to one of its people; it stays here until they take it over."""
    with work() as uow:
        act = evidence.hand_over(uow, item_id, body)
        return created(evidence.hand_over_out(uow, item_id, act.id))


@routes.posts(
    "/evidence/<uuid:item_id>/handovers/<uuid:act_id>/answer",
    to=Action.CUSTODY_RECORD,
    body=evidence.Answer,
    answers={200: evidence.HandOverOut},
)
def answer_hand_over(item_id: UUID, act_id: UUID, body: evidence.Answer) -> ResponseReturnValue:
    """Take over what was handed over, refuse it, or take one's own hand-over back."""
    with work() as uow:
        evidence.answer(uow, item_id, act_id, body)
        return answer(evidence.hand_over_out(uow, item_id, act_id))


@routes.reads("/evidence/<uuid:item_id>/acts", to=Action.CUSTODY_READ, answers={200: [evidence.ActOut]})
def list_acts(item_id: UUID) -> ResponseReturnValue:
    """List what people did with an exhibit, oldest first: hand-overs, seals, notes, holds, rulings."""
    with purpose.work(item_id) as uow:
        return page(evidence.read_acts(uow, item_id), None)


@routes.posts(
    "/evidence/<uuid:item_id>/acts",
    to=Action.CUSTODY_RECORD,
    body=evidence.NewAct,
    answers={201: evidence.ActOut},
)
def add_act(item_id: UUID, body: evidence.NewAct) -> ResponseReturnValue:
    """Record something done with an exhibit; what cannot be undone needs a recent sign-in."""
    with work() as uow:
        return created(evidence.act_out(uow, evidence.do(uow, item_id, body.act)))


@routes.posts(
    "/workspaces/<uuid:workspace_id>/physical-exhibits",
    to=Action.EVIDENCE_REGISTER,
    body=evidence.NewPhysical,
    answers={201: evidence.ItemOut},
)
def register_physical(workspace_id: UUID, body: evidence.NewPhysical) -> ResponseReturnValue:
    """Take a physical exhibit in: the server writes its sheet, and keeps and numbers it like any exhibit."""
    item = evidence.register_physical(anew(), workspace_id, body)
    with work() as uow:
        return created(evidence.item_out(uow, item), location=f"/api/v1/evidence/{item.id}")


@routes.posts(
    "/workspaces/<uuid:workspace_id>/bases",
    to=Action.CUSTODY_DECIDE,
    body=evidence.NewBasis,
    answers={201: [evidence.ActOut]},
)
def record_basis(workspace_id: UUID, body: evidence.NewBasis) -> ResponseReturnValue:
    """Record one lawful basis on several exhibits of one's own party; without one, none goes before a court."""
    with work() as uow:
        acts = evidence.record_basis(uow, workspace_id, body)
        return created({"items": [evidence.act_out(uow, act) for act in acts]})
