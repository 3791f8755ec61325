"""B3: an issuer ends sessions by a signed logout token; whatever else is posted there is refused and ends nothing."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from uuid import uuid4

import pytest
import requests
from flask import Flask
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from jit_server import identity
from jit_server.access import OPERATOR
from jit_server.core.bus import Herald
from jit_server.core.settings import Settings
from jit_server.identity.logout_token import EVENT
from jit_server.identity.models import LoginSession, Person
from jit_server.work import House
from tests.builders import World
from tests.builders import sign_in as begin_session
from tests.engines import certified
from tests.identity.signing_in import add_agency, invite, new_slug
from tests.identity.stub import Stub, sign
from tests.realtime.conftest import serving
from tests.realtime.line import Line, play


@dataclass
class Agency:
    """An agency whose issuer is the stub, with two people, one of them signed in twice."""

    app: Flask
    house: House
    slug: str
    stub: Stub
    alice: Person
    bob: Person

    def token(self, header: dict[str, Any] | None = None, key: Any = None, **changes: Any) -> str:
        """An honest logout token for one of alice's sessions, unless told otherwise; `...` takes a claim away."""
        now = int(time.time())
        claims = {
            "iss": self.stub.url,
            "aud": "jit",
            "iat": now,
            "exp": now + 120,
            "jti": uuid4().hex,
            "events": {EVENT: {}},
            "sub": "alice",
            "sid": "first",
        }
        claims = {name: value for name, value in (claims | changes).items() if value is not ...}
        return sign(self.stub.header(typ="logout+jwt") | (header or {}), claims, key or self.stub.keys["ES256"])

    def post(self, token: str, **headers: str) -> TestResponse:
        """As the issuer posts it: no cookie, no Origin."""
        path = f"/login/{self.slug}/back-channel-logout"
        return self.app.test_client().post(path, data={"logout_token": token}, headers=headers)

    def live(self) -> set[str]:
        """The sessions that still count, by the issuer's name for them."""
        with self.house.work(OPERATOR) as uow:
            people = [self.alice.id, self.bob.id]
            rows = uow.every(LoginSession, LoginSession.person_id.in_(people), LoginSession.ended_at.is_(None))
            return {row.sid for row in rows}


@pytest.fixture
def agency(app: Flask, house: House, stub: Stub, secret: Path) -> Agency:
    slug = new_slug("bcl")
    add_agency(house, slug, stub.url, secret)
    made = {}
    for name in ("alice", "bob"):
        with house.work(OPERATOR) as uow:
            made[name] = identity.enrol(uow, slug, identity.NewPerson(sub=name, name=name))
    for name, sid in (("alice", "first"), ("alice", "second"), ("bob", "third")):
        _begin(house, made[name], sid)
    return Agency(app, house, slug, stub, made["alice"], made["bob"])


def _begin(house: House, person: Person, sid: str) -> None:
    with house.work(OPERATOR) as uow:
        uow.add(
            LoginSession(
                token_hash=uuid4().bytes,
                person_id=person.id,
                agency_id=person.agency_id,
                issuer_id=person.issuer_id,
                sid=sid,
                epoch=person.epoch,
                issued_at=uow.now,
                last_seen_at=uow.now,
                agent_hash=b"",
                not_after=uow.now.replace(year=uow.now.year + 1),
            )
        )


def test_a_logout_token_with_sid_ends_that_session_alone(agency: Agency) -> None:
    answer = agency.post(agency.token())
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert agency.live() == {"second", "third"}


def test_one_with_sub_alone_ends_every_session_of_that_person(agency: Agency) -> None:
    assert agency.post(agency.token(sid=...)).status_code == 200
    assert agency.live() == {"third"}


def test_one_with_sid_alone_ends_it_too(agency: Agency) -> None:
    assert agency.post(agency.token(sub=..., sid="third")).status_code == 200
    assert agency.live() == {"first", "second"}


def test_a_session_of_somebody_else_is_not_ended(agency: Agency) -> None:
    assert agency.post(agency.token(sub="bob", sid="first")).status_code == 200  # it names nobody's session
    assert agency.live() == {"first", "second", "third"}


def test_a_session_that_ended_before_is_no_fault(agency: Agency) -> None:
    assert agency.post(agency.token(sid="gone")).status_code == 200
    assert agency.live() == {"first", "second", "third"}


