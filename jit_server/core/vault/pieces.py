"""Pieces for a store that takes large objects piece by piece: cut to length, and several under way at once."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from jit_server.core.vault.base import BLOCK, Meter
from jit_server.core.vault.offload import Behind

PART = 8 * BLOCK
"""Bytes of one multipart piece: 64 MiB pieces cost 321 MiB of memory, 8 MiB ones 45."""
STAGED_PART = 5 * BLOCK
"""Bytes of one piece of what is staged: the least that a store takes."""
AT_ONCE = 2
"""Pieces under way at once: a gateway works on one connection with one processor."""


def in_order(send: Callable[[int, bytearray], str], parts: Iterable[tuple[int, bytearray]]) -> list[str]:
    """What `send` answers for each part, `AT_ONCE` of them under way; the first failure ends it."""
    answers: list[str] = []
    under_way: deque[Future[str]] = deque()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number, part in parts:
            if len(under_way) == AT_ONCE:
                answers.append(under_way.popleft().result())
            under_way.append(pool.submit(send, number, part))
            del part  # the sender's now: who waits for the next one must not hold it too
        return answers + [one.result() for one in under_way]


def parts_of(chunks: Iterable[bytes], meter: Meter, size: int) -> Generator[bytearray, None, None]:
    """Parts of exactly `PART` bytes, and the rest; each is filled in place, since every copy of one weighs 8 MiB.

    The last bytes are given out only if all of them are those announced: a wrong upload is never completed.
    """
    part, hashing = bytearray(), Behind(meter.hash) if meter.hashed else None
    try:
        for chunk in chunks:
            meter.count(chunk)
            if hashing is not None:
                hashing.give(chunk)
            part += chunk
            while len(part) > PART or (len(part) == PART and meter.size < size):
                whole, part = part, part[PART:]
                del whole[PART:]
                yield whole
                del whole
    finally:
        if hashing is not None:
            hashing.wait()
    meter.check()
    yield part


def pieces_of(chunks: Iterable[bytes], meter: Meter) -> Generator[memoryview, None, None]:
    """Pieces of exactly `STAGED_PART` bytes, and the rest; each must be sent before the next is asked for.

    All of them are filled into one block of memory: several are staged at once for one file, and fresh memory for each
    piece costs more than encrypting it.
    """
    block, hashing = memoryview(bytearray(STAGED_PART)), Behind(meter.hash, most=2) if meter.hashed else None
    filled = 0
    try:
        for chunk in chunks:
            meter.count(chunk)
            if hashing is not None:
                hashing.give(chunk)
            rest = memoryview(chunk)
            while rest:
                if filled == STAGED_PART:
                    yield block
                    filled = 0
                fits = min(len(rest), STAGED_PART - filled)
                block[filled : filled + fits], rest = rest[:fits], rest[fits:]
                filled += fits
    finally:
        if hashing is not None:
            hashing.wait()
    yield block[:filled]
