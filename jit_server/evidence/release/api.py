"""JSON doors to hand-overs: what was released to one, the receipt, a longer window."""

from uuid import UUID

from flask.typing import ResponseReturnValue

from jit_server import evidence
from jit_server.access import Action
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.wire import routes
from jit_server.web.api import answer, created, page
from jit_server.web.context import work


@routes.reads("/evidence/<uuid:item_id>/released", to=Action.EVIDENCE_READ, answers={200: [evidence.MineOut]})
def list_released(item_id: UUID) -> ResponseReturnValue:
    """See the releases of an exhibit to oneself or one's own party."""
    with work() as uow:
        item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_READ)
        uow.record("evidence:read", item)
        return page(evidence.released_to_me(uow, item), None)


@routes.posts(
    "/evidence/<uuid:item_id>/releases/<uuid:recipient_id>/receipt",
    to=Action.EVIDENCE_READ,
    body=evidence.NewReceipt,
    answers={201: evidence.ReceiptFile},
)
def acknowledge(item_id: UUID, recipient_id: UUID, body: evidence.NewReceipt) -> ResponseReturnValue:
    """Acknowledge a completed download by the SHA-256 of one's own copy; the answer is the signed receipt."""
    with work() as uow:
        evidence.acknowledge(uow, item_id, recipient_id, body)
        uow.session.flush()
        return created(evidence.receipt_of(uow, item_id, recipient_id))


@routes.reads(
    "/evidence/<uuid:item_id>/releases/<uuid:recipient_id>/receipt",
    to=Action.EVIDENCE_READ,
    answers={200: evidence.ReceiptFile},
)
def read_receipt(item_id: UUID, recipient_id: UUID) -> ResponseReturnValue:
    """Take the signed receipt of a hand-over."""
    with work() as uow:
        return answer(evidence.receipt_of(uow, item_id, recipient_id))


@routes.posts(
    "/evidence/<uuid:item_id>/releases/<uuid:recipient_id>/window",
    to=Action.EVIDENCE_RELEASE,
    body=evidence.NewWindow,
    answers={201: None},
)
def extend(item_id: UUID, recipient_id: UUID, body: evidence.NewWindow) -> ResponseReturnValue:
    """Give a recipient more days to use its ticket, 45 in all. Needs a recent sign-in."""
    with work() as uow:
        return created({"id": evidence.extend(uow, item_id, recipient_id, body).id})
