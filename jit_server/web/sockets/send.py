"""The way out: events to rooms and to single sockets, and the end of those that do not keep up."""

import contextlib
from collections.abc import Sequence
from typing import Any, Final

import gevent
import structlog
from engineio.exceptions import SocketIsClosedError
from engineio.packet import MESSAGE, Packet
from flask_socketio import SocketIO
from socketio import packet as socketio_packet

from jit_server.web.sockets.wire import frame

BACKLOG: Final = 256
"""Packets that may wait for one slow reader; then it is cut off, and resumes by position when it comes back."""

HANG_UP: Final = 1.0
"""Seconds in which a client may hang up by itself."""

_NAMESPACE: Final = "/"
_logger = structlog.get_logger(__name__)


class Sender:
    """What the rest of the package may do with Socket.IO."""

    def __init__(self, socketio: SocketIO) -> None:
        self._server = socketio.server

    def to_rooms(self, rooms: list[str], events: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Send events to everybody in these rooms, encoded and framed once.

        Where nothing waits for a socket the frames go straight to the kernel, all in one call: by Engine.IO's queue and
        writer each would cost three times as much. Order holds, since whatever waits goes first.
        """
        packets = [Packet(MESSAGE, _encoded(event, payload)) for event, payload in events]
        framed = b"".join(frame(packet.encode()) for packet in packets)
        sockets, environs = self._server.eio.sockets, self._server.environ
        for _, engine_sid in self._server.manager.get_participants(_NAMESPACE, rooms) if rooms else ():
            connection = sockets.get(engine_sid)
            if connection is None or connection.closed:
                continue
            waiting = connection.queue.qsize()
            transport = environs[engine_sid].get("jit.transport") if engine_sid in environs else None
            if waiting > BACKLOG and transport is not None:
                _logger.warning("socket.behind", waiting=waiting)
                transport.cut()
            elif waiting or transport is None or not transport.offer(framed):
                _queue(connection, packets)

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
        """Say why, then end the connection; a client that does not hang up by itself is cut off."""
        environ = self._server.get_environ(sid, namespace=_NAMESPACE)
        self.to_one(sid, event, {})
        self._server.disconnect(sid, namespace=_NAMESPACE)
        gevent.spawn_later(HANG_UP, cut, environ)


def _queue(connection: Any, packets: list[Packet]) -> None:
    """Leave packets to Engine.IO's writer. It may find on the way that the peer is gone: nobody else loses by that."""
    with contextlib.suppress(SocketIsClosedError):
        for packet in packets:
            connection.send(packet)


def _encoded(event: str, payload: dict[str, Any]) -> str:
    return str(socketio_packet.Packet(data=[event, payload], namespace=_NAMESPACE).encode())


def cut(environ: dict[str, Any] | None) -> None:
    """End a connection at once, without asking the peer."""
    transport = (environ or {}).get("jit.transport")
    if transport is not None:
        transport.cut()
