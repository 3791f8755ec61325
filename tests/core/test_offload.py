"""Blocks are fetched while earlier ones are on their way out; nothing is fetched for nobody, and no error is lost."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from jit_server.core.vault.offload import Behind, ahead

PATCHED = """
from gevent import monkey
monkey.patch_all()
import gevent
from jit_server.core.vault.offload import Behind, ahead
"""

FETCHES_WHILE_THE_TAKER_IS_BUSY = """
seen = []
def source():
    for number in range(20):
        seen.append(number)
        yield bytes([number])
blocks = ahead(source(), most=4)
assert next(blocks) == b"\\0"
gevent.sleep(0.1)
assert 4 <= len(seen) <= 7, seen
assert b"".join(blocks) == bytes(range(1, 20))
"""

HANDS_AN_ERROR_OVER_AFTER_THE_BLOCKS_BEFORE_IT = """
def source():
    yield b"one"
    raise OSError("the line broke")
got = []
try:
    for block in ahead(source()):
        got.append(block)
except OSError as fault:
    got.append(str(fault))
assert got == [b"one", "the line broke"], got
"""

STOPS_FETCHING_WHEN_NOBODY_TAKES_ANY_MORE = """
ended = []
def source():
    try:
        while True:
            yield bytes(10)
    finally:
        ended.append(True)
blocks = ahead(source())
next(blocks)
blocks.close()
gevent.sleep(0)
import gc; gc.collect()
assert ended == [True]
"""

SAYS_WHAT_WENT_WRONG_WHERE_THE_PIECES_ARE_GIVEN = """
worked = []
def work(piece):
    if piece == b"bad":
        raise ValueError("a wrong tag")
    worked.append(piece)
behind, raised = Behind(work, most=1), []
for piece in (b"good", b"bad", b"never"):
    try:
        behind.give(piece)
        behind.wait()
    except ValueError as fault:
        raised.append(str(fault))
        break
behind.wait()
assert (worked, raised) == ([b"good"], ["a wrong tag"]), (worked, raised)
"""


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(FETCHES_WHILE_THE_TAKER_IS_BUSY, id="fetches while the taker is busy"),
        pytest.param(HANDS_AN_ERROR_OVER_AFTER_THE_BLOCKS_BEFORE_IT, id="hands an error over"),
        pytest.param(SAYS_WHAT_WENT_WRONG_WHERE_THE_PIECES_ARE_GIVEN, id="says what went wrong and prints nothing"),
        pytest.param(STOPS_FETCHING_WHEN_NOBODY_TAKES_ANY_MORE, id="stops when nobody takes any more"),
    ],
)
def test_beside_an_event_loop_it(script: str):
    """Each in a process of its own: the test run itself has no event loop."""
    done = subprocess.run(
        [sys.executable, "-c", PATCHED + script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_without_an_event_loop_a_plain_thread_fetches_in_order_and_at_most_so_far_ahead():
    seen, several = [], threading.Event()

    def source() -> Iterator[int]:
        for number in range(20):
            seen.append(number)
            if number == 4:
                several.set()
            yield number

    blocks = ahead(source(), most=4)
    assert next(blocks) == 0
    assert several.wait(10), "nothing was fetched while the taker was busy"
    assert len(seen) <= 7
    assert list(blocks) == list(range(1, 20))


def test_without_an_event_loop_an_error_comes_after_the_blocks_before_it():
    def source() -> Iterator[bytes]:
        yield b"one"
        raise OSError("the line broke")

    blocks = ahead(source())
    assert next(blocks) == b"one"
    with pytest.raises(OSError, match="the line broke"):
        next(blocks)


def test_without_an_event_loop_nothing_is_fetched_once_nobody_takes_any_more():
    seen = []

    def source() -> Iterator[int]:
        while True:
            seen.append(None)
            yield 0

    blocks = ahead(source(), most=1)
    next(blocks)
    blocks.close()
    before = len(seen)
    assert [one.name for one in threading.enumerate() if one.name == "ahead"] == []
    assert len(seen) == before


def test_without_an_event_loop_work_behind_is_done_in_order_and_its_error_surfaces():
    done: list[int] = []

    def work(piece: bytes) -> None:
        if piece == b"bad":
            raise ValueError("a wrong tag")
        done.append(piece[0])

    behind = Behind(work, most=2)
    for number in range(100):
        behind.give(bytes([number]))
    behind.wait()
    assert done == list(range(100))
    behind.give(b"bad")
    with pytest.raises(ValueError, match="a wrong tag"):
        behind.wait()


def test_a_child_of_a_process_that_has_worked_behind_works_behind_as_well():
    def done() -> bytes:
        seen: list[bytes] = []
        behind = Behind(seen.append)
        behind.give(b"block")
        behind.wait()
        return seen[0]

    assert done() == b"block"
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # what waits for a thread that is not there waits for ever
        os.write(writing, done())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        assert told.read() == b"block"
    os.waitpid(child, 0)
