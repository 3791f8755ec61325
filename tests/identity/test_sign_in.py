"""Signing in, end to end, against the certified `oidc-provider` (two issuers) and the demo's own."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest
import requests
from flask import Flask
from joserfc.jwk import ECKey
from werkzeug.serving import make_server

from jit_server import app as application
from jit_server import audit
from jit_server.access import ANONYMOUS, OPERATOR
from jit_server.demo import issuer as demo
from jit_server.identity.models import AuthMethod, Invitation, LoginSession, Person
from jit_server.identity.usecases import ways
from jit_server.work import SERVER_LOG, House
from tests.engines import certified
from tests.engines.ports import free_port
from tests.identity.signing_in import Browser, add_agency, at_provider, invite, new_slug, query_of

SECRET = "s" * 40
ALICE = {"id": "alice", "name": "Alice Martin", "email": "alice@a.example", "acr": "substantial", "amr": ["hwk", "pin"]}
ARTHUR = {"id": "arthur", "name": "Arthur Petit", "email": "arthur@a.example", "acr": "low", "amr": ["pwd"]}
BOB = {"id": "bob", "name": "Bob Braun", "email": "Bob@B.example", "acr": "substantial", "amr": ["hwk"]}
EVE = {"id": "eve", "name": "Eve Uninvited", "email": "eve@b.example", "acr": "substantial", "amr": ["hwk"]}
# the same subject and the same address as alice of the other agency
FALSE_ALICE = {"id": "alice", "name": "Alice?", "email": "alice@a.example", "acr": "substantial", "amr": ["hwk"]}


@dataclass
class Certified:
    """Two agencies at two certified issuers: A proves this server by secret, B by key."""

    house: House
    a: str
    b: str


@pytest.fixture(scope="module")
def agencies(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certified]:
    folder = tmp_path_factory.mktemp("credentials")
    key, a, b = ECKey.generate_key("P-256"), new_slug("a"), new_slug("b")
    (folder / "secret").write_text(SECRET)
    (folder / "key.pem").write_bytes(key.as_pem(private=True))
    base = house.settings.base_url
    configurations = [
        {
            "client_id": "jit",
            "client_secret": SECRET,
            "algorithm": "ES256",
            "par": False,
            "post_logout_uris": [f"{base}/login"],
            "redirect_uris": [f"{base}/login/{a}/callback"],
            "persons": [ALICE, ARTHUR],
        },
        {
            "client_id": "jit",
            "client_jwk": {**key.as_dict(private=False), "kid": key.thumbprint()},
            "algorithm": "PS256",
            "redirect_uris": [f"{base}/login/{b}/callback"],
            "persons": [BOB, EVE, FALSE_ALICE],
        },
    ]
    with certified.issuers(configurations) as (first, second):
        add_agency(house, a, first, folder / "secret", algorithms=("ES256",), acr_accepted=("substantial",))
        add_agency(
            house, b, second, folder / "key.pem",
            state="DE", algorithms=("PS256",), auth_method=AuthMethod.PRIVATE_KEY_JWT,
        )  # fmt: skip
        invite(house, a, "email", "Alice@A.example")
        invite(house, b, "sub", "bob")
        yield Certified(house, a, b)


@pytest.fixture
def browser(app: Flask, house: House) -> Browser:
    return Browser(app, house.settings.base_url)


def server_log(house: House) -> list[audit.Kept]:
    """The newest entries of the server's log, oldest first."""
    with house.work(OPERATOR) as uow:
        return audit.read(uow.connection, SERVER_LOG, 0, 1000, latest=True)[::-1]


def events(house: House, agency: str) -> list[tuple[str, str, dict]]:
    """What the server's log says of this agency's sign-ins."""
    kept = server_log(house)
    read = [one.content for one in kept]
    return [(one["event"], one["result"], one["facts"]) for one in read if one["facts"].get("agency") == agency]


def test_two_agencies_sign_in_each_at_its_own_certified_issuer(agencies: Certified, app: Flask, house: House) -> None:
    a, b = Browser(app, house.settings.base_url), Browser(app, house.settings.base_url)
    arrived = a.sign_in(agencies.a, "alice", "/w/7?tab=1")
    assert (arrived.status_code, arrived.location) == (303, "/w/7?tab=1")
    assert b.sign_in(agencies.b, "bob").location == "/"
    alice, bob = a.me().json, b.me().json
    assert (alice["name"], alice["agency"]["state"]) == ("Alice Martin", "FR")
    assert (bob["name"], bob["agency"]["state"]) == ("Bob Braun", "DE")
    assert alice["session"]["acr"] == "substantial"
    assert alice["session"]["auth_time"] is not None
    assert alice["agency"]["issuer"] != bob["agency"]["issuer"]


