"""Sockets put together for one worker: gate, transport, events in, log entries out, presence, and the sweep."""

import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, cast
from uuid import UUID

import gevent
import structlog
from flask import Flask, current_app, g
from flask_socketio import SocketIO
from gevent.event import Event
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.http import parse_cookie

from jit_server import access
from jit_server.access import Action
from jit_server.audit import SERVER_LOG
from jit_server.core.bus import LOG, Bus, Hint
from jit_server.core.errors import DatabaseDown, JitError, Malformed, NotFound, NotSignedIn, TooMany
from jit_server.web import context
from jit_server.web.declared import own
from jit_server.web.limits import Counters
from jit_server.web.sockets import events, gate
from jit_server.web.sockets.aliases import Aliases
from jit_server.web.sockets.crowd import Crowd
from jit_server.web.sockets.days import Days, Follow
from jit_server.web.sockets.floors import Floors, Guest
from jit_server.web.sockets.presence import People, Presence
from jit_server.web.sockets.pump import Pump
from jit_server.web.sockets.send import Sender
from jit_server.web.sockets.sessions import Alive, Sessions
from jit_server.web.sockets.system import system_engine
from jit_server.web.sockets.waking import Watch
from jit_server.web.sockets.wire import MAX_MESSAGE, Transport
from jit_server.work import House

SWEEP: Final = 2.5
"""Seconds between two looks at what no hint tells: sessions that ended, access that ran out, hints that were lost."""
PING: Final = (10, 5)
"""Seconds between pings, and within which each must be answered."""

SETTLE: Final = 0.25
"""Seconds between two looks at the sessions, when the server's own log grows and grows."""
FAREWELL: Final = 2.0
"""Seconds for which a leaving worker waits for slow readers to take its goodbye."""
_logger = structlog.get_logger(__name__)


