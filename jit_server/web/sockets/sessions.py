"""Whose socket it is now: sessions are asked for at every event, and ended sessions end their sockets."""

from collections.abc import Callable, Iterable
from time import monotonic
from typing import Final, cast
from uuid import UUID

from flask import Flask
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from jit_server import access
from jit_server.core import clock
from jit_server.core.errors import DatabaseDown
from jit_server.web import context
from jit_server.web.sockets.floors import Floors
from jit_server.web.sockets.send import Sender

FRESH: Final = 1.0
"""Seconds for which a session that was just found to count is believed to."""

Alive = Callable[[Connection, list[UUID]], Iterable[UUID]]
"""Which of these sessions still count; given by the room that knows sessions."""


class Sessions:
    """The sessions behind one worker's sockets."""

    def __init__(self, app: Flask, engine: Engine, alive: Alive, floors: Floors, send: Sender) -> None:
        """Nobody is known yet."""
        self._app = app
        self._engine = engine
        self._alive = alive
        self._floors = floors
        self._send = send
        self._known: dict[str, tuple[access.Actor, float]] = {}

    def sign_in(self, raw: str, user_agent: str) -> access.Actor:
        """Who a session cookie belongs to now.

        An answer serves for a second, so that a burst of events asks once; whether the person belongs to a workspace is
        asked for every event all the same.
        """
        known = self._known.get(raw)
        if known is not None and known[1] > monotonic():
            return known[0]
        frame = cast("context.Frame", self._app.extensions["jit"])
        try:
            with self._engine.connect() as connection:
                found = frame.load_actor(connection, raw, user_agent, clock.now()) or access.ANONYMOUS
        except SQLAlchemyError as error:
            raise DatabaseDown from error
        if found.kind == "person":
            self._known[raw] = (found, monotonic() + FRESH)
        return found

    def end_dead(self) -> None:
        """Say goodbye to every socket whose session counts no more."""
        self._known = {raw: known for raw, known in self._known.items() if known[1] > monotonic()}
        sessions = self._floors.sessions()
        if not sessions:
            return
        with self._engine.connect() as connection:
            alive = set(self._alive(connection, list(sessions)))
        for guest in self._floors.ended(sessions, alive):
            self._send.end(guest.sid, "session:ended")
