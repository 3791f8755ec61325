"""The way out: events to rooms and to single sockets, and the end of those that do not keep up."""

from typing import Any, Final

import structlog
from flask_socketio import SocketIO

BACKLOG: Final = 256
"""Packets that may wait for one slow reader; then it is cut off, and resumes by position when it comes back."""

_NAMESPACE: Final = "/"
_logger = structlog.get_logger(__name__)


class Sender:
    """What the rest of the package may do with Socket.IO."""

    def __init__(self, socketio: SocketIO) -> None:
        self._server = socketio.server

    def to_rooms(self, rooms: list[str], event: str, payload: dict[str, Any]) -> None:
        """Send an event to everybody in these rooms; it is encoded once."""
        if rooms:
            self._cut_stragglers(rooms)
            self._server.emit(event, payload, to=rooms, namespace=_NAMESPACE)

    def to_one(self, sid: str, event: str, payload: dict[str, Any]) -> None:
        """Send an event to one socket."""
        self._server.emit(event, payload, to=sid, namespace=_NAMESPACE)

    def enter(self, sid: str, room: str) -> None:
        """Put a socket into a room."""
        self._server.enter_room(sid, room, namespace=_NAMESPACE)

    def leave(self, sid: str, room: str) -> None:
        """Take a socket out of a room."""
        self._server.leave_room(sid, room, namespace=_NAMESPACE)

    def end(self, sid: str, event: str) -> None:
        """Say why, then end the connection."""
        self.to_one(sid, event, {})
        self._server.disconnect(sid, namespace=_NAMESPACE)

    def _cut_stragglers(self, rooms: list[str]) -> None:
        for sid, eio_sid in self._server.manager.get_participants(_NAMESPACE, rooms):
            connection = self._server.eio.sockets.get(eio_sid)
            if connection is not None and connection.queue.qsize() > BACKLOG:
                _logger.warning("socket.behind", waiting=connection.queue.qsize())
                cut(self._server.get_environ(sid, namespace=_NAMESPACE))


def cut(environ: dict[str, Any] | None) -> None:
    """End a connection at once, without asking the peer."""
    transport = (environ or {}).get("jit.transport")
    if transport is not None:
        transport.cut()
