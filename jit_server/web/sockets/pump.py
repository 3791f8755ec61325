"""From the log to the sockets of this worker: read once, decide once an audience, send once a room.

For a workspace that grew, one snapshot holds the epoch, the rules in force and the new entries. A new epoch seats
everybody anew before anything is told: whoever was removed hears nothing of what came after, whatever hint was lost.
"""

from datetime import datetime
from itertools import groupby
from time import monotonic
from typing import Any, Final, NamedTuple
from uuid import UUID

import gevent
import structlog
from gevent.event import Event
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from jit_server import access
from jit_server.access import Actor, Phase
from jit_server.core.errors import NotFound
from jit_server.web.sockets.aliases import Aliases
from jit_server.web.sockets.floors import Floor, Floors, Ground, Guest, Seat, people_of, seat_for
from jit_server.web.sockets.present import Entry, presented, tell
from jit_server.web.sockets.send import Sender
from jit_server.web.sockets.waking import Watch

BATCH: Final = 500
"""Entries read at once, and the most that a returning client is caught up with; more is a gap."""

PACE: Final = 0.025
"""Seconds between two rounds at least: under load one round takes what several messages have added."""

_GROUND = "SELECT w.epoch, w.policy_version, w.phase, coalesce(h.size, 0) AS size"
_OF = " FROM workspace w LEFT JOIN audit_head h ON h.log_id = w.id"
_SHOWN = "result = 'ok' AND event = ANY(:events) AND subject_id IS NOT NULL ORDER BY position LIMIT :limit"
_RULES = text(f"{_GROUND}{_OF} WHERE w.id = :workspace")
_NEWS = text(  # rules and news in one statement, hence in one snapshot
    f"{_GROUND}, e.*{_OF} LEFT JOIN LATERAL (SELECT position, event, subject_id, at FROM audit_entry"  # noqa: S608 - constants
    f" WHERE log_id = w.id AND position > :after AND {_SHOWN}) e ON true WHERE w.id = :workspace ORDER BY e.position"
)
_PAST = text(
    "SELECT position, event, subject_id, at FROM audit_entry"  # noqa: S608 - constants
    f" WHERE log_id = :workspace AND position > :after AND position <= :upto AND {_SHOWN}"
)
_HEADS = text("SELECT log_id, size FROM audit_head WHERE log_id = ANY(:workspaces)")
_logger = structlog.get_logger(__name__)


class Joined(NamedTuple):
    """What a socket learns when it takes its seat. With `gap` it must load the page anew."""

    position: int
    epoch: int
    gap: bool


