"""B2: an honest and an evil issuer; no answer of one signs in at the other (PROOFS K9)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jit_server.core.errors import SignInRefused, Unavailable
from jit_server.identity import oidc
from jit_server.identity.models import AuthMethod
from tests.identity.conftest import VERIFIER, Meeting, meeting_of
from tests.identity.stub import Stub, reply, running


@pytest.fixture
def evil() -> Iterator[Stub]:
    with running() as made:
        yield made


def test_an_answer_that_names_another_issuer_is_refused_before_any_code_is_redeemed(
    meeting: Meeting, evil: Stub
) -> None:
    with pytest.raises(SignInRefused) as refusal:
        meeting.complete(iss=evil.url)
    assert refusal.value.members["reason"] == "iss-other"
    assert meeting.stub.asked["/token"] == 0


@pytest.mark.parametrize("variant", ["{}/", "{}/.", " {}", "", "null"])
def test_the_issuer_in_the_answer_is_compared_letter_by_letter(meeting: Meeting, variant: str) -> None:
    with pytest.raises(SignInRefused):
        meeting.complete(iss=variant.format(meeting.stub.url))


def test_an_issuer_that_advertises_iss_must_send_it(meeting: Meeting) -> None:
    meeting.stub.metadata_changes = {"authorization_response_iss_parameter_supported": True}
    with pytest.raises(SignInRefused) as refusal:
        meeting.complete()
    assert refusal.value.members["reason"] == "iss-missing"
    assert meeting.complete(iss=meeting.stub.url).sub == "alice"


def test_an_error_of_another_issuer_is_refused_as_a_mix_up(meeting: Meeting, evil: Stub) -> None:
    with pytest.raises(SignInRefused) as refusal:
        meeting.complete(iss=evil.url, error="access_denied")
    assert refusal.value.members["reason"] == "iss-other"


def test_a_token_of_the_evil_issuer_does_not_pass_at_the_honest_one(meeting: Meeting, evil: Stub) -> None:
    honest = meeting.stub
    evil.nonce = honest.nonce
    honest.respond = lambda _form: (200, honest.tokens(evil.id_token()))
    with pytest.raises(SignInRefused):
        meeting.complete()


METADATA: list[dict[str, Any]] = [
    {"issuer": "{evil}"},
    {"issuer": "{honest}/"},
    {"issuer": ...},
    {"token_endpoint": "{evil}/token"},
    {"jwks_uri": "{evil}/jwks"},
    {"authorization_endpoint": "{evil}/authorize"},
    {"authorization_endpoint": "javascript:alert(1)"},
    {"token_endpoint": "file:///etc/passwd"},
    {"jwks_uri": "http://169.254.169.254/jwks"},
    {"token_endpoint": "{honest_with_user}/token"},
    {"token_endpoint": 7},
    {"token_endpoint": "http://[::1"},
    {"code_challenge_methods_supported": ["plain"]},
]


@pytest.mark.parametrize("change", METADATA, ids=str)
def test_metadata_that_speaks_for_another_is_no_metadata(meeting: Meeting, evil: Stub, change: dict[str, Any]) -> None:
    honest = meeting.stub.url
    words = {"honest": honest, "evil": evil.url, "honest_with_user": honest.replace("//", "//x@")}
    meeting.stub.metadata_changes = {
        name: value.format(**words) if isinstance(value, str) else value for name, value in change.items()
    }
    with pytest.raises(Unavailable):
        meeting.complete()
    assert not evil.asked


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/token"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_follows_a_redirect(meeting: Meeting, evil: Stub, path: str, status: int) -> None:
    meeting.stub.hooks[path] = lambda handler: reply(handler, {}, status, Location=f"{evil.url}{path}")
    with pytest.raises(Unavailable):
        meeting.complete()
    assert not evil.asked


def test_not_even_a_redirect_within_the_issuers_own_host_is_followed(meeting: Meeting) -> None:
    stub = meeting.stub
    stub.hooks["/jwks"] = lambda handler: reply(handler, {}, 302, Location=f"{stub.url}/moved")
    stub.hooks["/moved"] = lambda handler: reply(handler, stub.jwks)
    with pytest.raises(Unavailable):
        meeting.complete()
    assert stub.asked["/moved"] == 0


def test_the_code_goes_to_the_issuer_with_verifier_and_the_path_of_this_agency(meeting: Meeting) -> None:
    meeting.complete()
    (form,) = meeting.stub.forms
    assert form["code"] == "the-code"
    assert form["code_verifier"] == VERIFIER
    assert form["redirect_uri"] == meeting.client.redirect_uri
    assert form["grant_type"] == "authorization_code"
    assert form["authorization"].startswith("Basic ")


@pytest.mark.parametrize("code", ["", "c" * 5000])
def test_a_missing_or_endless_code_is_not_redeemed(meeting: Meeting, code: str) -> None:
    with pytest.raises(SignInRefused):
        meeting.complete(code=code)
    assert meeting.stub.asked["/token"] == 0


@pytest.mark.parametrize("error", ["access_denied", "<script>alert(1)</script>"])
def test_an_error_of_the_provider_is_refused_without_repeating_its_words(meeting: Meeting, error: str) -> None:
    with pytest.raises(SignInRefused) as refusal:
        meeting.complete(error=error, error_description=error)
    assert error not in str(refusal.value.problem())


def test_a_refused_code_is_a_refused_sign_in(meeting: Meeting) -> None:
    meeting.stub.respond = lambda _form: (400, {"error": "invalid_grant"})
    with pytest.raises(SignInRefused) as refusal:
        meeting.complete()
    assert refusal.value.members["reason"] == "code-refused"


def test_the_way_to_the_issuer_carries_state_nonce_and_a_hashed_verifier(meeting: Meeting) -> None:
    url = oidc.authorization_url(meeting.client, meeting.provider, state="the-state", pending=meeting.pending)
    assert url.startswith(f"{meeting.stub.url}/authorize?")
    for part in (
        "state=the-state",
        f"nonce={meeting.pending.nonce}",
        "code_challenge_method=S256",
        "response_type=code",
    ):
        assert part in url
    assert VERIFIER not in url


def test_a_signed_statement_proves_this_server_where_the_agency_wants_no_shared_secret(
    stub: Stub, tmp_path: Path
) -> None:
    key = tmp_path / "client.pem"
    key.write_bytes(stub.keys["ES256"].as_pem(private=True))
    meeting = meeting_of(stub, key).with_client(auth_method=AuthMethod.PRIVATE_KEY_JWT)
    assert meeting.complete().sub == "alice"
    (form,) = stub.forms
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert form["client_assertion"].count(".") == 2
    assert form["authorization"] == ""


@pytest.mark.parametrize("content", [None, "not a key"])
def test_a_missing_or_broken_credential_is_the_operators_affair(
    stub: Stub, tmp_path: Path, content: str | None
) -> None:
    key = tmp_path / "client.pem"
    if content is not None:
        key.write_text(content)
    meeting = meeting_of(stub, key).with_client(auth_method=AuthMethod.PRIVATE_KEY_JWT)
    with pytest.raises(Unavailable, match="operator"):
        meeting.complete()
