"""JSON door of the viewer: sound and film for the player on the page."""

from uuid import UUID

from flask.typing import ResponseReturnValue

from jit_server import evidence
from jit_server.access import Action
from jit_server.core.errors import Conflict
from jit_server.evidence.viewing.kinds import played_as
from jit_server.evidence.wire import content_of, routes
from jit_server.web import purpose


@routes.reads("/evidence/<uuid:item_id>/media", to=Action.EVIDENCE_DOWNLOAD, answers={200: "video/mp4"})
def play_content(item_id: UUID) -> ResponseReturnValue:
    """Play sound or film, whole or by `Range`, of a few kinds that are told by content; each part is on the record."""
    with purpose.work(item_id) as uow:
        kind = played_as(evidence.nature_of(uow, item_id))
    if kind is None:
        raise Conflict("Its content is neither sound nor film of a kind that is played here. Download it.")
    response = content_of(item_id)
    response.mimetype = kind
    response.headers["Content-Disposition"] = "inline"
    return response
