"""Socket door of the room: an exhibit that was registered is announced to whoever may know that it exists."""

from uuid import UUID

from sqlalchemy import ARRAY, Connection, Uuid, any_, bindparam, select
from sqlmodel import col

from jit_server.access import Action, Gate, Handling
from jit_server.evidence.custody.models import EVENTS
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.outside import ReleaseRecipient
from jit_server.web import sockets
from jit_server.web.sockets import Shown, Whose

_ITEMS = select(
    col(EvidenceItem.id),
    col(EvidenceItem.state),
    col(EvidenceItem.serial),
    col(EvidenceItem.title),
    col(EvidenceItem.party_id),
    col(EvidenceItem.handling),
    col(EvidenceItem.compartment_id),
    col(EvidenceItem.gate),
).where(col(EvidenceItem.id) == any_(bindparam("ids", type_=ARRAY(Uuid))))


def load_items(connection: Connection, ids: list[UUID]) -> dict[UUID, Shown]:
    """Exhibits as a list shows them: number, title and marking."""
    found: dict[UUID, Shown] = {}
    for row in connection.execute(_ITEMS, {"ids": ids}):
        number = f"{row.state}-{row.serial:04}"
        payload = {"id": str(row.id), "number": number, "title": row.title, "handling": str(row.handling)}
        found[row.id] = Shown(Whose(row.party_id, Handling(row.handling), row.compartment_id, row.gate), payload)
    return found


sockets.presents(
    "evidence:registered", "evidence:inbound_verified", kind="evidence", to=Action.EVIDENCE_LIST, load=load_items
)
_VERIFIES = Action.EVIDENCE_VERIFY_INBOUND
sockets.concerns("evidence:registered", find=sockets.whoever_may(_VERIFIES, EvidenceItem))
sockets.concerns(
    "evidence:inbound_verified",
    "evidence:inbound_refused",
    find=sockets.whoever_may(_VERIFIES, EvidenceItem, gate=Gate.PENDING),
)
sockets.concerns(
    "evidence:released",
    "evidence:release_withdrawn",
    find=sockets.whoever_may(_VERIFIES, ReleaseRecipient, by="item_id", gate=Gate.PENDING),
)
sockets.concerns(*EVENTS.values(), find=sockets.whoever_may(Action.CUSTODY_RECORD, EvidenceItem))
