"""A package for court: one exhibit, several or the whole case as they stood at one moment, with all that proves them.

It is an ASiC-E container written while it is sent (docs/bundle-format.md). First everything that says what is in it is
made and hashed, and that digest goes on the log with each exhibit; after that commit the first byte leaves. So the log
shows which packages left the server, and the package proves its own export.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import tuple_
from sqlmodel import col

from jit_server import audit, witnesses
from jit_server.access import Action
from jit_server.audit import bundle
from jit_server.audit.entry import canonical
from jit_server.core.errors import Altered, Conflict, Invalid
from jit_server.evidence import names
from jit_server.evidence.court import papers, report
from jit_server.evidence.court.shapes import MOST, NewPackage
from jit_server.evidence.keys import vault_of, vaults_of
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.usecases import deriving, erasing
from jit_server.evidence.usecases.authorizing import require_bases
from jit_server.evidence.usecases.content import raise_alarm, stored, with_first
from jit_server.evidence.usecases.describing import agencies_of, description
from jit_server.evidence.usecases.histories import Survey, compose, survey
from jit_server.evidence.usecases.reading import numbered
from jit_server.evidence.usecases.reading_back import read_back, unread
from jit_server.evidence.usecases.sending import EXPORTED, Package, Shipment
from jit_server.evidence.usecases.uploads import Begin
from jit_server.evidence.usecases.uses import used
from jit_server.work import UnitOfWork
from jit_server.workspaces import Workspace

_DIGITS = re.compile("[0-9]{1,7}", re.ASCII).fullmatch
EXHIBITS, NAMES, ABOUT = "exhibits.jsonl", "names.json", "package.json"
TRANSFER, CERTIFICATE, INSTRUCTIONS, REPORT = "transfer.json", "certificate-902.txt", "VERIFY.md", "custody.pdf"


@dataclass(frozen=True)
class Moment:
    """A place in the workspace's log and when its entry was made; `reference` names the case."""

    position: int
    at: datetime
    reference: str


def chosen(uow: UnitOfWork, workspace_id: UUID, new: NewPackage) -> tuple[list[EvidenceItem], Moment]:
    """The exhibits of a package, by number, and its moment.

    Of the whole case it holds what the actor may export, and nothing tells whether there is more.

    Raises:
        NotFound, NotPermitted: an exhibit that was asked for is hidden, or may not be exported.
        StepUp: the sign-in is not recent.
        PurposeRequired: one of them is restricted, and nobody said what for.
        Invalid: a moment that has not come, or an exhibit registered after it, or too many.
        Conflict: there is none, or some rest on no lawful basis.
    """
    may = uow.select(EvidenceItem, to=Action.EVIDENCE_EXPORT, within=workspace_id)
    uow.require_fresh_sign_in()
    moment = _moment(uow, workspace_id, new.position)
    if new.items is not None:
        wanted = may.where(col(EvidenceItem.id).in_(set(new.items)))
        items = _all_of(uow, workspace_id, new.items, list(uow.all(wanted)), moment)
    else:
        items = list(uow.all(may.where(col(EvidenceItem.position) <= moment.position).limit(MOST + 1)))
    if len(items) > MOST:
        raise Invalid.field("items", f"are more than the {MOST} exhibits of one package", "Name those of each package.")
    if not items:
        raise Conflict("There is no exhibit at that moment that you may export.")
    require_bases(uow, workspace_id, items)
    for item in items:
        used(uow, item, Action.EVIDENCE_EXPORT)
    return sorted(items, key=lambda item: (item.state, item.serial)), moment


def named(uow: UnitOfWork, workspace_id: UUID, numbers: Sequence[str]) -> list[EvidenceItem]:
    """The exhibits with these numbers, which the actor may export.

    Raises:
        NotFound, NotPermitted: one of them is hidden or absent, or may not be exported.
    """
    keys = [
        (state, int(serial)) for state, _, serial in (number.rpartition("-") for number in numbers) if _DIGITS(serial)
    ]
    may = uow.select(EvidenceItem, to=Action.EVIDENCE_EXPORT, within=workspace_id)
    found = uow.all(may.where(tuple_(col(EvidenceItem.state), col(EvidenceItem.serial)).in_(keys))) if keys else []
    there = {item.number: item for item in found}
    for missing in (number for number in numbers if number not in there):
        item_id = numbered(uow, workspace_id, missing)
        there[missing] = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_EXPORT, within=workspace_id)
    return [there[number] for number in dict.fromkeys(numbers)]


