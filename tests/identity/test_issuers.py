"""An agency's issuers at run time: who may change them, what a check finds, and a test that signs nobody in."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from pydantic import ValidationError

from jit_server import identity
from jit_server.access import OPERATOR, Actor
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted, Unavailable
from jit_server.identity import credentials, discovery, doors, sessions
from jit_server.identity.models import AgencyRole, AuthMethod, Issuer, LoginSession, Person, Profile
from jit_server.identity.provider import Provider
from jit_server.identity.shapes import AddedIssuer, ChangedIssuer, ClaimMap
from jit_server.identity.usecases import issuers, ways
from jit_server.work import House, UnitOfWork
from tests.identity.offices import Office
from tests.identity.signing_in import Browser, new_slug
from tests.identity.stub import Stub, running


@pytest.fixture
def office(app: Flask, house: House, stub: Stub, secret: Path) -> Office:
    made = Office.open(app, house, stub, secret)
    made.person("alice")
    made.person("admin", AgencyRole.ADMIN)
    return made


def actor_of(office: Office, browser: Browser) -> Actor:
    with office.house.work(OPERATOR) as uow:
        found = sessions.load(uow.session, browser.cookie(), "", uow.now)
    assert found is not None
    return found


def added(office: Office, actor: Actor, url: str = "", **changes: Any) -> Issuer:
    facts = {"url": url or f"https://{new_slug('idp')}.example", "client_id": "jit", "key": "second", **changes}
    with office.house.work(actor) as uow:
        return issuers.add(uow, office.slug, AddedIssuer.model_validate(facts))


def first(office: Office) -> Issuer:
    with office.house.work(OPERATOR) as uow:
        return issuers.of_agency(uow, office.slug)[0]


def test_an_admin_adds_a_second_issuer_and_the_server_makes_its_own_key(office: Office) -> None:
    admin = actor_of(office, office.signed_in("admin"))
    made = added(office, admin, label="Mobile", step_up_acr=["high"], claims={"groups": "g"})
    assert (made.auth_method, made.key, made.label, made.step_up_acr) == (
        AuthMethod.PRIVATE_KEY_JWT, "second", "Mobile", ["high"],
    )  # fmt: skip
    kept = Path(made.credential_file)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.is_relative_to(office.house.settings.data.absolute())
    jwk = credentials.public_jwk(made)
    assert (jwk["kty"], jwk["use"], jwk["alg"]) == ("EC", "sig", "ES256")
    assert "d" not in jwk


def test_people_choose_among_the_issuers_of_an_agency_and_each_asserts_its_own_people(
    office: Office, app: Flask, house: House
) -> None:
    with running() as other:
        added(office, OPERATOR, other.url, label="With a card")
        page = office.browser().get("/login").text
        assert f'href="/login/{office.slug}"' in page
        assert f'href="/login/{office.slug}/second"' in page
        assert "With a card" in page
        assert urlsplit(office.stub.url).netloc in page  # the first has no label: its host tells it apart
        browser = office.browser()
        start = browser.get(f"/login/{office.slug}/second?next=/me")
        assert start.location.startswith(other.url)
        assert f"%2Flogin%2F{office.slug}%2Fsecond%2Fcallback" in start.location
        second = replace(office, stub=other)
        assert second.answer(browser, start.location, "second", sub="alice").status_code == 403  # another alice
        with house.work(OPERATOR) as uow:
            identity.invite(uow, office.slug, identity.NewInvitation(claim="sub", value="alice"))
        start = browser.get(f"/login/{office.slug}/second?next=/me")
        assert second.answer(browser, start.location, "second", sub="alice").location == "/me"
        assert browser.me().json["id"] != str(office.people["alice"].id)
        browser.post("/logout")
        assert f'class="button" href="/login/{office.slug}/second"' in browser.get("/login").text


def test_an_answer_at_another_issuers_door_is_refused(office: Office) -> None:
    with running() as other:
        added(office, OPERATOR, other.url)
        browser = office.browser()
        address = browser.start(office.slug)
        assert replace(office, stub=other).answer(browser, address, "second", sub="alice").status_code == 403
        assert office.answer(browser, address, sub="alice").status_code == 403  # the state was spent


@pytest.mark.parametrize("key", ["callback", "back-channel-logout"])
def test_a_short_name_that_is_an_address_of_this_server_is_refused(office: Office, key: str) -> None:
    with pytest.raises(Invalid):
        added(office, OPERATOR, key=key)


def test_an_address_belongs_to_one_issuer_and_a_short_name_to_one_at_a_time(office: Office, world: Any) -> None:
    made = added(office, OPERATOR)
    for url, key in ((made.url, "third"), ("", "second"), (office.stub.url, "third")):
        with pytest.raises(Conflict):
            added(office, OPERATOR, url, key=key)
    with pytest.raises(Conflict), office.house.work(OPERATOR) as uow:
        issuers.add(uow, world.slug("DE"), AddedIssuer(url=made.url, client_id="jit", key="x"))


def test_a_change_counts_from_the_next_sign_in_on(office: Office) -> None:
    admin = actor_of(office, office.signed_in("admin"))
    new = ChangedIssuer(client_id="jit", acr_accepted=("high",), amr_required=("hwk", "pin"), algorithms=("ES256",))
    with office.house.work(admin) as uow:
        issuers.change(uow, first(office).id, new)
    browser = office.browser()
    for claims in ({"acr": "substantial"}, {"acr": "high", "amr": ["hwk"]}, {"acr": "high", "amr": ...}):
        assert office.answer(browser, browser.start(office.slug), sub="alice", **claims).status_code == 403
    assert office.signed_in("alice", acr="high", amr=["pin", "hwk"]).me().status_code == 200


def test_retiring_an_issuer_ends_its_sessions_and_its_door(office: Office) -> None:
    browser = office.signed_in("alice")
    with office.house.work(OPERATOR) as uow:
        issuers.retire(uow, first(office).id)
    assert browser.me().status_code == 401
    assert browser.get(f"/login/{office.slug}").status_code == 404
    assert f'href="/login/{office.slug}"' not in browser.get("/login").text


def test_an_admin_does_not_retire_the_issuer_under_their_own_feet(office: Office) -> None:
    admin = actor_of(office, office.signed_in("admin"))
    other = added(office, admin)
    with pytest.raises(Conflict), office.house.work(admin) as uow:
        issuers.retire(uow, first(office).id)
    with office.house.work(admin) as uow:
        assert issuers.retire(uow, other.id).retired_at is not None


ACTS: dict[str, Callable[[UnitOfWork, Office, Issuer], Any]] = {
    "see": lambda uow, office, _: issuers.of_agency(uow, office.slug),
    "look at": lambda uow, _, mine: issuers.way(uow, mine.id),
    "add": lambda uow, office, _: issuers.add(
        uow, office.slug, AddedIssuer(url="https://x.example", client_id="j", key="x")
    ),
    "change": lambda uow, _, mine: issuers.change(uow, mine.id, ChangedIssuer(client_id="evil")),
    "retire": lambda uow, _, mine: issuers.retire(uow, mine.id),
    "test": lambda uow, office, mine: issuers.begin_test(uow, replace(_way(office, mine)), sessions.new_secret(), "/"),
}


def _way(office: Office, mine: Issuer) -> ways.WayIn:
    with office.house.work(OPERATOR) as uow:
        return issuers.way(uow, mine.id)


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
def test_neither_members_nor_admins_of_another_agency_touch_it(
    office: Office, app: Flask, house: House, secret: Path, act: Callable[..., Any]
) -> None:
    with running() as stub:
        other = Office.open(app, house, stub, secret)
        other.person("admin", AgencyRole.ADMIN)
        outsiders = [actor_of(other, other.signed_in("admin")), actor_of(office, office.signed_in("alice"))]
    before = first(office).model_dump()
    for who in outsiders:
        with pytest.raises((NotFound, NotPermitted)), house.work(who) as uow:
            act(uow, office, first(office))
    assert first(office).model_dump() == before


@pytest.mark.parametrize(
    "stated",
    [
        {"url": "ftp://x"}, {"url": "https://x?y"}, {"key": "Über"}, {"key": "-x"}, {"client_id": ""},
        {"algorithms": []}, {"algorithms": ["none"]}, {"profile": "fapi2", "algorithms": ["RS256"]},
        {"credential_file": "/etc/passwd"}, {"auth_method": "client_secret_basic"}, {"jwks_ttl": 1}, {"trust": "x"},
    ],
)  # fmt: skip
def test_an_unfit_registration_is_refused(stated: dict[str, Any]) -> None:
    honest = {"url": "https://idp.example", "client_id": "jit"}
    with pytest.raises(ValidationError):
        AddedIssuer.model_validate(honest | stated)


def test_fapi_needs_a_key(office: Office) -> None:
    strict = {"client_id": "jit", "profile": Profile.FAPI2, "algorithms": ("PS256", "ES256")}
    with pytest.raises(Invalid), office.house.work(OPERATOR) as uow:
        issuers.change(uow, first(office).id, ChangedIssuer(**strict))
    with office.house.work(OPERATOR) as uow:
        changed = issuers.change(uow, first(office).id, ChangedIssuer(**strict, new_key=True))
    assert (changed.profile, changed.auth_method) == (Profile.FAPI2, AuthMethod.PRIVATE_KEY_JWT)


# --- a test sign-in


def begun(office: Office, browser: Browser, wanted: str = "/me?test={test}") -> str:
    """Begin a test in this browser, as the agency's page does; the issuer's address."""
    way = _way(office, first(office))
    with office.app.test_request_context(
        "/x", base_url=browser.base, headers={"Cookie": f"jit={browser.cookie()}", "User-Agent": "x"}
    ):
        answer = doors.depart(way, lambda uow, secret: issuers.begin_test(uow, way, secret, wanted))
    name, _, value = answer.headers["Set-Cookie"].partition(";")[0].partition("=")
    browser.client.set_cookie(name, value, domain="127.0.0.1")
    return answer.location


def result(office: Office, browser: Browser, location: str) -> issuers.TestResult:
    with office.house.work(actor_of(office, browser)) as uow:
        return issuers.test_result(uow, location.partition("test=")[2])


def counts(office: Office) -> tuple[int, int]:
    with office.house.work(OPERATOR) as uow:
        mine = first(office)
        people = uow.every(Person, Person.issuer_id == mine.id)
        return len(people), len(uow.every(LoginSession, LoginSession.issuer_id == mine.id))


def test_a_test_shows_what_came_and_what_it_means_and_signs_nobody_in(office: Office) -> None:
    admin = office.signed_in("admin")
    before, cookie = counts(office), admin.cookie()
    answer = office.answer(admin, begun(office, admin), sub="carol", name="Carol C", department="7", amr=["hwk", "pin"])
    assert answer.status_code == 303
    assert answer.location.startswith("/me?test=")
    assert (counts(office), admin.cookie()) == (before, cookie)
    shown = result(office, admin, answer.location)
    assert (shown.finished, shown.reason, shown.claims["department"]) == (True, "", "7")
    assert "nonce" not in shown.claims
    read = {one.what: (one.claim, one.value) for one in shown.read}
    assert read["name"] == ("name", "Carol C")
    assert read["amr"] == ("amr", "hwk, pin")
    assert (shown.enters, "invited" in shown.why) == (False, True)


def test_a_test_says_who_would_get_in(office: Office) -> None:
    admin = office.signed_in("admin")
    known = result(office, admin, office.answer(admin, begun(office, admin), sub="alice").location)
    assert (known.enters, known.why) == (True, "")
    with office.house.work(OPERATOR) as uow:
        identity.invite(uow, office.slug, identity.NewInvitation(claim="email", value="dora@a.example"))
    answer = office.answer(admin, begun(office, admin), sub="dora", email="dora@a.example")
    assert result(office, admin, answer.location).enters
    unsure = office.answer(admin, begun(office, admin), sub="dora", email="dora@a.example", email_verified=False)
    assert not result(office, admin, unsure.location).enters


def test_a_test_shows_what_the_groups_come_to_as_they_are_mapped_now(office: Office) -> None:
    admin = office.signed_in("admin")
    address = office.answer(admin, begun(office, admin), sub="alice", groups=["staff", "leads"]).location
    grouped = ClaimMap(groups="groups", required_groups=("jit",), admin_groups=("leads",))
    with office.house.work(OPERATOR) as uow:
        issuers.change(uow, first(office).id, ChangedIssuer(client_id="jit", claims=grouped))
    shown = result(office, admin, address)
    read = {one.what: one.value for one in shown.read}
    assert (read["groups"], read["role"], shown.enters) == ("leads, staff", "admin", False)


def test_a_test_that_fails_says_why(office: Office) -> None:
    admin = office.signed_in("admin")
    shown = result(office, admin, office.answer(admin, begun(office, admin), sub="alice", aud="other").location)
    assert (shown.finished, shown.reason, shown.enters) == (True, "claim-aud", False)
    assert "could not be trusted" in shown.detail


def test_a_result_is_for_the_one_who_tried_and_is_forgotten(office: Office, owner_engine: Any) -> None:
    admin = office.signed_in("admin")
    location = office.answer(admin, begun(office, admin), sub="alice").location
    office.person("other", AgencyRole.ADMIN)
    with pytest.raises(NotFound):
        result(office, office.signed_in("other"), location)
    with owner_engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sign_in_test SET expires_at = now()")
    with pytest.raises(NotFound):
        result(office, admin, location)


def test_a_test_taken_to_another_browser_or_session_shows_nothing(office: Office) -> None:
    admin = office.signed_in("admin")
    address = begun(office, admin)
    assert office.answer(office.browser(), address, sub="alice").status_code == 403
    address = begun(office, admin)
    admin.client.delete_cookie("jit", domain="127.0.0.1")
    assert office.answer(admin, address, sub="alice").status_code == 404


# --- the discovery check


def facts(office: Office, **changes: Any) -> dict[str, discovery.Fact]:
    client = replace(_way(office, first(office)).client, **changes)
    return {one.topic: one for one in discovery.look(client, loopback=True)}


def test_a_check_says_in_plain_facts_what_it_found(office: Office) -> None:
    office.stub.metadata_changes = {
        "authorization_response_iss_parameter_supported": True,
        "acr_values_supported": ["substantial", "high"],
        "pushed_authorization_request_endpoint": f"{office.stub.url}/par",
        "backchannel_logout_supported": True,
        "end_session_endpoint": f"{office.stub.url}/end",
        "claims_supported": ["sub", "name", "email"],
    }
    found = facts(office, step_up_acr=("high",), acr_accepted=("substantial",))
    assert {name: one.state for name, one in found.items()} == {
        "reach": "good", "keys": "good", "algorithms": "good", "proof": "good", "pkce": "good", "iss": "good",
        "acr": "good", "par": "good", "back_channel": "good", "sign_out": "good", "claims": "note",
    }  # fmt: skip
    assert found["claims"].text == "It does not mention these claims, which are read here: locale, zoneinfo."
    assert found["keys"].text == "Usable signature keys: 3."


def test_a_check_names_what_will_not_work(office: Office) -> None:
    office.stub.metadata_changes = {
        "id_token_signing_alg_values_supported": ["HS256"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "acr_values_supported": ["low"],
    }
    office.stub.jwks = {"keys": [Stub.public(office.stub.keys["RS256"])]}
    found = facts(office, algorithms=("ES256",), step_up_acr=("high",), profile=Profile.FAPI2)
    bad = {name for name, one in found.items() if one.state == "bad"}
    assert bad == {"keys", "algorithms", "proof", "acr", "iss", "par"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": "https://renamed.example"}, "another name"),
        ({"token_endpoint": "https://elsewhere.example/token"}, "another host"),
        ({"code_challenge_methods_supported": ["plain"]}, "as it should"),
    ],
)
def test_a_check_says_what_keeps_everybody_out(office: Office, changes: dict[str, Any], words: str) -> None:
    office.stub.metadata_changes = changes
    (only,) = facts(office).values()
    assert (only.topic, only.state) == ("reach", "bad")
    assert words in only.text
    with pytest.raises(Unavailable, match=words):
        Provider(office.stub.url, ttl=60, loopback=True).metadata()
