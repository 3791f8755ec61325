"""A logout token, checked (OpenID Connect Back-Channel Logout 1.0, section 2.6): whose sessions an issuer wants ended.

It is an ID token's sibling and must never pass for one, nor one for it: it carries the logout event and no `nonce`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from jit_server.core import clock
from jit_server.core.errors import Malformed, SignInRefused
from jit_server.identity import tokens
from jit_server.identity.clients import Client
from jit_server.identity.provider import Provider
from jit_server.identity.tokens import LEEWAY

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
TYPES: Final = frozenset({"logout+jwt", "application/logout+jwt", "jwt"})
LONGEST: Final = 16_384


@dataclass(frozen=True)
class Farewell:
    """Who must go: the session `sid`, or every session of `sub`; both given, the session only if it is theirs."""

    sub: str | None
    sid: str | None
    jti: str
    expires_at: datetime


def malformed(reason: str) -> Malformed:
    """The refusal that the specification asks for: status 400; `reason` says in a word what is wrong."""
    return Malformed("This is no logout token that this server obeys.", error="invalid_request", reason=reason)


def verify(client: Client, provider: Provider, token: str) -> Farewell:
    """Check a logout token and say whom it ends.

    Raises:
        Malformed: forged, expired, of another kind or for somebody else.
        Unavailable: the issuer's keys cannot be had.
    """
    if not token or len(token) > LONGEST or token.count(".") != 2:  # noqa: PLR2004 - a JWS has three parts
        raise malformed("no-token")
    try:
        read = tokens.decode(client, provider, token)
    except SignInRefused as error:
        raise malformed(str(error.members["reason"])) from error
    if str(read.header.get("typ", "jwt")).lower() not in TYPES:
        raise malformed("typ")
    claims = read.claims
    _exact(client, claims)
    _in_time(claims)
    return Farewell(claims.get("sub"), claims.get("sid"), claims["jti"], datetime.fromtimestamp(claims["exp"], UTC))


def _exact(client: Client, claims: Mapping[str, Any]) -> None:
    if claims.get("iss") != client.issuer:
        raise malformed("iss")
    if claims.get("aud") not in (client.client_id, [client.client_id]):
        raise malformed("aud")
    if "nonce" in claims:
        raise malformed("nonce")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise malformed("events")
    whom = [claims[name] for name in ("sub", "sid") if claims.get(name) is not None]
    if not whom or not all(tokens.is_name(one) for one in whom):
        raise malformed("whom")
    if not tokens.is_name(claims.get("jti")):
        raise malformed("jti")


def _in_time(claims: Mapping[str, Any]) -> None:
    now = clock.now().timestamp()
    issued, expires = claims.get("iat"), claims.get("exp")
    if not tokens.is_moment(issued) or issued > now + LEEWAY:  # type: ignore[operator]
        raise malformed("iat")
    if not tokens.is_moment(expires) or expires < now - LEEWAY:  # type: ignore[operator]
        raise malformed("exp")
