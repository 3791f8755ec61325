"""The states as pure tables: what is answered stays answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_server.consents.lifecycle import APPROVAL, CONSENT, REVIEW, ApprovalState, ConsentState, Review, step
from jit_server.core.errors import Conflict

TABLES = [(CONSENT, ConsentState.ASKED), (REVIEW, Review.OPEN), (APPROVAL, ApprovalState.WAITING)]


@pytest.mark.parametrize(("edges", "first"), TABLES)
def test_every_state_has_its_edges_and_every_state_is_reached(edges, first):
    assert set(edges) == set(type(first))
    assert set().union(*edges.values()) == set(type(first)) - {first}


@given(table=st.sampled_from(TABLES), data=st.data())
def test_a_step_is_an_edge_or_a_conflict_and_no_path_comes_back(table, data):
    edges, now = table
    seen = {now}
    for to in data.draw(st.lists(st.sampled_from(list(type(now))), max_size=8)):
        if to in edges[now]:
            now = step(edges, now, to)
            assert now not in seen
            seen.add(now)
        else:
            with pytest.raises(Conflict):
                step(edges, now, to)


def test_what_was_rejected_withdrawn_or_lapsed_is_never_approved():
    for state in ApprovalState:
        assert (ApprovalState.APPROVED in APPROVAL[state]) == (state is ApprovalState.WAITING)
