"""Metadata policies and constraints against the letter of OpenID Federation 1.0, sections 6.1 and 6.2."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_server.identity.trust import constraints, metadata_policy
from jit_server.identity.trust.errors import Broken
from jit_server.identity.trust.metadata_policy import STANDARD, applied, merged

ABSENT = object()


def apply(rule: dict[str, Any], value: Any = ABSENT, name: str = "p") -> Any:
    """One rule on one value; ABSENT for a parameter that is not there."""
    metadata = {"openid_provider": {} if value is ABSENT else {name: value}}
    policy = merged([{"openid_provider": {name: rule}}])
    return applied(policy, metadata)["openid_provider"].get(name, ABSENT)


def merge(*rules: dict[str, Any]) -> Any:
    return merged([{"openid_provider": {"p": rule}} for rule in rules])["openid_provider"]["p"]


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ({"value": "x"}, "y", "x"),
        ({"value": "x"}, ABSENT, "x"),
        ({"value": None}, "y", ABSENT),
        ({"value": None}, ABSENT, ABSENT),
        ({"value": {"keys": []}}, "y", {"keys": []}),
        ({"add": ["b", "c"]}, ["a", "b"], ["a", "b", "c"]),
        ({"add": ["b"]}, ABSENT, ["b"]),
        ({"default": "x"}, ABSENT, "x"),
        ({"default": "x"}, "y", "y"),
        ({"add": ["a"], "default": ["z"]}, ABSENT, ["a"]),
        ({"one_of": ["x", "y"]}, "y", "y"),
        ({"one_of": ["x", "y"]}, ABSENT, ABSENT),
        ({"default": "x", "one_of": ["x"], "essential": True}, ABSENT, "x"),
        ({"subset_of": ["a", "b", "c"]}, ["a", "e"], ["a"]),
        ({"subset_of": ["a"]}, ["d", "e"], []),
        ({"subset_of": ["a"]}, ABSENT, ABSENT),
        ({"superset_of": ["a"]}, ["b", "a"], ["b", "a"]),
        ({"superset_of": ["a"]}, ABSENT, ABSENT),
        ({"essential": True}, False, False),
        ({"essential": False}, ABSENT, ABSENT),
        ({"value": ["a", "b"], "add": ["a"]}, ABSENT, ["a", "b"]),
        ({"regexp": "^x"}, "y", "y"),  # unknown and not critical: ignored
    ],
)
def test_an_operator_does_what_the_specification_says(rule: dict[str, Any], value: Any, expected: Any) -> None:
    assert apply(rule, value) == expected


@pytest.mark.parametrize(
    ("essential", "value", "expected"),
    [
        (True, ["a", "e"], ["a"]),
        (False, ["a", "e"], ["a"]),
        (True, ["d", "e"], []),
        (False, ["d", "e"], []),
        (True, ABSENT, Broken),
        (False, ABSENT, ABSENT),
    ],
)
def test_the_table_of_essential_and_subset_of_holds(essential: bool, value: Any, expected: Any) -> None:
    rule = {"essential": essential, "subset_of": ["a", "b", "c"]}
    if expected is Broken:
        with pytest.raises(Broken, match="policy-check"):
            apply(rule, value)
    else:
        assert apply(rule, value) == expected


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"one_of": ["x"]}, "z"),
        ({"one_of": ["x"]}, ["x"]),
        ({"one_of": [1]}, True),
        ({"superset_of": ["a", "b"]}, ["a"]),
        ({"superset_of": ["a"]}, "a"),
        ({"subset_of": ["a"]}, "a"),
        ({"add": ["a"]}, "a"),
        ({"essential": True}, ABSENT),
    ],
)
def test_metadata_that_does_not_comply_breaks_the_chain(rule: dict[str, Any], value: Any) -> None:
    with pytest.raises(Broken, match="policy-check"):
        apply(rule, value)


@pytest.mark.parametrize(
    "rule",
    [
        {"value": "z", "one_of": ["x"]},
        {"value": None, "one_of": ["x"]},
        {"value": ["a"], "add": ["b"]},
        {"value": ["c"], "subset_of": ["a"]},
        {"value": "a", "subset_of": ["a"]},
        {"value": ["a"], "superset_of": ["a", "b"]},
        {"value": None, "default": "x"},
        {"value": None, "essential": True},
        {"one_of": ["a"], "subset_of": ["a"]},
        {"one_of": ["a"], "superset_of": ["a"]},
        {"one_of": ["a"], "add": ["a"]},
        {"add": ["c"], "subset_of": ["a"]},
        {"subset_of": ["a"], "superset_of": ["b"]},
    ],
)
def test_operators_that_cannot_stand_together_break_the_chain(rule: dict[str, Any]) -> None:
    with pytest.raises(Broken, match="policy-combination"):
        merge(rule)
    for split in itertools.permutations(rule.items()):  # nor when two superiors bring them together, in any order
        with pytest.raises(Broken, match="policy-combination"):
            merge(*({word: value} for word, value in split))


@pytest.mark.parametrize(
    "rule",
    [{"subset_of": "a"}, {"essential": "yes"}, {"default": None}, {"one_of": []}, {"add": {"a": 1}}, "no rule"],
)
def test_a_rule_of_the_wrong_shape_breaks_the_chain(rule: Any) -> None:
    with pytest.raises(Broken, match="policy-shape"):
        merge(rule)


def test_what_superiors_demand_adds_up_and_what_they_allow_meets() -> None:
    assert merge({"add": ["a"]}, {"add": ["b", "a"]}) == {"add": ["a", "b"]}
    assert merge({"superset_of": ["a"]}, {"superset_of": ["b"]}) == {"superset_of": ["a", "b"]}
    assert merge({"one_of": ["a", "b"]}, {"one_of": ["b", "c"]}) == {"one_of": ["b"]}
    assert merge({"subset_of": ["a"]}, {"subset_of": ["b"]}) == {"subset_of": []}
    assert merge({"essential": True}, {"essential": False}) == {"essential": True}
    assert merge({"value": "x"}, {"value": "x"}) == {"value": "x"}
    assert merge({"one_of": ["x"]}, {"default": "x"}) == {"one_of": ["x"], "default": "x"}


@pytest.mark.parametrize(
    "rules",
    [
        ({"value": "x"}, {"value": "y"}),
        ({"value": 1}, {"value": True}),
        ({"default": "x"}, {"default": "y"}),
        ({"one_of": ["a"]}, {"one_of": ["b"]}),
    ],
)
def test_superiors_who_contradict_each_other_break_the_chain(rules: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(Broken, match="policy-conflict"):
        merge(*rules)


def test_scope_is_an_array_of_words_to_the_operators() -> None:
    assert apply({"subset_of": ["openid", "profile", "email"]}, "openid email phone", "scope") == "openid email"
    assert apply({"default": "openid profile", "superset_of": ["openid"]}, ABSENT, "scope") == "openid profile"


def test_a_policy_is_for_its_own_entity_type() -> None:
    policy = merged([{"openid_relying_party": {"p": {"essential": True}}}])
    assert applied(policy, {"openid_provider": {"q": 1}}) == {"openid_provider": {"q": 1}}


WORDS = st.sampled_from(["a", "b", "c", "d"])
ARRAYS = st.lists(WORDS, unique=True)
RULES = st.fixed_dictionaries(
    {},
    optional={"subset_of": ARRAYS, "superset_of": ARRAYS, "add": ARRAYS, "value": ARRAYS, "default": ARRAYS}
    | {"essential": st.booleans()},
)


@given(above=RULES, below=RULES, value=st.one_of(st.just(ABSENT), ARRAYS))
def test_no_subordinate_widens_what_its_superior_allows(
    above: dict[str, Any], below: dict[str, Any], value: Any
) -> None:
    """Whatever an intermediate adds: the outcome passes every check of its superior."""
    try:
        found = apply(merge(above, below), value)
    except Broken:
        return
    if "subset_of" in above and found is not ABSENT:
        assert set(found) <= set(above["subset_of"])
    if "superset_of" in above and found is not ABSENT:
        assert set(found) >= set(above["superset_of"])
    if above.get("essential"):
        assert found is not ABSENT
    if "value" in above:
        assert found == above["value"] or set(found) == set(above["value"])


def test_the_operators_are_applied_in_the_order_of_the_specification() -> None:
    assert STANDARD == ("value", "add", "default", "one_of", "subset_of", "superset_of", "essential")
    assert set(metadata_policy._STEPS) == set(STANDARD)


# --- constraints


def test_the_examples_of_max_path_length_hold() -> None:
    below = ["https://le.example", "https://i1.example", "https://i2.example"]
    constraints.enforce({"max_path_length": 2}, below, 2)
    constraints.enforce({"max_path_length": 0}, below[:1], 0)
    with pytest.raises(Broken, match="max-path-length"):
        constraints.enforce({"max_path_length": 1}, below, 2)


@pytest.mark.parametrize(
    ("entity", "holds"),
    [
        ("https://host.example.com/op", True),
        ("https://my.host.example.com", True),
        ("https://HOST.example.com", True),
        ("https://example.com", False),
        ("https://badexample.com", False),
        ("https://east.example.com", False),
        ("https://other.org", False),
        ("https://10.0.0.1", False),
    ],
)
def test_names_are_constrained_as_in_rfc_5280(entity: str, holds: bool) -> None:
    names = {"naming_constraints": {"permitted": [".example.com"], "excluded": ["east.example.com"]}}
    if holds:
        constraints.enforce(names, [entity], 0)
    else:
        with pytest.raises(Broken, match="naming"):
            constraints.enforce(names, [entity], 0)


def test_an_address_passes_no_exclusion_unless_it_is_permitted_by_itself() -> None:
    with pytest.raises(Broken, match="naming"):
        constraints.enforce({"naming_constraints": {"excluded": [".evil.example"]}}, ["https://10.0.0.1"], 0)
    constraints.enforce({"naming_constraints": {"permitted": ["10.0.0.1"]}}, ["https://10.0.0.1"], 0)


@pytest.mark.parametrize(
    "stated",
    [
        {"max_path_length": -1},
        {"max_path_length": True},
        {"max_path_length": "1"},
        {"naming_constraints": []},
        {"naming_constraints": {"permitted": "example.com"}},
        {"allowed_entity_types": "openid_provider"},
        [],
    ],
)
def test_constraints_of_the_wrong_shape_break_the_chain(stated: Any) -> None:
    with pytest.raises(Broken, match="constraints-shape"):
        constraints.enforce(stated, ["https://le.example"], 0)


def test_unknown_constraints_are_ignored() -> None:
    constraints.enforce({"max_weight": 3}, ["https://le.example"], 0)
