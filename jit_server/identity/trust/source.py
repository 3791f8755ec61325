"""Where a federated issuer's metadata and keys come from: its trust chain, asked again before the chain ends."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog

from jit_server.core import clock
from jit_server.core.errors import N_, Unavailable
from jit_server.identity import transport
from jit_server.identity.provider import Described
from jit_server.identity.trust import resolver
from jit_server.identity.trust.chain import Resolved
from jit_server.identity.trust.errors import Broken
from jit_server.identity.trust.resolver import Anchor

KIND: Final = "openid_provider"
EARLY: Final = 60.0
"""Seconds before its end at which a chain is resolved again; of a short-lived one, half its time is left."""
UNTRUSTED: Final = N_(
    "Nobody vouches for your agency's sign-in service at the moment, so nobody was signed in. Tell your agency."
)
_logger = structlog.get_logger(__name__)


class Federated:
    """Asks for an issuer's description by its trust chain. Two with the same issuer and anchors are equal.

    While somebody on the way does not answer, the last chain counts until it expires; a chain that does not hold any
    more counts no longer.
    """

    def __init__(self, entity: str, anchors: Sequence[Anchor], *, loopback: bool) -> None:
        self.entity, self.anchors, self.loopback = entity, tuple(anchors), loopback
        self._last: Resolved | None = None
        self._lock = threading.Lock()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Federated) and self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash(self._facts())

    def _facts(self) -> tuple[object, ...]:
        return self.entity, self.anchors, self.loopback

    def __call__(self) -> Described:
        """The issuer as its superiors let it describe itself.

        Raises:
            Unavailable: nobody vouches for it, or somebody on the way does not answer.
        """
        with self._lock:
            try:
                self._last = resolver.find(self.entity, self.anchors, loopback=self.loopback)
                return described(self._last)
            except Broken as error:
                self._last = None
                _logger.warning("trust chain broken", issuer=self.entity, reason=error.reason, detail=error.detail)
                raise Unavailable(UNTRUSTED, reason=f"trust-{error.reason}") from error
            except Unavailable as error:
                if self._last is not None and self._last.expires_at > clock.now():
                    return described(self._last)
                _logger.warning("trust chain out of reach", issuer=self.entity, detail=error.detail)
                raise transport.unavailable() from error


def described(chain: Resolved) -> Described:
    """A chain's subject as an identity provider, for as long as the chain lasts."""
    metadata = chain.metadata.get(KIND)
    if metadata is None:
        raise Broken("type", f"{chain.entity} is no identity provider to its superiors")
    left = (chain.expires_at - clock.now()).total_seconds()
    return Described(metadata, _keys(metadata), max(left - EARLY, left / 2, 0.0))


def _keys(metadata: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Keys that came along in the metadata; without them they are fetched from its `jwks_uri`.

    [v] `signed_jwks_uri` is not read: an issuer with nothing else cannot be used here.
    """
    keys = metadata.get("jwks")
    if keys is not None and not isinstance(keys, dict):
        raise Broken("jwks", "the provider's keys are no key set")
    return keys
