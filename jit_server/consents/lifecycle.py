"""How an ask, an emergency and an act of two people may go on: states and edges. Pure: no rows, no clock.

    asked   -> granted | refused | withdrawn | lapsed      granted -> revoked
    open    -> confirmed | objected
    waiting -> approved | rejected | withdrawn | lapsed

Nothing leads out of the others: who was refused asks anew, and what lapsed is proposed anew.
"""

from enum import StrEnum
from typing import Final, TypeVar

from jit_server.core.errors import Conflict


class ConsentState(StrEnum):
    """Where an ask stands. A consent that has run out stays `granted`: its end is a moment, not a step."""

    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    REVOKED = "revoked"


class Review(StrEnum):
    """What the originator says of an emergency afterwards."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    OBJECTED = "objected"


class ApprovalState(StrEnum):
    """Where an act stands that needs two people."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


CONSENT: Final[dict[ConsentState, frozenset[ConsentState]]] = {
    ConsentState.ASKED: frozenset(
        {ConsentState.GRANTED, ConsentState.REFUSED, ConsentState.WITHDRAWN, ConsentState.LAPSED}
    ),
    ConsentState.GRANTED: frozenset({ConsentState.REVOKED}),
    **{one: frozenset() for one in (ConsentState.REFUSED, ConsentState.WITHDRAWN)},
    **{one: frozenset() for one in (ConsentState.LAPSED, ConsentState.REVOKED)},
}
REVIEW: Final[dict[Review, frozenset[Review]]] = {
    Review.OPEN: frozenset({Review.CONFIRMED, Review.OBJECTED}),
    Review.CONFIRMED: frozenset(),
    Review.OBJECTED: frozenset(),
}
APPROVAL: Final[dict[ApprovalState, frozenset[ApprovalState]]] = {
    ApprovalState.WAITING: frozenset(ApprovalState) - {ApprovalState.WAITING},
    **{one: frozenset() for one in ApprovalState if one is not ApprovalState.WAITING},
}

StateT = TypeVar("StateT", bound=StrEnum)


def step(edges: dict[StateT, frozenset[StateT]], now: StateT, to: StateT) -> StateT:
    """The next state, if the table has this edge.

    Raises:
        Conflict: it has not; nothing is changed.
    """
    if to not in edges[now]:
        raise Conflict(f"It is {now} already: nothing leads from there to {to}.", state=str(now))
    return to
