"""The phases of a workspace (MISSION 5.3): states, edges, and what each phase may hold. Pure: no rows, no clock.

Rules: a workspace opens only after every party has signed; no phase after `expiring` takes in evidence; a closed
one keeps nothing but its log.
"""

from jit_server.access import Phase

EDGES: dict[Phase, frozenset[Phase]] = {
    Phase.PROPOSED: frozenset({Phase.AGREEMENT_SIGNED}),
    Phase.AGREEMENT_SIGNED: frozenset({Phase.PROVISIONING}),
    Phase.PROVISIONING: frozenset({Phase.OPERATIONAL}),
    Phase.OPERATIONAL: frozenset({Phase.SUSPENDED, Phase.EXPIRING, Phase.POST_OPERATIONAL}),
    Phase.SUSPENDED: frozenset({Phase.OPERATIONAL, Phase.POST_OPERATIONAL}),
    Phase.EXPIRING: frozenset({Phase.OPERATIONAL, Phase.SUSPENDED, Phase.POST_OPERATIONAL}),
    Phase.POST_OPERATIONAL: frozenset({Phase.EVALUATING, Phase.NOT_EVALUATED}),
    Phase.EVALUATING: frozenset({Phase.EVALUATED}),
    Phase.EVALUATED: frozenset({Phase.PURGING}),
    Phase.NOT_EVALUATED: frozenset({Phase.PURGING}),
    Phase.PURGING: frozenset({Phase.CLOSED}),
    Phase.CLOSED: frozenset({Phase.LOG_EXPIRED}),
    Phase.LOG_EXPIRED: frozenset(),
}
"""Which phase may follow which. Back to `operational` from `expiring` is an extension."""

BY_TWO: frozenset[Phase] = frozenset({Phase.POST_OPERATIONAL, Phase.NOT_EVALUATED, Phase.PURGING, Phase.CLOSED})
"""Phases that close something for good: one person proposes, another approves (the end of the term needs nobody)."""

BY_HAND: frozenset[Phase] = frozenset(
    {Phase.SUSPENDED, Phase.OPERATIONAL, Phase.EXPIRING, Phase.EVALUATING, Phase.EVALUATED}
)
"""Phases that a space administrator may choose alone; the others are reached by signing, opening and the clock."""


def may_follow(now: Phase, then: Phase) -> bool:
    """Whether a workspace may go from one phase to the other."""
    return then in EDGES[now]


def choices(now: Phase) -> list[Phase]:
    """The phases that a space administrator may choose alone now, in the order of the life-cycle."""
    return [phase for phase in Phase if phase in BY_HAND and may_follow(now, phase)]


def closings(now: Phase) -> list[Phase]:
    """The phases that two people may choose now, in the order of the life-cycle."""
    return [phase for phase in Phase if phase in BY_TWO and may_follow(now, phase)]


def takes_evidence(phase: Phase) -> bool:
    """Whether evidence may be taken in: never after `expiring`."""
    return phase in {Phase.OPERATIONAL, Phase.EXPIRING}
