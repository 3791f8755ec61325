"""The table of an upload's states: every pair is either an edge or refused."""

from itertools import product

import pytest

from jit_server.core.errors import Conflict
from jit_server.evidence.lifecycle import EDGES, State, advance


@pytest.mark.parametrize(("now", "to"), list(product(State, State)))
def test_a_pair_is_an_edge_or_is_refused(now: State, to: State):
    if to in EDGES[now]:
        assert advance(now, to) is to
    else:
        with pytest.raises(Conflict):
            advance(now, to)


def test_nothing_leads_out_of_an_exhibit_or_a_rejection():
    assert EDGES[State.AVAILABLE] == EDGES[State.REJECTED] == frozenset()


def test_every_state_can_be_reached_and_nothing_becomes_available_unreceived():
    assert {to for edges in EDGES.values() for to in edges} == set(State)
    assert [now for now in State if State.AVAILABLE in EDGES[now]] == [State.RECEIVED]
