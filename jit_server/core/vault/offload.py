"""Hashing and file work off the event loop, so that a large upload holds nobody else up.

Under gevent one slow call holds every request of the worker. hashlib and file I/O give up the interpreter lock, so the
hub's own native threads do them beside it. Without gevent (command line, tests, threads) the work is done at once.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextvars import copy_context
from typing import Any, ParamSpec, Protocol, TypeVar

import gevent
from gevent import get_hub, monkey

P = ParamSpec("P")
T = TypeVar("T")


class _Result(Protocol):
    def get(self) -> Any: ...
    def ready(self) -> bool: ...


def off(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that computes or touches files, off the event loop, and wait for it."""
    if not monkey.is_module_patched("socket"):
        return function(*args, **kwargs)
    answer: T = get_hub().threadpool.apply(function, args, kwargs)
    return answer


def ahead(pieces: Iterator[T]) -> Generator[T, None, None]:
    """The same pieces, each fetched while the caller works on the one before; without gevent, one after the other."""
    if not monkey.is_module_patched("socket"):
        yield from pieces
        return
    context = copy_context()  # pieces may come from a request, whose context another greenlet would not have

    def fetch() -> tuple[T | None, Exception | None]:
        try:
            return context.run(next, pieces, None), None
        except Exception as error:  # noqa: BLE001 - raised below, where the caller is
            return None, error

    coming = gevent.spawn(fetch)
    try:
        while True:
            piece, error = coming.get()
            if error is not None:
                raise error
            if piece is None:
                return
            coming = gevent.spawn(fetch)
            yield piece
    finally:
        coming.kill()


class Behind:
    """Does one kind of work on pieces, in order, while the caller fetches more; at most `most` of them wait.

    One worker takes all that waits: handing over each piece by itself would cost two changes of thread a piece, which
    on a busy machine is what an upload spends its time on.
    """

    def __init__(self, work: Callable[[bytes], object], most: int = 8) -> None:
        self._work, self._most = work, most
        self._gevent = monkey.is_module_patched("socket")
        self._waiting: deque[bytes] = deque()
        self._under_way: _Result | None = None

    def give(self, piece: bytes) -> None:
        """Put a piece in the row; an error of an earlier one surfaces here or in `wait`."""
        if not self._gevent:
            self._work(piece)
            return
        self._waiting.append(piece)
        if self._under_way is None or self._under_way.ready() or len(self._waiting) >= self._most:
            self._settle()
            self._under_way = get_hub().threadpool.spawn(self._drain)

    def wait(self) -> None:
        """Wait until all is done, and raise its error. Interrupted, it can be called again."""
        self._settle()
        while self._waiting:
            self._under_way = get_hub().threadpool.spawn(self._drain)
            self._settle()

    def _settle(self) -> None:
        """Wait for the worker under way; after an error nothing more is done."""
        under_way = self._under_way
        if under_way is None:
            return
        try:
            under_way.get()
        finally:
            if under_way.ready():
                self._under_way = None

    def _drain(self) -> None:
        try:
            while self._waiting:
                self._work(self._waiting.popleft())
        except BaseException:
            self._waiting.clear()
            raise
