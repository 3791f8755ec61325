"""Where an upload stands between its declaration and an exhibit (MISSION 5.2, as far as it is built). No I/O.

    declared -> uploading -> received -> available
                 |   |          `-> rejected       not what was declared, or its sender may not send any more
                 |   `-> rejected       the bytes are not those declared: final, declare anew
                 `-> declared           the transfer was cut or the vault was down: send again
    declared -> rejected               nothing came in time: final, declare anew

Nothing leads out of `available` or `rejected`.
"""

from enum import StrEnum
from typing import Final

from jit_server.core.errors import N_, Conflict


class State(StrEnum):
    """Where an upload stands."""

    DECLARED = "declared"
    UPLOADING = "uploading"
    RECEIVED = "received"
    REJECTED = "rejected"
    AVAILABLE = "available"


EDGES: Final[dict[State, frozenset[State]]] = {
    State.DECLARED: frozenset({State.UPLOADING, State.REJECTED}),
    State.UPLOADING: frozenset({State.RECEIVED, State.REJECTED, State.DECLARED}),
    State.RECEIVED: frozenset({State.AVAILABLE, State.REJECTED}),
    State.REJECTED: frozenset(),
    State.AVAILABLE: frozenset(),
}

WORDS: Final[dict[State, str]] = {
    State.UPLOADING: N_("Its bytes are being sent at this moment."),
    State.RECEIVED: N_("All its bytes are here, and the server reads them back."),
    State.REJECTED: N_("It was rejected: declare the file anew."),
    State.AVAILABLE: N_("It is an exhibit already."),
}


def advance(now: State, to: State) -> State:
    """The next state, if the table has this edge.

    Raises:
        Conflict: it has not; nothing is changed.
    """
    if to not in EDGES[now]:
        raise Conflict(WORDS.get(now, f"An upload that is {now} cannot become {to}."), state=str(now))
    return to
