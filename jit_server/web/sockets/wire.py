"""The WebSocket itself: whole messages of bounded size, well-formed packets, nothing else reaches the libraries.

Why not simply what Engine.IO brings: it buffers a message of any size before it looks (F6), reads ahead without end
while a handler works, may send half a frame to a slow reader, and answers a malformed packet with a traceback.
"""

import contextlib
import json
import socket
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import gevent
import gevent.socket
import simple_websocket
from engineio.async_drivers._websocket_wsgi import SimpleWebSocketWSGI
from gevent.event import Event
from gevent.lock import BoundedSemaphore
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError

from jit_server.web.sockets.pace import BURST, RATE, Bucket

MAX_MESSAGE: Final = 64 * 1024
"""Bytes of one message from a client."""
SILENCE: Final = 20
"""Seconds after which a peer that is silent and takes nothing is gone; it is pinged every 10."""
DEPTH: Final = 8
"""Levels of nesting an event's data may have."""

_SERVER_KEYS: Final = ("gunicorn.socket", "wsgi.input", "SERVER_SOFTWARE")
_HANDSHAKE: Final = tuple(
    f"HTTP_{name}" for name in ("HOST", "UPGRADE", "CONNECTION", "SEC_WEBSOCKET_KEY", "SEC_WEBSOCKET_VERSION")
)
_RESERVED: Final = frozenset({"connect", "disconnect", "connect_error", "*"})
_EVENT_LENGTH: Final = 2
_DIGITS: Final = "0123456789"
_ID_DIGITS: Final = 10
_NO_ID: Final = '{["tfn'  # how JSON begins that the library cannot take for a packet's id
_INT_DIGITS: Final = 20
_UNFINISHED: Final = 3 * MAX_MESSAGE  # bytes that may arrive before a message is whole: pings and empty fragments count
_SHORT, _LONG = 126, 1 << 16  # RFC 6455 section 5.2: where a frame's length takes 2 and 8 more bytes


class _NoThread:
    """Stands for the reading thread that simple-websocket would start: we read when the handler asks for more."""

    name = ""

    def __init__(self, target: Callable[[], None]) -> None:
        pass

    def start(self) -> None:
        """Do nothing."""


class _Whole:
    """A socket whose `send` sends everything, one sender at a time."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._turn = BoundedSemaphore(1)
        self._waiting = 0
        self._plain = type(sock) is gevent.socket.socket

    def send(self, data: bytes) -> int:
        """Send all of `data`; a peer that takes nothing for too long counts as gone (OSError)."""
        self._waiting += 1
        try:
            with self._turn:
                self._sock.sendall(data)
        finally:
            self._waiting -= 1
        return len(data)

    def offer(self, data: bytes) -> bool:
        """Send `data` at once if nobody sends or waits to, and the kernel takes it; False when nothing was sent."""
        if not self._plain or self._waiting or not self._turn.acquire(blocking=False):
            return False
        sent = 0
        try:
            sent = self._sock.send(data, 0, 0.0)
        except OSError:  # full, or gone, which the reader notices
            return False
        finally:
            if sent in {0, len(data)}:
                self._turn.release()
            else:
                gevent.spawn(self._finish, data[sent:])
        return bool(sent)

    def _finish(self, rest: bytes) -> None:
        try:
            self._sock.sendall(rest)
        except OSError:
            self.end()
        finally:
            self._turn.release()

    def recv(self, size: int) -> bytes:
        """Receive at most `size` bytes."""
        return self._sock.recv(size)  # type: ignore[no-any-return]

    def end(self) -> None:
        """Close the connection itself, whatever copies of the descriptor the server keeps."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


@lru_cache(maxsize=32)
def frame(text: str) -> bytes:
    """The frame of a text message. Servers do not mask, so one frame serves every socket of a room."""
    payload = text.encode("utf-8", "replace")
    length = len(payload)
    if length < _SHORT:
        head = bytes((0x81, length))
    elif length < _LONG:
        head = b"\x81\x7e" + length.to_bytes(2, "big")
    else:
        head = b"\x81\x7f" + length.to_bytes(8, "big")
    return head + payload


