"""The OpenID provider behind the demo's sign-in pages: Authlib's server side with the grant, PKCE and OpenID put in."""

import secrets
import time
from pathlib import Path
from typing import Annotated, Any, Literal

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, InvalidRequestError, OAuth2Error
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, request
from joserfc.jwk import ECKey, Key, RSAKey, import_key
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.datastructures import MultiDict

from jit_server.core import clock

CODE_SECONDS = 60
TOKEN_SECONDS = 300
PUSHED_SECONDS = 300
"""How long a pushed request lasts: the person reads the list of people meanwhile."""
ACR = "urn:jit:demo:substantial"
HIGH = "urn:jit:demo:high"
"""What a sign-in reaches when it is asked for: nobody here types anything stronger."""


def _seconds() -> int:
    return int(clock.now().timestamp())


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DemoPerson(_Spec):
    """Somebody of the agency. `id` is the subject the issuer asserts, and what the sign-in form posts."""

    id: Annotated[str, Field(pattern="^[a-z0-9._-]{1,60}$")]
    name: str
    email: str
    role: str = ""
    language: str = "en"
    zone: str = "UTC"
    acr: str = ACR
    amr: tuple[str, ...] = ("hwk", "pin")


class IssuerSpec(_Spec):
    """One provider: whose it is, where it listens, who signs in there, and the one client that may ask it."""

    slug: Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$")]
    agency: str
    own_name: str
    state: str = ""
    language: str = "en"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)]
    client_id: str
    client_secret: str | None = None
    client_jwk: dict[str, Any] | None = None
    redirect_uris: tuple[str, ...]
    post_logout_uris: tuple[str, ...] = ()
    persons: Annotated[tuple[DemoPerson, ...], Field(min_length=1)]
    algorithm: Literal["ES256", "RS256"] = "ES256"
    key_file: Path | None = None

    @property
    def url(self) -> str:
        """The exact issuer URL."""
        return f"http://{self.host}:{self.port}"

    def person(self, person_id: str | None) -> DemoPerson | None:
        """The person of that id."""
        return next((person for person in self.persons if person.id == person_id), None)


def signing_key(spec: IssuerSpec) -> ECKey | RSAKey:
    """The provider's key: kept in `key_file` so that a restart changes nothing, else made anew."""
    kind: type[ECKey | RSAKey] = ECKey if spec.algorithm == "ES256" else RSAKey
    facts: Any = {"use": "sig", "alg": spec.algorithm}
    if spec.key_file is not None and spec.key_file.exists():
        return kind.import_key(spec.key_file.read_bytes(), facts)
    key = kind.generate_key("P-256", facts) if issubclass(kind, ECKey) else kind.generate_key(2048, facts)
    if spec.key_file is not None:
        spec.key_file.parent.mkdir(parents=True, exist_ok=True)
        spec.key_file.touch(0o600)
        spec.key_file.write_bytes(key.as_pem(private=True))
    return key


class Provider(AuthorizationServer):  # type: ignore[misc]
    """Code flow with PKCE and OpenID for one client; codes live in memory, for a minute, once."""

    def __init__(self, app: Flask, spec: IssuerSpec, key: ECKey | RSAKey) -> None:
        client = _Client(spec)
        super().__init__(app, lambda client_id: client if client_id == spec.client_id else None, lambda *_: None)
        self.spec, self.key = spec, key
        self.codes: dict[str, _Code] = {}
        self.used_assertions: dict[str, float] = {}
        self.pushed: dict[str, tuple[float, MultiDict[str, str]]] = {}
        self.register_client_auth_method("private_key_jwt", _Assertion(self))
        self.register_grant(_Grant, [_S256(), _OpenID(spec, key)])
        self.register_extension(_Iss(spec.url))

    def create_oauth2_request(self, request: Any) -> "_Request":  # noqa: ARG002 - Authlib passes nothing
        """The request at hand, each parameter once; of a reference, what was pushed under it."""
        return _Request(self.pushed)

    def take_pushed(self) -> tuple[dict[str, Any], int]:
        """Keep a request that the client itself hands over, and give a reference to it (RFC 9126)."""
        try:
            self.authenticate_client(self.create_oauth2_request(None), _Grant.TOKEN_ENDPOINT_AUTH_METHODS)
        except OAuth2Error as error:
            return dict(error.get_body()), error.status_code
        now = time.monotonic()
        self.pushed = {name: kept for name, kept in self.pushed.items() if kept[0] > now}
        reference = f"urn:ietf:params:oauth:request_uri:{secrets.token_urlsafe(24)}"
        proof = {"client_assertion", "client_assertion_type"}
        asked = MultiDict((name, value) for name, value in request.form.items() if name not in proof)
        self.pushed[reference] = (now + PUSHED_SECONDS, asked)
        return {"request_uri": reference, "expires_in": PUSHED_SECONDS}, 201


class _Request(FlaskOAuth2Request):  # type: ignore[misc]
    """Reads the form where it repeats the whole request, else the query: never both, or each value would be double."""

    def __init__(self, pushed: dict[str, tuple[float, MultiDict[str, str]]]) -> None:
        super().__init__(request)
        stated = request.form if request.form.keys() & {"client_id", "grant_type"} else request.args
        until, asked = pushed.get(stated.get("request_uri", ""), (0.0, stated))
        self.reference = stated.get("request_uri") if until > time.monotonic() else None
        self.payload = _Payload(asked if self.reference else stated)