def test_the_second_sign_in_is_the_same_person_and_another_cookie(agencies: Certified, browser: Browser) -> None:
    browser.sign_in(agencies.a, "alice")
    first, cookie = browser.me().json["id"], browser.cookie()
    browser.client.delete_cookie("jit")
    browser.sign_in(agencies.a, "alice")
    assert browser.me().json["id"] == first
    assert browser.cookie() != cookie


def test_without_an_invitation_the_first_sign_in_is_refused_clearly_and_on_the_servers_log(
    agencies: Certified, browser: Browser, house: House
) -> None:
    answer = browser.sign_in(agencies.b, "eve")
    assert answer.status_code == 403
    assert "nobody has invited you" in answer.text
    assert browser.cookie() is None
    assert browser.me().status_code == 401
    event, result, facts = events(house, agencies.b)[-1]
    assert (event, result, facts["reason"]) == ("session:refused", "denied", "not-invited")
    assert "eve" not in str(facts).lower()


def test_another_issuer_with_alices_address_and_subject_never_becomes_alice(
    agencies: Certified, app: Flask, house: House
) -> None:
    true, false = Browser(app, house.settings.base_url), Browser(app, house.settings.base_url)
    true.sign_in(agencies.a, "alice")
    invite(house, agencies.a, "email", "alice@a.example")  # a second one at A, still open: not B's to take
    assert false.sign_in(agencies.b, "alice").status_code == 403
    invite(house, agencies.b, "email", "alice@a.example")
    assert false.sign_in(agencies.b, "alice").status_code == 303
    assert false.me().json["id"] != true.me().json["id"]
    assert false.me().json["agency"]["state"] == "DE"
    with house.work(OPERATOR) as uow:
        rows = [uow.find(Person, id=one.me().json["id"]) for one in (true, false)]
    assert rows[0].issuer_id != rows[1].issuer_id


def test_a_sign_in_below_the_agencys_floor_is_refused_and_the_person_told_what_would_do(
    agencies: Certified, browser: Browser, house: House
) -> None:
    invite(house, agencies.a, "sub", "arthur")
    answer = browser.sign_in(agencies.a, "arthur")
    assert answer.status_code == 403
    assert "stronger sign-in" in answer.text
    assert events(house, agencies.a)[-1][2]["reason"] == "claim-acr"


def test_declining_at_the_provider_leads_back_to_the_sign_in_page(agencies: Certified, browser: Browser) -> None:
    answer = browser.back(at_provider(browser.start(agencies.a), "nobody"))
    assert answer.status_code == 403
    assert "did not sign you in" in answer.text


def test_a_completed_callback_replayed_signs_nobody_in(agencies: Certified, app: Flask, browser: Browser) -> None:
    address = at_provider(browser.start(agencies.a), "alice")
    pre_session = browser.cookie("jit-login")
    assert browser.back(address).status_code == 303
    thief = Browser(app, browser.base)
    thief.client.set_cookie("jit-login", pre_session, domain="127.0.0.1")
    assert thief.back(address).status_code == 403
    assert thief.cookie() is None


def test_a_callback_in_another_browser_signs_nobody_in_and_spends_the_state(
    agencies: Certified, app: Flask, browser: Browser
) -> None:
    address = at_provider(browser.start(agencies.a), "alice")
    thief = Browser(app, browser.base)
    thief.start(agencies.a)  # has a pre-session cookie of its own
    assert thief.back(address).status_code == 403
    assert thief.cookie() is None
    assert browser.back(address).status_code == 403


def test_an_answer_of_one_agencys_issuer_at_the_others_callback_signs_nobody_in(
    agencies: Certified, browser: Browser
) -> None:
    address = at_provider(browser.start(agencies.a), "alice")
    answer = browser.back(address.replace(f"/login/{agencies.a}/", f"/login/{agencies.b}/"))
    assert answer.status_code == 403
    assert browser.cookie() is None


def test_a_state_belongs_to_the_issuer_it_was_sent_to(agencies: Certified, browser: Browser, house: House) -> None:
    state = query_of(browser.start(agencies.a))["state"]
    with house.work(ANONYMOUS) as uow:
        elsewhere = ways.way_in(uow, agencies.b)
        assert ways.claim(uow, elsewhere, state, browser.cookie("jit-login")) is None
    with house.work(ANONYMOUS) as uow:
        at_home = ways.way_in(uow, agencies.a)
        assert ways.claim(uow, at_home, state, browser.cookie("jit-login")) is None  # it was spent


