"""How fast one may speak: a bucket of tokens that fills again at a steady rate."""

from time import monotonic
from typing import Final

RATE: Final = 20.0
"""Packets a second from one client (all sockets of a person), in the long run; a faster one is slowed, not refused."""
BURST: Final = 60


class Bucket:
    """Tokens that come back at a steady rate."""

    def __init__(self, rate: float, size: int) -> None:
        self._rate, self._size = rate, size
        self._left, self._at = float(size), monotonic()
        self._whole = rate, size

    def share(self, part: float) -> None:
        """Give this part of the whole from now on: the rest is given elsewhere."""
        rate, size = self._whole
        self._rate, self._size = rate * part, max(1, int(size * part))

    def take(self) -> float:
        """Take a token; answers how many seconds it is ahead of its time, 0 within the limit."""
        now = monotonic()
        self._left = min(self._size, self._left + (now - self._at) * self._rate) - 1
        self._at = now
        return max(0.0, -self._left / self._rate)
