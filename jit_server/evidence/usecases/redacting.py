"""Redacted copies of PDF and images: one orders it, a job makes it, and it comes in as every derived exhibit does.

The parent's bytes are only read. What the copy hides was painted over before its pixels were encoded, by a process of
its own; where that cannot be done, the order ends in a refusal that says why.
"""

import hashlib
from contextlib import closing
from pathlib import PurePath
from typing import Final
from uuid import UUID, uuid4

from sqlmodel import col

from jit_server import __version__, identity
from jit_server.access import SYSTEM, Action
from jit_server.core.errors import Altered, JitError, KeyGone, NotSignedIn, TooLarge, VaultDown
from jit_server.core.jobs import Stopping
from jit_server.evidence import names
from jit_server.evidence.keys import vault_of
from jit_server.evidence.malware.verdicts import guard
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.redaction.asking import LARGEST, Copy, redacted
from jit_server.evidence.redaction.models import Redaction, RedactionTry
from jit_server.evidence.redaction.shapes import Area, NewRedaction, RedactionOut, Refusal, Stage
from jit_server.evidence.shapes import Derived, NewDerivation, NewUpload
from jit_server.evidence.usecases import deriving
from jit_server.evidence.usecases.content import checked
from jit_server.evidence.usecases.uploads import Begin, declare, receive
from jit_server.evidence.usecases.uses import used
from jit_server.work import House, UnitOfWork
from jit_server.workspaces import Workspace

TASK: Final = "evidence:redact"
TOOL: Final = "jit-server redaction (PDFium, Pillow)"
ENDINGS: Final = {"application/pdf": ".pdf", "image/png": ".png"}
TAKEN: Final = (".pdf", ".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff", ".webp", ".bmp")
MOST: Final = 50


def order(uow: UnitOfWork, item_id: UUID, new: NewRedaction) -> RedactionOut:
    """Ask for a redacted copy; a job makes it.

    Raises:
        NotPermitted: the actor may not take the exhibit's bytes, or may not add evidence.
        PurposeRequired: it is restricted, and nobody said what for.
        StepUp: malware was found in it, and the sign-in is not a recent one.
        Invalid: it cannot be cited yet, or is erased.
        TooLarge: larger than what is redacted here.
    """
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_DOWNLOAD)
    standing = uow.standing(item.workspace_id)
    if standing is None or uow.actor.person_id is None:
        raise NotSignedIn
    uow.get(Workspace, item.workspace_id, to=Action.EVIDENCE_REGISTER)
    guard(uow, item.id)
    said = used(uow, item, Action.EVIDENCE_DOWNLOAD)
    deriving.parent_of(uow, standing, _derivation(item.id))
    if item.size > LARGEST:
        raise TooLarge(f"It has {item.size} bytes; {LARGEST} are redacted here.", max_bytes=LARGEST)
    row = uow.add(
        Redaction(
            workspace_id=item.workspace_id,
            item_id=item.id,
            title=new.title,
            areas=[one.model_dump(mode="json") for one in new.areas],
            ordered_by=uow.actor.person_id,
            ordered_at=uow.now,
        )
    )
    uow.session.flush()
    uow.record("evidence:redaction_ordered", item, redaction=row.id, areas=len(new.areas), **said)
    uow.later(TASK, workspace_id=item.workspace_id, redaction_id=row.id)
    return _out(row, [], {})


def _derivation(parent: UUID) -> NewDerivation:
    return NewDerivation(parent=parent, kind=Derived.REDACTED_COPY, tool=TOOL, version=__version__)


def can(item: EvidenceItem) -> bool:
    """Whether an exhibit looks like one that is redacted here; its bytes decide."""
    of_type = item.media_type == "application/pdf" or item.media_type.startswith("image/")
    return item.size <= LARGEST and (of_type or item.file_name.lower().endswith(TAKEN))


def run(house: House, _stopping: Stopping, workspace_id: UUID, redaction_id: UUID) -> None:
    """Make the copy that was ordered, as whoever ordered it (a job; done twice, there is one copy).

    Raises:
        VaultDown: the bytes cannot be read or kept now; the job is tried again.
    """
    with house.work(SYSTEM) as uow:
        row = uow.find(Redaction, id=redaction_id, workspace_id=workspace_id)
        item = uow.find(EvidenceItem, id=row.item_id) if row else None
        actor = identity.acting(uow, row.ordered_by) if row else None
        if row is None or item is None or _settled(uow, row):
            return
    copy = _copy(house, row, item)
    if copy.refused is not None or actor is None:
        _refuse(house, row, copy.refused or Refusal.NOT_ALLOWED)
        return

    def begin() -> UnitOfWork:
        return house.work(actor)

    try:
        receive(begin, _declared(begin, row, item, copy), [copy.data])
    except VaultDown:
        raise
    except JitError:
        _refuse(house, row, Refusal.NOT_ALLOWED)


