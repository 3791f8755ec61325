"""The demo's identity provider: as strict as a real one, apart from the password."""

import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from jit_server.core import clock
from jit_server.demo import issuer as demo
from jit_server.demo.issuer import DemoPerson, IssuerSpec
from jit_server.demo.provider import HIGH
from jit_server.identity import oidc
from jit_server.identity.models import AuthMethod
from jit_server.identity.oidc import Client, Pending
from jit_server.identity.provider import Described, Provider
from tests.engines.ports import free_port

VERIFIER = "v" * 64
CALLBACK = "http://127.0.0.1:8080/login/a/callback"


def spec(**changes: object) -> IssuerSpec:
    facts = {
        "slug": "a",
        "agency": "Specialised Prosecutor's Office",
        "own_name": "Specializovaná prokuratura",
        "language": "cs",
        "state": "CZ",
        "port": 18999,
        "client_id": "jit",
        "client_secret": "s" * 40,
        "redirect_uris": [CALLBACK],
        "post_logout_uris": ["http://127.0.0.1:8080/login"],
        "persons": [
            {"id": "alice", "name": "Alice Nováková", "email": "alice@a.example", "role": "Investigator"},
            {"id": "adam", "name": "Adam <b>Dvořák</b>", "email": "adam@a.example"},
        ],
    }
    return IssuerSpec.model_validate(facts | changes)


def query(client: IssuerSpec, **changes: str) -> str:
    pending = Pending(nonce="n" * 20, verifier=VERIFIER, created_at=clock.now())
    said = {name: value for name, value in demo.metadata(client).items() if not name.startswith("pushed")}
    known = Provider(client.url, ttl=60, loopback=True, source=lambda: Described(said, None, 60))
    url = oidc.authorization_url(
        Client(client.url, "jit", AuthMethod.CLIENT_SECRET, Path(), CALLBACK, ("ES256",)), known,
        state="the-state", pending=pending,
    )  # fmt: skip
    values = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()} | changes
    return "/authorize?" + "&".join(f"{name}={requests.utils.quote(value)}" for name, value in values.items() if value)


@pytest.fixture
def browser() -> FlaskClient:
    return demo.app(spec()).test_client()


def test_a_script_signs_in_by_posting_a_person_to_the_authorization_address(browser: FlaskClient) -> None:
    address = query(spec())
    page = browser.get(address, base_url=spec().url)
    assert page.status_code == 200
    assert "Alice Nováková" in page.text
    assert "Adam &lt;b&gt;" in page.text
    answer = browser.post(address, base_url=spec().url, data={"person": "alice"})
    sent = parse_qs(urlsplit(answer.location).query)
    assert answer.status_code == 302
    assert answer.location.startswith(CALLBACK + "?")
    assert (sent["state"], sent["iss"]) == (["the-state"], [spec().url])
    assert not answer.headers.getlist("Set-Cookie")


def test_a_browser_posts_the_hidden_fields_and_gets_the_same_answer(browser: FlaskClient) -> None:
    fields = dict(part.split("=") for part in urlsplit(query(spec())).query.split("&"))
    fields = {name: requests.utils.unquote(value) for name, value in fields.items()}
    answer = browser.post("/authorize", base_url=spec().url, data=fields | {"person": "alice"})
    assert answer.status_code == 302
    assert "code=" in answer.location


def test_somebody_unknown_gets_the_list_again_and_no_code(browser: FlaskClient) -> None:
    answer = browser.post(query(spec()), base_url=spec().url, data={"person": "mallory"})
    assert answer.status_code == 400
    assert "Nobody of that name" in answer.text


