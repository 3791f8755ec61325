"""An exhibit made from another one: who may, what it inherits, and how both chains of custody say so.

The parent stays what it is. What is made from it belongs to the parent's originator, whoever made it: else a copy
would be the way around every marking. It is marked at least as strictly as its parent is at the moment it comes into
being, and lies in the same compartment or in a narrower one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from jit_server.access import OUTSIDE, Action, Gate, Handling, Standing
from jit_server.core.errors import Invalid, NotFound, NotSignedIn
from jit_server.evidence import markings
from jit_server.evidence.custody.shapes import Verb
from jit_server.evidence.derivation.models import Derivation
from jit_server.evidence.erasure.models import Erasure
from jit_server.evidence.models import EvidenceItem, Upload
from jit_server.evidence.redaction.models import Redaction, RedactionTry
from jit_server.evidence.redaction.shapes import Area
from jit_server.evidence.shapes import KinOut, NewDerivation, NewUpload, RelatedOut
from jit_server.evidence.stored import StoredCheck
from jit_server.evidence.usecases.acting import known_among, put
from jit_server.evidence.usecases.uses import used
from jit_server.work import UnitOfWork
from jit_server.workspaces.aliases import shown
from jit_server.workspaces.compartments import CompartmentParty

MARKED = ("handling", "scheme", "code", "source_reliability", "information_accuracy", "conditions_text")
LONGEST_CONDITIONS = 2000
MOST = 200


@dataclass(frozen=True)
class Made:
    """What an upload was made from."""

    row: Derivation
    parent: EvidenceItem
    areas: tuple[str, ...] = ()
    """What this server blacked out; of a copy that somebody sent it knows nothing."""


def parent_of(uow: UnitOfWork, standing: Standing, new: NewDerivation | None) -> EvidenceItem | None:
    """The exhibit that another one is to be made from; None where none is named.

    Raises:
        NotPermitted: the actor knows of it and may not take its bytes.
        Invalid: there is none of which the actor may know, or it cannot be cited: not read back yet, or erased; or it
            is another party's, and the actor's party is no member State's.
    """
    if new is None:
        return None
    try:
        parent = uow.get(EvidenceItem, new.parent, to=Action.EVIDENCE_DOWNLOAD, within=standing.workspace_id)
    except NotFound:
        raise _no_parent("is no exhibit of this workspace", "Name one that you may open.") from None
    if parent.gate != Gate.OPEN:
        raise _no_parent("waits for its verification", "Derive from it once it is let in.")
    if uow.find(Erasure, item_id=parent.id) is not None:
        raise _no_parent("is erased", "Name one that is kept.")
    check = uow.find(StoredCheck, item_id=parent.id)
    if check is None or check.read_back_at is None:
        raise _no_parent("was not read back from the store yet", "Try again in some minutes.")
    if standing.party_class in OUTSIDE and parent.party_id != standing.party_id:
        raise _no_parent("was supplied by another party", "Ask that party to make the copy.")
    return parent


def _no_parent(message: str, remedy: str) -> Invalid:
    return Invalid.field("derived_from.parent", message, remedy)


def marked(new: NewUpload, parent: EvidenceItem) -> dict[str, Any]:
    """Marking and compartment of what is made from this exhibit: as stated, and no less strict than the parent's.

    Raises:
        Invalid: an unknown code, or the conditions of both are too long together.
    """
    if (new.scheme is None) != (new.code is None):
        raise Invalid.field("code", "scheme and code belong together", "Give both, or handling alone.")
    stated = new.handling is not None or new.code is not None
    code = markings.code_of(new.scheme or markings.SIENA, new.code or str(new.handling)) if stated else None
    if code and new.handling not in {None, code.level}:
        raise Invalid.field("code", f"{code.words} stands for {code.level}, not {new.handling}", "Leave handling out.")
    own = _marking(parent)
    given = markings.Marking(
        code.scheme if code else own.scheme,
        code.code if code else own.code,
        code.level if code else own.level,
        new.source_reliability or own.source_reliability,
        new.information_accuracy or own.information_accuracy,
        new.conditions_text,
    )
    if given.level == Handling.H3 and not (given.conditions_text or own.conditions_text):
        hint = "Write what it asks of the reader."
        raise Invalid.field("conditions_text", "H3 is another restriction, and its words are missing", hint)
    return _columns(given, own) | {"compartment_id": new.compartment_id or parent.compartment_id}


def inherited(sent: Upload, parent: EvidenceItem) -> dict[str, Any]:
    """What the exhibit takes from its parent as that stands now: the originator, and what its marking forbids."""
    return _columns(_marking(sent), _marking(parent)) | {"party_id": parent.party_id}


def _marking(row: EvidenceItem | Upload) -> markings.Marking:
    return markings.Marking(
        row.scheme,
        row.code,
        Handling(row.handling),
        markings.Reliability(row.source_reliability) if row.source_reliability else None,
        markings.Accuracy(row.information_accuracy) if row.information_accuracy else None,
        row.conditions_text,
    )


def _columns(given: markings.Marking, own: markings.Marking) -> dict[str, Any]:
    """The stricter of both; the parent's conditions are not said twice."""
    marking = markings.strictest([given, own])
    there = own.conditions_text is not None and own.conditions_text in (given.conditions_text or "")
    conditions = given.conditions_text if there else marking.conditions_text
    if conditions and len(conditions) > LONGEST_CONDITIONS:
        hint = f"Write less: they may have {LONGEST_CONDITIONS} characters together."
        raise Invalid.field("conditions_text", "is too long together with the parent's", hint)
    return {
        "handling": marking.level,
        "scheme": marking.scheme,
        "code": marking.code,
        "source_reliability": marking.source_reliability,
        "information_accuracy": marking.information_accuracy,
        "conditions_text": conditions,
    }


