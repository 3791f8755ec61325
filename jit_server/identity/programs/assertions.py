"""A program's signed assertion, read and checked (RFC 7523, section 3; OpenID Connect Core 1.0, section 9).

One program signs it with a key that its agency registered, for this server alone, for minutes, and uses it once.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError

from jit_server.identity import tokens
from jit_server.identity.programs import keys
from jit_server.identity.tokens import LEEWAY, Allowed

KIND: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TYPES: Final = frozenset({"jwt", "client-authentication+jwt"})
LARGEST: Final = 8_192
LIFE: Final = 300
"""Seconds for which an assertion may be good: whoever finds an old one has nothing."""


class Doubted(Exception):
    """An assertion that proves nothing; the reason is a word for each rule, for tests and for the operator's log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Asserted:
    """What a good assertion says: whose it is, and by what name it is known until it expires."""

    jti: str
    expires_at: datetime


def claimant(token: str) -> str:
    """Whom an assertion says it is from; nothing of it is believed yet.

    Raises:
        Doubted: it is no signed token, or names nobody.
    """
    pieces = token.split(".")
    if len(token) > LARGEST or not token.isascii() or len(pieces) != 3:  # noqa: PLR2004 - header, payload, signature
        raise Doubted("form")
    try:
        claims = json.loads(urlsafe_b64decode(pieces[1] + "=" * (-len(pieces[1]) % 4)))
    except (ValueError, RecursionError):
        raise Doubted("form") from None
    sub = claims.get("sub") if isinstance(claims, dict) else None
    if not isinstance(sub, str):
        raise Doubted("sub")
    return sub


def check(token: str, client_id: str, jwks: Mapping[str, Any], audiences: Collection[str], now: datetime) -> Asserted:
    """Hold an assertion against the keys that the agency registered, and against the clock.

    Args:
        token: the assertion.
        client_id: the program's; issuer and subject alike.
        jwks: its registered keys.
        audiences: what this server is called; the assertion names one of them and nobody else.
        now: the moment.

    Raises:
        Doubted: any rule is hurt.
    """
    claims = _verified(token, jwks)
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise Doubted("iss")
    audience = claims.get("aud")
    if (audience[0] if isinstance(audience, list) and len(audience) == 1 else audience) not in audiences:
        raise Doubted("aud")
    if not tokens.is_name(claims.get("jti")):
        raise Doubted("jti")
    _in_time(claims, now.timestamp())
    return Asserted(claims["jti"], datetime.fromtimestamp(claims["exp"], UTC))


def _verified(token: str, jwks: Mapping[str, Any]) -> dict[str, Any]:
    """The claims, if one of the keys signed them by the algorithm of its kind."""
    key = keys.named(jwks, _header(token).get("kid"))
    if key is None:
        raise Doubted("key")
    try:
        read = jwt.decode(token, key, registry=Allowed(algorithms=keys.ALGORITHMS[key.key_type]))
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise Doubted("signature") from error
    kind = read.header.get("typ", "jwt")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in TYPES:
        raise Doubted("typ")
    return read.claims


def _header(token: str) -> dict[str, Any]:
    piece = token.partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(piece + "=" * (-len(piece) % 4)))
    except (ValueError, RecursionError):
        raise Doubted("form") from None
    if not isinstance(header, dict):
        raise Doubted("form")
    return header


def _in_time(claims: Mapping[str, Any], now: float) -> None:
    expires, issued, begins = claims.get("exp"), claims.get("iat"), claims.get("nbf")
    if not tokens.is_moment(expires) or not now - LEEWAY < expires <= now + LIFE + LEEWAY:  # type: ignore[operator]
        raise Doubted("exp")
    for name, moment in (("iat", issued), ("nbf", begins)):
        if moment is not None and (not tokens.is_moment(moment) or moment > now + LEEWAY):
            raise Doubted(name)
    if issued is not None and expires - issued > LIFE:
        raise Doubted("exp")
