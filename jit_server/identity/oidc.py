"""OpenID Connect code flow, strict: the wrapper round Authlib of PROOFS 3.1.

Authlib's own defaults accept a foreign `aud` beside our `azp`, a wrong `iss` in the callback, logout tokens as ID
tokens, tokens expired by two minutes and metadata of another issuer, and fetch without a time limit. Here:

- metadata and keys come by `transport` only; the metadata's issuer is the configured one, its endpoints are there;
- PKCE S256, `state` and `nonce` always; the callback's `iss` is compared when present and required when advertised;
- the ID token is required, its type is JWT, its algorithm allowed for this issuer, its key one of the issuer's;
- `iss` and `aud` are exact, `nonce` is ours, `at_hash` fits, times hold within 30 s, `acr` reaches the agency's floor.

Tokens never leave this module: what comes out is an `Assertion`.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from authlib.oidc.core.util import create_half_hash
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from jit_server.core import clock
from jit_server.core.errors import N_, SignInRefused, Unavailable
from jit_server.identity import transport
from jit_server.identity.models import AuthMethod
from jit_server.identity.provider import Provider

LEEWAY: Final = 30
SCOPE: Final = "openid profile email"
LONGEST_CODE: Final = 4096
LONGEST_NAME: Final = 255
SKEWED: Final = N_("Your agency's clock and this server's differ by more than 30 seconds: tell your agency.")
UNTRUSTED: Final = N_(
    "Your agency's answer could not be trusted, so nobody was signed in. Start again at the sign-in page."
)


@dataclass(frozen=True)
class Client:
    """What one issuer knows this server as, and what this server takes from it."""

    issuer: str
    client_id: str
    auth_method: AuthMethod
    credential_file: Path
    redirect_uri: str
    algorithms: tuple[str, ...]
    acr_accepted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pending:
    """What was sent along with the person, to be compared when they return."""

    nonce: str
    verifier: str
    created_at: datetime


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


def refused(reason: str, detail: str = "") -> SignInRefused:
    """A refusal with a word for the record; the person reads that it was not their doing."""
    return SignInRefused(detail or UNTRUSTED, reason=reason)


def authorization_url(client: Client, provider: Provider, *, state: str, pending: Pending) -> str:
    """Where the browser goes to sign in."""
    extra = {"acr_values": " ".join(client.acr_accepted)} if client.acr_accepted else {}
    session = OAuth2Session(
        client.client_id, scope=SCOPE, redirect_uri=client.redirect_uri, code_challenge_method="S256"
    )
    url, _ = session.create_authorization_url(
        provider.metadata()["authorization_endpoint"],
        state=state,
        nonce=pending.nonce,
        code_verifier=pending.verifier,
        **extra,
    )
    return str(url)


def complete(client: Client, provider: Provider, answer: Mapping[str, str], pending: Pending) -> Assertion:
    """Turn the callback's parameters into an assertion, or refuse.

    Args:
        client: our registration at the issuer this callback path belongs to.
        provider: that issuer.
        answer: the callback's parameters, each given once.
        pending: what was sent along.

    Raises:
        SignInRefused: something does not fit; `reason` says what.
        Unavailable: the issuer does not answer.
    """
    code = _code(client, provider, answer)
    token = _exchange(client, provider, code, pending)
    id_token, access_token = token.get("id_token"), token.get("access_token")
    if not isinstance(id_token, str) or not isinstance(access_token, str):
        raise refused("no-id-token")
    return verify(client, provider, id_token, access_token, pending)


def _code(client: Client, provider: Provider, answer: Mapping[str, str]) -> str:
    """The authorization code, once the answer is known to be this issuer's (RFC 9207)."""
    issuer = answer.get("iss")
    if issuer is None and provider.metadata().get("authorization_response_iss_parameter_supported") is True:
        raise refused("iss-missing")
    if issuer is not None and issuer != client.issuer:
        raise refused("iss-other")
    if "error" in answer:
        raise refused("provider-error", "Your agency did not sign you in. Start again, or ask your agency.")
    code = answer.get("code", "")
    if not 1 <= len(code) <= LONGEST_CODE:
        raise refused("no-code")
    return code


