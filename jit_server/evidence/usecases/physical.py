"""A physical exhibit: the object lies in a store of evidence, its sheet here, numbered and marked as any exhibit.

The server writes the sheet from what was stated, and takes it in like every file. So number, marking, compartment,
quarantine, chain of custody, proofs and packages are those of all exhibits (ADR 32); where the object is, and in what
condition, follows from the acts on it.
"""

from uuid import UUID, uuid4

from pydantic import ValidationError

from jit_server.access import Action
from jit_server.audit.entry import canonical
from jit_server.core import shapes
from jit_server.core.errors import Invalid
from jit_server.evidence.custody.did import NewPhysical
from jit_server.evidence.custody.models import CustodyAct
from jit_server.evidence.custody.shapes import Verb
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.shapes import NewUpload
from jit_server.evidence.usecases.acting import put
from jit_server.evidence.usecases.uploads import Begin, declare, receive
from jit_server.work import UnitOfWork

SHEET = "application/vnd.jit.physical-exhibit+json"
DESCRIBED = ("description", "identifiers", "quantity", "seals")


def register_physical(begin: Begin, workspace_id: UUID, new: NewPhysical) -> EvidenceItem:
    """Take a physical exhibit in: its sheet becomes the exhibit's bytes, its description the first act.

    Raises:
        Invalid: what is declared does not fit; nothing is kept.
        and what `declare` and `receive` raise.
    """
    sheet = canonical({"sheet": "physical exhibit", "title": new.title} | _described(new))
    file = {"file_name": "sheet.json", "media_type": SHEET, "size": len(sheet), "client_id": uuid4().hex}
    try:
        declared = NewUpload.model_validate(new.model_dump(exclude={*DESCRIBED, "kept"}, exclude_none=True) | file)
    except ValidationError as error:
        raise Invalid("What is declared does not fit.", errors=shapes.faults(error)) from error
    with begin() as uow:
        upload_id = declare(uow, workspace_id, declared).id
    item = receive(begin, upload_id, [sheet])
    with begin() as uow:
        _describe(uow, item, new)
    return item


def _described(new: NewPhysical) -> dict[str, object]:
    """What it is and where it is kept; the place of an act is where the object is."""
    return new.model_dump(mode="json", include={*DESCRIBED}, exclude_none=True) | {"place": new.kept}


def _describe(uow: UnitOfWork, item: EvidenceItem, new: NewPhysical) -> CustodyAct:
    """What the object is, as the first act on its chain of custody."""
    mine = uow.get(EvidenceItem, item.id, to=Action.EVIDENCE_REGISTER)
    return put(uow, mine, Verb.DESCRIBE, _described(new))
