"""Who is here and who types, across workers: rows that are gone within seconds unless a worker renews them.

Each worker writes for its own sockets and reads for the workspaces it serves; the bus says no more than "look again".
Nothing of this is kept or recorded: the table is unlogged, and what was typed is not in it.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import gevent
import structlog
from gevent.event import Event
from sqlalchemy import Connection, Engine, Row, Text, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Field, SQLModel

from jit_server.access import Action
from jit_server.core import clock
from jit_server.core.bus import Bus
from jit_server.core.database import UtcDateTime
from jit_server.web.sockets.aliases import Aliases, seen_by
from jit_server.web.sockets.floors import Floor, Floors
from jit_server.web.sockets.present import WHOLE_TEAM, Whose
from jit_server.web.sockets.send import Sender
from jit_server.web.sockets.waking import Watch

FRESH: Final = timedelta(seconds=15)
"""How long a worker's word counts; it is renewed at each sweep."""
COALESCE: Final = 0.2
"""Seconds in which changes are gathered before they are told."""

People = Callable[[Connection, list[UUID]], Mapping[UUID, dict[str, Any]]]
"""`{person_id, name, agency, state}` of these persons, by id; given by the room that knows people."""

_ENTER = text(
    "INSERT INTO presence (worker_id, workspace_id, person_id, seen_at)"
    " SELECT :worker, w, p, :now FROM unnest(CAST(:workspaces AS uuid[]), CAST(:people AS uuid[])) AS seat (w, p)"
    " ON CONFLICT (workspace_id, person_id, worker_id) DO UPDATE SET seen_at = excluded.seen_at"
)
_LEAVE = text("DELETE FROM presence WHERE worker_id = :worker AND workspace_id = :workspace AND person_id = :person")
_TYPES = text(
    "UPDATE presence SET typing_in = :channel, typing_topic = :topic, typing_compartment = :compartment,"
    " typing_at = :now"
    " WHERE worker_id = :worker AND workspace_id = :workspace AND person_id = :person"
)
_READ = text(
    "SELECT workspace_id, person_id, max(typing_at) AS typing_at,"
    " (array_agg(typing_in ORDER BY typing_at DESC NULLS LAST))[1] AS typing_in,"
    " (array_agg(typing_topic ORDER BY typing_at DESC NULLS LAST))[1] AS typing_topic,"
    " (array_agg(typing_compartment ORDER BY typing_at DESC NULLS LAST))[1] AS typing_compartment"
    " FROM presence WHERE workspace_id = ANY(:workspaces) AND seen_at > :since GROUP BY workspace_id, person_id"
)
_EPOCHS = text("SELECT id, epoch FROM workspace WHERE id = ANY(:workspaces)")
_SWEEP = text("DELETE FROM presence WHERE seen_at < :before")
_logger = structlog.get_logger(__name__)


