"""A federation on loopback: entities that speak honestly about themselves and each other unless told otherwise."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc.jwk import ECKey, Key, RSAKey

from jit_server.identity.trust import Anchor
from jit_server.identity.trust.statements import TYPE, Signed, read
from tests.identity.stub import _Server, sign

HOUR = 3600


def public(*keys: Key) -> dict[str, Any]:
    """A JWK set of public keys, each under its thumbprint."""
    return {"keys": [{**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig"} for key in keys]}


def kept(claims: dict[str, Any]) -> dict[str, Any]:
    """Claims without those that are `...`."""
    return {name: value for name, value in claims.items() if value is not ...}


def statement(key: Key, claims: dict[str, Any], **header: Any) -> str:
    """Sign claims as an entity statement; `...` takes a header away."""
    honest = {"typ": TYPE, "alg": "PS256" if isinstance(key, RSAKey) else "ES256", "kid": key.thumbprint()}
    return sign(kept(honest | header), claims, key)


@dataclass
class Entity:
    """One member of the federation. `says` changes what it says of itself, `about[sub]` what it says of another."""

    url: str
    superiors: list[str] = field(default_factory=list)
    key: Key = field(default_factory=lambda: ECKey.generate_key("P-256"))
    metadata: dict[str, Any] = field(default_factory=dict)
    says: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    about: dict[str, dict[str, Any]] = field(default_factory=dict)
    signs_with: Key | None = None
    subordinates: dict[str, "Entity"] = field(default_factory=dict)

    @property
    def fetch(self) -> str:
        return f"{self.url}/fetch"

    def claims(self) -> dict[str, Any]:
        """What it says of itself."""
        metadata = dict(self.metadata)
        if self.subordinates:
            metadata["federation_entity"] = {"federation_fetch_endpoint": self.fetch}
        now = int(time.time())
        honest = {"iss": self.url, "sub": self.url, "iat": now, "exp": now + HOUR, "jwks": public(self.key)}
        honest |= {"metadata": metadata, "authority_hints": self.superiors or ...}
        return kept(honest | self.says)

    def claims_about(self, sub: str) -> dict[str, Any]:
        """What it says of a subordinate."""
        now = int(time.time())
        honest = {"iss": self.url, "sub": sub, "iat": now, "exp": now + HOUR}
        return kept(honest | {"jwks": public(self.subordinates[sub].key)} | self.about.get(sub, {}))

    def configuration(self) -> str:
        return statement(self.signs_with or self.key, self.claims(), **self.header)

    def word(self, sub: str) -> str:
        return statement(self.signs_with or self.key, self.claims_about(sub), **self.header)

    def anchor(self) -> Anchor:
        """As an operator would register it."""
        return Anchor(self.url, json.dumps(public(self.key), sort_keys=True))


class Federation:
    """Entities behind one loopback server, told apart by their path."""

    def __init__(self) -> None:
        self.entities: dict[str, Entity] = {}
        self.asked: Counter[str] = Counter()
        self.hooks: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.server = _Server(("127.0.0.1", 0), self._handler())

    def url(self, name: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server.server_port}/{name}"

    def entity(self, name: str, *superiors: str, host: str = "127.0.0.1", **facts: Any) -> Entity:
        """Found an entity; its superiors will speak about it."""
        made = Entity(self.url(name, host), [self.entities[one].url for one in superiors], **facts)
        self.entities[name] = made
        for one in superiors:
            self.entities[one].subordinates[made.url] = made
        return made

    def provider(self, name: str, *superiors: str, host: str = "127.0.0.1", **changes: Any) -> Entity:
        """Found an entity that is an identity provider."""
        made = self.entity(name, *superiors, host=host)
        honest = {
            "issuer": made.url,
            "authorization_endpoint": f"{made.url}/authorize",
            "token_endpoint": f"{made.url}/token",
            "jwks": public(ECKey.generate_key("P-256")),
            "id_token_signing_alg_values_supported": ["ES256", "PS256"],
            "client_registration_types_supported": ["automatic", "explicit"],
        }
        made.metadata = {"openid_provider": kept(honest | changes)}
        return made

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        here = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                here.asked[parts.path] += 1
                if parts.path in here.hooks:
                    here.hooks[parts.path](self)
                    return
                name, _, rest = parts.path.lstrip("/").partition("/")
                entity = here.entities.get(name)
                if entity is not None and rest == ".well-known/openid-federation":
                    answer(self, entity.configuration())
                elif entity is not None and rest == "fetch":
                    sub = parse_qs(parts.query).get("sub", [""])[0]
                    answer(self, entity.word(sub) if sub in entity.subordinates else None)
                else:
                    answer(self, None)

        return Handler


def answer(handler: BaseHTTPRequestHandler, token: str | None, status: int = 200, kind: str = TYPE) -> None:
    """Answer with a statement, or that there is none."""
    data = (token or '{"error": "not_found"}').encode()
    handler.send_response(status if token is not None else 404)
    handler.send_header("Content-Type", f"application/{kind}" if token is not None else "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


@contextmanager
def federation() -> Iterator[Federation]:
    """A running federation of nobody yet."""
    made = Federation()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join()


__all__ = ["Entity", "Federation", "Signed", "answer", "federation", "kept", "public", "read", "statement"]
