"""A line to PostgreSQL that breaks at a chosen word: before the server hears it, or after it did and nobody hears back.

It stands between the application and the cluster's socket and counts what the application asks: each `Query` and each
`Sync` of the frontend/backend protocol (PostgreSQL manual, chapter 54) ends one question. So every statement is a fault
point, those that the driver sends by itself (BEGIN, COMMIT) too.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

_NAME: Final = ".s.PGSQL.5432"
_LENGTH: Final = struct.Struct("!i")


class Cut(StrEnum):
    """How the line breaks."""

    UNSENT = "the server never hears it"
    UNHEARD = "the server does it, and its answer is lost"


class Cutter:
    """Counts questions; at number `fatal` (from 0) the line breaks in the way that is set."""

    def __init__(self, url: str, folder: Path) -> None:
        """A line beside the one that `url` names; its own socket lies in `folder`."""
        parts = urlsplit(url)
        self._there = str(Path(parse_qs(parts.query)["host"][0]) / _NAME)
        self.url = f"{parts.scheme}://{parts.username}@{parts.path}?host={folder}"
        self._count, self._fatal, self._how = 0, -1, Cut.UNSENT
        self._lock = threading.Lock()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / _NAME))
        self._listening.listen(16)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listening.close()

    @contextlib.contextmanager
    def cutting(self, fatal: int, how: Cut) -> Iterator["Cutter"]:
        """Within the block question number `fatal` meets a broken line; -1 only counts."""
        with self._lock:
            self._count, self._fatal, self._how = 0, fatal, how
        yield self
        with self._lock:
            self._fatal = -1

    @property
    def count(self) -> int:
        """Questions asked since the block began."""
        return self._count

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                there = socket.socket(socket.AF_UNIX)
                there.connect(self._there)
                _Line(self, here, there)

    def asked(self) -> Cut | None:
        """One more question; how the line breaks at it, if it does."""
        with self._lock:
            self._count += 1
            return self._how if self._count - 1 == self._fatal else None


class _Line:
    """One connection: a thread each way."""

    def __init__(self, cutter: Cutter, here: socket.socket, there: socket.socket) -> None:
        self._cutter, self._here, self._there, self._mute = cutter, here, there, False
        self._ways = threading.Semaphore(1)
        for way in (self._questions, self._answers):
            threading.Thread(target=self._until_the_end, args=(way,), daemon=True).start()

    def _until_the_end(self, way: Callable[[], None]) -> None:
        with contextlib.suppress(OSError, EOFError):
            way()
        last = not self._ways.acquire(blocking=False)
        for end in (self._here, self._there):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            if last:
                end.close()

    def _questions(self) -> None:
        head = _exactly(self._here, _LENGTH.size)  # the first message has no type
        self._there.sendall(head + _exactly(self._here, _LENGTH.unpack(head)[0] - _LENGTH.size))
        while True:
            kind, message = _message(self._here)
            how = self._cutter.asked() if kind in b"QS" else None
            if how is Cut.UNSENT:
                return
            self._mute = how is Cut.UNHEARD
            self._there.sendall(message)

    def _answers(self) -> None:
        while True:
            kind, message = _message(self._there)
            if not self._mute:
                self._here.sendall(message)
            elif kind == b"Z":  # it is done, and the server waits for the next question
                return


def _message(end: socket.socket) -> tuple[bytes, bytes]:
    head = _exactly(end, 1 + _LENGTH.size)
    return head[:1], head + _exactly(end, _LENGTH.unpack(head[1:])[0] - _LENGTH.size)


def _exactly(end: socket.socket, size: int) -> bytes:
    got = bytearray()
    while len(got) < size:
        piece = end.recv(size - len(got))
        if not piece:
            raise EOFError
        got += piece
    return bytes(got)