class _Payload(FlaskOAuth2Payload):  # type: ignore[misc]
    def __init__(self, values: MultiDict[str, str]) -> None:
        self._values = values

    @property
    def data(self) -> MultiDict[str, str]:
        return self._values


class _Client(ClientMixin):  # type: ignore[misc]
    """The JIT server, as this provider knows it."""

    def __init__(self, spec: IssuerSpec) -> None:
        self.spec, self.client_id = spec, spec.client_id

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(word for word in (scope or "").split() if word in {"openid", "profile", "email"})

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.spec.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest((self.spec.client_secret or "").encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == ("private_key_jwt" if self.spec.client_jwk else "client_secret_basic")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class _Code:
    """An authorization code and all it stands for."""

    def __init__(self, code: str, asked: Any) -> None:
        data = asked.payload.data
        self.code, self.person, self.until = code, asked.user, time.monotonic() + CODE_SECONDS
        self.redirect_uri, self.scope, self.nonce = asked.payload.redirect_uri, asked.scope, data.get("nonce")
        self.code_challenge, self.code_challenge_method = data.get("code_challenge"), data.get("code_challenge_method")
        self.auth_time = _seconds()
        self.acr = HIGH if HIGH in str(data.get("acr_values", "")).split() else asked.user.acr

    def get_redirect_uri(self) -> str:
        return str(self.redirect_uri)

    def get_scope(self) -> str:
        return str(self.scope)

    def get_nonce(self) -> str:
        return str(self.nonce)

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> str:
        return str(self.acr)

    def get_amr(self) -> list[str]:
        return list(self.person.amr)


class _Grant(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "private_key_jwt")

    def save_authorization_code(self, code: str, asked: Any) -> None:
        now = time.monotonic()
        codes = self.server.codes
        for old in [key for key, kept in codes.items() if kept.until < now]:
            del codes[old]
        codes[code] = _Code(code, asked)

    def query_authorization_code(self, code: str, _client: Any) -> _Code | None:
        kept: _Code | None = self.server.codes.pop(code, None)
        return kept if kept is not None and kept.until > time.monotonic() else None

    def delete_authorization_code(self, _code: _Code) -> None:
        """Nothing is left to delete: asking for a code takes it away."""

    def authenticate_user(self, code: _Code) -> DemoPerson:
        person: DemoPerson = code.person
        return person


class _S256(CodeChallenge):  # type: ignore[misc]
    """PKCE for every client, S256 only."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            msg = "PKCE with S256 is required."
            raise InvalidRequestError(msg)
        super().validate_code_challenge(grant, redirect_uri)


class _OpenID(OpenIDCode):  # type: ignore[misc]
    def __init__(self, spec: IssuerSpec, key: Key) -> None:
        super().__init__(require_nonce=True)
        self.spec, self.key = spec, key

    def exists_nonce(self, _nonce: str, _asked: Any) -> bool:
        return False  # the client compares it; a code is good once

    def resolve_client_private_key(self, _client: _Client) -> Key:
        return self.key

    def get_client_algorithm(self, _client: _Client) -> str:
        return self.spec.algorithm

    def get_encode_header(self, _client: _Client) -> dict[str, str]:
        return {"alg": self.spec.algorithm, "kid": self.key.thumbprint()}

    def get_client_claims(self, _client: _Client) -> dict[str, Any]:
        now = _seconds()
        return {"iss": self.spec.url, "aud": self.spec.client_id, "iat": now, "exp": now + TOKEN_SECONDS}

    def generate_user_info(self, user: DemoPerson, _scope: str) -> dict[str, Any]:
        return {
            "sub": user.id,
            "name": user.name,
            "email": user.email,
            "email_verified": True,
            "locale": user.language,
            "zoneinfo": user.zone,
            "sid": secrets.token_urlsafe(16),
        }


class _Iss(IssuerParameter):  # type: ignore[misc]
    def __init__(self, url: str) -> None:
        self.url = url

    def get_issuer(self) -> str:
        return self.url


class _Assertion(JWTBearerClientAssertion):  # type: ignore[misc]
    """The client proves itself by a signed statement, each good once (RFC 7523)."""

    CLIENT_AUTH_METHOD = "private_key_jwt"

    def __init__(self, server: Provider) -> None:
        super().__init__()
        self.server = server

    def __call__(self, query_client: Any, asked: Any) -> Any:
        return super().__call__(query_client, asked) if self.server.spec.client_jwk else None

    def get_audiences(self) -> list[str]:
        return [self.server.spec.url, f"{self.server.spec.url}/token"]

    def resolve_client_public_key(self, _client: _Client) -> Key:
        return import_key(self.server.spec.client_jwk or {})

    def validate_jti(self, claims: dict[str, Any], jti: str) -> bool:
        now, used = _seconds(), self.server.used_assertions
        for old in [key for key, until in used.items() if until < now]:
            del used[old]
        fresh = jti not in used
        used[jti] = float(claims["exp"]) + self.leeway
        return fresh
