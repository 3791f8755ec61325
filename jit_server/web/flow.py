"""Bytes to a slow taker: each slice waits for room here, where it can still be kept back, not in the server below.

A worker that hands a block to a connection that takes nothing is stuck in it, and so are the bytes: who loses access
meanwhile, or while the worker itself stood still, would get them all the same. So a slice is handed over only once the
kernel can take it whole, and the question whether it may leave is asked after that wait. On refusal the connection is
reset: what the kernel still held is dropped.
"""

import errno
import socket
import struct
from collections.abc import Generator, Iterator
from typing import Any, Final, Protocol

import gevent
import gevent.socket
import structlog
from flask import request

from jit_server.core.errors import NotFound, NotPermitted, NotSignedIn

SLICE: Final = 128 * 1024
WAITING: Final = 2 * SLICE
"""Bytes not yet sent that the kernel keeps of a transfer; it takes a slice only when less than half of it is filled."""
ROOM_SECONDS: Final = 0.5
"""How long to wait for room before asking again whether there is still anything to wait for."""

_NOT_SENT: Final = 25  # TCP_NOTSENT_LOWAT, which Python 3.11 does not name
_RESET: Final = struct.pack("ii", 1, 0)  # closing resets the connection instead of sending what waits
_logger = structlog.get_logger(__name__)


class Blocks(Protocol):
    """What is to be sent, and whether it still may."""

    def __iter__(self) -> Iterator[bytes]:
        """The blocks."""

    def look(self) -> None:
        """Raise a problem when nothing more may leave."""

    def close(self) -> None:
        """Let go of what the blocks come from."""


def taken(blocks: Blocks) -> Generator[bytes, None, None]:
    """The blocks in slices, each handed over when this request's connection has room for it and it still may leave.

    Raises:
        ConnectionResetError: access ended under way; the server below closes the connection without a word more.
    """
    line = request.environ.get("gunicorn.socket")
    try:
        if line is None:  # no connection of ours: a test's client, another server
            yield from blocks
            return
        line.setsockopt(socket.IPPROTO_TCP, _NOT_SENT, WAITING)
        for block in blocks:
            view = memoryview(block)
            for start in range(0, len(block), SLICE):
                _await_room(line, blocks)
                yield bytes(view[start : start + SLICE])
    except (NotFound, NotPermitted, NotSignedIn) as ended:
        if line is None:
            raise
        _logger.info("transfer.cut", reason=ended.slug)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        raise ConnectionResetError(errno.ECONNRESET, "access ended under way") from ended
    finally:
        blocks.close()


def _await_room(line: Any, blocks: Blocks) -> None:
    """Wait until the kernel takes a slice; who may take it is asked last, and now and then while nothing moves."""
    has_room = False
    while not has_room:
        try:
            gevent.socket.wait_write(line.fileno(), timeout=ROOM_SECONDS)
            has_room = True
        except TimeoutError:
            pass
        blocks.look()
