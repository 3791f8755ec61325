"""What is said of releases: to whoever released, with every recipient's hand-over; to a recipient, of its own."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlmodel import col

from jit_server.access import Action, Gate
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.outside import Mode, RecipientOut, ReleaseCheck, ReleaseOut, ReleaseRecipient
from jit_server.evidence.release.models import ReleaseReceipt
from jit_server.evidence.release.shapes import MineOut
from jit_server.evidence.usecases.opening import grants_of, window_of
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import Party
from jit_server.workspaces.aliases import shown
from jit_server.workspaces.compartments import AccessGrant


class _HandOvers:
    """Receipts and windows of several recipients, fetched at once."""

    def __init__(self, uow: UnitOfWork, rows: Iterable[ReleaseRecipient]) -> None:
        ids = [row.id for row in rows]
        found = uow.every(ReleaseReceipt, col(ReleaseReceipt.recipient_id).in_(ids)) if ids else []
        self.receipts = {one.recipient_id: one for one in found}
        self._grants: dict[UUID, list[AccessGrant]] = defaultdict(list)
        for one in grants_of(uow, ids) if ids else []:
            self._grants[one.source_id].append(one)

    def of(self, uow: UnitOfWork, row: ReleaseRecipient, check: ReleaseCheck) -> dict[str, datetime | str | None]:
        """Where one hand-over stands: only bytes that were taken whole and acknowledged count as downloaded."""
        receipt, until = self.receipts.get(row.id), window_of(self._grants[row.id])
        stands: str | None = None
        if receipt is not None:
            stands = "downloaded"
        elif check.mode is not Mode.REFERENCE and until is not None:
            stands = "notified" if until > uow.now and row.withdrawn_at is None else "window_expired"
        return {"download": stands, "window_until": until, "received_at": receipt.received_at if receipt else None}


def releases_of(uow: UnitOfWork, item: EvidenceItem) -> list[ReleaseOut]:
    """Every release of an exhibit, newest first, for those who may release it and those who may see its custody."""
    if not (uow.permits(Action.EVIDENCE_RELEASE, item) or uow.permits(Action.CUSTODY_READ, item)):
        return []
    select = uow.select(ReleaseCheck, to=Action.WORKSPACE_READ, within=item.workspace_id)
    checks = uow.all(select.where(col(ReleaseCheck.item_id) == item.id).order_by(col(ReleaseCheck.made_at).desc()))
    rows = uow.every(ReleaseRecipient, col(ReleaseRecipient.item_id) == item.id)
    parties = rows_by_id(uow, Party, {row.party_id for row in rows})
    people = {check.made_by for check in checks} | {row.person_id for row in rows if row.person_id}
    names = shown(uow, item.workspace_id, people)
    handed = _HandOvers(uow, rows)
    return [
        ReleaseOut(
            **check.model_dump(include={"id", "item_id", "reason", "mode", "made_at", "expires_at"}),
            made_by=names[check.made_by],
            recipients=[
                _out(uow, row, check, parties[row.party_id], names, handed) for row in rows if row.check_id == check.id
            ],
        )
        for check in checks
    ]


def _out(
    uow: UnitOfWork,
    row: ReleaseRecipient,
    check: ReleaseCheck,
    party: Party,
    names: dict[UUID, str],
    handed: _HandOvers,
) -> RecipientOut:
    said = row.model_dump(include={"id", "party_id", "basis", "article", "document", "decision_reason"})
    who = {"state": party.state, "authority": party.authority, "person": names.get(row.person_id or party.id)}
    return RecipientOut.model_validate(said | who | {"stands": stands(uow, row, check)} | handed.of(uow, row, check))


def stands(uow: UnitOfWork, row: ReleaseRecipient, check: ReleaseCheck) -> str:
    """Whether a release to a recipient is in force, or why not."""
    found = {Gate.PENDING: "waiting", Gate.REFUSED: "refused", Gate.OPEN: "in_force"}[Gate(row.gate)]
    if row.withdrawn_at is not None:
        return "withdrawn"
    return "expired" if found != "refused" and check.expires_at <= uow.now else found


def released_to_me(uow: UnitOfWork, item: EvidenceItem) -> list[MineOut]:
    """The releases of an exhibit to the actor's own party, or to the actor; newest first."""
    standing = uow.standing(item.workspace_id)
    if standing is None:
        return []
    mine = [
        row
        for row in uow.every(
            ReleaseRecipient,
            col(ReleaseRecipient.item_id) == item.id,
            col(ReleaseRecipient.party_id) == standing.party_id,
            col(ReleaseRecipient.gate) == Gate.OPEN,
        )
        if row.person_id in {None, standing.person_id} and row.withdrawn_at is None
    ]
    checks, handed = rows_by_id(uow, ReleaseCheck, {row.check_id for row in mine}), _HandOvers(uow, mine)
    found = [
        MineOut(
            id=row.id,
            **(check := checks[row.check_id]).model_dump(include={"mode", "reason", "expires_at"}),
            released_at=check.made_at,
            **handed.of(uow, row, check),
        )
        for row in mine
    ]
    return sorted(found, key=lambda one: one.released_at, reverse=True)
