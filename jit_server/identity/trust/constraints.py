"""Constraints that a superior lays on everything below the subject of its statement (section 6.2). Pure.

[v] Names are compared by the host part of the entity identifier as RFC 5280, 4.2.1.10 has it; that text refuses an
address in numbers where a name is constrained, and so does this: only `permitted` can name such a host, and exactly.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from jit_server.identity.trust.errors import Broken

ALWAYS = "federation_entity"
"""The entity type that no constraint takes away."""


def enforce(constraints: object, below: Sequence[str], intermediates: int) -> None:
    """Hold one statement's constraints against the entities under it.

    Args:
        constraints: the statement's claim; members that nobody here knows are ignored.
        below: identifiers of the statement's subject and of all its subordinates in the chain.
        intermediates: how many stand between whoever issued the statement and the chain's subject.

    Raises:
        Broken: malformed, or one does not hold.
    """
    stated = _object(constraints)
    longest = stated.get("max_path_length")
    if longest is not None:
        if not isinstance(longest, int) or isinstance(longest, bool) or longest < 0:
            raise Broken("constraints-shape", "max_path_length is no number from 0 on")
        if intermediates > longest:
            raise Broken("max-path-length", f"{intermediates} intermediates, {longest} allowed")
    if "naming_constraints" in stated:
        names = _object(stated["naming_constraints"])
        permitted, excluded = _hosts(names, "permitted"), _hosts(names, "excluded")
        for entity in below:
            _check_name(entity, permitted, excluded)
    allowed_types(constraints)


def allowed_types(constraints: object) -> frozenset[str] | None:
    """The entity types that a statement leaves its subordinates; None where it does not say."""
    stated = _object(constraints)
    if "allowed_entity_types" not in stated:
        return None
    return frozenset({ALWAYS, *_words(stated["allowed_entity_types"], "allowed_entity_types")})


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Broken("constraints-shape", "constraints are an object")
    return value


def _words(value: object, what: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
        raise Broken("constraints-shape", f"{what} is no array of names")
    return value


def _hosts(names: Mapping[str, Any], which: str) -> list[str] | None:
    return [word.lower() for word in _words(names[which], which)] if which in names else None


def _check_name(entity: str, permitted: list[str] | None, excluded: list[str] | None) -> None:
    host = (urlsplit(entity).hostname or "").lower()
    if _is_address(host) and host not in (permitted or ()):
        raise Broken("naming", f"{host} is an address, where names are constrained")
    if any(_matches(host, name) for name in excluded or ()):
        raise Broken("naming", f"{host} is excluded")
    if permitted is not None and not any(_matches(host, name) for name in permitted):
        raise Broken("naming", f"{host} is not permitted")


def _matches(host: str, name: str) -> bool:
    """`.example.com` means every host below it and not itself; without the full stop it is one host."""
    return host.endswith(name) if name.startswith(".") else host == name


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
