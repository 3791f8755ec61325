"""Agencies whose issuer is the stub, which says of the next sign-in whatever a test tells it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask import Flask
from werkzeug.test import TestResponse

from jit_server import identity
from jit_server.access import OPERATOR
from jit_server.identity.models import AgencyRole, Person
from jit_server.work import House
from tests.identity.signing_in import Browser, add_agency, new_slug, query_of
from tests.identity.stub import Stub


@dataclass
class Office:
    """One agency, its stub and its people."""

    app: Flask
    house: House
    slug: str
    stub: Stub
    people: dict[str, Person] = field(default_factory=dict)

    @classmethod
    def open(cls, app: Flask, house: House, stub: Stub, secret: Path, **changes: Any) -> "Office":
        """Take the agency in."""
        slug = new_slug("office")
        add_agency(house, slug, stub.url, secret, **changes)
        return cls(app, house, slug, stub)

    def person(self, sub: str, role: AgencyRole = AgencyRole.MEMBER) -> Person:
        """Somebody known before their first sign-in."""
        with self.house.work(OPERATOR) as uow:
            made = identity.enrol(uow, self.slug, identity.NewPerson(sub=sub, name=sub))
            made.agency_role = role
            uow.add(made)
        self.people[sub] = made
        return made

    def row(self, sub: str) -> Person:
        """The person as they are now."""
        with self.house.work(OPERATOR) as uow:
            found = uow.find(Person, id=self.people[sub].id)
        assert found is not None
        return found

    def browser(self) -> Browser:
        """A browser without a session."""
        return Browser(self.app, self.house.settings.base_url)

    def signed_in(self, sub: str, **claims: Any) -> Browser:
        """A browser in which the person has signed in."""
        made = self.browser()
        answer = self.answer(made, made.start(self.slug), sub=sub, **claims)
        assert answer.status_code == 303, answer.text
        return made

    def answer(self, browser: Browser, address: str, key: str = "", **claims: Any) -> TestResponse:
        """Come back from the issuer's `address` with a token that says `claims`."""
        asked, code = query_of(address), uuid4().hex
        token = self.stub.id_token(nonce=asked["nonce"], **claims)
        self.stub.respond = lambda _form: (200, self.stub.tokens(token))
        door = f"/login/{self.slug}/{key}" if key else f"/login/{self.slug}"
        return browser.get(f"{door}/callback?code={code}&state={asked['state']}")
