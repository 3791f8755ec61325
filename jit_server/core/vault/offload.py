"""Hashing and file work off the event loop, so that a large upload holds nobody else up.

Under gevent one slow call holds every request of the worker. hashlib and file I/O give up the interpreter lock, so the
hub's own native threads do them beside it. Without gevent (command line, tests, threads) the work is done at once.
"""

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
    """Does one piece of work while the caller fetches the next: at most one is under way, in order."""

    def __init__(self) -> None:
        self._gevent = monkey.is_module_patched("socket")
        self._under_way: _Result | None = None

    def give(self, function: Callable[..., object], *args: object) -> None:
        """Start a piece of work once the one before has ended; its error surfaces here or in `wait`."""
        if not self._gevent:
            function(*args)
            return
        self.wait()
        self._under_way = get_hub().threadpool.spawn(function, *args)

    def wait(self) -> None:
        """Wait for the work under way, and raise its error. Interrupted, it can be called again."""
        under_way = self._under_way
        if under_way is None:
            return
        try:
            under_way.get()
        finally:
            if under_way.ready():
                self._under_way = None