def _moment(uow: UnitOfWork, workspace_id: UUID, position: int | None) -> Moment:
    size = audit.head(uow.connection, workspace_id).size
    if position is not None and position > size:
        raise Invalid.field("position", f"is beyond the log, which has {size} entries", "Name an earlier entry.")
    (entry,) = audit.read(uow.connection, workspace_id, (position or size) - 1, 1)
    case = uow.find(Workspace, id=workspace_id)
    return Moment(entry.position, entry.at, case.reference if case else "")


def _all_of(
    uow: UnitOfWork, workspace_id: UUID, ids: Sequence[UUID], found: list[EvidenceItem], moment: Moment
) -> list[EvidenceItem]:
    """Those asked for, or the refusal that one of them meets by itself."""
    there = {item.id for item in found}
    hidden = [one for one in ids if one not in there]
    found += [uow.get(EvidenceItem, one, to=Action.EVIDENCE_EXPORT, within=workspace_id) for one in hidden]
    for item in found:
        if (item.position or 0) > moment.position:
            hint = f"Name a moment from entry {item.position} on, or leave it out."
            raise Invalid.field("position", f"is before {item.number} was registered", hint)
    return found


def pack(
    begin: Begin, workspace_id: UUID, new: NewPackage, language: report.Language = report.ENGLISH
) -> tuple[str, Shipment]:
    """A name for the file and its pieces. The export is on the record of each exhibit before the first piece.

    Raises:
        VaultDown: the vault does not answer; nothing is on record as given out.
        NoQuorum: too few witnesses have cosigned the log; the same.
        KeyGone: the key of an exhibit was destroyed.
        Altered: the bytes of an exhibit have changed. Found later, the package never gets its end.
        and what `chosen` raises.
    """
    with begin() as uow:
        fresh, house = unread(uow, erasing.kept(uow, chosen(uow, workspace_id, new)[0])), uow.house
    witnesses.insist(house, workspace_id)
    for item in fresh:
        read_back(begin, item)
    with begin() as uow:
        items, moment = chosen(uow, workspace_id, new)
        kept = erasing.kept(uow, items) if new.content == "originals" else []
        vault = vault_of(uow, kept[0]) if kept else None
        made, occasion = deriving.parents_of(uow, items), _occasion(uow, new)
    setting = report.Setting()
    content = stored(vault, kept[0]) if vault is not None else None
    try:
        seen = survey(begin, items, moment.position)
        printed = [{name: getattr(one, name) for name in report.PRINTED} | made.get(one.id, {}) for one in items]
        at = (moment.reference, moment.position)
        setting.begin(occasion, at, printed, seen.events.rows, language, audit.Seal.of(house.key))
        first = _first(begin, kept[0], content) if content is not None else b""
        compose(begin, items, moment.position, seen)
        pages = setting.finished()
        with begin() as uow:
            again = _still(uow, workspace_id, new.model_copy(update={"position": moment.position}), items, made)
            package = _prepare(uow, new, again, moment, seen, occasion, made, pages)
            for item in again:
                said = used(uow, item, Action.EVIDENCE_EXPORT)
                uow.record(EXPORTED, item, manifest=package.digest, sha256=item.sha256, size=item.size, **said)
    except BaseException:
        setting.close()
        if content is not None:
            content.close()
        raise
    opened = with_first(first, content) if content is not None else None
    return f"{moment.reference}-{moment.position}.asice", Shipment(begin, package, opened)


def _first(begin: Begin, item: EvidenceItem, content: Iterator[bytes]) -> bytes:
    """The first block: a vault that is away, or a small exhibit that was altered, is found before anything is said."""
    try:
        return next(content)
    except Altered as found:
        raise_alarm(begin, item, found)
        raise


def _still(
    uow: UnitOfWork,
    workspace_id: UUID,
    new: NewPackage,
    items: Sequence[EvidenceItem],
    made: Mapping[UUID, dict[str, Any]],
) -> list[EvidenceItem]:
    """The exhibits once more, now that they are to go on record. Raises `Conflict`, and what `chosen` raises."""
    again, _ = chosen(uow, workspace_id, new)
    if [one.id for one in again] != [one.id for one in items] or deriving.parents_of(uow, again) != made:
        raise Conflict("Some of the exhibits have changed meanwhile. Ask for the package again.")
    return again


