"""A package from another server: checked as any court would check it, then taken in with what it says of its exhibits.

The package stays the exhibit that it is. What comes out of it are exhibits of their own, registered in the name of
whoever asked, under at least the handling of the package and of the origin, with where they came from on the record.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from sqlmodel import col

from jit_server import identity
from jit_server.access import SYSTEM, Action, Gate, Handling
from jit_server.core.errors import Conflict, JitError, NotFound, NotPermitted, QuotaFull, TooLarge
from jit_server.core.jobs import Stopping
from jit_server.evidence import markings
from jit_server.evidence.arrival.models import ArrivedExhibit, PackageOpening, PackageVerdict
from jit_server.evidence.arrival.shapes import ArrivedOut, OpeningOut, OriginOut, Stage
from jit_server.evidence.arrival.verifier import judge
from jit_server.evidence.arrival.window import Window
from jit_server.evidence.keys import vault_of
from jit_server.evidence.malware.verdicts import guard
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.shapes import NewUpload
from jit_server.evidence.usecases.opening import person_of
from jit_server.evidence.usecases.uploads import Begin, declare, receive
from jit_server.evidence.usecases.uses import used
from jit_server.work import House, UnitOfWork
from jit_server.workspaces import Workspace

TASK: Final = "evidence:unpack"
ENDING: Final = ".asice"
SHOWN: Final = 200
_FINDINGS: Final = 20
_WORDS: Final = 400
_TAKEN: Final = (
    "title", "legal_basis", "method", "collector", "place", "zone", "collected_at", "file_name", "media_type", "size",
)  # fmt: skip
_REFUSED: Final = (NotFound, NotPermitted, QuotaFull, TooLarge, Conflict)
"""What keeps an exhibit out and would do so again: it is on the record, and the job ends."""


def is_package(item: EvidenceItem) -> bool:
    """Whether it calls itself a package."""
    return item.file_name.lower().endswith(ENDING)


def open_package(uow: UnitOfWork, item_id: UUID) -> EvidenceItem:
    """Have a package opened by the worker; asked again, nothing more happens.

    Raises:
        NotPermitted: the actor may not register exhibits here.
        Conflict: it is no package, or waits in quarantine.
        StepUp: malware was found in it, and the sign-in is not a recent one.
    """
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_READ)
    uow.get(Workspace, item.workspace_id, to=Action.EVIDENCE_REGISTER)
    if not is_package(item):
        raise Conflict(f"It is no package: the name of one ends in {ENDING}.")
    if item.gate != Gate.OPEN:
        raise Conflict("It waits in quarantine: a space administrator verifies it first.")
    guard(uow, item.id)
    if uow.find(PackageOpening, item_id=item.id) is None:
        ids = {"item_id": item.id, "workspace_id": item.workspace_id}
        uow.add(PackageOpening(**ids, asked_by=person_of(uow), asked_at=uow.now))
        uow.record("evidence:opening_asked", item, **used(uow, item, Action.EVIDENCE_READ))
        uow.later(TASK, **ids)
    return item


def opening_of(uow: UnitOfWork, item: EvidenceItem) -> OpeningOut | None:
    """How far a package has come, to whoever may read it; None where nobody asked."""
    if uow.find(PackageOpening, item_id=item.id) is None:
        return None
    verdict = uow.find(PackageVerdict, item_id=item.id)
    if verdict is None:
        return OpeningOut(stage=Stage.ASKED)
    said = verdict.model_dump(include=set(OpeningOut.model_fields) - {"findings"})
    stage = Stage.OPENED if verdict.ok else Stage.REFUSED
    return OpeningOut(**said, stage=stage, findings=verdict.findings.splitlines(), arrived=_arrived(uow, item))


def _arrived(uow: UnitOfWork, package: EvidenceItem) -> list[ArrivedOut]:
    rows = {one.item_id: one for one in uow.every(ArrivedExhibit, col(ArrivedExhibit.package_id) == package.id)}
    may = uow.select(EvidenceItem, to=Action.EVIDENCE_LIST, within=package.workspace_id)
    wanted = may.where(col(EvidenceItem.id).in_(rows)).order_by(col(EvidenceItem.position)).limit(SHOWN)
    return [
        ArrivedOut(
            id=item.id,
            number=item.number,
            title=item.title,
            origin_number=rows[item.id].number,
            origin_agency=rows[item.id].agency,
            origin_registered_at=rows[item.id].registered_at,
        )
        for item in (uow.all(wanted) if rows else ())
    ]


def origin_of(uow: UnitOfWork, item: EvidenceItem) -> OriginOut | None:
    """Where an exhibit came from, if it came out of a package."""
    row = uow.find(ArrivedExhibit, item_id=item.id)
    if row is None:
        return None
    package = uow.find(EvidenceItem, id=row.package_id)
    known = package is not None and uow.permits(Action.EVIDENCE_LIST, package)
    verdict = uow.find(PackageVerdict, item_id=row.package_id) if known else None
    return OriginOut(
        package=package.number if package is not None and known else None,
        number=row.number,
        agency=row.agency,
        registered_at=row.registered_at,
        server=verdict.server if verdict else "",
        seal=verdict.seal if verdict else "",
    )


def unpack(house: House, stopping: Stopping, workspace_id: UUID, item_id: UUID) -> None:
    """The job: check a package and take its exhibits in; begun again, it goes on where it was.

    Raises:
        VaultDown: the store does not answer; the job is tried again.
    """
    with house.work(SYSTEM) as uow:
        package = uow.find(EvidenceItem, id=item_id, workspace_id=workspace_id)
        asked = uow.find(PackageOpening, item_id=item_id)
        if package is None or asked is None:
            return
        vault, known = vault_of(uow, package), uow.find(PackageVerdict, item_id=item_id)
    if known is not None and not known.ok:
        return
    judged = judge(Window(vault, package))
    if known is None:
        _put_on_record(house, package, judged.findings, judged.package)
    if judged.findings:
        return
    begin = _begins(house, asked.asked_by)
    for number, said in enumerate(_exhibits(judged.package), 1):
        if stopping():
            _rest_later(house, package)
            return
        try:
            _take_in(house, begin, package, said, judged.package)
        except _REFUSED as refusal:
            _stopped(house, package, number, refusal)
            return


def _rest_later(house: House, package: EvidenceItem) -> None:
    """Put the rest in the row for another worker."""
    with house.work(SYSTEM) as uow:
        uow.later(TASK, workspace_id=package.workspace_id, item_id=package.id)


def _begins(house: House, person_id: UUID) -> Begin:
    """Units of work of whoever asked, who may lose that right while the job runs."""

    def begin() -> UnitOfWork:
        with house.work(SYSTEM) as uow:
            actor = identity.acting(uow, person_id)
        if actor is None:
            raise NotFound
        return house.work(actor)

    return begin


def _exhibits(package: Any) -> Iterator[dict[str, Any]]:
    """What the package says of each exhibit whose bytes it holds."""
    return (said for said in package.exhibits.values() if said["file"] is not None)


def _put_on_record(house: House, package: EvidenceItem, findings: list[str], judged: Any) -> None:
    about = judged.manifest if judged is not None and not findings else {}
    by = about.get("made_by", {})
    said: dict[str, Any] = {
        "server": _line(about.get("server", "")),
        "reference": _line(about.get("case", "")),
        "made_by": _line(", ".join(str(by[name]) for name in ("person", "agency", "state") if by.get(name))),
        "made_at": _moment(about.get("made_at")),
        "key": _line(judged.key) if about else "",
        "seal": _line(about.get("seal", "")),
        "exhibits": sum(1 for _ in _exhibits(judged)) if about else 0,
    }
    with house.work(SYSTEM) as uow:
        uow.add(
            PackageVerdict(
                item_id=package.id,
                workspace_id=package.workspace_id,
                ok=not findings,
                findings="\n".join(_line(one) for one in findings[:_FINDINGS]),
                checked_at=uow.now,
                **said,
            )
        )
        facts = {name: said[name] for name in ("key", "seal", "exhibits")} | {"findings": len(findings)}
        row = uow.find(EvidenceItem, id=package.id)
        uow.record("evidence:package_checked", row, result="error" if findings else "ok", **facts)


def _take_in(house: House, begin: Begin, package: EvidenceItem, said: dict[str, Any], judged: Any) -> None:
    number = _line(said["number"])
    with house.work(SYSTEM) as uow:
        if uow.find(ArrivedExhibit, package_id=package.id, number=number) is not None:
            return
    try:
        new = _declaration(package, said)
    except (ValidationError, ValueError) as wrong:
        raise Conflict(f"What it says of exhibit {number} is not what this server takes.") from wrong
    with begin() as uow:
        upload = declare(uow, package.workspace_id, new)
    item = receive(begin, upload.id, judged.container.pieces(judged.there[said["file"]]))
    with house.work(SYSTEM) as uow:
        uow.add(
            ArrivedExhibit(
                item_id=item.id,
                package_id=package.id,
                workspace_id=package.workspace_id,
                number=number,
                agency=_line(said["agency"]),
                registered_at=_line(said["registered_at"]),
                arrived_at=uow.now,
            )
        )
        uow.record(
            "evidence:arrived",
            uow.find(EvidenceItem, id=item.id),
            package=package.number,
            package_sha256=package.sha256,
            origin_log=_line(judged.manifest["log"]),
            origin_number=number,
            sha256=item.sha256,
        )


def _declaration(package: EvidenceItem, said: dict[str, Any]) -> NewUpload:
    """As the origin described it, handled at least as strictly as there and as the package is here."""
    level = markings.joined([Handling(package.handling), Handling(said["handling"])])
    conditions = dict.fromkeys(text for text in (said["conditions"], package.conditions_text) if text)
    here = package.scheme, package.code
    same = {"scheme": here[0], "code": here[1]} if level == Handling(package.handling) else {"handling": level}
    key = hashlib.sha256(f"{package.id} {said['number']}".encode()).hexdigest()[:32]
    return NewUpload.model_validate(
        {name: said[name] for name in _TAKEN}
        | same
        | {
            "declared_sha256": said["sha256"],
            "conditions_text": "\n".join(conditions) or None,
            "compartment_id": package.compartment_id,
            "client_id": key,
        }
    )


def _stopped(house: House, package: EvidenceItem, number: int, why: JitError) -> None:
    """Whoever asked may do this no more, or there is no room: what came in stays, the rest does not come."""
    with house.work(SYSTEM) as uow:
        row = uow.find(EvidenceItem, id=package.id)
        uow.record("evidence:unpacking_stopped", row, result="denied", reason=why.slug, at_exhibit=number)


def _line(text: object) -> str:
    """A short text without anything that could pass for something else."""
    return "".join(letter for letter in str(text) if letter.isprintable())[:_WORDS]


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
