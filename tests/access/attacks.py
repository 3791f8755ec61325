"""What an attacker sends: every route and every event, with another workspace's ids where one's own belong."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jit_server.web import csrf
from jit_server.web.sockets.events import Handler, acknowledge, handlers
from jit_server.web.sockets.floors import Guest
from jit_server.work import House
from tests.builders import Who, browser

SKIPPED = ("/login", "/logout", "/csp-report", "/assets", "/metrics", "/step-up", "/me/sessions")
"""Doors without ids, those that lead to an identity provider, and those that end the attacker's own session."""
BENT = ["%00", "/..", "%2e%2e", ";x=1", "%0a", " ", "/../{}", "%2f..%2f{}", "//", ".json", "?x={}"]
MORE = ["workspace_id", "party_id", "person_id", "id", "role", "gate", "handling", "epoch", "space_admin", "created_by"]
FIELDS = [*MORE, "text", "topic", "reason", "phase", "digest", "position", "name", "subject_id", "action", "member"]


def addresses(app: Flask) -> list[tuple[str, str]]:
    """Every method and rule that an attacker has a use for."""
    return sorted(
        (method, str(rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not str(rule).startswith(SKIPPED)
    )


def fill(rule: str, ids: Mapping[str, UUID | str]) -> str:
    """The rule's address with these ids."""
    return _filled(
        rule,
        lambda name: str(ids.get(name) or {"number": "DE-0001", "verb": "annotate"}.get(name, ids["workspace_id"])),
    )


def _filled(rule: str, value: Any) -> str:
    for part in rule.split("<")[1:]:
        inside = part.partition(">")[0]
        rule = rule.replace(f"<{inside}>", value(inside.rpartition(":")[2]), 1)
    return rule


@dataclass
class Bodies:
    """Bodies that pass the parser as often as not, from the server's own description of what it takes."""

    app: Flask
    chance: random.Random
    _shapes: dict[tuple[str, str], Any] = field(default_factory=dict)
    _words: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the description."""
        described = self.app.test_client().get("/api/v1/openapi.json").get_json()
        self._words = described["components"]["schemas"]
        for path, methods in described["paths"].items():
            for method, one in methods.items():
                kinds = one.get("requestBody", {}).get("content", {})
                if csrf.JSON in kinds:
                    self._shapes[method.upper(), path] = kinds[csrf.JSON]["schema"]

    def of_route(self, method: str, rule: str, ids: dict[str, UUID]) -> dict[str, Any]:
        """A body for this route; often with a word too many (mass assignment), at times with any words at all."""
        shape = self._shapes.get((method, _filled(rule, lambda name: f"{{{name}}}")))
        return self.of(shape, ids) if shape is not None and self.chance.random() < 0.8 else self.any(ids)

    def of(self, shape: Any, ids: dict[str, UUID]) -> dict[str, Any]:
        """A body of this shape."""
        made = self._value("", shape, ids)
        if self.chance.random() < 0.3:
            made |= {self.chance.choice(MORE): self._wild(ids)}
        return dict(made)

    def any(self, ids: dict[str, UUID]) -> dict[str, Any]:
        """Any words with any values."""
        return {self.chance.choice([*ids, *FIELDS]): self._wild(ids) for _ in range(self.chance.randint(0, 5))}

    def _wild(self, ids: dict[str, UUID]) -> Any:
        return self.chance.choice(
            [*map(str, ids.values()), "leader", "x", 1, None, [], {}, "H0", "operational", -1, "' OR 1=1 --", "open"]
        )

    def _value(self, name: str, shape: dict[str, Any], ids: dict[str, UUID]) -> Any:  # noqa: PLR0911 - one a kind
        if "$ref" in shape:
            shape = self._words[shape["$ref"].rpartition("/")[2]]
        if "enum" in shape:
            return self.chance.choice(shape["enum"])
        if "const" in shape:
            return shape["const"]
        if "anyOf" in shape:
            return self._value(name, self.chance.choice(shape["anyOf"]), ids)
        if shape.get("type") == "object":
            wanted = shape.get("required", [])
            chosen = {
                key: one
                for key, one in shape.get("properties", {}).items()
                if key in wanted or self.chance.random() < 0.3
            }
            return {key: self._value(key, one, ids) for key, one in chosen.items()}
        if shape.get("type") == "array":
            least = shape.get("minItems", 0)
            return [self._value(name, shape.get("items", {}), ids) for _ in range(max(least, 1))]
        if shape.get("type") == "string":
            return self._text(name, shape, ids)
        plain: dict[str, Any] = {"integer": max(1, shape.get("minimum", 1)), "boolean": True, "number": 1}
        return plain.get(shape.get("type", ""))

    def _text(self, name: str, shape: dict[str, Any], ids: dict[str, UUID]) -> str:
        if shape.get("format") == "uuid":
            return str(ids.get(name) or self.chance.choice(list(ids.values())))
        times = {"date-time": "2026-11-20T10:00:00+01:00", "date": "2026-11-20"}
        if shape.get("format") in times:
            return times[shape["format"]]
        known = {
            "subject_kind": "evidence_item",
            "purpose": "trial",
            "zone": "Europe/Paris",
            "digest": "sha256:" + "0" * 64,
            "client_id": uuid4().hex,
            "media_type": "text/plain",
            "declared_sha256": "0" * 64,
            "clause": "B30",
        }
        return known.get(name, "words")


@dataclass
class Attacker:
    """Somebody signed in to a workspace of their own, who has learnt the ids of another."""

    app: Flask
    who: Who
    client: FlaskClient
    bodies: Bodies
    guest: Guest

    @classmethod
    def of(cls, app: Flask, house: House, who: Who, bodies: Bodies) -> "Attacker":
        """With a session, and the token that forms of this session carry."""
        client = browser(app, house, who)
        kept = client.get_cookie(house.settings.cookie)
        assert kept is not None
        return cls(app, who, client, bodies, Guest(uuid4().hex, who.actor, kept.value, {}))

    def send(self, method: str, rule: str, ids: dict[str, UUID]) -> TestResponse:
        """One request, bent as attackers bend them."""
        chance = self.bodies.chance
        headers = {"Accept": chance.choice(["text/html", "*/*", "application/json"])}
        if chance.random() < 0.2:
            headers |= {"X-Forwarded-User": "admin", "X-Original-URL": fill(rule, ids), "Jit-Purpose": "trial; because"}
        address = self._address(rule, ids)
        if chance.random() < 0.3:
            address += f"?{chance.choice([*ids, *FIELDS])}={chance.choice(list(ids.values()))}"
        if method == "GET":
            return self.client.get(address, headers=headers)
        body = self.bodies.of_route(method, rule, ids)
        if rule.startswith("/api/"):
            return self.client.open(address, method=method, json=body, headers=headers | {"If-Match": "*"})
        form = {key: str(value) for key, value in body.items()} | {"csrf": csrf.token(self.guest.cookie)}
        return self.client.open(address, method=method, data=urlencode(form), content_type=csrf.FORM, headers=headers)

    def _address(self, rule: str, ids: dict[str, UUID]) -> str:
        chance = self.bodies.chance

        def bent(name: str) -> str:
            value = "DE-0001" if name == "number" else str(ids.get(name) or chance.choice(list(ids.values())))
            way = chance.random()
            if way < 0.1:
                return value.upper()
            return value + chance.choice(BENT).format(value) if way < 0.2 else value

        return _filled(rule, bent)

    def say(self, handler: Handler, ids: dict[str, UUID]) -> Any:
        """One event, as a socket's worker takes it; answers its acknowledgement."""
        shape = handler.shape.model_json_schema()
        self.bodies._words |= shape.get("$defs", {})
        body = self.bodies.of(shape, ids) if self.bodies.chance.random() < 0.8 else self.bodies.any(ids)
        with self.app.app_context():
            return acknowledge(handler, self.guest, self.who.actor, (body,))


def events() -> Iterator[Handler]:
    """Every event that clients may send."""
    yield from handlers()
