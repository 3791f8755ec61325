"""A trust chain, from an entity up to an anchor: whether it holds, what it says of the entity, and until when. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from joserfc.jwk import KeySet

from jit_server.identity.trust import constraints, metadata_policy
from jit_server.identity.trust.errors import Broken
from jit_server.identity.trust.statements import Signed, Statement

LONGEST: Final = 6
"""Statements about others in one chain: five intermediates between an identity provider and an anchor."""


@dataclass(frozen=True)
class Resolved:
    """What a chain makes known of its subject: metadata by entity type, as every superior's policy leaves it."""

    entity: str
    anchor: str
    path: tuple[str, ...]
    metadata: Mapping[str, Mapping[str, Any]]
    keys: Mapping[str, Any]
    """The subject's federation keys, as its superior vouches for them."""
    expires_at: datetime
    own: Statement
    """What the subject says of itself."""
    top: Statement
    """What the anchor says of itself."""


def resolve(own: Signed, about: Sequence[Signed], anchor: Signed, anchor_keys: KeySet) -> Resolved:
    """Hold a chain against sections 4, 6 and 10.2.

    Args:
        own: the entity's configuration.
        about: the statements about it and each superior, from its immediate superior to the anchor.
        anchor: the anchor's configuration.
        anchor_keys: the anchor's keys as the operator received them.

    Raises:
        Broken: any rule is hurt; the chain is then worth nothing.
    """
    if not 0 < len(about) <= LONGEST:
        raise Broken("depth", f"{len(about)} statements between the entity and the anchor")
    _check_links([own, *about, anchor], anchor_keys)
    for place, statement in enumerate(about):
        if statement.claims.constraints is not None:
            below = [one.claims.sub for one in about[: place + 1]]
            constraints.enforce(statement.claims.constraints, below, place)
    return Resolved(
        entity=own.claims.sub,
        anchor=anchor.claims.sub,
        path=tuple(one.claims.iss for one in about),
        metadata=_metadata(own, about),
        keys=about[0].claims.jwks,
        expires_at=datetime.fromtimestamp(min(one.claims.exp for one in (own, *about, anchor)), UTC),
        own=own.claims,
        top=anchor.claims,
    )


def _check_links(chain: Sequence[Signed], anchor_keys: KeySet) -> None:
    """Each is about whoever issued the one before, and signed with a key that the one after vouches for."""
    first, last = chain[0], chain[-1]
    if not first.claims.own or not last.claims.own:
        raise Broken("links", "a chain begins and ends with what an entity says of itself")
    if len({one.claims.sub for one in chain[1:]}) != len(chain) - 1:
        raise Broken("loop", "an entity stands twice in the chain")
    first.verify(first.keys())
    for lower, upper in pairwise(chain):
        if lower.claims.iss != upper.claims.sub or (upper is not last and upper.claims.own):
            raise Broken("links", f"{upper.claims.sub} does not follow {lower.claims.iss}")
        lower.verify(anchor_keys if upper is last else upper.keys())
    last.verify(anchor_keys)


def _metadata(own: Signed, about: Sequence[Signed]) -> dict[str, dict[str, Any]]:
    """The entity's metadata: its immediate superior's word first, then types taken away, then every policy."""
    found = {kind: dict(parameters) for kind, parameters in own.claims.metadata.items()}
    for kind, parameters in about[0].claims.metadata.items():
        if kind in found:
            found[kind] |= parameters
    for statement in about:
        allowed = None
        if statement.claims.constraints is not None:
            allowed = constraints.allowed_types(statement.claims.constraints)
        if allowed is not None:
            found = {kind: parameters for kind, parameters in found.items() if kind in allowed}
    policies = [one.claims.metadata_policy for one in reversed(about) if one.claims.metadata_policy is not None]
    return metadata_policy.applied(metadata_policy.merged(policies), found)
