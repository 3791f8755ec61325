"""JSON doors of redaction: order a redacted copy, and see what came of it."""

from uuid import UUID

from flask import Response
from flask.typing import ResponseReturnValue

from jit_server import evidence
from jit_server.access import Action
from jit_server.evidence.wire import anew, routes
from jit_server.web import purpose
from jit_server.web.api import created, page


@routes.posts(
    "/evidence/<uuid:item_id>/redactions",
    to=Action.EVIDENCE_DOWNLOAD,
    body=evidence.NewRedaction,
    answers={201: evidence.RedactionOut},
)
def order_redaction(item_id: UUID, body: evidence.NewRedaction) -> ResponseReturnValue:
    """Order a redacted copy of a PDF or an image. It is made within minutes; the exhibit itself stays as it is.

    Nothing of what lies under the areas is in the copy: it holds pixels only, painted over before they were encoded.
    """
    with purpose.work(item_id) as uow:
        return created(evidence.order_redaction(uow, item_id, body), location=f"/api/v1/evidence/{item_id}/redactions")


@routes.reads("/evidence/<uuid:item_id>/redactions", to=Action.EVIDENCE_READ, answers={200: [evidence.RedactionOut]})
def list_redactions(item_id: UUID) -> ResponseReturnValue:
    """List the redacted copies of an exhibit that one ordered, newest first, each with what came of it."""
    with purpose.work(item_id) as uow:
        return page(evidence.my_redactions(uow, item_id), None)


@routes.reads("/evidence/<uuid:item_id>/pages/<int:page>", to=Action.EVIDENCE_DOWNLOAD, answers={200: "image/png"})
def show_page(item_id: UUID, page: int) -> ResponseReturnValue:
    """See a page of a PDF, or an image, as pixels; `Jit-Pages` says how many there are. Each look is on the record."""
    drawn = evidence.draw_page(anew(item_id), item_id, page)
    response = Response(drawn.data, mimetype="image/png")
    response.headers["Jit-Pages"] = str(drawn.pages)
    return response