@pytest.mark.parametrize("typ", ["logout+jwt", "application/logout+jwt", "JWT", ...])
def test_the_types_that_issuers_use_are_taken(agency: Agency, typ: Any) -> None:
    header = {"typ": typ} if typ is not ... else {}
    bare = agency.stub.header(typ=...) | header
    claims = {"iss": agency.stub.url, "aud": ["jit"], "iat": int(time.time()), "exp": int(time.time()) + 60}
    claims |= {"jti": uuid4().hex, "events": {EVENT: {}}, "sid": "first"}
    assert agency.post(sign(bare, claims, agency.stub.keys["ES256"])).status_code == 200
    assert "first" not in agency.live()


LONG_AGO = int(time.time()) - 100_000
FORGED: dict[str, dict[str, Any]] = {
    "no issuer": {"iss": ...},
    "another issuer": {"iss": "https://evil.example"},
    "no audience": {"aud": ...},
    "another audience": {"aud": "other"},
    "others beside us": {"aud": ["jit", "other"]},
    "a nonce": {"nonce": "n"},
    "an empty nonce": {"nonce": ""},
    "a null nonce": {"nonce": None},
    "no events": {"events": ...},
    "another event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "an event that is no object": {"events": {EVENT: True}},
    "events as a list": {"events": [EVENT]},
    "no jti": {"jti": ...},
    "an empty jti": {"jti": ""},
    "a jti that is no string": {"jti": 7},
    "nobody": {"sub": ..., "sid": ...},
    "an empty sid": {"sid": ""},
    "a sub that is no string": {"sub": ["alice"]},
    "no iat": {"iat": ...},
    "an iat to come": {"iat": int(time.time()) + 100_000},
    "an iat in words": {"iat": "now"},
    "an iat that is true": {"iat": True},
    "no exp": {"exp": ...},
    "expired": {"exp": LONG_AGO},
    "an exp without end": {"exp": 1e300},
}


@pytest.mark.parametrize("changes", FORGED.values(), ids=FORGED.keys())
def test_a_token_that_does_not_fit_is_refused_and_ends_nothing(agency: Agency, changes: dict[str, Any]) -> None:
    answer = agency.post(agency.token(**changes))
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert agency.live() == {"first", "second", "third"}


@pytest.mark.parametrize("typ", ["at+jwt", "secevent+jwt", "jwt+logout", ""])
def test_another_type_is_refused(agency: Agency, typ: str) -> None:
    assert agency.post(agency.token({"typ": typ})).status_code == 400
    assert "first" in agency.live()


def test_another_key_and_no_signature_are_refused(agency: Agency) -> None:
    foreign = ECKey.generate_key("P-256")
    honest = agency.token()
    tokens = [
        agency.token(key=foreign),
        agency.token({"kid": foreign.thumbprint()}, key=foreign),
        agency.token({"alg": "none"}),
        honest[:-4] + "AAAA",
        agency.stub.id_token(),
        "",
        "a.b.c",
        "x" * 100_000,
    ]
    assert [agency.post(token).status_code for token in tokens] == [400] * len(tokens)
    assert agency.live() == {"first", "second", "third"}


def test_the_same_token_is_obeyed_once(agency: Agency) -> None:
    token = agency.token()
    assert agency.post(token).status_code == 200
    _begin(agency.house, agency.alice, "first")
    again = agency.post(token)
    assert (again.status_code, again.json["reason"]) == (400, "replayed")
    assert "first" in agency.live()


def test_an_id_token_and_a_logout_token_never_pass_for_each_other(agency: Agency) -> None:
    as_logout = sign(agency.stub.header(), agency.stub.claims(), agency.stub.keys["ES256"])
    assert agency.post(as_logout).status_code == 400
    assert "first" in agency.live()


def test_a_thousand_tokens_of_unknown_keys_cost_one_more_look_at_the_keys(agency: Agency) -> None:
    """B4 over the one door at which anybody may post."""
    foreign = ECKey.generate_key("P-256")
    assert agency.post(agency.token(sid="gone")).status_code == 200
    before = agency.stub.asked["/jwks"]
    for number in range(1000):
        token = agency.token({"kid": f"unknown-{number}"}, key=foreign)
        assert agency.post(token).status_code == 400
    assert agency.stub.asked["/jwks"] - before <= 1
    assert agency.post(agency.token()).status_code == 200


