"""Metadata policies (OpenID Federation 1.0, section 6.1): merged from the anchor downwards, then applied. Pure.

No step makes a superior's policy wider: sets meet (`one_of`, `subset_of`), demands add up (`add`, `superset_of`,
`essential`), and what two levels fix differently (`value`, `default`) breaks the chain. Values are compared as JSON, so
that `true` is not 1; objects are compared too, which the specification leaves open.

[v] The specification does not say what `value: null` means beside `one_of`, `subset_of`, `superset_of` or `add`. Null
is among no values and contains none, so the combination breaks the chain here.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from jit_server.identity.trust.errors import Broken

Operators = Mapping[str, Any]
Policy = Mapping[str, Mapping[str, Operators]]
"""Entity type -> metadata parameter -> operator -> its value."""

STANDARD: Final = ("value", "add", "default", "one_of", "subset_of", "superset_of", "essential")
"""The seven operators, in the order in which they are applied."""
SETS: Final = ("add", "one_of", "subset_of", "superset_of")
SPACED: Final = frozenset({"scope"})
"""Parameters whose string of words is an array to the operators (6.1.3.1.8)."""
_ABSENT: Final = object()


def merged(policies: Sequence[Policy]) -> Policy:
    """The policy of a chain.

    Args:
        policies: of the chain's subordinate statements, the anchor's first.

    Raises:
        Broken: one is malformed, two contradict each other, or a combination is not allowed.
    """
    current: dict[str, dict[str, Operators]] = {}
    for policy in policies:
        for kind, parameters in checked(policy).items():
            known = current.setdefault(kind, {})
            for name, operators in parameters.items():
                known[name] = _merge(name, known.get(name, {}), operators)
    return current


def checked(policy: object) -> Policy:
    """A policy of the right shape, each of its rules allowed; operators that nobody here knows are left out.

    A statement that calls unknown operators critical never comes this far (`statements.read`).
    """
    found: dict[str, dict[str, Operators]] = {}
    for kind, parameters in _object(policy, "the policy").items():
        found[kind] = {}
        for name, operators in _object(parameters, kind).items():
            known = {word: value for word, value in _object(operators, name).items() if word in STANDARD}
            found[kind][name] = _allowed(name, known)
    return found


def applied(policy: Policy, metadata: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The metadata as the policy leaves it, by entity type; types that the entity does not have stay away.

    Raises:
        Broken: the metadata does not comply.
    """
    found = {kind: dict(parameters) for kind, parameters in metadata.items()}
    for kind, parameters in found.items():
        for name, operators in policy.get(kind, {}).items():
            value = _apply(name, operators, parameters.pop(name, _ABSENT))
            if value is not _ABSENT:
                parameters[name] = value
    return found


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Broken("policy-shape", f"{what} is no object")
    return value


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _keys(values: Sequence[Any]) -> set[str]:
    return {_key(value) for value in values}


def _within(parts: Any, whole: Any) -> bool:
    """Whether every member of one array is among those of another; what is no array has no members."""
    return isinstance(parts, list) and isinstance(whole, list) and _keys(parts) <= _keys(whole)


