"""The content of an exhibit for the screen: who may take its bytes may look at them, and each look is recorded."""

from contextlib import closing
from uuid import UUID

from jit_server.access import Action
from jit_server.core.errors import N_, Conflict, NotFound, TooLarge
from jit_server.evidence.malware.models import Verdict
from jit_server.evidence.malware.verdicts import checks_of, verdict_of
from jit_server.evidence.models import UNSEALED, EvidenceItem
from jit_server.evidence.nature.models import EvidenceNature
from jit_server.evidence.redaction.asking import LARGEST
from jit_server.evidence.usecases.content import stream
from jit_server.evidence.usecases.uploads import Begin
from jit_server.evidence.viewing.text import LONGEST, Encoding, Stretch, stretch
from jit_server.work import UnitOfWork


class Harmful(Conflict):
    """It holds malware, and is not shown; whoever must have it downloads it, after a new sign-in."""


def nature_of(uow: UnitOfWork, item_id: UUID) -> EvidenceNature | None:
    """What an exhibit's bytes are, of an exhibit that the actor may take; None until the server has looked.

    Raises:
        Harmful: malware was found in it.
    """
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_DOWNLOAD)
    if verdict_of(checks_of(uow, [item.id]).get(item.id)) is Verdict.INFECTED:
        raise Harmful(N_("Malware was found in it: it is not shown here."))
    return uow.find(EvidenceNature, item_id=item.id)


def read_text(begin: Begin, item_id: UUID, first: int, encoding: Encoding | None) -> Stretch:
    """A stretch of an exhibit as text. It is on the record, with its place, before it leaves.

    Raises:
        NotFound: no such exhibit, or it ends before there.
        TooLarge: it was taken in before exhibits were encrypted, and is too large to be proved for one stretch.
        and what reading its bytes raises.
    """

    def wanted(item: EvidenceItem) -> range:
        if first >= item.size:
            raise NotFound
        return range(first, min(first + LONGEST, item.size))

    with begin() as uow:
        item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_DOWNLOAD)
        part = wanted(item)
        if item.seal == UNSEALED and item.size > LARGEST:
            raise TooLarge(f"It has {item.size} bytes; {LARGEST} are shown here.", max_bytes=LARGEST)
    item, given, blocks = stream(begin, item_id, wanted)
    with closing(blocks):
        data = b"".join(blocks)
    if given is None:
        data = data[part.start : part.stop]
    return stretch(data, first, item.size, encoding)
