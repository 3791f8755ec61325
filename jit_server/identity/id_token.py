"""An ID token, checked (OpenID Connect Core 3.1.3.7), and what it asserts about somebody."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from authlib.oidc.core.util import create_half_hash
from joserfc.errors import JoseError

from jit_server.core import clock
from jit_server.core.errors import N_
from jit_server.identity import tokens
from jit_server.identity.clients import Client, refused
from jit_server.identity.provider import Provider
from jit_server.identity.shapes import ClaimMap
from jit_server.identity.tokens import LEEWAY, LONGEST, SKEWED

MOST_GROUPS: Final = 1000
ROUNDING: Final = 2
"""Seconds that whole-second times and the way from there to here may take."""
TOO_WEAK: Final = N_("Your agency asks for a stronger sign-in than the one used. Sign in again with it.")
NOT_NEW: Final = N_(
    "This act asks for a sign-in made just now, and your agency's answer does not say that you made one. Sign in"
    " again; if it happens twice, tell your agency."
)


@dataclass(frozen=True)
class Pending:
    """What was sent along with the person, to be compared when they return."""

    nonce: str
    verifier: str
    created_at: datetime
    step_up: bool = False
    """The person must have signed in for this, just now and as strongly as the agency asks for such acts."""


@dataclass(frozen=True)
class Assertion:
    """What an issuer asserts about somebody, checked. The key of a person is (issuer, sub), nothing else."""

    issuer: str
    sub: str
    name: str
    email: str | None
    email_verified: bool | None
    sid: str | None
    auth_time: datetime | None
    acr: str | None
    amr: tuple[str, ...]
    locale: str
    zone: str
    groups: frozenset[str] = frozenset()
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """All that the token said, for a test sign-in; nothing else reads it."""


def verify(client: Client, provider: Provider, id_token: str, access_token: str, pending: Pending) -> Assertion:
    """Check an ID token and say whom it asserts.

    Raises:
        SignInRefused: something does not fit; `reason` says what.
        Unavailable: the issuer's keys cannot be had.
    """
    token = tokens.decode(client, provider, id_token)
    if str(token.header.get("typ", "JWT")).upper() != "JWT":
        raise refused("typ")
    claims = CodeIDToken(
        token.claims,
        token.header,
        {"iss": {"essential": True, "value": client.issuer}, "aud": {"essential": True, "value": client.client_id}},
        {"nonce": pending.nonce, "client_id": client.client_id},
    )
    now = int(clock.now().timestamp())
    try:
        claims.validate(now=now, leeway=LEEWAY)
    except JoseError as error:
        claim = getattr(error, "claim", "wrong")
        detail = SKEWED if claim in {"exp", "nbf", "iat"} else ""
        raise refused(f"claim-{claim}", detail) from error
    _exact(client, claims, pending, now)
    _at_hash(claims, access_token, token.header["alg"])
    _strong_enough(client, claims, pending, now)
    return asserted(client.issuer, client.claims, claims)


def _exact(client: Client, claims: Mapping[str, Any], pending: Pending, now: int) -> None:
    """What Authlib leaves open: other audiences beside ours, types, age."""
    if claims["iss"] != client.issuer or claims["aud"] not in (client.client_id, [client.client_id]):
        raise refused("claim-aud")
    if claims.get("azp", client.client_id) != client.client_id:
        raise refused("claim-azp")
    nonce = claims["nonce"]
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), pending.nonce.encode()):
        raise refused("claim-nonce")
    if claims["iat"] < pending.created_at.timestamp() - LEEWAY:
        raise refused("claim-iat", SKEWED)
    auth_time = claims.get("auth_time")
    if auth_time is not None and (isinstance(auth_time, bool) or not 0 < auth_time <= now + LEEWAY):
        raise refused("claim-auth_time")
    if not tokens.is_name(claims["sub"]):
        raise refused("claim-sub")
    sid = claims.get("sid")
    if sid is not None and not (isinstance(sid, str) and 1 <= len(sid) <= LONGEST):
        raise refused("claim-sid")


def _at_hash(claims: Mapping[str, Any], access_token: str, algorithm: str) -> None:
    """An `at_hash` that is there must fit, an empty one included (Authlib passes over it)."""
    if "at_hash" not in claims:
        return
    expected = create_half_hash(access_token, algorithm)
    stated = claims["at_hash"]
    if expected is None or not isinstance(stated, str) or not hmac.compare_digest(expected, stated.encode()):
        raise refused("claim-at_hash")


def _strong_enough(client: Client, claims: Mapping[str, Any], pending: Pending, now: int) -> None:
    """The agency's floor, and for a step-up its higher floor and a sign-in made for it.

    Whether the sign-in is newer than our request is told by spans, each taken by one clock: how long ago the issuer
    says the person signed in, and how long ago this server asked. So a skewed clock neither helps nor hurts.
    """
    acr, amr = claims.get("acr"), claims.get("amr")
    if client.acr_accepted and acr not in client.acr_accepted:
        raise refused("claim-acr", TOO_WEAK)
    if amr is not None and not (isinstance(amr, list) and all(isinstance(method, str) for method in amr)):
        raise refused("claim-amr")
    if not set(client.amr_required) <= set(amr or ()):
        raise refused("claim-amr", TOO_WEAK)
    if not pending.step_up:
        return
    if client.step_up_acr and acr not in client.step_up_acr:
        raise refused("claim-acr", TOO_WEAK)
    auth_time = claims.get("auth_time")
    if not auth_time or claims["iat"] - auth_time > now - pending.created_at.timestamp() + ROUNDING:
        raise refused("claim-auth_time", NOT_NEW)


def asserted(issuer: str, means: ClaimMap, claims: Mapping[str, Any]) -> Assertion:
    """What checked claims say about somebody, by the issuer's claim map."""
    acr, verified, auth_time = (claims.get(name) for name in ("acr", "email_verified", "auth_time"))
    return Assertion(
        issuer=issuer,
        sub=claims["sub"],
        name=_text(claims.get(means.name)) or _text(claims.get("preferred_username")) or claims["sub"][:120],
        email=_text(claims.get(means.email)) or None,
        email_verified=verified if isinstance(verified, bool) else None,
        sid=claims.get("sid"),
        auth_time=datetime.fromtimestamp(auth_time, UTC) if auth_time else None,
        acr=acr if isinstance(acr, str) else None,
        amr=tuple(claims.get("amr") or ()),
        locale=_text(claims.get(means.locale)),
        zone=_text(claims.get(means.zone)),
        groups=_groups(claims.get(means.groups)) if means.groups else frozenset(),
        claims=dict(claims),
    )


def _groups(stated: object) -> frozenset[str]:
    """A claim that lists groups: a list of strings, or one string. Anything else lists none."""
    listed = [stated] if isinstance(stated, str) else stated if isinstance(stated, list) else []
    return frozenset(one for one in listed[:MOST_GROUPS] if isinstance(one, str) and 1 <= len(one) <= LONGEST)


def _text(value: Any) -> str:
    """A claim for display: a string without control characters, at most 120 characters."""
    return "".join(sign for sign in value if sign.isprintable()).strip()[:120] if isinstance(value, str) else ""