@pytest.mark.parametrize("change", ["iss=https%3A%2F%2Fevil.example", "code=another", "state=another"])
def test_a_callback_with_a_second_value_is_refused(agencies: Certified, browser: Browser, change: str) -> None:
    address = at_provider(browser.start(agencies.a), "alice")
    assert browser.back(f"{address}&{change}").status_code == 403
    assert browser.cookie() is None


def test_two_tabs_of_one_browser_may_sign_in_side_by_side(agencies: Certified, browser: Browser) -> None:
    first, second = browser.start(agencies.a, "/w/1"), browser.start(agencies.a, "/w/2")
    assert query_of(first)["state"] != query_of(second)["state"]
    assert query_of(first)["nonce"] != query_of(second)["nonce"]
    assert browser.back(at_provider(second, "alice")).location == "/w/2"


def test_a_sign_in_that_took_longer_than_five_minutes_is_refused(
    agencies: Certified, browser: Browser, owner_engine
) -> None:
    address = at_provider(browser.start(agencies.a), "alice")
    with owner_engine.begin() as connection:
        connection.exec_driver_sql("UPDATE login_transaction SET expires_at = now() - interval '1 second'")
    answer = browser.back(address)
    assert answer.status_code == 403
    assert "longer than 5 minutes" in answer.text


@pytest.mark.parametrize("query", ["", "?state=", "?state=x&code=y", "?error=access_denied", "?state=" + "x" * 5000])
def test_a_callback_nobody_began_is_refused_and_not_put_on_the_log(
    agencies: Certified, browser: Browser, house: House, query: str
) -> None:
    before = len(events(house, agencies.a))
    assert browser.get(f"/login/{agencies.a}/callback{query}").status_code == 403
    assert len(events(house, agencies.a)) == before


def test_the_log_says_who_began_and_ended_a_session_and_no_names(
    agencies: Certified, browser: Browser, house: House
) -> None:
    browser.sign_in(agencies.a, "alice")
    me = browser.me().json
    assert browser.post("/logout").status_code == 303
    kept = events(house, agencies.a)
    event, result, facts = kept[-1]
    assert (event, result) == ("session:started", "ok")
    assert (facts["person"], facts["acr"], facts["amr"]) == (me["id"], "substantial", ["hwk", "pin"])
    assert "Alice" not in str(kept)
    assert "a.example" not in str(kept)
    last = server_log(house)[-1].content
    assert (last["event"], last["actor"]["person"]) == ("session:ended", me["id"])


def test_no_token_of_the_provider_is_kept_or_answered(agencies: Certified, browser: Browser, owner_engine) -> None:
    arrived = browser.sign_in(agencies.a, "alice")
    with owner_engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT login_session::text FROM login_session").scalars().all()
        waiting = connection.exec_driver_sql("SELECT count(*) FROM login_transaction").scalar()
    assert waiting is not None
    for text in (*rows, arrived.text, str(arrived.headers), browser.me().text):
        assert "eyJ" not in text


def test_the_session_cookie_is_closed_to_scripts_and_other_sites(agencies: Certified, browser: Browser) -> None:
    arrived = browser.sign_in(agencies.a, "alice")
    (cookie,) = [one for one in arrived.headers.getlist("Set-Cookie") if one.startswith("jit=")]
    parts = {part.strip() for part in cookie.split(";")}
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= parts
    assert not any(part.startswith(("Domain", "Expires", "Max-Age")) for part in parts)
    assert len(cookie.partition(";")[0]) == len("jit=") + 43


def test_over_https_every_cookie_is_secure_and_bound_to_the_host(agencies: Certified, house: House) -> None:
    settings = house.settings.model_copy(update={"base_url": "https://jit.example"})
    secure = House(settings, house.engine, house.vault, house.key)
    answer = (
        application.create(settings, secure).test_client().get(f"/login/{agencies.a}", base_url="https://jit.example")
    )
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-jit-login=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    assert query_of(answer.location)["redirect_uri"] == f"https://jit.example/login/{agencies.a}/callback"


def test_a_forged_host_changes_no_address(agencies: Certified, browser: Browser) -> None:
    answer = browser.client.get(f"/login/{agencies.a}", base_url="http://127.0.0.1:8080", headers={
        "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example",
    })  # fmt: skip
    assert query_of(answer.location)["redirect_uri"] == f"{browser.base}/login/{agencies.a}/callback"
    forged = browser.client.get(f"/login/{agencies.a}", base_url="http://evil.example")
    assert forged.status_code == 400


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/%5Cevil.example", "/login"])
def test_after_the_sign_in_one_stays_on_this_server(agencies: Certified, browser: Browser, wanted: str) -> None:
    assert browser.sign_in(agencies.a, "alice", wanted).location == "/"


