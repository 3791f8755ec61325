"""B8: acts that cannot be undone ask for a sign-in made just now, by the same person, as strong as they must."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from jit_server import app as application
from jit_server.access import OPERATOR
from jit_server.core import clock
from jit_server.core.errors import StepUp
from jit_server.identity import sessions
from jit_server.identity.models import AgencyRole, LoginSession
from jit_server.identity.shapes import ChangedIssuer
from jit_server.identity.usecases import agencies, issuers
from jit_server.web.context import work
from jit_server.web.declared import declare, own
from jit_server.work import House
from tests.identity.offices import Office
from tests.identity.signing_in import Browser, query_of
from tests.identity.stub import Stub

PAGE = {"Accept": "text/html"}


@pytest.fixture
def office(app: Flask, house: House, stub: Stub, secret: Path) -> Office:
    made = Office.open(app, house, stub, secret, acr_accepted=("substantial", "high"), step_up_acr=("high",))
    for sub in ("alice", "bob"):
        made.person(sub)
    return made


def again(browser: Browser, wanted: str = "/me") -> str:
    """Ask for a step-up; the issuer's address."""
    answer = browser.get(f"/step-up?next={wanted}")
    assert answer.status_code == 303, answer.text
    return answer.location


def session_of(office: Office, browser: Browser) -> LoginSession:
    with office.house.work(OPERATOR) as uow:
        found = uow.find(LoginSession, token_hash=sessions.hashed(browser.cookie()))
    assert found is not None
    return found


def test_a_step_up_asks_for_a_new_and_stronger_sign_in(office: Office) -> None:
    browser = office.signed_in("alice")
    asked = query_of(again(browser))
    assert (asked["prompt"], asked["max_age"], asked["acr_values"]) == ("login", "0", "high")
    plain = query_of(office.browser().start(office.slug))
    assert plain["acr_values"] == "substantial high"
    assert "prompt" not in plain


def test_the_same_person_comes_back_to_where_they_were_with_another_session(office: Office) -> None:
    browser = office.signed_in("alice", auth_time=int(time.time()) - 4000)
    before, cookie = session_of(office, browser), browser.cookie()
    answer = office.answer(browser, again(browser, "/w/7?tab=1"), sub="alice", acr="high")
    assert (answer.status_code, answer.location) == (303, "/w/7?tab=1")
    after = session_of(office, browser)
    assert browser.cookie() != cookie
    assert after.id != before.id
    assert (after.person_id, after.acr) == (before.person_id, "high")
    assert clock.now() - after.auth_time < timedelta(seconds=10)
    browser.client.set_cookie("jit", cookie, domain="127.0.0.1")
    assert browser.me().status_code == 401  # a stolen cookie does not become strong with its owner's


def refused(office: Office, browser: Browser, **claims: Any) -> str:
    cookie = browser.cookie()
    answer = office.answer(browser, again(browser), **claims)
    assert answer.status_code == 403
    assert (browser.cookie(), browser.me().status_code) == (cookie, 200)  # it goes on as it was
    assert 'href="/step-up?next=%2Fme"' in answer.text
    return answer.text


def test_somebody_else_does_not_strengthen_it(office: Office) -> None:
    browser = office.signed_in("alice")
    assert "somebody else" in refused(office, browser, sub="bob", acr="high")
    assert "somebody else" in refused(office, browser, sub="nobody-here", acr="high")


def test_a_weak_sign_in_does_not_strengthen_it(office: Office) -> None:
    assert "stronger sign-in" in refused(office, office.signed_in("alice"), sub="alice", acr="substantial")


@pytest.mark.parametrize("age", [6, 31, 301, 86_400])
def test_an_older_sign_in_is_not_taken_for_a_new_one(office: Office, age: int) -> None:
    """An issuer that passes over `prompt=login` and answers out of its own session."""
    browser = office.signed_in("alice")
    assert "just now" in refused(office, browser, sub="alice", acr="high", auth_time=int(time.time()) - age)


def test_without_auth_time_nobody_knows_how_new_it_is(office: Office) -> None:
    assert "just now" in refused(office, office.signed_in("alice"), sub="alice", acr="high", auth_time=...)


@pytest.mark.parametrize("skew", [-25, 25])
def test_an_issuers_clock_that_is_half_a_minute_off_does_no_harm(office: Office, skew: int) -> None:
    browser, theirs = office.signed_in("alice"), int(time.time()) + skew
    answer = office.answer(browser, again(browser), sub="alice", acr="high", auth_time=theirs, iat=theirs)
    assert answer.status_code == 303


@pytest.mark.parametrize("skew", [-300, 300])
def test_one_that_is_five_minutes_off_is_refused_clearly(office: Office, skew: int) -> None:
    browser, theirs = office.signed_in("alice"), int(time.time()) + skew
    claims = {"auth_time": theirs, "iat": theirs, "exp": theirs + 60}
    assert "clock" in refused(office, browser, sub="alice", acr="high", **claims)


def test_the_session_that_asked_must_still_be_there(office: Office, house: House) -> None:
    browser = office.signed_in("alice")
    address = again(browser)
    browser.post("/logout")
    assert office.answer(browser, address, sub="alice", acr="high").status_code == 403
    assert browser.me().status_code == 401


