"""Hashing and file work off the event loop, so that a large upload holds nobody else up.

Under gevent one slow call holds every request of the worker. hashlib and file I/O give up the interpreter lock, so the
hub's own native threads do them beside it. Without gevent (command line, jobs) a call is made at once, and what may be
done behind (`Behind`) is done by plain threads: a second digest costs no second pass of time.
"""

import ctypes
import os
import queue
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from threading import Event, Thread
from typing import Any, Final, ParamSpec, Protocol, TypeVar

import gevent.queue
from gevent import get_hub, monkey

P = ParamSpec("P")
T = TypeVar("T")


class _Result(Protocol):
    """Of work in a thread, as gevent speaks of it."""

    def get(self) -> Any: ...
    def ready(self) -> bool: ...


class _Plain:
    """The same of a thread without gevent."""

    def __init__(self, future: "Future[Exception | None]") -> None:
        self.get, self.ready = future.result, future.done


@cache
def _threads() -> ThreadPoolExecutor:
    """As many as the hub has; made in the process that first needs them."""
    return ThreadPoolExecutor(10, "behind")


os.register_at_fork(after_in_child=_threads.cache_clear)  # a child has none of its parent's threads


def _spawn(work: Callable[[], Exception | None]) -> _Result:
    if monkey.is_module_patched("socket"):
        result: _Result = get_hub().threadpool.spawn(work)
        return result
    return _Plain(_threads().submit(work))


_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # of malloc.h
_KEPT = 32 * 2**20


def keep_freed_blocks() -> None:
    """Let the C library keep freed blocks of a megabyte for the next ones instead of giving them back each time.

    Each return costs 256 page faults a block when it is taken again: half of an upload's time in the kernel, measured.
    Does nothing where the library is not glibc.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is not None:
        tune(_MMAP_THRESHOLD, _KEPT)
        tune(_TRIM_THRESHOLD, _KEPT // 4)


def off(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that computes or touches files, off the event loop, and wait for it."""
    if not monkey.is_module_patched("socket"):
        return function(*args, **kwargs)
    answer: T = get_hub().threadpool.apply(function, args, kwargs)
    return answer


def ahead(blocks: Iterable[T], most: int = 4) -> Generator[T, None, None]:
    """The blocks in order, up to `most` of them fetched while the caller is still busy with earlier ones.

    Once it is closed, or has raised what went wrong, nothing is fetched any more.
    """
    row, stop = _fetching(blocks, most)
    try:
        while (block := row.get()) is not _END:
            if isinstance(block, BaseException):
                raise block
            yield block
    finally:
        stop()


_END: Final = object()


def _fetching(blocks: Iterable[object], most: int) -> tuple[Any, Callable[[], None]]:
    """A row that fills itself, and what ends that."""
    over = Event()
    if monkey.is_module_patched("socket"):
        greenlets: gevent.queue.Queue[object] = gevent.queue.Queue(most)
        return greenlets, gevent.spawn(_fetch, blocks, greenlets.put, over).kill
    row: queue.Queue[object] = queue.Queue(most)
    thread = Thread(target=_fetch, args=(blocks, row.put, over), name="ahead", daemon=True)
    thread.start()

    def stop() -> None:
        over.set()
        while thread.is_alive():  # it may be waiting for room
            with suppress(queue.Empty):
                row.get(timeout=0.01)

    return row, stop


def _fetch(blocks: Iterable[object], put: Callable[[object], None], over: Event) -> None:
    """An error is handed over like a block: it belongs to whoever waits for the next one."""
    try:
        for block in blocks:
            put(block)
            if over.is_set():
                return
        put(_END)
    except Exception as fault:  # noqa: BLE001 - raised again where the blocks are taken
        put(fault)


class Behind:
    """Does one kind of work on pieces, in order, while the caller fetches more; at most `most` of them wait.

    One worker takes all that waits: handing over each piece by itself would cost two changes of thread a piece, which
    on a busy machine is what an upload spends its time on.
    """

    def __init__(self, work: Callable[[bytes], object], most: int = 8) -> None:
        self._work, self._most = work, most
        self._waiting: deque[bytes] = deque()
        self._under_way: _Result | None = None

    def give(self, piece: bytes) -> None:
        """Put a piece in the row; an error of an earlier one surfaces here or in `wait`."""
        self._waiting.append(piece)
        if self._under_way is None or self._under_way.ready() or len(self._waiting) >= self._most:
            self._settle()
            self._under_way = _spawn(self._drain)

    def wait(self) -> None:
        """Wait until all is done, and raise its error. Interrupted, it can be called again."""
        self._settle()
        while self._waiting:
            self._under_way = _spawn(self._drain)
            self._settle()

    def _settle(self) -> None:
        """Wait for the worker under way; after an error nothing more is done."""
        under_way = self._under_way
        if under_way is None:
            return
        try:
            fault = under_way.get()
        finally:
            if under_way.ready():
                self._under_way = None
        if fault is not None:
            self._waiting.clear()
            raise fault

    def _drain(self) -> Exception | None:
        """Do what waits. An error is an answer: one that is raised in there is printed as nobody's."""
        try:
            while self._waiting:
                self._work(self._waiting.popleft())
        except Exception as fault:  # noqa: BLE001 - raised again where the pieces are given
            self._waiting.clear()
            return fault
        return None
