"""What is said of an exhibit: the words the log commits to, and the shapes people and programs read."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel

from jit_server.audit.entry import canonical
from jit_server.evidence import names
from jit_server.evidence.malware.verdicts import checks_of as scans_of
from jit_server.evidence.malware.verdicts import verdict_of
from jit_server.evidence.models import EvidenceItem, Upload
from jit_server.evidence.nature.models import EvidenceNature, NatureOut
from jit_server.evidence.shapes import ItemOut, LineOut, UploadOut
from jit_server.evidence.stored import StoredCheck
from jit_server.identity.models import Agency
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces.aliases import shown
from jit_server.workspaces.compartments import Compartment


def description(item: EvidenceItem) -> str:
    """The exhibit's description in canonical JSON (RFC 8785). The log holds a keyed commitment to these very bytes."""
    return canonical(
        {
            "number": item.number,
            "title": item.title,
            "file_name": item.file_name,
            "media_type": item.media_type,
            "legal_basis": item.legal_basis,
            "method": str(item.method),
            "collector": item.collector,
            "place": item.place,
            "collected_at": item.collected_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "zone": item.zone,
        }
    ).decode()


def agencies_of(uow: UnitOfWork, items: Iterable[EvidenceItem]) -> dict[object, str]:
    """The own names of the agencies that supplied these exhibits."""
    return {key: row.own_name for key, row in rows_by_id(uow, Agency, {item.agency_id for item in items}).items()}


def _compartments_of(uow: UnitOfWork, items: Iterable[EvidenceItem]) -> dict[object, str]:
    """The names of the compartments in which these exhibits lie."""
    ids = {item.compartment_id for item in items if item.compartment_id}
    return {key: row.name for key, row in rows_by_id(uow, Compartment, ids).items()}


def _shared(row: Any, shape: type[BaseModel], *others: str) -> dict[str, Any]:
    """What the shape takes from the row as it is."""
    return {name: getattr(row, name) for name in shape.model_fields if name not in others}


def item_out(uow: UnitOfWork, item: EvidenceItem) -> ItemOut:
    """Everything recorded about one exhibit."""
    people, looked = shown(uow, item.workspace_id, {item.registered_by}), scans_of(uow, [item.id]).get(item.id)
    check = uow.find(StoredCheck, item_id=item.id)
    nature = uow.find(EvidenceNature, item_id=item.id)
    read_back = {name: getattr(check, name, None) for name in ("sha512", "stored_sha256", "read_back_at")}
    others = ("agency", "registered_by", "kind", "file_name", "compartment", "scan", "malware", "nature", *read_back)
    return ItemOut(
        **_shared(item, ItemOut, *others),
        **read_back,
        scan=verdict_of(looked),
        malware=looked.signature if looked else None,
        nature=NatureOut.model_validate(nature, from_attributes=True) if nature else None,
        compartment=_compartments_of(uow, [item]).get(item.compartment_id),
        file_name=names.shown(item.file_name),
        kind=item.media_type,
        agency=agencies_of(uow, [item])[item.agency_id],
        registered_by=people[item.registered_by],
    )


def lines_out(uow: UnitOfWork, items: Sequence[EvidenceItem]) -> list[LineOut]:
    """The lines of the register."""
    agencies, compartments = agencies_of(uow, items), _compartments_of(uow, items)
    looked = scans_of(uow, [item.id for item in items])
    return [
        LineOut(
            **_shared(item, LineOut, "agency", "kind", "compartment", "scan"),
            scan=verdict_of(looked.get(item.id)),
            compartment=compartments.get(item.compartment_id),
            kind=item.media_type,
            agency=agencies[item.agency_id],
        )
        for item in items
    ]


def upload_out(sent: Upload) -> UploadOut:
    """An upload as its sender sees it."""
    return UploadOut(**_shared(sent, UploadOut, "file_name"), file_name=names.shown(sent.file_name))