def _exchange(client: Client, provider: Provider, code: str, pending: Pending) -> Mapping[str, Any]:
    """Redeem the code at the token endpoint."""
    with _session(client) as session:
        transport.harden(session, client.issuer, loopback=provider.loopback)
        try:
            token = session.fetch_token(
                provider.metadata()["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                redirect_uri=client.redirect_uri,
                code_verifier=pending.verifier,
            )
        except AuthlibBaseError as error:
            raise refused("code-refused") from error
        except (requests.RequestException, transport.Refusal, ValueError, RecursionError) as error:
            raise transport.unavailable() from error
    if str(token.get("token_type", "")).lower() != "bearer":
        raise refused("token-type")
    return dict(token)


def _session(client: Client) -> Any:
    """Authlib's session, proving itself by the registered method."""
    try:
        credential = client.credential_file.read_text().strip()
    except OSError as error:
        detail = "This server cannot prove itself to your agency's sign-in service. Its operator must mend that."
        raise Unavailable(detail) from error
    if client.auth_method is AuthMethod.CLIENT_SECRET:
        return OAuth2Session(client.client_id, credential, token_endpoint_auth_method="client_secret_basic")  # noqa: S106
    key, algorithm = _private_key(credential)
    session = OAuth2Session(client.client_id, key, token_endpoint_auth_method="private_key_jwt")  # noqa: S106
    session.register_client_auth_method(PrivateKeyJWT(client.issuer, headers={"kid": key.thumbprint()}, alg=algorithm))
    return session


def _private_key(pem: str) -> tuple[RSAKey | ECKey | OKPKey, str]:
    kinds: tuple[tuple[type[RSAKey | ECKey | OKPKey], str], ...] = (
        (ECKey, "ES256"),
        (RSAKey, "PS256"),
        (OKPKey, "EdDSA"),
    )
    for kind, algorithm in kinds:
        try:
            return kind.import_key(pem), algorithm
        except (ValueError, TypeError, JoseError):
            continue
    detail = "This server cannot prove itself to your agency's sign-in service. Its operator must mend that."
    raise Unavailable(detail)


class _Allowed(JWSRegistry):
    """Exactly the issuer's algorithms. The stock registry falls back to its own list when ours is empty."""

    def get_alg(self, name: str) -> Any:
        if name not in (self.allowed or ()):
            msg = "this algorithm is not allowed for the issuer"
            raise UnsupportedAlgorithmError(msg)
        return self.algorithms[name]


def verify(client: Client, provider: Provider, id_token: str, access_token: str, pending: Pending) -> Assertion:
    """Check an ID token (OpenID Connect Core 3.1.3.7) and say whom it asserts."""
    token = _signed(client, provider, id_token)
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
    return _assertion(client, claims)


def _signed(client: Client, provider: Provider, id_token: str) -> jwt.Token:
    registry = _Allowed(algorithms=client.algorithms)
    try:
        try:
            return jwt.decode(id_token, provider.keys(), registry=registry)
        except InvalidKeyIdError:
            return jwt.decode(id_token, provider.keys(newer=True), registry=registry)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise refused(f"token-{getattr(error, 'error', 'unreadable')}") from error


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
    if not 1 <= len(claims["sub"]) <= LONGEST_NAME or not claims["sub"].isprintable():
        raise refused("claim-sub")


def _at_hash(claims: Mapping[str, Any], access_token: str, algorithm: str) -> None:
    """An `at_hash` that is there must fit, an empty one included (Authlib passes over it)."""
    if "at_hash" not in claims:
        return
    expected = create_half_hash(access_token, algorithm)
    stated = claims["at_hash"]
    if expected is None or not isinstance(stated, str) or not hmac.compare_digest(expected, stated.encode()):
        raise refused("claim-at_hash")


def _assertion(client: Client, claims: Mapping[str, Any]) -> Assertion:
    acr, amr, sid, verified = (claims.get(name) for name in ("acr", "amr", "sid", "email_verified"))
    if client.acr_accepted and acr not in client.acr_accepted:
        raise refused("claim-acr", "Your agency asks for a stronger sign-in than the one used. Sign in again with it.")
    if amr is not None and not (isinstance(amr, list) and all(isinstance(method, str) for method in amr)):
        raise refused("claim-amr")
    if sid is not None and not (isinstance(sid, str) and 1 <= len(sid) <= LONGEST_NAME):
        raise refused("claim-sid")
    auth_time = claims.get("auth_time")
    return Assertion(
        issuer=client.issuer,
        sub=claims["sub"],
        name=_text(claims.get("name")) or _text(claims.get("preferred_username")) or claims["sub"][:120],
        email=_text(claims.get("email")) or None,
        email_verified=verified if isinstance(verified, bool) else None,
        sid=sid,
        auth_time=datetime.fromtimestamp(auth_time, UTC) if auth_time else None,
        acr=acr if isinstance(acr, str) else None,
        amr=tuple(amr or ()),
        locale=_text(claims.get("locale")),
        zone=_text(claims.get("zoneinfo")),
    )


def _text(value: Any) -> str:
    """A claim for display: a string without control characters, at most 120 characters."""
    return "".join(sign for sign in value if sign.isprintable()).strip()[:120] if isinstance(value, str) else ""