def _settled(uow: UnitOfWork, row: Redaction) -> bool:
    tries = uow.every(RedactionTry, col(RedactionTry.redaction_id) == row.id)
    uploads = [one.upload_id for one in tries if one.upload_id]
    made = uow.every(EvidenceItem, col(EvidenceItem.id).in_(uploads)) if uploads else ()
    return bool(made) or any(one.refused for one in tries)


def _copy(house: House, row: Redaction, item: EvidenceItem) -> Copy:
    def begin() -> UnitOfWork:
        return house.work(SYSTEM)

    try:
        with begin() as uow:
            vault = vault_of(uow, item)
        with closing(checked(begin, vault, item)) as blocks:
            data = b"".join(blocks)
    except (Altered, KeyGone):
        return Copy(refused=Refusal.FAILED)
    return redacted(data, [Area.model_validate(one) for one in row.areas])


def _refuse(house: House, row: Redaction, why: Refusal) -> None:
    with house.work(SYSTEM) as uow:
        uow.add(RedactionTry(workspace_id=row.workspace_id, redaction_id=row.id, refused=str(why), tried_at=uow.now))
        item = uow.find(EvidenceItem, id=row.item_id)
        uow.record("evidence:redaction_refused", item, result="error", redaction=row.id, reason=str(why))


def _declared(begin: Begin, row: Redaction, item: EvidenceItem, copy: Copy) -> UUID:
    """The upload that the copy goes through, known as this order's before a byte of it is stored."""
    name = PurePath(names.shown(item.file_name)).stem[:150]
    new = NewUpload(
        title=row.title,
        **{name: getattr(item, name) for name in ("legal_basis", "method", "collector", "place", "zone")},
        collected_at=item.collected_at,
        file_name=f"{name}-redacted{ENDINGS[copy.media_type]}",
        media_type=copy.media_type,
        size=len(copy.data),
        declared_sha256=hashlib.sha256(copy.data).hexdigest(),
        client_id=uuid4().hex,
        derived_from=_derivation(item.id),
    )
    with begin() as uow:
        upload = declare(uow, row.workspace_id, new)
        uow.session.flush()
        uow.add(RedactionTry(workspace_id=row.workspace_id, redaction_id=row.id, upload_id=upload.id, tried_at=uow.now))
        return upload.id


def read_mine(uow: UnitOfWork, item_id: UUID) -> list[RedactionOut]:
    """The redacted copies of an exhibit that the actor ordered, newest first; the look is on the record."""
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_READ)
    uow.record("evidence:read", item, **used(uow, item, Action.EVIDENCE_READ))
    return mine(uow, item)


def mine(uow: UnitOfWork, item: EvidenceItem) -> list[RedactionOut]:
    """The same of an exhibit that the actor reads."""
    wanted = uow.select(Redaction, to=Action.WORKSPACE_READ, within=item.workspace_id)
    wanted = wanted.where(col(Redaction.item_id) == item.id, col(Redaction.ordered_by) == uow.actor.person_id)
    rows = uow.all(wanted.order_by(col(Redaction.ordered_at).desc()).limit(MOST))
    ids = [row.id for row in rows]
    tries = uow.every(RedactionTry, col(RedactionTry.redaction_id).in_(ids)) if ids else ()
    uploads = [one.upload_id for one in tries if one.upload_id]
    made = {one.id: one for one in uow.every(EvidenceItem, col(EvidenceItem.id).in_(uploads))} if uploads else {}
    return [_out(row, [one for one in tries if one.redaction_id == row.id], made) for row in rows]


def _out(row: Redaction, tries: list[RedactionTry], made: dict[UUID, EvidenceItem]) -> RedactionOut:
    copy = next((made[one.upload_id] for one in tries if one.upload_id in made), None)
    refused = next((Refusal(one.refused) for one in tries if one.refused), None)
    ended = Stage.REFUSED if refused else Stage.WAITING
    return RedactionOut(
        id=row.id,
        title=row.title,
        areas=[Area.model_validate(one) for one in row.areas],
        ordered_at=row.ordered_at,
        stage=Stage.DONE if copy else ended,
        refused=None if copy else refused,
        exhibit_id=copy.id if copy else None,
        number=copy.number if copy else None,
    )
