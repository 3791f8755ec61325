"""The recipient's side of a release: naming the digest of what was taken, which leaves a signed receipt."""

from datetime import UTC, timedelta
from hashlib import sha256
from uuid import UUID

from jit_server import audit
from jit_server.access import Action, Gate
from jit_server.core.errors import Conflict, Invalid, NotFound
from jit_server.evidence import receipts
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.outside import LONGEST_WINDOW, Mode, ReleaseCheck, ReleaseRecipient
from jit_server.evidence.release.models import ReleaseReceipt
from jit_server.evidence.release.shapes import NewReceipt, NewWindow
from jit_server.evidence.usecases.opening import TAKING, grant, grants_of, person_of, revoke, window_of
from jit_server.evidence.usecases.released import stands
from jit_server.work import UnitOfWork
from jit_server.workspaces import Party

CONTROLLER = "Whoever takes a copy becomes its controller (Reg. (EU) 2023/969, Art. 23(1))."


def acknowledge(uow: UnitOfWork, item_id: UUID, recipient_id: UUID, said: NewReceipt) -> ReleaseReceipt:
    """Say that one has all the bytes, by their digest; said again, the receipt is the same. A ticket is then used.

    Raises:
        NotFound: no release to the actor or the actor's party.
        Conflict: the actor has taken nothing since the release, or it gives no bytes.
        Invalid: another digest than that of the exhibit: what was taken is not whole.
    """
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_READ)
    one, check = _mine(uow, item, recipient_id)
    known = uow.find(ReleaseReceipt, recipient_id=one.id)
    if known is not None:
        return known
    if check.mode is Mode.REFERENCE:
        raise Conflict("This release gives sight of the exhibit, and no bytes.")
    if said.sha256 != item.sha256:
        hint = "Download it again and compute its digest from the file you keep."
        raise Invalid.field("sha256", "is not the exhibit's: what you have is not whole", hint)
    if not _taken(uow, item, check):
        raise Conflict("You have taken nothing since it was released: download it first.")
    made = _receipt(uow, item, one, check)
    if check.mode is Mode.TICKET:
        revoke(uow, item, one, only_taking=True)
    digest = sha256(made.statement.encode()).hexdigest()
    uow.record("evidence:received", item, sha256=item.sha256, size=item.size, check=check.id, receipt=digest)
    return made


def _mine(uow: UnitOfWork, item: EvidenceItem, recipient_id: UUID) -> tuple[ReleaseRecipient, ReleaseCheck]:
    standing, one = uow.standing(item.workspace_id), uow.find(ReleaseRecipient, id=recipient_id, item_id=item.id)
    check = uow.find(ReleaseCheck, id=one.check_id) if one else None
    if one is None or check is None or standing is None or one.party_id != standing.party_id:
        raise NotFound
    if one.gate != Gate.OPEN or one.withdrawn_at is not None or one.person_id not in {None, standing.person_id}:
        raise NotFound
    return one, check


def _taken(uow: UnitOfWork, item: EvidenceItem, check: ReleaseCheck) -> bool:
    """Whether the actor has taken the bytes since the release, as the log says."""
    some = audit.read(
        uow.connection, item.workspace_id, 0, 200, latest=True, subject=item.id, events=("evidence:downloaded",)
    )
    me = str(uow.actor.person_id)
    return any(one.at >= check.made_at and one.content["actor"]["person"] == me for one in some)


def _receipt(uow: UnitOfWork, item: EvidenceItem, one: ReleaseRecipient, check: ReleaseCheck) -> ReleaseReceipt:
    party = uow.find(Party, id=one.party_id)
    if party is None:
        raise NotFound
    statement = {
        "kind": "release",
        "server": uow.house.settings.base_url,
        "log": str(item.workspace_id),
        "exhibit": {"id": str(item.id), "number": item.number, "sha256": item.sha256, "size": item.size},
        "release": {"id": str(check.id), "mode": str(check.mode), "purpose": check.reason},
        "recipient": {"state": party.state, "authority": party.authority, "person": str(person_of(uow))},
        "received_at": uow.now.astimezone(UTC).isoformat(),
        "controller": CONTROLLER,
    }
    text, signature = receipts.signed(uow, statement)
    return uow.add(
        ReleaseReceipt(
            workspace_id=item.workspace_id,
            item_id=item.id,
            recipient_id=one.id,
            person_id=person_of(uow),
            received_at=uow.now,
            statement=text,
            signature=signature,
        )
    )


def receipt_of(uow: UnitOfWork, item_id: UUID, recipient_id: UUID) -> dict[str, str]:
    """The receipt of a hand-over, for the recipient and for whoever released or may see the custody."""
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_READ)
    found = uow.find(ReleaseReceipt, recipient_id=recipient_id, item_id=item.id)
    if found is None:
        raise NotFound
    if not (uow.permits(Action.EVIDENCE_RELEASE, item) or uow.permits(Action.CUSTODY_READ, item)):
        _mine(uow, item, recipient_id)
    uow.record("evidence:read", item, receipt=sha256(found.statement.encode()).hexdigest())
    return receipts.file_of(uow, item.workspace_id, found.statement, found.signature)


def extend(uow: UnitOfWork, item_id: UUID, recipient_id: UUID, new: NewWindow) -> ReleaseRecipient:
    """Give a recipient more days to use its ticket, at most 45 in all and never beyond the release's end.

    Raises:
        StepUp: the sign-in is not recent.
        Conflict: it is no ticket, is used, or is not in force.
        Invalid: that many days are not more than it has.
    """
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_RELEASE)
    uow.require_fresh_sign_in()
    one = uow.find(ReleaseRecipient, id=recipient_id, item_id=item.id)
    check = uow.find(ReleaseCheck, id=one.check_id) if one else None
    if one is None or check is None:
        raise NotFound
    used = uow.find(ReleaseReceipt, recipient_id=one.id) is not None
    if check.mode is not Mode.TICKET or used or stands(uow, one, check) != "in_force":
        raise Conflict("Only the window of a ticket that is in force and not used yet can be made longer.")
    grants = grants_of(uow, [one.id])
    until = min(check.expires_at, min(made.granted_at for made in grants) + timedelta(days=new.days))
    now_until = window_of(grants)
    if now_until is not None and until <= now_until:
        hint = f"Say more days, at most {LONGEST_WINDOW}, or release it anew."
        raise Invalid.field("days", f"would not make the window longer: it is open until {now_until:%Y-%m-%d}", hint)
    grant(uow, item, one, TAKING, until, grants[0].clause_id)
    why = {"code": "release", "text": new.reason}
    uow.record("evidence:release_extended", item, why=why, recipients=(str(one.party_id),), check=check.id, until=until)
    return one