def test_one_may_decline_and_the_refusal_names_the_issuer(browser: FlaskClient) -> None:
    answer = browser.post(query(spec()), base_url=spec().url, data={"deny": "1"})
    sent = parse_qs(urlsplit(answer.location).query)
    assert (sent["error"], sent["iss"]) == (["access_denied"], [spec().url])


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"client_id": "other"}, 400),
        ({"redirect_uri": "http://127.0.0.1:8080/login/b/callback"}, 400),
        ({"redirect_uri": "http://evil.example/"}, 400),
        ({"code_challenge": ""}, 302),
        ({"code_challenge_method": "plain"}, 302),
        ({"code_challenge": "", "code_challenge_method": ""}, 302),
        ({"nonce": ""}, 302),
        ({"response_type": "token"}, 302),
    ],
)
def test_a_request_that_is_not_strict_gets_no_code(browser: FlaskClient, changes: dict[str, str], status: int) -> None:
    answer = browser.post(query(spec(), **changes), base_url=spec().url, data={"person": "alice"})
    assert answer.status_code == status
    assert "code=" not in (answer.location or "")


def redeem(browser: FlaskClient, **changes: str) -> object:
    answer = browser.post(query(spec()), base_url=spec().url, data={"person": "alice"})
    code = parse_qs(urlsplit(answer.location).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return form | changes


def test_a_code_is_good_once_and_brings_a_signed_statement(browser: FlaskClient) -> None:
    form = redeem(browser)
    first = browser.post("/token", base_url=spec().url, data=form, auth=("jit", "s" * 40))
    second = browser.post("/token", base_url=spec().url, data=form, auth=("jit", "s" * 40))
    keys = KeySet.import_key_set(browser.get("/jwks", base_url=spec().url).json)
    claims = jwt.decode(first.json["id_token"], keys, algorithms=["ES256"]).claims
    assert (claims["iss"], claims["sub"], claims["aud"], claims["nonce"]) == (spec().url, "alice", "jit", "n" * 20)
    assert (claims["acr"], claims["amr"], claims["email"]) == (demo.ACR, ["hwk", "pin"], "alice@a.example")
    assert {"auth_time", "at_hash", "exp", "iat", "sid"} <= claims.keys()
    assert (second.status_code, second.json["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "secret"),
    [({"code_verifier": "w" * 64}, "s" * 40), ({"redirect_uri": "http://x"}, "s" * 40), ({}, "wrong")],
)
def test_a_code_is_not_redeemed_by_another(browser: FlaskClient, changes: dict[str, str], secret: str) -> None:
    answer = browser.post("/token", base_url=spec().url, data=redeem(browser, **changes), auth=("jit", secret))
    assert answer.status_code in {400, 401}
    assert "id_token" not in answer.json


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_it_refuses_to_listen_beyond_loopback(host: str) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        demo.app(spec(host=host))


def test_it_answers_under_its_own_name_only(browser: FlaskClient) -> None:
    assert browser.get("/jwks", base_url="http://evil.example").status_code == 400


def test_its_page_lets_the_form_lead_back_and_nowhere_else(browser: FlaskClient) -> None:
    policy = browser.get(query(spec()), base_url=spec().url).headers["Content-Security-Policy"]
    assert "form-action 'self' http://127.0.0.1:8080" in policy
    assert "unsafe" not in policy


def test_signing_out_leads_back_only_to_a_registered_address(browser: FlaskClient) -> None:
    back = browser.get("/end-session?post_logout_redirect_uri=http://127.0.0.1:8080/login", base_url=spec().url)
    assert (back.status_code, back.location) == (302, "http://127.0.0.1:8080/login")
    stay = browser.get("/end-session?post_logout_redirect_uri=http://evil.example", base_url=spec().url)
    assert stay.status_code == 200


def test_a_key_kept_in_a_file_survives_a_restart(tmp_path: Path) -> None:
    kept = spec(key_file=tmp_path / "keys" / "a.pem")
    first, second = (demo.app(kept).test_client().get("/jwks", base_url=kept.url).json for _ in range(2))
    assert first == second
    assert (tmp_path / "keys" / "a.pem").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_run_as_a_program_it_signs_in_through_the_strict_wrapper(tmp_path: Path, algorithm: str) -> None:
    key = ECKey.generate_key("P-256")
    (tmp_path / "client.pem").write_bytes(key.as_pem(private=True))
    (tmp_path / "secret").write_text("s" * 40)
    by_key = spec(port=free_port(), algorithm=algorithm, client_secret=None, client_jwk=key.as_dict(private=False))
    by_secret = spec(port=free_port(), slug="b", algorithm=algorithm)
    config = {"issuers": [json.loads(one.model_dump_json()) for one in (by_key, by_secret)]}
    (tmp_path / "issuers.json").write_text(json.dumps(config))
    with subprocess.Popen(
        [sys.executable, "-m", "jit_server.demo.issuer", "--config", tmp_path / "issuers.json"],
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        try:
            assert by_key.url in program.stdout.readline()
            for one, method, credential in (
                (by_key, AuthMethod.PRIVATE_KEY_JWT, tmp_path / "client.pem"),
                (by_secret, AuthMethod.CLIENT_SECRET, tmp_path / "secret"),
            ):
                client = Client(one.url, "jit", method, credential, CALLBACK, (algorithm,), (demo.ACR,))
                assert sign_in(client).sub == "adam"
        finally:
            program.terminate()


def sign_in(client: Client) -> oidc.Assertion:
    until = time.monotonic() + 10
    while True:
        try:
            requests.get(client.issuer, timeout=1)
            break
        except requests.ConnectionError:
            assert time.monotonic() < until
            time.sleep(0.05)
    known = Provider(client.issuer, ttl=60, loopback=True)
    pending = Pending(nonce="n" * 20, verifier=VERIFIER, created_at=clock.now())
    url = oidc.authorization_url(client, known, state="the-state", pending=pending)
    answer = requests.post(url, data={"person": "adam"}, allow_redirects=False, timeout=5)
    values = {name: value[0] for name, value in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
    return oidc.complete(client, known, values, pending)


def test_a_request_is_pushed_by_the_client_alone_and_carried_by_a_reference(browser: FlaskClient) -> None:
    form = dict(parse_qsl(query(spec(), acr_values=HIGH).partition("?")[2]))
    address = {"base_url": spec().url}
    assert browser.post("/par", data=form, **address).status_code == 401
    assert browser.post("/par", data=form, auth=("jit", "wrong"), **address).status_code == 401
    pushed = browser.post("/par", data=form, auth=("jit", "s" * 40), **address)
    assert pushed.status_code == 201
    reference = {"client_id": "jit", "request_uri": pushed.json["request_uri"]}
    page = browser.get("/authorize", query_string=reference, **address)
    assert page.status_code == 200
    assert form["nonce"] not in page.text
    assert reference["request_uri"] in page.text
    answer = browser.post("/authorize", data=reference | {"person": "alice"}, **address)
    sent = dict(parse_qsl(urlsplit(answer.location).query))
    assert (answer.status_code, sent["state"], sent["iss"]) == (302, "the-state", spec().url)
    unknown = reference | {"request_uri": "urn:ietf:params:oauth:request_uri:of-nobody"}
    assert browser.get("/authorize", query_string=unknown, **address).status_code == 400


def test_the_sign_out_leads_back_to_a_registered_address_with_the_state(browser: FlaskClient) -> None:
    back = {"post_logout_redirect_uri": "http://127.0.0.1:8080/login", "state": "s-1"}
    answer = browser.get("/end-session", query_string=back, base_url=spec().url)
    assert answer.location == "http://127.0.0.1:8080/login?state=s-1"
    evil = back | {"post_logout_redirect_uri": "https://evil.example/"}
    assert browser.get("/end-session", query_string=evil, base_url=spec().url).status_code == 200


def test_a_person_is_found_by_id() -> None:
    assert spec().person("alice") == DemoPerson(
        id="alice", name="Alice Nováková", email="alice@a.example", role="Investigator"
    )
    assert spec().person(None) is None