class Join(BaseModel):
    """A socket asks for its seat in a workspace, and for what it missed since `position`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workspace_id: UUID
    position: int = Field(ge=0, le=2**53 - 1, strict=True)


class Sockets:
    """The real-time part of one worker. Its greenlets start with the first handshake, after any fork."""

    def __init__(
        self,
        app: Flask,
        house: House,
        bus: Bus,
        *,
        people: People,
        aliases: Aliases,
        alive: Alive,
        counters: Counters,
    ) -> None:
        self._app = app
        self._engine = system_engine(house.settings.database_url)
        self._bus = bus
        self._counters = counters
        self._cookie = house.settings.cookie
        self._started = threading.Lock()
        self._somebody_left = Event()
        self.socketio = _socketio(app)
        self.floors = Floors()
        self.crowd = Crowd(self._engine, house.settings.sockets_person) if house.settings.rates else None
        self.send = Sender(self.socketio)
        self.sessions = Sessions(app, self._engine, alive, self.floors, self.send)
        self.watch = Watch(self._ask_anew)
        self.pump = Pump(self._engine, self.floors, self.send, self.watch, aliases)
        self.days = Days(self._engine, self.floors, self.send)
        self.presence = Presence(self._engine, self.floors, self.send, bus, people, aliases, self.watch)
        self._listen_to_clients()
        app.wsgi_app = gate.Gate(  # type: ignore[method-assign]
            app.wsgi_app, house.settings.base_url, house.settings.cookie, self.sessions.sign_in, self._admit
        )
        app.extensions["jit.sockets"] = self

    def _admit(self, actor: access.Actor, environ: gate.Environ) -> Callable[[], None]:
        self._counters.take(actor)
        if self.crowd is None or actor.person_id is None:
            return lambda: None
        leave = self.crowd.come(actor.person_id)
        environ["jit.pace"] = self.crowd.pace(actor.person_id)
        return leave

    def _listen_to_clients(self) -> None:
        """Straight to python-socketio: Flask-SocketIO's own handlers keep a frozen session and call `connect` twice."""
        server = self.socketio.server
        server.on("connect", self._connect)
        server.on("disconnect", self._disconnect)
        server.on("*", self._unknown)
        for handler in events.handlers():
            server.on(handler.event, partial(self._answer, handler))

    def _answer(self, handler: events.Handler, sid: str, *data: Any) -> Any:
        guest = self.floors.guests.get(sid)
        if guest is None:
            return {"problem": NotSignedIn().problem()}
        try:
            actor = self.sessions.sign_in(guest.cookie, guest.environ.get("HTTP_USER_AGENT", ""))
            self._counters.take(actor)
        except (DatabaseDown, TooMany) as error:
            return {"problem": error.problem()}
        with self._app.app_context():
            return events.acknowledge(handler, guest, actor, data)

    def _unknown(self, _event: str, sid: str, *_data: Any) -> Any:
        guest, error = self.floors.guests.get(sid), Malformed("there is no such event")
        return events.refused(guest, error) if guest else {"problem": error.problem()}

    def _start(self) -> None:
        if not self._started.acquire(blocking=False):
            return
        self._bus.listen(self._heard, self._resumed)
        gevent.spawn(self.watch.run)
        gevent.spawn(self.pump.run)
        gevent.spawn(self.days.run)
        gevent.spawn(self.presence.run)
        gevent.spawn(self._sweep_for_ever)
        gevent.spawn(self._end_sessions_soon)

    def _heard(self, channel: str, hint: Hint) -> None:
        if channel == LOG and hint.workspace_id == SERVER_LOG:  # there sessions end, by whosever doing
            self._somebody_left.set()
        elif channel == LOG:
            self.pump.hint(*hint)
            self.days.hint(*hint)
        else:
            self.presence.look_again(hint.workspace_id)

    def _resumed(self) -> None:
        gevent.spawn(self._quietly, self.pump.compare)
        gevent.spawn(self._quietly, self.days.compare)

    def _connect(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
        """Note who came. `auth` has no default: python-socketio calls again without it after a TypeError (F8)."""
        del auth  # the session's cookie says who it is; nothing else is believed
        self._start()
        cookie = parse_cookie(environ).get(self._cookie, "")
        self.floors.guests[sid] = Guest(sid, environ[gate.ACTOR], cookie, environ)

    def _disconnect(self, sid: str, reason: Any) -> None:
        del reason
        guest = self.floors.guests.pop(sid, None)
        if guest is None:
            return
        self.days.leave(sid)
        for workspace_id in list(guest.workspaces):
            self.floors.floor(workspace_id).seats.pop(guest.sid, None)
            person = guest.actor.person_id
            if person and not self.floors.sits(workspace_id, person):
                self._quietly(self.presence.leave, workspace_id, person)

    def farewell(self) -> None:
        """This worker is leaving: say so to every socket, so that each resumes elsewhere at once."""
        transports = [guest.environ.get("jit.transport") for guest in self.floors.guests.values()]
        leaving = [gevent.spawn(transport.go_away) for transport in transports if transport is not None]
        gevent.joinall(leaving, timeout=FAREWELL)
        if self.crowd is not None:
            self.crowd.leave()

    def close(self) -> None:
        """Give the connections to the database back."""
        self._bus.close()
        self._engine.dispose()

    def join(self, guest: Guest, wish: Join) -> dict[str, Any]:
        """Seat a socket; the events it missed leave before this acknowledgement does."""
        with context.work() as uow:
            standing = uow.standing(wish.workspace_id)
            if standing is None:
                raise NotFound
            uow.require(Action.WORKSPACE_READ, None, standing)
            uow.record("workspace:read", workspace_id=wish.workspace_id, live=True, after=wish.position)
        joined = self.pump.join(guest, wish.workspace_id, wish.position)
        people: list[dict[str, Any]] = []
        seat = self.floors.floor(wish.workspace_id).seats.get(guest.sid)
        if seat is not None and seat.shown:
            self.presence.enter(wish.workspace_id, standing.person_id)
            people = self.presence.here(wish.workspace_id, standing.party_id)
        return {"position": joined.position, "epoch": joined.epoch, "gap": joined.gap, "presence": people}

    def people(self, workspace_id: UUID, party_id: UUID, may: Iterable[str]) -> list[dict[str, Any]]:
        """Who is in a workspace now, for somebody of a party who may do these actions there."""
        return self.presence.here(workspace_id, party_id) if Action.PRESENCE_SHOW in may else []

    def _sweep_for_ever(self) -> None:
        while True:
            gevent.sleep(SWEEP)
            pump, days = self.pump.compare, self.days.compare
            steps = [self.sessions.end_dead, pump, days, self._end_lapsed_access, self.presence.renew]
            for step in [*steps, *([self.crowd.renew] if self.crowd else [])]:
                self._quietly(step)

    def _end_sessions_soon(self) -> None:
        while True:
            self._somebody_left.wait()
            self._somebody_left.clear()
            self._quietly(self.sessions.end_dead)
            gevent.sleep(SETTLE)

    def _ask_anew(self) -> None:
        self.sessions.end_dead()
        self._end_lapsed_access()

    def _end_lapsed_access(self) -> None:
        for floor in self.floors.taken():
            self.pump.readmit(floor)

    def _quietly(self, step: Callable[..., None], *arguments: Any) -> None:
        """Do something that will be tried again anyway; the database being away is not news worth a traceback."""
        try:
            step(*arguments)
        except (JitError, SQLAlchemyError) as error:
            _logger.warning("sockets.step_failed", step=step.__name__, error=type(error).__name__)
        except Exception:  # the sweep must go on: it is what finds everything that was missed
            _logger.exception("sockets.step_failed", step=step.__name__)


def _socketio(app: Flask) -> SocketIO:
    made = SocketIO(
        app,
        async_mode="gevent",
        manage_session=False,
        async_handlers=False,  # one client's events are done in order, and its haste is its own
        transports=["websocket"],
        allow_upgrades=False,
        http_compression=False,
        cors_allowed_origins=[],  # the gate has compared the origin; Engine.IO would believe X-Forwarded-Host
        max_http_buffer_size=MAX_MESSAGE,
        ping_interval=PING[0],
        ping_timeout=PING[1],
        path=gate.PATH.lstrip("/"),
    )
    engine = made.server.eio
    engine._async = {**engine._async, "websocket": Transport}  # noqa: SLF001 - Engine.IO has no public way to bring one's own
    return made


def install(app: Flask, *, people: People, aliases: Aliases, alive: Alive, counters: Counters) -> Sockets:
    """Open the socket door of an app; call it last, when every room has said which events it answers and presents.

    Args:
        app: with its frame (`web.context.Frame`).
        people: names persons, for presence.
        aliases: whom partners know by function alone.
        alive: which sessions still count.
        counters: of what each person and agency asks.
    """
    house = cast("context.Frame", app.extensions["jit"]).house
    bus = house.bus if isinstance(house.bus, Bus) else Bus(house.settings.database_url)
    return Sockets(app, house, bus, people=people, aliases=aliases, alive=alive, counters=counters)


def running() -> Sockets:
    """The sockets of the running app."""
    return cast("Sockets", current_app.extensions["jit.sockets"])


@events.on("workspace:join", to=Action.WORKSPACE_READ)
def join(wish: Join) -> dict[str, Any]:
    """Take a seat in a workspace and be caught up."""
    return running().join(g.guest, wish)


@events.on("day:follow", to=own("hears only that something concerns the person, never what or where"))
def follow(wish: Follow) -> dict[str, Any]:
    """Hear from now on when to read one's day again; `changed` when it must be read at once."""
    return {"changed": running().days.follow(g.guest, wish.since)}