def _union(first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
    known = _keys(first)
    return [*first, *({_key(value): value for value in second if _key(value) not in known}.values())]


def _common(first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
    return [value for value in first if _key(value) in _keys(second)]


# --- one rule: which values and combinations are allowed (6.1.3.1)


def _allowed(name: str, operators: Operators) -> Operators:
    operators = {word: _split(name, word, value) for word, value in operators.items()}
    for word in SETS:
        if word in operators and not isinstance(operators[word], list):
            raise Broken("policy-shape", f"{name}: {word} is no array")
    if not isinstance(operators.get("essential", False), bool):
        raise Broken("policy-shape", f"{name}: essential is neither true nor false")
    if "default" in operators and operators["default"] is None:
        raise Broken("policy-shape", f"{name}: default is null")
    if operators.get("one_of") == []:
        raise Broken("policy-shape", f"{name}: one_of is empty")
    for words, holds in COMBINATIONS.items():
        if all(word in operators for word in words) and not holds(*(operators[word] for word in words)):
            raise Broken("policy-combination", f"{name}: {' and '.join(words)} cannot stand together")
    return operators


COMBINATIONS: Final[Mapping[tuple[str, str], Callable[[Any, Any], bool]]] = {
    ("value", "add"): lambda value, add: _within(add, value),
    ("value", "default"): lambda value, _: value is not None,
    ("value", "one_of"): lambda value, choices: _key(value) in _keys(choices),
    ("value", "subset_of"): _within,
    ("value", "superset_of"): lambda value, least: _within(least, value),
    ("value", "essential"): lambda value, essential: value is not None or not essential,
    ("add", "subset_of"): _within,
    ("subset_of", "superset_of"): lambda most, least: _within(least, most),
    ("add", "one_of"): lambda *_: False,
    ("one_of", "subset_of"): lambda *_: False,
    ("one_of", "superset_of"): lambda *_: False,
}
"""Pairs of operators that stand together only on a condition, or never; all others may."""


# --- two rules of the same parameter, the superior's first (6.1.4.1)


def _merge(name: str, above: Operators, below: Operators) -> Operators:
    result = dict(above)
    for word, value in below.items():
        result[word] = _merge_values(name, word, above[word], value) if word in above else value
    return _allowed(name, result)


def _merge_values(name: str, word: str, above: Any, below: Any) -> Any:
    if word in {"add", "superset_of"}:
        return _union(above, below)
    if word == "essential":
        return above or below
    if word in {"one_of", "subset_of"}:
        common = _common(above, below)
        if not common and word == "one_of":
            raise Broken("policy-conflict", f"{name}: no value of one_of is allowed by both")
        return common
    if _key(above) != _key(below):
        raise Broken("policy-conflict", f"{name}: {word} differs")
    return above


# --- one rule on one value (6.1.3.1), in the order of the operators


def _apply(name: str, operators: Operators, value: Any) -> Any:
    text = name in SPACED
    value = _split(name, "metadata", value)
    for word in STANDARD:
        if word in operators:
            value = _STEPS[word](name, operators[word], value)
    return " ".join(value) if text and isinstance(value, list) else value


def _split(name: str, word: str, value: Any) -> Any:
    """An array of words for `scope`, wherever a string of words stands for one."""
    if name in SPACED and isinstance(value, str) and word != "essential":
        return value.split()
    return value


def _array(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Broken("policy-check", f"{name} is no array")
    return value


def _value(_name: str, wanted: Any, _value: Any) -> Any:
    return _ABSENT if wanted is None else wanted


def _add(name: str, more: Any, value: Any) -> Any:
    return _union([] if value is _ABSENT else _array(name, value), more)


def _default(_name: str, wanted: Any, value: Any) -> Any:
    return wanted if value is _ABSENT else value


def _one_of(name: str, choices: Any, value: Any) -> Any:
    if value is not _ABSENT and (isinstance(value, (list, bool)) or _key(value) not in _keys(choices)):
        raise Broken("policy-check", f"{name} is none of the values allowed")
    return value


def _subset_of(name: str, most: Any, value: Any) -> Any:
    return value if value is _ABSENT else _common(_array(name, value), most)


def _superset_of(name: str, least: Any, value: Any) -> Any:
    if value is not _ABSENT and not _within(least, _array(name, value)):
        raise Broken("policy-check", f"{name} lacks a value that is required")
    return value


def _essential(name: str, required: Any, value: Any) -> Any:
    if required and value is _ABSENT:
        raise Broken("policy-check", f"{name} is missing")
    return value


_STEPS: Final[Mapping[str, Callable[[str, Any, Any], Any]]] = {
    "value": _value,
    "add": _add,
    "default": _default,
    "one_of": _one_of,
    "subset_of": _subset_of,
    "superset_of": _superset_of,
    "essential": _essential,
}
