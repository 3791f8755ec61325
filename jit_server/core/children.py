"""Child processes that never outlive us, not even when we are killed without a word."""

import ctypes
import signal
from collections.abc import Callable

_SET_PARENT_DEATH_SIGNAL = 1  # prctl(2)
_libc = ctypes.CDLL(None)


def die_with_parent(number: signal.Signals) -> Callable[[], None]:
    """What `Popen(preexec_fn=...)` runs in a child so that the kernel signals it when the thread that made it ends."""

    def ask() -> None:
        _libc.prctl(_SET_PARENT_DEATH_SIGNAL, number)

    return ask