class Pump:
    """Keeps the sockets of one worker level with the logs."""

    def __init__(self, engine: Engine, floors: Floors, sender: Sender, watch: Watch, aliases: Aliases) -> None:
        self._engine = engine
        self._aliases = aliases
        self._floors = floors
        self._send = sender
        self._watch = watch
        self._grown: set[UUID] = set()
        self._wake = Event()

    def hint(self, workspace_id: UUID, position: int) -> None:
        """A log has grown, says somebody. Costs nothing unless somebody here listens and has not heard that far."""
        floor = self._floors.known(workspace_id)
        if floor is not None and position > floor.heard:
            self._grown.add(workspace_id)
            self._wake.set()

    def compare(self) -> None:
        """Find what grew without a hint, by position."""
        workspaces = [floor.workspace_id for floor in self._floors.taken()]
        if not workspaces:
            return
        with self._engine.connect() as connection:
            heads = connection.execute(_HEADS, {"workspaces": workspaces}).all()
        for workspace_id, size in heads:
            self.hint(workspace_id, size)

    def run(self) -> None:
        """Serve hints for ever."""
        last = 0.0
        while True:
            self._wake.wait()
            gevent.sleep(max(0.0, last + PACE - monotonic()))
            last = monotonic()
            self._wake.clear()
            grown, self._grown = self._grown, set()
            for workspace_id in grown:
                try:
                    self.level(workspace_id)
                except SQLAlchemyError as error:  # the next comparison finds it again
                    _logger.warning("pump.failed", workspace=str(workspace_id), error=type(error).__name__)
                    gevent.sleep(0.2)
                except Exception:  # whatever one workspace's entries do to us, the others are still told
                    _logger.exception("pump.failed", workspace=str(workspace_id))

    def level(self, workspace_id: UUID) -> None:
        """Bring everybody who sits in the workspace to its last entry."""
        floor = self._floors.known(workspace_id)
        more = floor is not None
        while floor is not None and more:
            self._watch.wake()
            with floor.lock:
                more = self._advance(floor)

    def readmit(self, floor: Floor) -> None:
        """Ask of everybody on the floor whether they still belong there (somebody's time may simply be over)."""
        with floor.lock, self._engine.connect() as connection:
            ground, _ = self._ground(connection, floor.workspace_id)
            self._seat_anew(connection, floor, ground)

    def join(self, guest: Guest, workspace_id: UUID, after: int) -> Joined:
        """Give a socket its seat: first what it missed since `after`, then everything new, nothing twice or left out.

        Raises:
            NotFound: the person does not belong to the workspace.
        """
        floor = self._floors.floor(workspace_id)
        with floor.lock, self._engine.connect() as connection:
            ground, size = self._ground(connection, workspace_id)  # before the standing: a removal between shows in one
            seat = self._seat(connection, floor, guest, ground)
            if not floor.seats:
                floor.heard, floor.epoch, floor.ground = size, ground.epoch, ground
            elif floor.epoch != ground.epoch:
                self._seat_anew(connection, floor, ground)
            gap = after > size or not self._catch_up(connection, floor, seat, after)
            if guest.sid not in self._floors.guests:  # it went away while we read
                raise NotFound
            self._send.enter(guest.sid, floor.room_of(seat))
            floor.seats[guest.sid] = seat
            guest.workspaces.add(workspace_id)
            return Joined(floor.heard, floor.epoch, gap)

    def _ground(self, connection: Connection, workspace_id: UUID) -> tuple[Ground, int]:
        row = connection.execute(_RULES, {"workspace": workspace_id}).one_or_none()
        if row is None:
            raise NotFound
        return self._rules(connection, workspace_id, row), row.size

    def _rules(self, connection: Connection, workspace_id: UUID, row: Any) -> Ground:
        version, before = row.policy_version, self._floors.floor(workspace_id).ground
        if before is not None and before.version == version:
            hidden = before.hidden
        else:
            hidden = self._aliases(connection, [workspace_id]).get(workspace_id, {})
        policy = access.policy_of(connection, workspace_id, version)
        return Ground(row.epoch, Phase(row.phase), policy, version, hidden)

    def _seat(self, connection: Connection, floor: Floor, guest: Guest, ground: Ground) -> Seat:
        person = _person(guest.actor)
        standing = access.standing(connection, person, floor.workspace_id)
        if standing is None:
            raise NotFound
        return seat_for(guest, standing, ground)

    def _advance(self, floor: Floor) -> bool:
        """Tell one batch; answers whether there is more."""
        wanted = {"workspace": floor.workspace_id, "after": floor.heard, "events": presented(), "limit": BATCH}
        with self._engine.connect() as connection:
            rows = connection.execute(_NEWS, wanted).all()
            if not rows:
                return False
            ground = self._rules(connection, floor.workspace_id, rows[0])
            if ground.epoch != floor.epoch:
                self._seat_anew(connection, floor, ground)
            floor.ground = ground
            entries = [_entry(row) for row in rows if row.position is not None]
            told = tell(connection, floor.workspace_id, entries)
        if self._watch.slept:  # what was read is of before: read it again
            return True
        for party in floor.told_apart():
            for rooms, batch in groupby(told, lambda one, party=party: floor.rooms(one.to, one.whose, party)):  # type: ignore[misc]
                self._send.to_rooms(rooms, [(one.event, floor.seen(one.payload, party)) for one in batch])
        more = len(entries) == BATCH
        floor.heard = entries[-1].position if more else max(rows[0].size, floor.heard)
        return more

    def _catch_up(self, connection: Connection, floor: Floor, seat: Seat, after: int) -> bool:
        """Send one socket what its audience heard since `after`; False when that is too much."""
        wanted = {"workspace": floor.workspace_id, "after": after, "upto": floor.heard}
        rows = connection.execute(_PAST, {**wanted, "events": presented(), "limit": BATCH + 1}).all()
        entries = [_entry(row) for row in rows]
        if len(entries) > BATCH:
            return False
        for one in tell(connection, floor.workspace_id, entries):
            if floor.hears(seat.profile, one.to, one.whose):
                self._send.to_one(seat.guest.sid, one.event, floor.seen(one.payload, seat.profile[2]))
        return True

    def _seat_anew(self, connection: Connection, floor: Floor, ground: Ground) -> None:
        """Everybody leaves the rooms of the old epoch; who still belongs enters those of the new one."""
        standings = access.standings_in(connection, floor.workspace_id, people_of(floor.seats.values()))
        before = {sid: (seat, floor.room_of(seat)) for sid, seat in floor.seats.items()}
        floor.epoch, floor.ground = ground.epoch, ground
        for sid, (seat, room) in before.items():
            standing = standings.get(_person(seat.guest.actor))
            if standing is None:
                self._send.leave(sid, room)
                self.forget(floor, seat)
                self._send.to_one(sid, "workspace:left", {"workspace_id": str(floor.workspace_id)})
                continue
            floor.seats[sid] = anew = seat_for(seat.guest, standing, ground)
            if floor.room_of(anew) != room:
                self._send.leave(sid, room)
                self._send.enter(sid, floor.room_of(anew))

    def forget(self, floor: Floor, seat: Seat) -> None:
        """Take a seat away."""
        floor.seats.pop(seat.guest.sid, None)
        seat.guest.workspaces.discard(floor.workspace_id)


def _person(actor: Actor) -> UUID:
    if actor.person_id is None:
        raise NotFound
    return actor.person_id


def _entry(row: Any) -> Entry:
    at: datetime = row.at
    return Entry(row.position, row.event, row.subject_id, at.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
