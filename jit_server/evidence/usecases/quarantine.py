"""The quarantine: what a third country or an international court supplied, until a space administrator verified it.

Nobody else knows of it; neither the secretariat nor the operator has a way here (Reg. (EU) 2023/969, Arts. 17, 18).
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from jit_server.access import Action, Gate, Origin
from jit_server.core.errors import Conflict, NotSignedIn
from jit_server.evidence import names
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.outside import Inbound, InboundDecision, InboundOut, ReleaseRecipient
from jit_server.evidence.usecases.describing import agencies_of
from jit_server.evidence.usecases.following import read_anew, screens_follow
from jit_server.evidence.usecases.uses import used
from jit_server.work import UnitOfWork
from jit_server.workspaces.glances import counted

MOST = 200


def quarantine(uow: UnitOfWork, workspace_id: UUID) -> list[InboundOut]:
    """What waits to be verified, the oldest first, at most 200; for those who verify."""
    statement = uow.select(EvidenceItem, to=Action.EVIDENCE_VERIFY_INBOUND, within=workspace_id)
    items = uow.all(statement.order_by(col(EvidenceItem.position)).limit(MOST))
    uow.record("evidence:listed", workspace_id=workspace_id)
    agencies = agencies_of(uow, items)
    return [inbound_out(item, agencies[item.agency_id]) for item in items]


def waiting(uow: UnitOfWork, workspace_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many things wait for the actor's verification, by workspace; nothing for those who verify nothing."""
    tables: tuple[type[Any], ...] = (EvidenceItem, ReleaseRecipient)
    gated = [(table, _gated(uow, table, workspace_ids)) for table in tables]
    return counted(
        uow,
        [
            (key, select(table.id).where(mine))
            for table, spaces in gated
            for key, mine in uow.scopes(table, to=Action.EVIDENCE_VERIFY_INBOUND, within=_verified(uow, spaces)).items()
        ],
    )


def _gated(uow: UnitOfWork, table: type[Any], workspace_ids: Iterable[UUID]) -> list[UUID]:
    """In which of these workspaces something waits that row-level security shows the actor."""
    here, behind = table.workspace_id.in_(list(workspace_ids)), table.gate == str(Gate.PENDING)
    return sorted(uow.session.scalars(select(table.workspace_id).where(here, behind).distinct()))


def _verified(uow: UnitOfWork, workspace_ids: Iterable[UUID]) -> list[UUID]:
    """Where the actor is one who verifies."""
    standings = [one for one in map(uow.standing, workspace_ids) if one is not None]
    question: dict[str, Any] = {"origin": Origin.PARTNER, "gate": Gate.PENDING}
    return [
        one.workspace_id
        for one in standings
        if uow.policy(one).permits(one, Action.EVIDENCE_VERIFY_INBOUND, **question)
    ]


def quarantined(uow: UnitOfWork, workspace_id: UUID, item_id: UUID) -> InboundOut:
    """One thing that waits, for whoever verifies it; the look is on its record."""
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_VERIFY_INBOUND, within=workspace_id)
    uow.record("evidence:read", item, **used(uow, item, Action.EVIDENCE_VERIFY_INBOUND))
    return inbound_out(item, agencies_of(uow, [item])[item.agency_id])


def verify_inbound(uow: UnitOfWork, workspace_id: UUID, item_id: UUID, said: Inbound) -> EvidenceItem:
    """Let it in, or refuse it, for good; the team learns of it only when it is let in.

    Raises:
        StepUp: the sign-in is not recent.
        Conflict: somebody decided it meanwhile.
    """
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_VERIFY_INBOUND, within=workspace_id)
    uow.require_fresh_sign_in()
    if uow.actor.person_id is None:
        raise NotSignedIn
    if uow.find(InboundDecision, item_id=item.id) is not None:
        raise Conflict("Somebody has decided this meanwhile.")
    gate = Gate.OPEN if said.verified else Gate.REFUSED
    uow.add(
        InboundDecision(
            workspace_id=workspace_id,
            item_id=item.id,
            gate=gate,
            reason=said.reason,
            decided_by=uow.actor.person_id,
            decided_at=uow.now,
        )
    )
    if said.verified:
        screens_follow(uow, item)
    else:
        read_anew(uow, item)  # nobody's screen changes: a new epoch would tell the team that something was there
    event = "evidence:inbound_verified" if said.verified else "evidence:inbound_refused"
    uow.record(event, item, why={"code": "verification", "text": said.reason}, gate=str(gate), sha256=item.sha256)
    return item


def decision_on(uow: UnitOfWork, item: EvidenceItem) -> InboundDecision | None:
    """What was decided about an exhibit that the actor may see."""
    return uow.find(InboundDecision, item_id=item.id)


def inbound_out(item: EvidenceItem, agency: str) -> InboundOut:
    """What whoever verifies sees of it."""
    plain = set(InboundOut.model_fields) - {"file_name", "kind", "agency"}
    return InboundOut(
        **{name: getattr(item, name) for name in plain},
        file_name=names.shown(item.file_name),
        kind=item.media_type,
        agency=agency,
    )