class WebSocket(simple_websocket.Server):  # type: ignore[misc]  # untyped library
    """A server-side WebSocket that reads only when asked, so that a busy handler slows its sender down."""

    sock: Any
    connected: bool

    def __init__(self, environ: dict[str, Any]) -> None:
        # Without Sec-WebSocket-Extensions no compression is agreed: no bombs, and 300 KiB less a socket.
        wanted = {key: environ[key] for key in (*_SERVER_KEYS, *_HANDSHAKE) if key in environ}
        super().__init__(wanted, max_message_size=MAX_MESSAGE, thread_class=_NoThread, event_class=Event)

    def handshake(self) -> None:
        """Answer the upgrade."""
        self.sock.settimeout(SILENCE)
        self.sock = _Whole(self.sock)
        super().handshake()

    def receive(self, timeout: float | None = None) -> Any:
        """The next message, or None when the connection has ended."""
        del timeout
        unfinished = 0
        try:
            while self.connected and not self.input_buffer:
                data = self.sock.recv(self.receive_bytes)
                unfinished += len(data)
                if not data or unfinished > _UNFINISHED:
                    self.refuse(CloseReason.MESSAGE_TOO_BIG)
                    break
                self.ws.receive_data(data)
                self.connected = self._handle_events()
                gevent.sleep(0)  # recv does not yield while data waits: one sender must not hold the whole worker
        except (OSError, LocalProtocolError):
            self.connected = False
        return self.input_buffer.pop(0) if self.input_buffer and self.connected else None

    def send(self, data: str) -> None:
        """Send a text message.

        Raises:
            OSError: the connection has ended, or the peer takes nothing any more.
        """
        if not self.connected:
            raise OSError
        self.sock.send(frame(data))

    def refuse(self, reason: CloseReason) -> None:
        """Say why and end."""
        with contextlib.suppress(OSError, LocalProtocolError, simple_websocket.ConnectionClosed):
            self.close(reason)
        self.connected = False


class Transport(SimpleWebSocketWSGI):  # type: ignore[misc]  # untyped library
    """What Engine.IO reads from and writes to; one a connection. Installed in its driver by `install`."""

    def __init__(self, handler: Callable[[Any], Any], server: Any) -> None:
        super().__init__(handler, server)
        self._pace = Bucket(RATE, BURST)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ARG002 - WSGI's signature
        """Upgrade, talk until the end, close."""
        self.ws = WebSocket(environ)
        environ["jit.transport"] = self
        self._pace = environ.get("jit.pace", self._pace)
        try:
            answer = self.app(self)
        finally:
            environ.pop("jit.transport", None)
            self.ws.sock.end()
        if self.ws.mode == "gunicorn":
            raise StopIteration
        return answer

    def send(self, message: str) -> None:
        """Send one packet."""
        self.ws.send(message)

    def offer(self, framed: bytes) -> bool:
        """Send one frame without waiting; False when that was not possible and nothing was sent."""
        return bool(self.ws.connected and self.ws.sock.offer(framed))

    def wait(self) -> str | None:
        """The next well-formed packet; None at the end, which a malformed one brings about."""
        gevent.sleep(self._pace.take())
        message = self.ws.receive()
        if message is None:
            return None
        if not acceptable(message):
            self.ws.refuse(CloseReason.POLICY_VIOLATION)
            return None
        return str(message)

    def close(self) -> None:
        """Close politely, then for good: a peer that does not read must not hold anything here."""
        self.ws.refuse(CloseReason.NORMAL_CLOSURE)
        self.ws.sock.end()

    def go_away(self) -> None:
        """Say that this worker is leaving; the client comes back to another one."""
        self.ws.refuse(CloseReason.GOING_AWAY)
        self.ws.sock.end()

    def cut(self) -> None:
        """End the connection now, from another greenlet."""
        self.ws.connected = False
        self.ws.sock.end()


def acceptable(message: str | bytes) -> bool:
    """Whether a message is a packet that our clients send: CLOSE, PONG, or Socket.IO CONNECT, DISCONNECT, EVENT."""
    if not isinstance(message, str) or not message:
        return False
    if message[0] in "13":
        return len(message) <= DEPTH
    try:
        return message[0] == "4" and _socketio(message[1:2], message[2:])
    except (ValueError, RecursionError):
        return False


def _socketio(kind: str, rest: str) -> bool:
    if kind == "0":
        sent = rest.partition(",")[2] if rest.startswith("/") else rest  # the library refuses foreign namespaces
        return not sent or (sent[0] in _NO_ID and _depth(_parse(sent)) <= DEPTH)
    if kind == "1":
        return not rest
    return kind == "2" and _names_event(rest.lstrip(_DIGITS), rest)


def _names_event(body: str, rest: str) -> bool:
    """An event is a name, which must not be one the library keeps for itself, and at most one thing."""
    if len(rest) - len(body) > _ID_DIGITS or not body.startswith("["):
        return False
    data = _parse(body)
    named = 1 <= len(data) <= _EVENT_LENGTH and isinstance(data[0], str) and data[0] not in _RESERVED
    return named and _depth(data) <= DEPTH


def _parse(text: str) -> Any:
    return json.loads(text, parse_constant=_no_constant, parse_int=_int)


def _no_constant(word: str) -> Any:
    raise ValueError(word)


def _int(digits: str) -> int:
    if len(digits) > _INT_DIGITS:
        raise ValueError(digits[:_INT_DIGITS])
    return int(digits)


def _depth(value: Any, level: int = 0) -> int:
    if level > DEPTH or not isinstance(value, dict | list) or not value:
        return level
    inner = value.values() if isinstance(value, dict) else value
    return max(_depth(each, level + 1) for each in inner)
