"""What a release opens to a recipient: grants that end, each on the record; a ticket ends before the sight."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col

from jit_server.access import Action
from jit_server.core.errors import NotSignedIn
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.outside import Mode, ReleaseCheck, ReleaseRecipient
from jit_server.evidence.usecases.following import screens_follow
from jit_server.work import UnitOfWork
from jit_server.workspaces.compartments import AccessGrant, GrantKind

SIGHT = (Action.EVIDENCE_LIST, Action.EVIDENCE_READ)
"""What every release opens; a court's package or the names in the chain of custody are another matter."""
TAKING = (Action.EVIDENCE_DOWNLOAD,)


def opened_by(check: ReleaseCheck, now: datetime) -> list[tuple[tuple[Action, ...], datetime]]:
    """What a release of this mode opens from now on, and until when."""
    until = check.expires_at
    if check.mode is Mode.REFERENCE:
        return [(SIGHT, until)]
    if check.mode is Mode.COPY:
        return [(SIGHT + TAKING, until)]
    return [(SIGHT, until), (TAKING, min(until, now + timedelta(days=check.window_days or 0)))]


def open_to(
    uow: UnitOfWork, item: EvidenceItem, check: ReleaseCheck, some: list[ReleaseRecipient], clause: str | None
) -> None:
    """Open the exhibit to these recipients, and let the team's screens follow."""
    for one in some:
        for actions, until in opened_by(check, uow.now):
            grant(uow, item, one, actions, until, clause or "Art. 17(2)")
    if some:
        screens_follow(uow, item)


def grant(
    uow: UnitOfWork,
    item: EvidenceItem,
    one: ReleaseRecipient,
    actions: tuple[Action, ...],
    until: datetime,
    clause: str,
) -> AccessGrant:
    """One grant, on record with its scope and end."""
    made = uow.add(
        AccessGrant(
            workspace_id=item.workspace_id,
            subject_kind="evidence_item",
            subject_id=item.id,
            party_id=None if one.person_id else one.party_id,
            person_id=one.person_id,
            actions=[str(action) for action in actions],
            kind=GrantKind.OUTBOUND,
            clause_id=clause,
            source_id=one.id,
            granted_by=person_of(uow),
            granted_at=uow.now,
            expires_at=until,
        )
    )
    uow.record("access:granted", item, clause=clause, recipients=(_who(one),), **_facts(made, one))
    return made


def revoke(uow: UnitOfWork, item: EvidenceItem, one: ReleaseRecipient, *, only_taking: bool = False) -> None:
    """End what a release opened to a recipient; or only that the bytes are taken."""
    for made in grants_of(uow, [one.id]):
        if made.revoked_at is None and (not only_taking or made.actions == [str(action) for action in TAKING]):
            made.revoked_at = uow.now
            uow.record("access:revoked", item, recipients=(_who(one),), **_facts(made, one))


def grants_of(uow: UnitOfWork, recipients: Iterable[UUID]) -> list[AccessGrant]:
    """The grants that these releases to recipients left behind, in one query."""
    return list(uow.every(AccessGrant, col(AccessGrant.source_id).in_(list(recipients))))


def window_of(grants: Iterable[AccessGrant]) -> datetime | None:
    """Until when the bytes may be taken under these grants; None if never."""
    ends = [one.expires_at for one in grants if str(Action.EVIDENCE_DOWNLOAD) in one.actions]
    return max(ends, default=None)


def person_of(uow: UnitOfWork) -> UUID:
    """Who acts, where only a person may."""
    if uow.actor.person_id is None:
        raise NotSignedIn
    return uow.actor.person_id


def _who(one: ReleaseRecipient) -> str:
    return str(one.person_id or one.party_id)


def _facts(made: AccessGrant, one: ReleaseRecipient) -> dict[str, Any]:
    facts: dict[str, Any] = {"grant": made.id, "actions": made.actions, "party": one.party_id, "kind": str(made.kind)}
    return facts | {"expires_at": made.expires_at}
