"""Pushed requests (RFC 9126) wherever they are offered, and the stricter profile that insists on them (FAPI 2.0)."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import ECKey

from jit_server.core.errors import SignInRefused, Unavailable
from jit_server.identity import oidc
from jit_server.identity.models import AuthMethod, Profile
from jit_server.work import House
from tests.engines import certified
from tests.identity.conftest import Meeting, meeting_of
from tests.identity.signing_in import Browser, add_agency, invite, new_slug, query_of
from tests.identity.stub import Stub, reply

REFERENCE = "urn:ietf:params:oauth:request_uri:abc"


@pytest.fixture
def key(tmp_path: Path) -> ECKey:
    made = ECKey.generate_key("P-256")
    (tmp_path / "key.pem").write_bytes(made.as_pem(private=True))
    return made


@pytest.fixture
def strict(stub: Stub, key: ECKey, tmp_path: Path) -> Meeting:
    """A meeting under FAPI 2.0: the server proves itself by a key, the issuer takes pushed requests."""
    stub.metadata_changes = {"pushed_authorization_request_endpoint": f"{stub.url}/par"}
    stub.hooks["/par"] = lambda handler: reply(handler, {"request_uri": REFERENCE, "expires_in": 60}, 201)
    return meeting_of(stub, tmp_path / "key.pem").with_client(
        auth_method=AuthMethod.PRIVATE_KEY_JWT, profile=Profile.FAPI2, algorithms=("ES256", "PS256", "EdDSA")
    )


def departs(meeting: Meeting) -> str:
    return oidc.authorization_url(meeting.client, meeting.provider, state="the-state", pending=meeting.pending)


def test_the_browser_carries_a_reference_and_nothing_of_the_request(strict: Meeting) -> None:
    assert query_of(departs(strict)) == {"client_id": "jit", "request_uri": REFERENCE}
    (pushed,) = strict.stub.forms
    assert pushed["state"] == "the-state"
    assert pushed["nonce"] == strict.pending.nonce
    assert pushed["code_challenge_method"] == "S256"
    assert pushed["redirect_uri"] == strict.client.redirect_uri
    assert strict.pending.verifier not in json.dumps(pushed)


def test_the_proof_is_made_out_to_the_issuer_and_to_no_address(strict: Meeting, key: ECKey) -> None:
    departs(strict)
    strict.complete(iss=strict.stub.url)
    proofs = [jwt.decode(form["client_assertion"], key, algorithms=["ES256"]).claims for form in strict.stub.forms]
    assert [one["aud"] for one in proofs] == [strict.stub.url] * 2
    assert {one["iss"] for one in proofs} == {one["sub"] for one in proofs} == {"jit"}
    assert len({one["jti"] for one in proofs}) == 2
    assert not any(form["authorization"] for form in strict.stub.forms)


def test_a_shared_secret_is_pushed_with_too(strict: Meeting, secret: Path) -> None:
    plain = strict.with_client(
        auth_method=AuthMethod.CLIENT_SECRET, credential_file=secret, profile=Profile.OIDC, algorithms=("ES256",)
    )
    assert query_of(departs(plain))["request_uri"] == REFERENCE
    assert plain.stub.forms[0]["authorization"].startswith("Basic ")


def test_the_strict_profile_takes_no_answer_without_the_issuers_name(strict: Meeting) -> None:
    with pytest.raises(SignInRefused) as refusal:
        strict.complete()
    assert refusal.value.members["reason"] == "iss-missing"
    assert strict.complete(iss=strict.stub.url).sub == "alice"


def test_the_strict_profile_takes_no_pkcs1_signature(strict: Meeting) -> None:
    strict.stub.respond = lambda _form: (200, strict.stub.tokens(strict.stub.id_token("RS256")))
    with pytest.raises(SignInRefused):
        strict.complete(iss=strict.stub.url)
    strict.stub.respond = lambda _form: (200, strict.stub.tokens(strict.stub.id_token("PS256")))
    assert strict.complete(iss=strict.stub.url).sub == "alice"


def test_the_strict_profile_never_goes_by_way_of_the_browser(strict: Meeting) -> None:
    strict.stub.metadata_changes = {}
    with pytest.raises(Unavailable, match="pushed requests"):
        departs(strict)


@pytest.mark.parametrize("elsewhere", ["https://evil.example/par", "http://169.254.169.254/par", 7, ""])
def test_an_endpoint_elsewhere_is_no_endpoint(strict: Meeting, elsewhere: Any) -> None:
    strict.stub.metadata_changes = {"pushed_authorization_request_endpoint": elsewhere}
    with pytest.raises(Unavailable):
        departs(strict)
    plain = strict.with_client(profile=Profile.OIDC)
    assert query_of(departs(plain))["nonce"] == strict.pending.nonce
    assert not strict.stub.forms


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (400, {"error": "invalid_request"}, "did not take"),
        (401, {"error": "invalid_client"}, "did not take"),
        (500, {}, "as it should"),
        (201, {}, "as it should"),
        (201, {"request_uri": ""}, "as it should"),
        (201, {"request_uri": 7}, "as it should"),
        (201, {"request_uri": "x" * 513}, "as it should"),
        (201, {"request_uri": "a\nb"}, "as it should"),
        (201, [], "as it should"),
        (302, {}, "another host"),
    ],
)
def test_a_push_that_is_not_taken_is_a_clear_problem(strict: Meeting, status: int, answer: Any, words: str) -> None:
    strict.stub.hooks["/par"] = lambda handler: reply(handler, answer, status, Location="http://127.0.0.1:9/")
    with pytest.raises(Unavailable, match=words):
        departs(strict)


def test_the_whole_strict_profile_works_with_the_certified_provider(
    house: House, app: Flask, key: ECKey, tmp_path: Path
) -> None:
    slug = new_slug("fapi")
    configuration = {
        "client_id": "jit",
        "client_jwk": {**key.as_dict(private=False), "kid": key.thumbprint()},
        "algorithm": "PS256",
        "fapi": True,
        "redirect_uris": [f"{house.settings.base_url}/login/{slug}/callback"],
        "persons": [{"id": "bob", "name": "Bob", "email": "b@b.example", "acr": "high", "amr": ["hwk"]}],
    }
    with certified.issuers([configuration]) as (url,):
        add_agency(
            house, slug, url, tmp_path / "key.pem", algorithms=("PS256",), profile=Profile.FAPI2,
            auth_method=AuthMethod.PRIVATE_KEY_JWT, step_up_acr=("high",),
        )  # fmt: skip
        invite(house, slug, "sub", "bob")
        browser = Browser(app, house.settings.base_url)
        address = browser.start(slug)
        assert set(query_of(address)) == {"client_id", "request_uri"}
        assert browser.sign_in(slug, "bob").status_code == 303
        assert browser.me().json["name"] == "Bob"
