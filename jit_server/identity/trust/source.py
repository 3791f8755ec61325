"""Where a federated issuer's metadata and keys come from: its trust chain, asked again before the chain ends."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import structlog

from jit_server.core import clock
from jit_server.core.errors import N_, Unavailable
from jit_server.identity import transport
from jit_server.identity.provider import Described
from jit_server.identity.trust import resolver, signed_keys
from jit_server.identity.trust.asking import ask
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
        self._last: tuple[Described, datetime] | None = None
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
                chain = resolver.find(self.entity, self.anchors, loopback=self.loopback)
                self._last = described(chain, loopback=self.loopback)
                return self._last[0]
            except Broken as error:
                self._last = None
                _logger.warning("trust chain broken", issuer=self.entity, reason=error.reason, detail=error.detail)
                raise Unavailable(UNTRUSTED, reason=f"trust-{error.reason}") from error
            except Unavailable as error:
                if self._last is not None and self._last[1] > clock.now():
                    return replace(self._last[0], good_for=_good_for(self._last[1]))
                _logger.warning("trust chain out of reach", issuer=self.entity, detail=error.detail)
                raise transport.unavailable() from error


def described(chain: Resolved, *, loopback: bool) -> tuple[Described, datetime]:
    """A chain's subject as an identity provider, and until when that holds.

    Raises:
        Broken: it is no identity provider to its superiors, or its keys are not signed as they must be.
        Unavailable: its signed keys cannot be had.
    """
    metadata = chain.metadata.get(KIND)
    if metadata is None:
        raise Broken("type", f"{chain.entity} is no identity provider to its superiors")
    keys, until = _keys(chain, metadata, loopback=loopback)
    end = min(chain.expires_at, until or chain.expires_at)
    return Described(metadata, keys, _good_for(end)), end


def _good_for(end: datetime) -> float:
    left = (end - clock.now()).total_seconds()
    return max(left - EARLY, left / 2, 0.0)


def _keys(
    chain: Resolved, metadata: Mapping[str, Any], *, loopback: bool
) -> tuple[Mapping[str, Any] | None, datetime | None]:
    """The provider's keys: in the metadata, else signed at its own origin; else they are fetched from `jwks_uri`."""
    keys, signed_at = metadata.get("jwks"), metadata.get("signed_jwks_uri")
    if keys is not None and not isinstance(keys, dict):
        raise Broken("jwks", "the provider's keys are no key set")
    if keys is not None or signed_at is None:
        return keys, None
    if not isinstance(signed_at, str):
        raise Broken("signed-jwks", "signed_jwks_uri is no address")
    token = ask(signed_at, signed_keys.TYPE, loopback=loopback, home=chain.entity)
    return signed_keys.read(token, chain.entity, chain.keys, now=clock.now())
