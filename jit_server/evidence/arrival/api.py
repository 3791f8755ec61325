"""JSON doors of a package that arrived: have it opened, and see what came of it."""

from uuid import UUID

from flask.typing import ResponseReturnValue

from jit_server import evidence
from jit_server.access import Action
from jit_server.core.errors import NotFound
from jit_server.evidence.arrival.shapes import OpeningOut
from jit_server.evidence.wire import routes
from jit_server.web import purpose
from jit_server.web.api import answer


@routes.posts("/evidence/<uuid:item_id>/opening", to=Action.EVIDENCE_REGISTER, answers={202: OpeningOut})
def open_package(item_id: UUID) -> ResponseReturnValue:
    """Have a package from another server opened: the worker checks it and takes in what holds. Asked twice, once."""
    with purpose.work(item_id) as uow:
        item = evidence.open_package(uow, item_id)
        uow.session.flush()
        response = answer(evidence.opening_of(uow, item))
    response.status_code = 202
    return response


@routes.reads("/evidence/<uuid:item_id>/opening", to=Action.EVIDENCE_READ, answers={200: OpeningOut})
def read_opening(item_id: UUID) -> ResponseReturnValue:
    """See how far a package has come, and which exhibits came out of it."""
    with purpose.work(item_id) as uow:
        evidence.read(uow, item_id)
        found = evidence.opening_of(uow, uow.get(evidence.EvidenceItem, item_id, to=Action.EVIDENCE_READ))
        if found is None:
            raise NotFound
        return answer(found)
