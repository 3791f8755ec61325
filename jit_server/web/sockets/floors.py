"""Who sits where: this worker's sockets, and for each workspace the audience each of them belongs to.

A socket room is named by workspace, epoch and profile (role, party class, party): people of one profile hear the same.
Any change of membership makes a new epoch, and nothing is ever sent to the rooms of an old one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from gevent.lock import RLock

from jit_server.access import Action, Actor, PartyClass, Phase, Policy, Role, Standing
from jit_server.web.sockets.aliases import Alias, seen_by
from jit_server.web.sockets.pace import Bucket
from jit_server.web.sockets.present import WHOLE_TEAM, Whose

FAULTS: Final = 50
"""Mistakes at once, then one a second. Nobody makes so many by hand: who does is cut off, so ids cannot be guessed."""

Profile = tuple[Role, PartyClass, UUID]


def room_name(workspace_id: UUID, epoch: int, profile: Profile) -> str:
    """The socket room of one audience."""
    role, party_class, party_id = profile
    return f"{workspace_id}:{epoch}:{role}|{party_class}|{party_id}"


@dataclass(slots=True)
class Guest:
    """One socket of this worker and the person behind it, as signed in when it was opened."""

    sid: str
    actor: Actor
    cookie: str = field(repr=False)
    environ: dict[str, Any] = field(repr=False)
    faults: Bucket = field(default_factory=lambda: Bucket(1.0, FAULTS))
    workspaces: set[UUID] = field(default_factory=set)


@dataclass(slots=True)
class Seat:
    """A socket's place in one workspace."""

    guest: Guest
    profile: Profile
    shown: bool
    """Whether the rules let the person be seen here, and see who else is."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What decides who hears, read in one snapshot with the entries that are told under it."""

    epoch: int
    phase: Phase
    policy: Policy
    version: int
    """Of the rules, and so of the agreement."""
    hidden: Mapping[UUID, Alias]
    """Whom partners know by function alone."""


@dataclass
class Floor:
    """One workspace on this worker: who sits there, up to which position they were told, and by which rules."""

    workspace_id: UUID
    heard: int = 0
    epoch: int = -1
    ground: Ground | None = None
    seats: dict[str, Seat] = field(default_factory=dict)
    people: frozenset[UUID] = frozenset()
    """Who was last shown as present."""
    typed: dict[UUID, Any] = field(default_factory=dict)
    """When each was last told to be typing."""
    lock: RLock = field(default_factory=RLock)

    def room_of(self, seat: Seat) -> str:
        """The room of a seat in the present epoch."""
        return room_name(self.workspace_id, self.epoch, seat.profile)

    def hears(self, profile: Profile, action: Action, whose: Whose) -> bool:
        """Whether an audience may hear of a row of this kind."""
        ground = self.ground
        return ground is not None and ground.policy.hears(profile, action, phase=ground.phase, **whose._asdict())

    def rooms(self, action: Action, whose: Whose = WHOLE_TEAM, party: UUID | None = None) -> list[str]:
        """The rooms whose people may hear of a row of this kind; those of one party, if it is named."""
        return sorted(
            room_name(self.workspace_id, self.epoch, profile)
            for profile in {seat.profile for seat in self.seats.values()}
            if party in {None, profile[2]} and self.hears(profile, action, whose)
        )

    def told_apart(self) -> list[UUID | None]:
        """The parties that are told in words of their own; all together, unless somebody is hidden from partners."""
        if self.ground is None or not self.ground.hidden:
            return [None]
        return [*sorted({seat.profile[2] for seat in self.seats.values()})]

    def seen(self, payload: dict[str, Any], party: UUID | None) -> dict[str, Any]:
        """An event as one of `told_apart` may see it."""
        hidden = self.ground.hidden if self.ground is not None else {}
        return seen_by(party, payload, hidden) if hidden else payload


class Floors:
    """All floors and guests of this worker."""

    def __init__(self) -> None:
        self.guests: dict[str, Guest] = {}
        self._floors: dict[UUID, Floor] = {}

    def floor(self, workspace_id: UUID) -> Floor:
        """The workspace's floor, laid when first needed."""
        return self._floors.setdefault(workspace_id, Floor(workspace_id))

    def known(self, workspace_id: UUID) -> Floor | None:
        """The workspace's floor if somebody sits there."""
        found = self._floors.get(workspace_id)
        return found if found and found.seats else None

    def taken(self) -> list[Floor]:
        """Floors where somebody sits."""
        return [floor for floor in self._floors.values() if floor.seats]

    def sits(self, workspace_id: UUID, person_id: UUID | None) -> bool:
        """Whether the person has a socket in the workspace on this worker."""
        floor = self.known(workspace_id)
        return floor is not None and any(seat.guest.actor.person_id == person_id for seat in floor.seats.values())

    def sessions(self) -> set[UUID]:
        """The sessions of all sockets."""
        return {guest.actor.session_id for guest in self.guests.values() if guest.actor.session_id}

    def ended(self, asked: set[UUID], alive: set[UUID]) -> list[Guest]:
        """Whose session was asked about and counts no more; who came while the question was asked is not among them."""
        return [guest for guest in self.guests.values() if guest.actor.session_id in asked - alive]


def people_of(seats: Iterable[Seat]) -> list[UUID]:
    """The persons on these seats, each once."""
    return list({seat.guest.actor.person_id for seat in seats if seat.guest.actor.person_id})


def seat_for(guest: Guest, standing: Standing, ground: Ground) -> Seat:
    """The seat that a standing gives under these rules."""
    shown = ground.policy.hears(
        standing.profile, Action.PRESENCE_SHOW, phase=ground.phase, party_id=None, handling=None
    )
    return Seat(guest, standing.profile, shown)
