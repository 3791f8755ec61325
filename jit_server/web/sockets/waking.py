"""A worker that stood still (stopped, swapped out, starved) believes nothing of what it knew before (X8).

While it slept, people may have been removed, sessions ended, rules changed, and the hints of all that wait behind what
it was about to say. So whoever tells sockets anything looks here first.
"""

from collections.abc import Callable
from time import monotonic
from typing import Final

import gevent
import structlog
from gevent.lock import BoundedSemaphore
from sqlalchemy.exc import SQLAlchemyError

BEAT: Final = 0.25
"""Seconds between two beats."""
ASLEEP: Final = 1.0
"""Without a beat for so many seconds, the worker slept."""

_logger = structlog.get_logger(__name__)


class Watch:
    """Notices that the worker slept, and has everybody who sits here asked about anew before anything is told."""

    def __init__(self, ask_anew: Callable[[], None]) -> None:
        self._ask_anew = ask_anew
        self._beat = monotonic()
        self._turn = BoundedSemaphore(1)

    @property
    def slept(self) -> bool:
        """Whether the worker slept and has not asked anew since."""
        return monotonic() - self._beat > ASLEEP

    def wake(self) -> None:
        """Go on at once, or after everybody was asked about anew; fails when that cannot be done, so nothing is told.

        Raises:
            SQLAlchemyError: the database does not answer.
        """
        while self.slept:
            with self._turn:
                if self.slept:
                    self._ask_anew()
                    self._beat = monotonic()

    def run(self) -> None:
        """Beat for ever; after a sleep only `wake` sets the heart going again."""
        self._beat = monotonic()
        while True:
            gevent.sleep(BEAT)
            if not self.slept:
                self._beat = monotonic()
                continue
            try:
                self.wake()
            except SQLAlchemyError as error:  # tried again at the next beat; nothing is told meanwhile
                _logger.warning("waking.failed", error=type(error).__name__)