def is_from(uow: UnitOfWork, sent: Upload, new: NewDerivation | None) -> bool:
    """Whether this is what the upload was declared to be made from."""
    row = uow.find(Derivation, upload_id=sent.id)
    if row is None or new is None:
        return row is None and new is None
    said = (row.parent_id, row.kind, row.tool, row.version, row.description)
    return said == (new.parent, new.kind, new.tool, new.version, new.description)


def keep(uow: UnitOfWork, sent: Upload, parent: EvidenceItem, new: NewDerivation) -> Derivation:
    """Put on its row what an upload is made from.

    Raises:
        Invalid: for a compartment that the parent's originator is not in.
    """
    if uow.actor.person_id is None:
        raise NotSignedIn
    narrower = sent.compartment_id if sent.compartment_id != parent.compartment_id else None
    if parent.compartment_id is not None and narrower is not None:
        raise Invalid.field("compartment_id", "is not the parent's", "Leave it out.")
    if narrower is not None and not _is_in(uow, narrower, parent.party_id):
        hint = "Leave it out, or choose a compartment of which the parent's originator is."
        raise Invalid.field("compartment_id", "would hide it from its originator", hint)
    uow.session.flush()  # the upload stands before what is said of it
    return uow.add(
        Derivation(
            workspace_id=sent.workspace_id,
            upload_id=sent.id,
            parent_id=parent.id,
            parent_sha256=parent.sha256,
            made_by=uow.actor.person_id,
            made_at=uow.now,
            **new.model_dump(exclude={"parent"}),
        )
    )


def _is_in(uow: UnitOfWork, compartment_id: UUID, party_id: UUID) -> bool:
    return uow.find(CompartmentParty, compartment_id=compartment_id, party_id=party_id) is not None


def origin_of(uow: UnitOfWork, sent: Upload) -> Made | None:
    """What an upload was declared to be made from."""
    row = uow.find(Derivation, upload_id=sent.id)
    if row is None:
        return None
    parent = uow.find(EvidenceItem, id=row.parent_id)
    if parent is None:
        raise NotFound
    ordered = uow.find(RedactionTry, upload_id=sent.id)
    redaction = uow.find(Redaction, id=ordered.redaction_id) if ordered else None
    areas = tuple(Area.model_validate(one).words for one in redaction.areas) if redaction else ()
    return Made(row, parent, areas)


def link(uow: UnitOfWork, item: EvidenceItem, made: Made) -> None:
    """Say on both chains of custody that one was made from the other; the log holds commitments, and no number."""
    how = {name: getattr(made.row, name) for name in ("tool", "version", "description")}
    how |= {"derivation": str(made.row.kind)}
    put(uow, made.parent, Verb.DERIVE, {"child": str(item.id), "number": item.number, "sha256": item.sha256} | how)
    said = {"parent": str(made.parent.id), "number": made.parent.number, "sha256": made.row.parent_sha256}
    put(uow, item, Verb.CREATE_FROM, said | how | {"areas": list(made.areas)})


def read_kin(uow: UnitOfWork, item_id: UUID) -> KinOut:
    """What an exhibit was made from and what was made from it; the look is on its record."""
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_READ)
    uow.record("evidence:read", item, **used(uow, item, Action.EVIDENCE_READ))
    return kin(uow, item)


def kin(uow: UnitOfWork, item: EvidenceItem) -> KinOut:
    """Parent and children of an exhibit that the actor may read; nothing tells of those that are hidden."""
    up = uow.find(Derivation, upload_id=item.id)
    newest = select(Derivation).where(col(Derivation.parent_id) == item.id)
    down = uow.session.scalars(newest.order_by(col(Derivation.made_at), col(Derivation.id)).limit(MOST)).all()
    rows = {row.upload_id: row for row in down}
    known = known_among(uow, {*rows, *([up.parent_id] if up else [])}, [item.workspace_id])
    erased = set(uow.session.scalars(select(col(Erasure.item_id)).where(col(Erasure.item_id).in_(known))))
    people = shown(uow, item.workspace_id, {row.made_by for row in (*down, *([up] if up else []))})

    def related(row: Derivation, other: UUID) -> RelatedOut:
        return RelatedOut(
            **row.model_dump(include={"kind", "tool", "version", "description", "made_at"}),
            **{name: getattr(known[other], name) for name in ("id", "number", "title", "sha256")},
            made_by=people[row.made_by],
            erased=other in erased,
        )

    parent = related(up, up.parent_id) if up is not None and up.parent_id in known else None
    return KinOut(parent=parent, children=[related(row, key) for key, row in rows.items() if key in known])


def parents_of(uow: UnitOfWork, items: Sequence[EvidenceItem]) -> dict[UUID, dict[str, Any]]:
    """What a package says of the exhibits these were made from, of those of which the actor may know."""
    if not items:
        return {}
    wanted = select(Derivation).where(col(Derivation.upload_id).in_([item.id for item in items]))
    rows = uow.session.scalars(wanted).all()
    known = known_among(uow, {row.parent_id for row in rows}, [items[0].workspace_id])
    return {
        row.upload_id: {
            "derived_from": {
                "id": str(row.parent_id),
                "number": known[row.parent_id].number,
                "sha256": row.parent_sha256,
                "kind": str(row.kind),
                "tool": row.tool,
                "version": row.version,
                "description": row.description,
            }
        }
        for row in rows
        if row.parent_id in known
    }