def test_a_session_begun_meanwhile_in_this_browser_is_not_the_one_that_asked(office: Office) -> None:
    browser = office.signed_in("alice")
    address = again(browser)
    office.answer(browser, browser.start(office.slug), sub="alice") if browser.post("/logout") else None
    assert office.answer(browser, address, sub="alice", acr="high").status_code == 403
    assert session_of(office, browser).acr == "substantial"


def test_a_plain_sign_in_cannot_be_turned_into_a_step_up_and_a_step_up_not_into_one(office: Office) -> None:
    browser = office.signed_in("alice")
    address = again(browser)
    assert office.answer(office.browser(), address, sub="alice", acr="high").status_code == 403  # another browser
    assert office.answer(browser, address, sub="alice", acr="high").status_code == 403  # its state was spent


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/step-up", "/step-up?next=/me"])
def test_a_step_up_leads_to_a_page_of_this_server(office: Office, wanted: str) -> None:
    browser = office.signed_in("alice")
    answer = office.answer(browser, again(browser, wanted), sub="alice", acr="high")
    assert answer.location == "/"


def test_without_a_session_one_signs_in_first_and_comes_back_to_the_step_up(office: Office) -> None:
    answer = office.browser().get("/step-up?next=/me", headers=PAGE)
    assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/login")


def test_an_issuer_that_is_down_leaves_the_session_as_it_was(office: Office, house: House) -> None:
    browser = office.signed_in("alice")
    office.app.extensions.pop("jit.providers")
    office.stub.hooks["/.well-known/openid-configuration"] = lambda handler: handler.send_error(500)
    answer = browser.get("/step-up?next=/me")
    assert answer.status_code == 503
    assert 'href="/me"' in answer.text
    assert browser.me().status_code == 200


# --- what asks for it


@pytest.fixture
def asking(house: House) -> Flask:
    """The application with one more door, to an act that needs a recent sign-in."""
    made = application.create(house.settings, house)

    def act() -> Any:
        with work() as uow:
            uow.require_fresh_sign_in()
        return {"done": True}

    for rule in ("/act", "/api/v1/act"):
        view = declare(act, own("a test"))
        made.add_url_rule(rule, rule, view, methods=["GET", "POST"])
    return made


@pytest.mark.parametrize(
    ("acr", "age", "done"), [("high", 0, True), ("high", 301, False), ("substantial", 0, False), ("high", 290, True)]
)
def test_a_recent_and_strong_sign_in_is_asked_for(
    asking: Flask, office: Office, acr: str, age: int, done: bool
) -> None:
    office.app = asking
    browser = office.signed_in("alice", acr=acr, auth_time=int(time.time()) - age)
    answer = browser.get("/api/v1/act")
    assert answer.status_code == (200 if done else 401)
    if not done:
        assert answer.json["type"] == "/problems/step-up-required"
        challenge = answer.headers["WWW-Authenticate"]
        assert challenge.startswith('Bearer error="insufficient_user_authentication"')
        assert 'max_age="300"' in challenge
        assert 'acr_values="high"' in challenge


def test_the_page_offers_to_sign_in_again_and_comes_back(asking: Flask, office: Office) -> None:
    office.app = asking
    browser = office.signed_in("alice")
    page = browser.get("/act?x=1", headers=PAGE)
    assert page.status_code == 401
    assert 'href="/step-up?next=%2Fact%3Fx%3D1"' in page.text
    assert office.answer(browser, again(browser, "/act"), sub="alice", acr="high").location == "/act"
    assert browser.get("/act").json == {"done": True}


def test_a_form_comes_back_to_its_own_page_and_never_to_another_site(asking: Flask, office: Office) -> None:
    office.app = asking
    browser = office.signed_in("alice")
    for referrer, back in ((f"{browser.base}/me", "%2Fme"), ("https://evil.example/me", "%2F"), ("", "%2F")):
        form = {"csrf": browser.token()}
        headers = PAGE | {"Origin": browser.base, "Referer": referrer}
        page = browser.client.post("/act", base_url=browser.base, data=form, headers=headers)
        assert page.status_code == 401
        assert f'href="/step-up?next={back}"' in page.text


def test_an_agency_admin_needs_one_to_change_the_registry(office: Office) -> None:
    office.person("admin", AgencyRole.ADMIN)
    browser = office.signed_in("admin", acr="high", auth_time=int(time.time()) - 600)
    with office.house.work(OPERATOR) as uow:
        mine = issuers.of_agency(uow, office.slug)[0]
    new = ChangedIssuer(client_id="jit-2")
    with pytest.raises(StepUp), office.house.work(_actor(office, browser)) as uow:
        issuers.change(uow, mine.id, new)
    office.answer(browser, again(browser), sub="admin", acr="high")
    with office.house.work(_actor(office, browser)) as uow:
        assert issuers.change(uow, mine.id, new).client_id == "jit-2"


def test_an_agency_admin_needs_none_to_cut_the_agency_off(office: Office) -> None:
    """Its issuer may be what was compromised, or be down: to end access must stay easy."""
    office.person("admin", AgencyRole.ADMIN)
    browser, other = office.signed_in("admin", auth_time=int(time.time()) - 6000), office.signed_in("alice")
    with office.house.work(_actor(office, browser)) as uow:
        agencies.end_sessions(uow, office.slug)
    assert (browser.me().status_code, other.me().status_code) == (401, 401)


def _actor(office: Office, browser: Browser) -> Any:
    with office.house.work(OPERATOR) as uow:
        return sessions.load(uow.session, browser.cookie(), "", uow.now)
