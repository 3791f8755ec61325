"""What an issuer's claims come to here, by the agency's claim map: pure functions, for sign-ins and their tests."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jit_server.identity.id_token import Assertion
from jit_server.identity.shapes import ClaimMap

TECHNICAL: Final = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})
SHORT: Final = 200


@dataclass(frozen=True)
class Read:
    """One thing this server reads: its word, the claim it comes from, and what was found there."""

    what: str
    claim: str
    value: str


def admits(means: ClaimMap, groups: frozenset[str]) -> bool:
    """Whether the agency's groups let somebody in; they always do where none is required."""
    return not means.required_groups or not groups.isdisjoint(means.required_groups)


def role_of(means: ClaimMap, groups: frozenset[str]) -> str | None:
    """The agency role that the groups give; None where the agency gives roles here and not by groups."""
    if not means.admin_groups and not means.auditor_groups:
        return None
    if not groups.isdisjoint(means.admin_groups):
        return "admin"
    return "member" if groups.isdisjoint(means.auditor_groups) else "auditor"


def read(means: ClaimMap, assertion: Assertion) -> tuple[Read, ...]:
    """What is read of an assertion, in the order in which a page shows it."""
    found = (
        Read("subject", "sub", assertion.sub),
        Read("name", means.name, assertion.name),
        Read("email", means.email, assertion.email or ""),
        Read("language", means.locale, assertion.locale),
        Read("zone", means.zone, assertion.zone),
        Read("groups", means.groups, ", ".join(sorted(assertion.groups))),
        Read("role", means.groups, role_of(means, assertion.groups) or ""),
        Read("acr", "acr", assertion.acr or ""),
        Read("amr", "amr", ", ".join(assertion.amr)),
        Read("auth_time", "auth_time", assertion.auth_time.isoformat() if assertion.auth_time else ""),
    )
    return tuple(one for one in found if one.claim)


def kept(claims: Mapping[str, Any], largest: int) -> dict[str, Any]:
    """The claims that tell somebody something, as they are kept for a test; of a heap, only the names."""
    found = {name: value for name, value in claims.items() if name not in TECHNICAL}
    if len(json.dumps(found, default=str)) <= largest:
        return found
    short = {name: value for name, value in found.items() if len(json.dumps(value, default=str)) <= SHORT}
    return {name: short.get(name, "...") for name in list(found)[:SHORT]}
