"""An identity provider that does what a test says: honest unless told otherwise."""

import json
import sys
import threading
import time
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from authlib.oidc.core.util import create_half_hash
from joserfc import jws
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

ALGORITHMS = ["ES256", "PS256", "RS256", "EdDSA", "HS256", "HS384", "RS384", "ES384", "none"]
_RSA = RSAKey.generate_key(2048)
_EC = ECKey.generate_key("P-256")
_OKP = OKPKey.generate_key("Ed25519")


def b64(data: bytes | str | dict) -> str:
    if isinstance(data, dict):
        data = json.dumps(data)
    return urlsafe_b64encode(data.encode() if isinstance(data, str) else data).rstrip(b"=").decode()


def sign(header: dict[str, Any], claims: dict[str, Any] | bytes, key: Key | None) -> str:
    """Sign whatever it is: no rule of JWT is kept that the caller does not keep."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    if header.get("alg") == "none":
        return f"{b64(header)}.{b64(payload)}."
    lax = jws.JWSRegistry(algorithms=[str(header.get("alg"))], strict_check_header=False)
    lax.max_header_length = 10**9
    lax.check_header = lambda _header: None
    lax.get_alg = lambda name: jws.JWSRegistry.algorithms[name]
    return jws.serialize_compact(header, payload, key, registry=lax)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever hangs up on a hung provider does what we want; anything else is a fault of the test."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Stub:
    """One issuer on a free port."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {"ES256": _EC, "PS256": _RSA, "RS256": _RSA, "EdDSA": _OKP}
        self.client_id, self.access_token = "jit", "access-token-of-this-sign-in"
        self.asked: Counter[str] = Counter()
        self.credentials: set[str | None] = set()
        self.forms: list[dict[str, str]] = []
        self.codes: dict[str, dict[str, Any]] = {}
        self.metadata_changes: dict[str, Any] = {}
        self.jwks: dict[str, Any] = {"keys": [self.public(key) for key in (_EC, _RSA, _OKP)]}
        self.hooks: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.respond: Callable[[dict[str, str]], tuple[int, Any]] = lambda _form: (200, self.tokens())
        self.nonce = "nonce-of-this-sign-in"
        self.server = _Server(("127.0.0.1", 0), self._handler())
        self.path = f"/{uuid4().hex}"  # ports come again, issuers do not

    @staticmethod
    def public(key: Key) -> dict[str, Any]:
        return {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig"}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{self.path}"

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Honest claims; `...` takes one away."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "alice",
            "aud": self.client_id,
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "nonce": self.nonce,
            "acr": "substantial",
            "amr": ["hwk"],
            "name": "Alice Martin",
            "email": "alice@a.example",
            "email_verified": True,
            "sid": "session-1",
        }
        return {name: value for name, value in (claims | changes).items() if value is not ...}

    def header(self, alg: str = "ES256", **changes: Any) -> dict[str, Any]:
        header = {"typ": "JWT", "alg": alg}
        if alg in self.keys:
            header["kid"] = self.keys[alg].thumbprint()
        return {name: value for name, value in (header | changes).items() if value is not ...}

    def id_token(self, alg: str = "ES256", **changes: Any) -> str:
        return sign(self.header(alg), self.claims(**changes), self.keys[alg])

    def at_hash(self, alg: str = "ES256") -> str:
        return create_half_hash(self.access_token, alg).decode()

    def tokens(self, id_token: str | None = None, **changes: Any) -> dict[str, Any]:
        body = {"access_token": self.access_token, "token_type": "Bearer", "id_token": id_token or self.id_token()}
        return {name: value for name, value in (body | changes).items() if value is not ...}

    def metadata(self) -> dict[str, Any]:
        honest = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ALGORITHMS,
            "code_challenge_methods_supported": ["S256"],
        }
        return {name: value for name, value in (honest | self.metadata_changes).items() if value is not ...}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                path = self.path.partition("?")[0].removeprefix(stub.path)
                stub.asked[path] += 1
                stub.credentials.add(self.headers.get("Authorization"))
                if path in stub.hooks:
                    stub.hooks[path](self)
                elif path == "/.well-known/openid-configuration":
                    reply(self, stub.metadata())
                elif path == "/jwks":
                    reply(self, stub.jwks)
                else:
                    reply(self, {"error": "nothing here"}, 404)

            def do_POST(self) -> None:
                path = self.path.removeprefix(stub.path)
                stub.asked[path] += 1
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                stub.forms.append(form | {"authorization": self.headers.get("Authorization", "")})
                if path in stub.hooks:
                    stub.hooks[path](self)
                else:
                    status, answer = stub.respond(form)
                    reply(self, answer, status)

        return Handler


def reply(handler: BaseHTTPRequestHandler, body: Any, status: int = 200, **headers: str) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


@contextmanager
def running() -> Iterator[Stub]:
    stub = Stub()
    thread = threading.Thread(target=stub.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.server.shutdown()
        stub.server.server_close()
        thread.join()


__all__ = ["OctKey", "Stub", "b64", "reply", "running", "sign"]
