"""JSON door of derivations: what an exhibit was made from, and what was made from it."""

from uuid import UUID

from flask.typing import ResponseReturnValue

from jit_server import evidence
from jit_server.access import Action
from jit_server.evidence.wire import routes
from jit_server.web import purpose
from jit_server.web.api import answer


@routes.reads("/evidence/<uuid:item_id>/derivations", to=Action.EVIDENCE_READ, answers={200: evidence.KinOut})
def read_derivations(item_id: UUID) -> ResponseReturnValue:
    """Read what an exhibit was made from and what was made from it, as far as one may know of these."""
    with purpose.work(item_id) as uow:
        return answer(evidence.read_kin(uow, item_id))