def test_the_page_lists_agencies_by_state_and_the_one_used_last_first(agencies: Certified, browser: Browser) -> None:
    page = browser.get("/login?next=/w/7")
    assert page.status_code == 200
    assert f"/login/{agencies.a}?next=/w/7" in page.text
    assert "Continue with" not in page.text
    browser.sign_in(agencies.a, "alice")
    browser.post("/logout")
    assert f"Continue with Agence {agencies.a}" in browser.get("/login").text


def test_after_signing_out_here_one_may_end_the_sign_in_at_the_agency_too(
    agencies: Certified, browser: Browser
) -> None:
    browser.sign_in(agencies.a, "alice")
    issuer = browser.me().json["agency"]["issuer"]
    page = browser.get(browser.post("/logout").location).text
    assert "You are signed out of this server." in page
    address = unescape(re.search(rf'href="({re.escape(issuer)}/session/end[^"]*)"', page)[1])
    asked = query_of(address)
    assert (asked["client_id"], asked["post_logout_redirect_uri"]) == ("jit", f"{browser.base}/login")
    assert requests.get(address, timeout=5).status_code == 200  # the certified provider takes it, and asks the person
    assert "/session/end" not in browser.get("/login").text
    assert "at your agency too" not in browser.get("/login?state=of-somebody-else").text
    browser.client.set_cookie("jit-left", f"{asked['state']}/{agencies.a}", domain="127.0.0.1")
    assert "You are signed out at your agency too." in browser.get(f"/login?state={asked['state']}").text
    assert "at your agency too" not in browser.get(f"/login?state={asked['state']}").text


def test_who_is_signed_in_needs_no_sign_in_page(agencies: Certified, browser: Browser) -> None:
    browser.sign_in(agencies.a, "alice")
    answer = browser.get("/login?next=/me")
    assert (answer.status_code, answer.location) == (303, "/me")


def test_an_unknown_agency_is_absent(browser: Browser) -> None:
    assert browser.get("/login/nobody").status_code == 404
    assert browser.get("/login/nobody/callback?code=x").status_code == 404


def test_a_provider_that_is_down_is_said_on_the_sign_in_page_and_other_agencies_go_on(
    agencies: Certified, browser: Browser, house: House, tmp_path: Path
) -> None:
    down = new_slug("down")
    (tmp_path / "secret").write_text(SECRET)
    add_agency(house, down, f"http://127.0.0.1:{free_port()}", tmp_path / "secret", state="NL")
    answer = browser.get(f"/login/{down}")
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    assert browser.sign_in(agencies.a, "alice").status_code == 303


@pytest.fixture
def demo_agency(house: House, tmp_path: Path) -> Iterator[str]:
    slug = new_slug("demo")
    (tmp_path / "secret").write_text(SECRET)
    spec = demo.IssuerSpec.model_validate(
        {
            "slug": slug,
            "agency": "Demo agency",
            "own_name": "Démo",
            "language": "fr",
            "port": free_port(),
            "client_id": "jit",
            "client_secret": SECRET,
            "redirect_uris": [f"{house.settings.base_url}/login/{slug}/callback"],
            "persons": [
                {
                    "id": "chloe",
                    "name": "Chloé Roux",
                    "email": "chloe@c.example",
                    "language": "fr",
                    "zone": "Europe/Paris",
                }
            ],
        }
    )
    server = make_server("127.0.0.1", spec.port, demo.app(spec), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    add_agency(house, slug, spec.url, tmp_path / "secret", acr_accepted=(demo.ACR,))
    yield slug
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_demos_own_provider_signs_in_and_brings_language_and_zone(
    demo_agency: str, browser: Browser, house: House
) -> None:
    invite(house, demo_agency, "email", "chloe@c.example")
    assert browser.sign_in(demo_agency, "chloe").status_code == 303
    me = browser.me().json
    assert (me["name"], me["language"], me["zone"]) == ("Chloé Roux", "fr", "Europe/Paris")


def test_an_invitation_is_taken_once_and_only_in_time(
    demo_agency: str, browser: Browser, house: House, owner_engine
) -> None:
    invite(house, demo_agency, "sub", "chloe")
    with owner_engine.begin() as connection:
        connection.exec_driver_sql("UPDATE invitation SET expires_at = now() WHERE value = 'chloe'")
    assert browser.sign_in(demo_agency, "chloe").status_code == 403
    invite(house, demo_agency, "sub", "chloe")
    assert browser.sign_in(demo_agency, "chloe").status_code == 303
    with house.work(OPERATOR) as uow:
        mine = uow.find(Invitation, accepted_by=browser.me().json["id"])
        session = uow.find(LoginSession, person_id=browser.me().json["id"])
    assert mine.accepted_at is not None
    assert session.browser == "Firefox, Linux"
