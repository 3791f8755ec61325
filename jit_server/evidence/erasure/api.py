"""JSON doors to erasure: propose it, take its receipts."""

from uuid import UUID

from flask.typing import ResponseReturnValue

from jit_server import consents, evidence
from jit_server.access import Action
from jit_server.evidence.erasure.shapes import NewErasure
from jit_server.evidence.wire import routes
from jit_server.web.api import created, page
from jit_server.web.context import work


@routes.posts(
    "/evidence/<uuid:item_id>/erasure", to=Action.CUSTODY_DECIDE, body=NewErasure, answers={201: consents.ApprovalOut}
)
def propose_erasure(item_id: UUID, body: NewErasure) -> ResponseReturnValue:
    """Propose to erase an exhibit of one's own party. Needs a recent sign-in; a second person must approve it."""
    with work() as uow:
        proposed = evidence.propose_erasure(uow, item_id, body.reason)
        uow.session.flush()
        return created(consents.approvals_out(uow, [proposed])[0])


@routes.reads("/evidence/<uuid:item_id>/erasure", to=Action.EVIDENCE_LIST, answers={200: [evidence.ReceiptFile]})
def list_erasure_receipts(item_id: UUID) -> ResponseReturnValue:
    """Take the signed receipts of an exhibit's erasure, the first one first."""
    with work() as uow:
        return page(evidence.erasure_receipts(uow, item_id), None)
