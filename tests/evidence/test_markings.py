"""Handling codes as data, and the marking of what is derived from several things (MISSION 4.5)."""

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_server.access import Action, Handling, Origin, PartyClass, Phase, Role, baseline_policy
from jit_server.core.errors import Invalid
from jit_server.evidence.markings import Accuracy, Marking, Reliability, code_of, codes, is_within, joined, strictest

CODES = st.sampled_from(sorted(codes().values(), key=lambda code: (code.scheme, code.code)))
MARKINGS = st.builds(
    lambda code, *rest: Marking(code.scheme, code.code, code.level, *rest),
    CODES,
    st.none() | st.sampled_from(Reliability),
    st.none() | st.sampled_from(Accuracy),
    st.none() | st.text(min_size=1, max_size=20),
)


def test_siena_and_tlp_are_whole_and_every_code_has_a_level_and_a_sentence():
    assert [code for scheme, code in codes() if scheme == "SIENA"] == list(Handling)
    assert {code for scheme, code in codes() if scheme == "TLP"} == {"RED", "AMBER+STRICT", "AMBER", "GREEN", "CLEAR"}
    assert all(code.sentence for code in codes().values())
    assert all(codes()["SIENA", str(level)].level is level for level in Handling)


def test_a_stricter_colour_of_the_traffic_light_never_allows_more():
    colours = ["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"]
    for looser, stricter in pairwise(colours):
        assert is_within(code_of("TLP", looser).level, code_of("TLP", stricter).level)


@pytest.mark.parametrize(
    ("scheme", "code", "field"), [("XX", "H1", "scheme"), ("TLP", "PINK", "code"), ("tlp", "RED", "scheme")]
)
def test_an_unknown_code_is_named_and_the_known_ones_are_listed(scheme: str, code: str, field: str):
    with pytest.raises(Invalid) as refused:
        code_of(scheme, code)
    (error,) = refused.value.members["errors"]
    assert error["field"] == field
    assert ("SIENA" if field == "scheme" else "AMBER+STRICT") in error["remedy"]


@given(st.lists(MARKINGS, min_size=1, max_size=5))
def test_what_is_derived_is_allowed_nothing_that_any_parent_forbids(parents: list[Marking]):
    child = strictest(parents)
    assert code_of(child.scheme, child.code).level is child.level
    assert all(is_within(parent.level, child.level) for parent in parents)
    assert all(
        not parent.conditions_text or parent.conditions_text in (child.conditions_text or "") for parent in parents
    )
    if child.source_reliability:
        assert all(parent.source_reliability <= child.source_reliability for parent in parents)
    if child.information_accuracy:
        assert all(parent.information_accuracy <= child.information_accuracy for parent in parents)
    assert strictest([child, *parents]).level is child.level


def test_the_order_of_levels_is_the_order_of_the_rules_themselves():
    """Whatever the rules refuse to a party for one of two levels, they refuse for the two joined."""
    policy = baseline_policy()
    kinds = list(product(Role, PartyClass, Origin, (Phase.OPERATIONAL, Phase.SUSPENDED), Action))
    for one, other in product(Handling, Handling):
        both = joined([one, other])
        for role, party_class, origin, phase, action in kinds:
            allowed = [
                policy.decide(role, party_class, origin, level, phase, action).allowed for level in (both, one, other)
            ]
            assert not allowed[0] or all(allowed[1:]), (both, one, other, role, party_class, origin, phase, action)


def test_a_thing_is_derived_from_something():
    with pytest.raises(ValueError, match="at least one parent"):
        strictest([])