def _prepare(
    uow: UnitOfWork,
    new: NewPackage,
    items: list[EvidenceItem],
    moment: Moment,
    seen: Survey,
    occasion: papers.Occasion,
    made: Mapping[UUID, dict[str, Any]],
    pages: bytes,
) -> Package:
    """Everything that says what the package holds, under one digest."""
    agencies, originals = agencies_of(uow, items), new.content == "originals"
    kept = erasing.kept(uow, items) if originals else []
    places, gone = {item.id: _place(item) for item in kept}, erasing.said_of(uow, items)
    exhibits = [
        _said(item, str(agencies[item.agency_id]), seen, places.get(item.id))
        | gone.get(item.id, {})
        | made.get(item.id, {})
        for item in items
    ]
    signer, seal = audit.verifier(uow.house.key, items[0].workspace_id), audit.Seal.of(uow.house.key)
    texts = {
        EXHIBITS: b"".join(canonical(one) + b"\n" for one in exhibits),
        NAMES: canonical({"names": seen.names}),
        TRANSFER: papers.transfer(occasion, exhibits),
        CERTIFICATE: papers.certificate(occasion, exhibits, moment.position),
        REPORT: pages,
        INSTRUCTIONS: papers.instructions(signer, seal.fingerprint),
    }
    files = {name: {"sha256": sha256(data).hexdigest(), "size": len(data)} for name, data in texts.items()}
    told = _about(new, moment, occasion)
    seen.finish(told, exhibits)
    files |= {name: {"sha256": one.sha256, "size": one.size} for name, one in seen.made.items()}
    said = told | {"log": str(items[0].workspace_id), "seal": seal.fingerprint, "files": files}
    said["stamps_by"] = uow.house.settings.tsa_url
    about = canonical(said)
    digest = bundle.digest(about)
    members = {ABOUT: about} | {name: texts.get(name) for name in sorted(files)}
    return Package(
        items,
        places,
        occasion.at,
        moment.position,
        members,
        seen,
        digest,
        vaults_of(uow, kept) if kept else {},
        seal,
        uow.house.settings,
    )


def _about(new: NewPackage, moment: Moment, occasion: papers.Occasion) -> dict[str, Any]:
    return {
        "format": bundle.PACKAGE,
        "case": moment.reference,
        "position": moment.position,
        "position_at": moment.at.isoformat(),
        "made_at": occasion.at.isoformat(),
        "made_by": {"person": occasion.person, "agency": occasion.agency, "state": occasion.state},
        "server": occasion.server,
        "scope": "case" if new.items is None else "selection",
        "content": new.content,
        "recipient": new.recipient,
        "order": new.order,
    }


def _occasion(uow: UnitOfWork, new: NewPackage) -> papers.Occasion:
    actor = uow.actor
    return papers.Occasion(
        actor.name,
        actor.agency_name,
        actor.state or "",
        new.recipient,
        new.order,
        new.remarks,
        uow.now.astimezone(UTC),
        uow.house.settings.base_url,
    )


def _said(item: EvidenceItem, agency: str, seen: Survey, place: str | None) -> dict[str, Any]:
    """What the package says of an exhibit; with it the words that the log only commits to."""
    fields = ("number", "title", "file_name", "media_type", "legal_basis", "method", "collector", "place", "zone")
    return {name: str(getattr(item, name)) for name in fields} | {
        "id": str(item.id),
        "state": item.state,
        "agency": agency,
        "handling": str(item.handling),
        "marking": item.marking,
        "conditions": item.conditions_text,
        "collected_at": item.collected_at.isoformat(),
        "registered_at": item.registered_at.isoformat(),
        "size": item.size,
        "sha256": item.sha256,
        "sha512": seen.longer.get(item.id),
        "declared_sha256": item.declared_sha256,
        "file": place,
        "positions": seen.positions[item.id],
        "description": {"position": item.position, "salt": item.salt.hex(), "value": description(item)},
        "statements": [
            {"position": one.position, "salt": one.salt.hex(), "value": one.value} for one in seen.of(item.id)
        ],
    }


def _place(item: EvidenceItem) -> str:
    """Where an exhibit's bytes lie in the package."""
    return f"content/{item.number}/{names.saved_as(item.file_name)}"
