"""Erasing an exhibit: its key at once, its bytes as soon as no lock keeps them, and a signed receipt of each.

The order, the destroyed key, the tombstone on the log and the first receipt commit together or not at all. What lies
in the store is removed by a job that may end at any step and begin anew: it removes what is there, and only the store's
own word that nothing is left makes the second receipt.
"""

from collections.abc import Sequence
from datetime import UTC
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from jit_server import consents
from jit_server.access import SYSTEM, Action
from jit_server.consents import Act, Approval
from jit_server.consents.lifecycle import ApprovalState
from jit_server.core.errors import Conflict, NotFound, Outdated
from jit_server.core.jobs import Stopping
from jit_server.evidence import receipts
from jit_server.evidence.erasure.models import Cause, Erasure, ErasureReceipt, Stage
from jit_server.evidence.models import UNSEALED, EvidenceItem
from jit_server.evidence.tus.lying import lumps_of
from jit_server.evidence.usecases.acting import one_at_a_time
from jit_server.evidence.usecases.destroying import destroy
from jit_server.evidence.usecases.doing import held
from jit_server.work import House, UnitOfWork

KIND = "erasure"
HELD = "A hold is in force on {number}: it keeps the exhibit until whoever ordered it lifts it."


def propose_erasure(uow: UnitOfWork, item_id: UUID, reason: str) -> Approval:
    """Lay the erasure of an exhibit before a second person; nothing is erased until that person approves.

    Raises:
        StepUp: the sign-in is not recent.
        Conflict: a hold is in force, it is erased already, or the same was proposed and waits.
    """
    item = uow.get(EvidenceItem, item_id, to=Action.CUSTODY_DECIDE)
    payload = {"number": item.number, "sha256": item.sha256, "handling": str(item.handling)}
    return consents.propose(uow, item.workspace_id, KIND, item.id, payload, reason)


def _find(uow: UnitOfWork, workspace_id: UUID, item_id: UUID) -> EvidenceItem:
    return uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_LIST, within=workspace_id)


def _stands(uow: UnitOfWork, item: EvidenceItem, payload: dict[str, Any]) -> None:
    if uow.find(Erasure, item_id=item.id) is not None:
        raise Conflict(f"{item.number} is erased already.")
    if held(uow, [item.id]):
        raise Conflict(HELD.format(number=item.number))
    if str(item.handling) != payload["handling"]:
        raise Outdated(f"It was proposed while marked {payload['handling']}; now it is {item.handling}.")


def _perform(uow: UnitOfWork, item: EvidenceItem, _payload: dict[str, Any], reason: str) -> None:
    order(uow, item, Cause.TWO_PEOPLE, reason)


consents.register(Act(KIND, Action.CUSTODY_DECIDE, _find, _stands, _perform))


_REMOVED = select(col(ErasureReceipt.item_id)).where(col(ErasureReceipt.stage) == Stage.REMOVED)
for _table in ("evidence_item", "upload"):  # an exhibit bears its upload's id
    consents.tombstoned(_table, _REMOVED)


def proposed_erasure(uow: UnitOfWork, item: EvidenceItem) -> Approval | None:
    """The erasure of an exhibit that waits for its second person, if one does."""
    found = uow.find(Approval, kind=KIND, subject_id=item.id, state=ApprovalState.WAITING)
    return found if found is not None and found.expires_at > uow.now else None


def order(uow: UnitOfWork, item: EvidenceItem, cause: Cause, reason: str = "") -> Erasure:
    """Erase an exhibit: from this commit on nobody reads it. Done twice, the answer is that of the first time.

    Raises:
        Conflict: a hold is in force.
        Locked: the store itself holds the bytes.
        VaultDown: the store does not say whether it holds them; nothing is erased.
    """
    one_at_a_time(uow, item)
    known = uow.find(Erasure, item_id=item.id)
    if known is not None:
        return known
    if held(uow, [item.id]):
        raise Conflict(HELD.format(number=item.number))
    made = uow.add(
        Erasure(
            workspace_id=item.workspace_id,
            item_id=item.id,
            cause=cause,
            reason=reason,
            ordered_by=uow.actor.person_id if cause is Cause.TWO_PEOPLE else None,
            ordered_at=uow.now,
        )
    )
    uow.session.flush()
    if item.seal != UNSEALED:
        destroy(uow, item)
        _attest(uow, item, made, Stage.UNREADABLE, key={"destroyed": 1, "left": 0})
    uow.later("evidence:erase", workspace_id=item.workspace_id, item_id=item.id)
    return made