class PresenceRow(SQLModel, table=True):
    """One worker's word that a person is in a workspace now."""

    __tablename__ = "presence"

    workspace_id: UUID = Field(primary_key=True)
    person_id: UUID = Field(primary_key=True)
    worker_id: UUID = Field(primary_key=True, index=True)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    typing_in: UUID | None = None
    typing_topic: str | None = Field(default=None, sa_type=Text)
    typing_compartment: UUID | None = None
    typing_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Presence:
    """This worker's part in saying who is here."""

    def __init__(
        self,
        engine: Engine,
        floors: Floors,
        sender: Sender,
        bus: Bus,
        people: People,
        aliases: Aliases,
        watch: Watch,
    ) -> None:
        self._engine = engine
        self._aliases = aliases
        self._floors = floors
        self._send = sender
        self._bus = bus
        self._people = people
        self._watch = watch
        self._worker = uuid4()
        self._changed: set[UUID] = set()
        self._wake = Event()

    def enter(self, workspace_id: UUID, person_id: UUID) -> None:
        """Somebody took a seat."""
        self._write(_ENTER, workspaces=[workspace_id], people=[person_id], now=clock.now())
        self._tell(workspace_id)

    def leave(self, workspace_id: UUID, person_id: UUID) -> None:
        """Somebody's last seat on this worker is empty."""
        self._write(_LEAVE, workspace=workspace_id, person=person_id)
        self._tell(workspace_id)

    def types(
        self, workspace_id: UUID, person_id: UUID, *, channel_id: UUID, topic: str, compartment: UUID | None
    ) -> None:
        """Somebody is writing in a channel of the whole team or of a compartment."""
        place = {"channel": channel_id, "topic": topic, "compartment": compartment}
        self._write(_TYPES, workspace=workspace_id, person=person_id, now=clock.now(), **place)
        self._tell(workspace_id)

    def look_again(self, workspace_id: UUID) -> None:
        """Something changed in a workspace, says a worker."""
        if self._floors.known(workspace_id) is not None:
            self._changed.add(workspace_id)
            self._wake.set()

    def renew(self) -> None:
        """Renew this worker's word, forget what others have not renewed, and look at every floor again."""
        seats = [
            (floor.workspace_id, seat.guest.actor.person_id)
            for floor in self._floors.taken()
            for seat in floor.seats.values()
            if seat.shown
        ]
        with self._engine.connect() as connection:
            if seats:
                workspaces, people = zip(*sorted(set(seats), key=str), strict=True)
                facts = {"workspaces": list(workspaces), "people": list(people), "now": clock.now()}
                connection.execute(_ENTER, {"worker": self._worker, **facts})
            connection.execute(_SWEEP, {"before": clock.now() - 4 * FRESH})
        for floor in self._floors.taken():
            self.look_again(floor.workspace_id)

    def here(self, workspace_id: UUID, party_id: UUID) -> list[dict[str, Any]]:
        """Who is in the workspace now, on any worker, as a party may know them."""
        with self._engine.connect() as connection:
            rows = connection.execute(_READ, {"workspaces": [workspace_id], "since": clock.now() - FRESH}).all()
            people = list(self._people(connection, [row.person_id for row in rows]).values())
            return _by_name(seen_by(party_id, people, self._aliases(connection, [workspace_id]).get(workspace_id, {})))

    def run(self) -> None:
        """Tell the floors of this worker what changed, for ever."""
        while True:
            self._wake.wait()
            gevent.sleep(COALESCE)
            self._wake.clear()
            changed, self._changed = self._changed, set()
            floors = [floor for floor in map(self._floors.known, changed) if floor is not None]
            try:
                self._announce(floors)
            except SQLAlchemyError as error:  # the next sweep looks again
                _logger.warning("presence.failed", error=type(error).__name__)
            except Exception:  # presence is worth less than the greenlet that tells it
                _logger.exception("presence.failed")

    def _tell(self, workspace_id: UUID) -> None:
        self.look_again(workspace_id)
        self._bus.presence(workspace_id)

    def _write(self, statement: Any, **values: Any) -> None:
        with self._engine.connect() as connection:
            connection.execute(statement, {"worker": self._worker, **values})

    def _announce(self, floors: list[Floor]) -> None:
        self._watch.wake()
        with self._engine.connect() as connection:
            wanted = {"workspaces": [floor.workspace_id for floor in floors], "since": clock.now() - FRESH}
            rows = connection.execute(_READ, wanted).all()
            names = self._people(connection, list({row.person_id for row in rows}))
            found = connection.execute(_EPOCHS, {"workspaces": wanted["workspaces"]})
            epochs = {row.id: row.epoch for row in found}
        if self._watch.slept:  # the next sweep looks again
            return
        for floor in floors:
            if floor.epoch != epochs.get(floor.workspace_id):  # somebody may have left: first they are seated anew
                continue
            here = [row for row in rows if row.workspace_id == floor.workspace_id]
            self._tell_floor(floor, here, names)

    def _tell_floor(self, floor: Floor, here: list[Row[Any]], names: Mapping[UUID, dict[str, Any]]) -> None:
        people = frozenset(row.person_id for row in here)
        if people != floor.people:
            floor.people = people
            shown = [names[one] for one in people if one in names]
            self._send_apart(floor, "presence:changed", WHOLE_TEAM, {"people": shown})
        for row in here:
            recent = row.typing_at is not None and row.typing_at > clock.now() - FRESH
            if recent and row.typing_at != floor.typed.get(row.person_id) and row.person_id in names:
                floor.typed[row.person_id] = row.typing_at
                place: dict[str, Any] = {"channel_id": str(row.typing_in), "topic": row.typing_topic}
                place |= {"person": names[row.person_id]}
                self._send_apart(floor, "presence:typing", Whose(compartment=row.typing_compartment), place)

    def _send_apart(self, floor: Floor, event: str, whose: Whose, told: dict[str, Any]) -> None:
        for party in floor.told_apart():
            seen = floor.seen({"workspace_id": str(floor.workspace_id), **told}, party)
            if "people" in seen:
                seen["people"] = _by_name(seen["people"])  # a function stands where it belongs, not where the name did
            self._send.to_rooms(floor.rooms(Action.PRESENCE_SHOW, whose, party), [(event, seen)])


def _by_name(people: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(people, key=lambda person: (str(person["name"]), str(person["person_id"])))
