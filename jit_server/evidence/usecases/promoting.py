"""From a message to an exhibit: its canonical record takes the way of every upload, and says where it comes from."""

from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, literal, select, text
from sqlmodel import col

from jit_server.access import Action, Handling
from jit_server.core.errors import Conflict
from jit_server.evidence.lifecycle import State
from jit_server.evidence.models import EvidenceItem, Upload
from jit_server.evidence.promotion.models import Promotion
from jit_server.evidence.promotion.shapes import NewPromotion, PromotedOut
from jit_server.evidence.shapes import Method, NewUpload
from jit_server.evidence.usecases.room import SILENT
from jit_server.evidence.usecases.uploads import Begin, declare, receive
from jit_server.work import UnitOfWork
from jit_server.workspaces import subjects
from jit_server.workspaces.sources import KeptAs, Source, told

CONDITIONS = "As said of the message: only as its author allows."
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 6))")


def promote(begin: Begin, workspace_id: UUID, message_id: UUID, said: NewPromotion) -> EvidenceItem:
    """Keep a message as evidence; the same state of it again answers with the exhibit that is there.

    Raises:
        NotFound: no such message, or none that the actor may know of.
        NotPermitted: the actor may take in no evidence, or the message is another party's.
        Conflict: it was withdrawn, or somebody is keeping it at this moment.
    """
    with begin() as uow:
        uow.connection.execute(_ONE_AT_A_TIME, {"key": str(message_id)})
        source = told(uow, "message", workspace_id, message_id)
        there = _exhibit(uow, source)
        if there is not None:
            return there
        if source.withdrawn:
            raise Conflict("The message was withdrawn: what it said is not kept as evidence any more.")
        _nobody_else(uow, source)
        upload = declare(uow, workspace_id, _stated(source, said))
        if uow.find(Promotion, upload_id=upload.id) is None:
            _promoted(uow, upload, source)
    return receive(begin, upload.id, [source.record])


def promoted_from(uow: UnitOfWork, item: EvidenceItem) -> PromotedOut | None:
    """The message that an exhibit is the record of; None for whoever may not read the message."""
    found = uow.find(Promotion, upload_id=item.id)
    if found is None:
        return None
    return _named(uow, item.workspace_id, found)


def kept_as(uow: UnitOfWork, workspace_id: UUID, message_ids: Sequence[UUID]) -> dict[UUID, list[KeptAs]]:
    """The exhibits that are the records of these messages, the first one first; none that the actor may not read."""
    asked = literal(list(message_ids), ARRAY(Uuid))
    wanted = select(Promotion).where(col(Promotion.message_id) == any_(asked)).order_by(col(Promotion.version))
    promoted = uow.session.scalars(wanted).all()  # few are: most pages end here
    readable = uow.scopes(EvidenceItem, to=Action.EVIDENCE_READ, within=[workspace_id] if promoted else [])
    found: dict[UUID, list[KeptAs]] = defaultdict(list)
    if not readable:
        return found
    here = select(EvidenceItem).where(*readable.values(), col(EvidenceItem.id).in_([one.upload_id for one in promoted]))
    items = {item.id: item for item in uow.session.scalars(here)}
    for one in promoted:
        if one.upload_id in items:
            number = items[one.upload_id].number
            found[one.message_id].append(KeptAs(number=number, url=f"/w/{workspace_id}/evidence/{number}"))
    return found


def _named(uow: UnitOfWork, workspace_id: UUID, found: Promotion) -> PromotedOut | None:
    name, url = subjects.name_of(uow, "message", workspace_id, found.message_id)
    if not url:
        return None
    return PromotedOut(message_id=found.message_id, version=found.version, name=name, url=url)


def _exhibit(uow: UnitOfWork, source: Source) -> EvidenceItem | None:
    """The exhibit of this state of the message, or after a withdrawal of the last one before."""
    statement = (
        uow.select(EvidenceItem, to=Action.EVIDENCE_LIST, within=source.workspace_id)
        .join(Promotion, col(Promotion.upload_id) == col(EvidenceItem.id))
        .where(col(Promotion.message_id) == source.id)
        .order_by(col(Promotion.version).desc(), col(EvidenceItem.position))
        .limit(1)
    )
    if not source.withdrawn:
        statement = statement.where(col(Promotion.version) == source.version)
    return uow.first(statement)


def _nobody_else(uow: UnitOfWork, source: Source) -> None:
    """Whoever began a moment ago makes the exhibit; one whose transfer fell silent leaves it to the next."""
    under_way = (
        select(col(Upload.id))
        .join(Promotion, col(Promotion.upload_id) == col(Upload.id))
        .where(
            col(Promotion.message_id) == source.id,
            col(Promotion.version) == source.version,
            col(Upload.declared_by) != uow.actor.person_id,
            col(Upload.state).in_([State.DECLARED, State.UPLOADING]),
            col(Upload.beat_at) > uow.now - SILENT,
        )
    )
    if uow.connection.execute(under_way.limit(1)).first() is not None:
        raise Conflict("Somebody is keeping this message as evidence at this moment: look again in a minute.")


def _stated(source: Source, said: NewPromotion) -> NewUpload:
    words = sha256(f"{said.legal_basis}\n{said.title or ''}".encode()).hexdigest()[:12]
    return NewUpload(
        title=said.title or source.title,
        legal_basis=said.legal_basis,
        method=Method.OTHER,
        collector=source.supplied_by,
        place=source.place,
        collected_at=source.at,
        zone="UTC",
        handling=source.handling,
        conditions_text=CONDITIONS if source.handling == Handling.H3 else None,
        compartment_id=source.compartment_id,
        declared_sha256=sha256(source.record).hexdigest(),
        file_name=f"message-{source.position}.json",
        media_type="application/json",
        size=len(source.record),
        client_id=f"{source.id.hex}-{source.version}-{words}",
    )


def _promoted(uow: UnitOfWork, upload: Upload, source: Source) -> None:
    row = Promotion(workspace_id=source.workspace_id, upload_id=upload.id, message_id=source.id, version=source.version)
    uow.session.flush()  # the upload stands before what is said of it
    uow.add(row)
    uow.record(
        "evidence:promoted", upload, message=str(source.id), version=source.version, position=source.position,
        leaf_hash=source.leaf_hash, sha256=upload.declared_sha256,
    )  # fmt: skip