def test_an_issuer_that_is_down_is_no_reason_to_obey(agency: Agency) -> None:
    agency.stub.hooks["/jwks"] = agency.stub.hooks["/.well-known/openid-configuration"] = lambda handler: (
        handler.send_error(500)
    )
    assert agency.post(agency.token()).status_code == 503
    assert "first" in agency.live()


# --- the certified provider, a running server of two workers, and open sockets


@dataclass
class Away:
    """Somebody's browser: at this server, and at the provider."""

    port: int
    session: requests.Session
    issuer: str

    def cookie(self) -> str:
        return next(one.value for one in self.session.cookies if one.name == "jit")

    def me(self) -> int:
        return self.session.get(f"http://127.0.0.1:{self.port}/api/v1/me", timeout=5).status_code

    def sign_out_at_the_agency(self) -> None:
        page = self.session.get(f"{self.issuer}/session/end", params={"client_id": "jit"}, timeout=5)
        form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
        action = re.search(r'action="([^"]+)"', page.text)[1]
        answer = self.session.post(urljoin(page.url, action), data=form | {"logout": "yes"}, timeout=5)
        assert answer.status_code == 200, answer.text


def _arrive(port: int, slug: str, issuer: str) -> Away:
    session = requests.Session()
    session.headers["User-Agent"] = "Firefox/140 Linux"
    page = session.get(f"http://127.0.0.1:{port}/login/{slug}", timeout=5)
    session.post(page.url, data={"person": "alice"}, allow_redirects=True, timeout=5)
    return Away(port, session, issuer)


@pytest.fixture
def served(settings: Settings, scratch: Path) -> Iterator[Any]:
    with serving(settings, scratch) as running:
        yield running
        assert "Traceback" not in running.log(), running.log()


@pytest.mark.alone
def test_whoever_signs_out_at_the_agency_is_signed_out_here_and_their_sockets_die_within_two_seconds(
    served: Any, house: House, secret: Path
) -> None:
    slug = new_slug("b3")
    here = f"http://127.0.0.1:{served.port}/login/{slug}"
    configuration = {
        "client_id": "jit",
        "client_secret": "s" * 40,
        "algorithm": "ES256",
        "redirect_uris": [f"{here}/callback"],
        "back_channel": f"{here}/back-channel-logout",
        "persons": [{"id": "alice", "name": "Alice", "email": "a@a.example", "acr": "substantial", "amr": ["hwk"]}],
    }
    with certified.issuers([configuration]) as (issuer,):
        add_agency(house, slug, issuer, secret, algorithms=("ES256",))
        invite(house, slug, "sub", "alice")
        leaves, stays = _arrive(served.port, slug, issuer), _arrive(served.port, slug, issuer)
        assert (leaves.me(), stays.me()) == (200, 200)

        async def scenario() -> float:
            lines = [await (await Line.open(served.port, leaves.cookie())).connected() for _ in range(4)]
            other = await (await Line.open(served.port, stays.cookie())).connected()
            leaves.sign_out_at_the_agency()
            begun = time.monotonic()
            for line in lines:
                await line.until(lambda line=line: line.events("session:ended") or line.closed.is_set(), 5)
            took = time.monotonic() - begun
            assert not other.events("session:ended")
            return took

        assert play(scenario) < 2
        assert (leaves.me(), stays.me()) == (401, 200)


@pytest.mark.alone
def test_the_operator_cuts_an_agency_off_and_its_sockets_die_within_two_seconds(
    served: Any, house: House, settings: Settings
) -> None:
    """T9: the agency's issuer is compromised; nothing begun before this moment counts. The command says so itself."""
    world = World.create(house)
    cut, spared = begin_session(house, world.person("FR")), begin_session(house, world.person("DE"))
    terminal = House(settings, house.engine, house.vault, house.key, Herald(settings.database_url))

    async def scenario() -> float:
        lines = [await (await Line.open(served.port, cut)).connected() for _ in range(4)]
        other = await (await Line.open(served.port, spared)).connected()
        begun = time.monotonic()
        with terminal.work(OPERATOR) as uow:
            identity.end_sessions(uow, world.slug("FR"))
        for line in lines:
            await line.until(lambda line=line: line.events("session:ended") or line.closed.is_set(), 5)
        assert not other.events("session:ended")
        return time.monotonic() - begun

    assert play(scenario) < 2