def _attest(uow: UnitOfWork, item: EvidenceItem, erasure: Erasure, stage: Stage, **proof: Any) -> ErasureReceipt:
    """Sign how far the erasure has gone, and leave its tombstone on the log."""
    digests = {"sha256": item.sha256, "size": item.size}
    statement = {
        "kind": "erasure",
        "stage": str(stage),
        "server": uow.house.settings.base_url,
        "log": str(item.workspace_id),
        "exhibit": {"id": str(item.id), "number": item.number, **digests},
        "cause": str(erasure.cause),
        "ordered_at": erasure.ordered_at.astimezone(UTC).isoformat(),
        "at": uow.now.astimezone(UTC).isoformat(),
        **proof,
    }
    text, signature = receipts.signed(uow, statement)
    made = uow.add(
        ErasureReceipt(
            workspace_id=item.workspace_id,
            item_id=item.id,
            stage=stage,
            made_at=uow.now,
            statement=text,
            signature=signature,
        )
    )
    uow.record(
        "evidence:erased", item, why={"code": "erasure", "text": erasure.reason} if erasure.reason else None,
        stage=str(stage), cause=str(erasure.cause), sha256=item.sha256, size=item.size,
        receipt=sha256(text.encode()).hexdigest(),
    )  # fmt: skip
    return made


def erase_bytes(house: House, _stopping: Stopping, workspace_id: UUID, item_id: UUID) -> None:
    """Remove what lies in the store of an exhibit that is erased, as far as its locks allow (a job; idempotent)."""
    with house.work(SYSTEM) as uow:
        item = uow.find(EvidenceItem, id=item_id, workspace_id=workspace_id)
        erasure = uow.find(Erasure, item_id=item_id, workspace_id=workspace_id)
        keys = {item.vault_key, *(one.key for one in lumps_of(uow, item))} if item else set()
    if item is None or erasure is None:
        return
    if sum(house.vault.purge(key) for key in sorted(keys)):
        return  # locked: the next turn tries again
    with house.work(SYSTEM) as uow:
        one_at_a_time(uow, item)
        if uow.find(ErasureReceipt, item_id=item.id, stage=Stage.REMOVED) is None:
            _attest(
                uow,
                item,
                erasure,
                Stage.REMOVED,
                store={"kind": item.vault, "objects": len(keys), "versions": 0, "unfinished": 0},
            )


def erasure_of(uow: UnitOfWork, item: EvidenceItem) -> tuple[Erasure, list[ErasureReceipt]] | None:
    """How far the erasure of an exhibit has gone, with its receipts; None while it is kept."""
    found = uow.find(Erasure, item_id=item.id)
    if found is None:
        return None
    made = uow.every(ErasureReceipt, col(ErasureReceipt.item_id) == item.id)
    return found, sorted(made, key=lambda one: one.made_at)


def erasure_receipts(uow: UnitOfWork, item_id: UUID) -> list[dict[str, str]]:
    """The signed receipts of an exhibit's erasure.

    Raises:
        NotFound: it is kept, or not for the actor to know of.
    """
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_LIST)
    found = erasure_of(uow, item)
    if found is None:
        raise NotFound
    uow.record("evidence:listed", item)
    return [receipts.file_of(uow, item.workspace_id, one.statement, one.signature) for one in found[1]]


def kept(uow: UnitOfWork, items: Sequence[EvidenceItem]) -> list[EvidenceItem]:
    """Those of several exhibits whose bytes are still to be had."""
    gone = _among(uow, items)
    return [item for item in items if item.id not in gone]


def said_of(uow: UnitOfWork, items: Sequence[EvidenceItem]) -> dict[UUID, dict[str, Any]]:
    """What a package for court says of those that are erased."""
    return {
        key: {"erased": {"at": one.ordered_at.isoformat(), "cause": str(one.cause)}}
        for key, one in _among(uow, items).items()
    }


def _among(uow: UnitOfWork, items: Sequence[EvidenceItem]) -> dict[UUID, Erasure]:
    wanted = select(Erasure).where(col(Erasure.item_id).in_([item.id for item in items]))
    return {one.item_id: one for one in uow.session.scalars(wanted)}
