"""What a recipient would see: the page's own code runs as the recipient, with the release's grants; nothing is kept."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar
from uuid import UUID, uuid4

from sqlmodel import col

from jit_server.access import Action, Actor, Refusal, Role
from jit_server.core.errors import NotFound
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.outside import Mode
from jit_server.evidence.usecases.opening import SIGHT, TAKING, person_of
from jit_server.evidence.usecases.releasing import proposed_release
from jit_server.identity.models import Agency, Person
from jit_server.work import UnitOfWork
from jit_server.workspaces import Party
from jit_server.workspaces.aliases import shown
from jit_server.workspaces.compartments import AccessGrant, GrantKind
from jit_server.workspaces.models import Member, MemberStatus

SeenT = TypeVar("SeenT")


class _Enough(Exception):
    """The preview is made: nothing of it is kept."""


def preview(
    uow: UnitOfWork, item: EvidenceItem, to: tuple[UUID, UUID | None], mode: Mode, see: Callable[[UnitOfWork], SeenT]
) -> tuple[Party, SeenT | None]:
    """What `see` gives to a party, or to one person of it, were the exhibit released to it in this mode.

    For whoever may release it, and for the second person while a release waits. None: they would see nothing.

    Raises:
        NotFound: no such party, or nobody of it.
        NotPermitted: not for the actor to know.
    """
    if proposed_release(uow, item) is None or not uow.permits(Action.APPROVAL_GIVE, item):
        uow.require(Action.EVIDENCE_RELEASE, item)
    party = uow.find(Party, id=to[0], workspace_id=item.workspace_id)
    recipient = _somebody(uow, party, to[1]) if party else None
    if party is None or recipient is None:
        raise NotFound
    seen: list[SeenT] = []
    with suppress(_Enough, Refusal, NotFound), uow.house.work(recipient) as theirs:
        _as_released(theirs, item, person_of(uow), mode)
        if theirs.permits(Action.EVIDENCE_READ, item):
            seen.append(see(theirs))
        raise _Enough
    return party, seen[0] if seen else None


def _somebody(uow: UnitOfWork, party: Party, person_id: UUID | None) -> Actor | None:
    """The person, or somebody of the party who sees as much as anybody of it."""
    members = uow.every(Member, col(Member.party_id) == party.id, col(Member.status) == MemberStatus.ACTIVE)
    some = [one for one in members if person_id in {None, one.person_id}]
    some.sort(key=lambda one: (one.role is not Role.LEADER, one.role is not Role.MEMBER, str(one.id)))
    person = uow.find(Person, id=some[0].person_id) if some else None
    agency = uow.find(Agency, id=person.agency_id) if person else None
    if person is None or agency is None:
        return None
    return Actor(
        "person",
        person_id=person.id,
        agency_id=agency.id,
        state=agency.state,
        name=shown(uow, party.workspace_id, [person.id])[person.id],
        agency_name=agency.name,
    )


def _as_released(theirs: UnitOfWork, item: EvidenceItem, by: UUID, mode: Mode) -> None:
    actions = SIGHT if mode is Mode.REFERENCE else SIGHT + TAKING
    with theirs.as_system():
        theirs.add(
            AccessGrant(
                workspace_id=item.workspace_id,
                subject_kind="evidence_item",
                subject_id=item.id,
                person_id=theirs.actor.person_id,
                actions=[str(action) for action in actions],
                kind=GrantKind.OUTBOUND,
                clause_id="preview",
                source_id=uuid4(),
                granted_by=by,
                granted_at=theirs.now,
                expires_at=theirs.now + timedelta(hours=1),
            )
        )
