"""A page of an exhibit as pixels, for whoever may take its bytes: its own program draws it; each look is recorded."""

from contextlib import closing
from threading import BoundedSemaphore
from typing import Final
from uuid import UUID

from jit_server.access import Action
from jit_server.core.errors import Conflict, NotFound, TooLarge, Unavailable
from jit_server.evidence.keys import vault_of
from jit_server.evidence.malware.verdicts import guard
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.redaction.asking import LARGEST, Copy, shown
from jit_server.evidence.redaction.shapes import Refusal
from jit_server.evidence.usecases.content import checked
from jit_server.evidence.usecases.uploads import Begin
from jit_server.evidence.usecases.uses import used
from jit_server.work import UnitOfWork

_AT_ONCE: Final = BoundedSemaphore(2)
_PATIENCE: Final = 20
"""Seconds that one waits for those who came first."""


def draw_page(begin: Begin, item_id: UUID, page: int) -> Copy:
    """A page as it is seen, and how many there are. It is on the record before it leaves.

    Raises:
        PurposeRequired: it is restricted, and nobody said what for.
        StepUp: malware was found in it, and the sign-in is not a recent one.
        TooLarge: larger than what is drawn here.
        Conflict: it cannot be drawn; `reason` says why.
        NotFound: no such exhibit or page.
        Unavailable: too many are drawn at this moment.
        and what reading its bytes raises.
    """
    with begin() as uow:
        item = _item(uow, item_id)
        used(uow, item, Action.EVIDENCE_DOWNLOAD)
        vault = vault_of(uow, item)
    if not _AT_ONCE.acquire(timeout=_PATIENCE):
        raise Unavailable("Many pages are drawn at this moment: try again.")
    try:
        with closing(checked(begin, vault, item)) as blocks:
            found = shown(b"".join(blocks), page)
    finally:
        _AT_ONCE.release()
    if found.refused is Refusal.NO_SUCH_PAGE:
        raise NotFound
    if found.refused is not None:
        raise Conflict("This exhibit cannot be drawn.", reason=str(found.refused))
    with begin() as uow:
        item = _item(uow, item_id)
        said = used(uow, item, Action.EVIDENCE_DOWNLOAD)
        uow.record("evidence:streamed", item, sha256=item.sha256, size=item.size, page=page, **said)
    return found


def _item(uow: UnitOfWork, item_id: UUID) -> EvidenceItem:
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_DOWNLOAD)
    guard(uow, item.id)
    if item.size > LARGEST:
        raise TooLarge(f"It has {item.size} bytes; {LARGEST} are drawn here.", max_bytes=LARGEST)
    return item
