"""JSON door: keep a message as evidence."""

from uuid import UUID

from flask.typing import ResponseReturnValue

from jit_server import evidence
from jit_server.access import Action
from jit_server.evidence.wire import anew, routes
from jit_server.web.api import created
from jit_server.web.context import work


@routes.posts(
    "/workspaces/<uuid:workspace_id>/messages/<uuid:message_id>/promote",
    to=Action.EVIDENCE_REGISTER,
    body=evidence.NewPromotion,
    answers={201: evidence.ItemOut},
)
def promote_message(workspace_id: UUID, message_id: UUID, body: evidence.NewPromotion) -> ResponseReturnValue:
    """Keep a message of one's own party as an exhibit: its record, with every version. Again, the same exhibit."""
    item = evidence.promote(anew(), workspace_id, message_id, body)
    with work() as uow:
        return created(evidence.item_out(uow, item), location=f"/api/v1/evidence/{item.id}")
