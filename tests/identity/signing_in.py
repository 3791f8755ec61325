"""Signing in as a browser would: this server by Flask's test client, the identity provider over HTTP."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit
from uuid import uuid4

import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jit_server import identity
from jit_server.access import OPERATOR
from jit_server.web import csrf
from jit_server.work import House
from tests.builders import Who
from tests.builders import sign_in as begin_session

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def at_provider(url: str, person: str) -> str:
    """Sign in at the provider's page; the address it sends the browser back to."""
    with requests.Session() as session:
        answer = session.get(url, allow_redirects=False, timeout=10)
        posted = False
        while True:
            while answer.is_redirect:
                there = urljoin(answer.url, answer.headers["Location"])
                if urlsplit(there).path.endswith("/callback"):
                    return there
                answer = session.get(there, allow_redirects=False, timeout=10)
            assert answer.status_code == 200, answer.text
            assert not posted, answer.text
            answer, posted = session.post(answer.url, data={"person": person}, allow_redirects=False, timeout=10), True


@dataclass
class Browser:
    """One browser at this server."""

    app: Flask
    base: str
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()
        self.client.environ_base["HTTP_USER_AGENT"] = FIREFOX

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, base_url=self.base, **options)

    def post(self, path: str, **form: str) -> TestResponse:
        """Post a form of one of our own pages: with its token and origin."""
        data = {"csrf": self.token()} | form
        return self.client.post(path, base_url=self.base, data=data, headers={"Origin": self.base})

    def token(self) -> str:
        return csrf.token(self.cookie() or "")

    def cookie(self, name: str = "jit") -> str | None:
        found = self.client.get_cookie(name, domain=urlsplit(self.base).hostname)
        return found.value if found else None

    def start(self, slug: str, wanted: str = "") -> str:
        """Begin a sign-in; the provider's address."""
        answer = self.get(f"/login/{slug}" + (f"?next={wanted}" if wanted else ""))
        assert answer.status_code == 303, answer.text
        return answer.location

    def back(self, address: str) -> TestResponse:
        """Come back from the provider."""
        parts = urlsplit(address)
        return self.get(f"{parts.path}?{parts.query}")

    def sign_in(self, slug: str, person: str, wanted: str = "") -> TestResponse:
        """All of it."""
        return self.back(at_provider(self.start(slug, wanted), person))

    def me(self) -> TestResponse:
        return self.get("/api/v1/me")


def signed_in(app: Flask, house: House, who: Who) -> Browser:
    """A browser in which the person is signed in already, without an identity provider."""
    made = Browser(app, house.settings.base_url)
    made.client.set_cookie(house.settings.cookie, begin_session(house, who), domain=urlsplit(made.base).hostname)
    return made


def new_slug(prefix: str) -> str:
    return f"{prefix}-{uuid4().hex[:8]}"


def add_agency(house: House, slug: str, issuer: str, secret: Path, *, state: str = "FR", **changes: Any) -> None:
    """Take an agency in with its issuer."""
    with house.work(OPERATOR) as uow:
        new = identity.NewAgency(
            state=state, name=f"Agency {slug}", own_name=f"Agence {slug}", slug=slug, language="fr"
        )
        identity.add_agency(uow, new)
    facts = {
        "url": issuer,
        "client_id": "jit",
        "auth_method": identity.AuthMethod.CLIENT_SECRET,
        "credential_file": secret,
        "algorithms": ("ES256", "PS256", "RS256", "EdDSA"),
    }
    with house.work(OPERATOR) as uow:
        identity.set_issuer(uow, slug, identity.NewIssuer.model_validate(facts | changes))


def invite(house: House, slug: str, claim: str, value: str, days: int = 14) -> None:
    with house.work(OPERATOR) as uow:
        identity.invite(uow, slug, identity.NewInvitation(claim=identity.Claim(claim), value=value, days=days))


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
