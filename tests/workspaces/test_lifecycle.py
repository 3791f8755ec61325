"""The phases as a pure table: every edge leads on, none leads to uploads after the end."""

from hypothesis import given
from hypothesis import strategies as st

from jit_server.access import Phase
from jit_server.workspaces import lifecycle

LATE = set(Phase) - {
    Phase.PROPOSED,
    Phase.AGREEMENT_SIGNED,
    Phase.PROVISIONING,
    Phase.OPERATIONAL,
    Phase.SUSPENDED,
    Phase.EXPIRING,
}


def test_every_phase_has_its_edges_and_every_phase_can_be_reached() -> None:
    assert set(lifecycle.EDGES) == set(Phase)
    assert set().union(*lifecycle.EDGES.values()) == set(Phase) - {Phase.PROPOSED}


@given(st.lists(st.integers(min_value=0, max_value=5), max_size=30))
def test_no_path_takes_evidence_in_again_after_the_end(steps: list[int]) -> None:
    phase, ended = Phase.PROPOSED, False
    for step in steps:
        following = sorted(lifecycle.EDGES[phase])
        if not following:
            break
        phase = following[step % len(following)]
        ended = ended or phase in LATE
        assert not (ended and lifecycle.takes_evidence(phase))


def test_what_a_person_may_choose_is_an_edge() -> None:
    for phase in Phase:
        assert set(lifecycle.choices(phase)) <= lifecycle.EDGES[phase]


def test_what_closes_something_for_good_is_open_to_two_and_never_to_one() -> None:
    for phase in Phase:
        assert set(lifecycle.closings(phase)) <= lifecycle.EDGES[phase]
        assert not set(lifecycle.closings(phase)) & set(lifecycle.choices(phase))
    assert lifecycle.closings(Phase.OPERATIONAL) == [Phase.POST_OPERATIONAL]
    assert lifecycle.closings(Phase.PURGING) == [Phase.CLOSED]
