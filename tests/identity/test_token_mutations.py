"""B1: an honest ID token signs in; every one of these changes to it does not (PROOFS F10, K8, K10)."""

import hmac
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from jit_server.core.errors import SignInRefused, Unavailable
from tests.identity.conftest import Meeting
from tests.identity.stub import Stub, b64, sign

NOW = time.time
STRANGER = ECKey.generate_key("P-256")
SHORT = RSAKey.generate_key(2048)


def claims(**changes: Any) -> Callable[[Stub], str]:
    return lambda stub: stub.id_token(**{name: _value(value, stub) for name, value in changes.items()})


def _value(value: Any, stub: Stub) -> Any:
    return value(stub) if callable(value) else value


def header(**changes: Any) -> Callable[[Stub], str]:
    return lambda stub: sign(stub.header(**changes), stub.claims(), stub.keys["ES256"])


def signed_by(key: Any, alg: str = "ES256", **changes: Any) -> Callable[[Stub], str]:
    return lambda stub: sign(stub.header(alg, **changes), stub.claims(), key)


def hmac_with_public_key(stub: Stub, *, pem: bool) -> str:
    public = stub.keys["RS256"]
    secret = public.as_pem(private=False) if pem else json.dumps(public.as_dict(private=False)).encode()
    signed = f"{b64({'typ': 'JWT', 'alg': 'HS256', 'kid': public.thumbprint()})}.{b64(stub.claims())}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), 'sha256'))}"


def resigned_payload(stub: Stub) -> str:
    head, _, signature = stub.id_token().split(".")
    return f"{head}.{b64(stub.claims(sub='mallory'))}.{signature}"


MUTATIONS: dict[str, Callable[[Stub], Any]] = {
    # who it is for and from
    "another audience": claims(aud="other"),
    "another audience with our azp": claims(aud="other", azp="jit"),
    "other audiences beside ours": claims(aud=["jit", "other"]),
    "other audiences beside ours with our azp": claims(aud=["jit", "other"], azp="jit"),
    "our audience twice": claims(aud=["jit", "jit"]),
    "no audience": claims(aud=...),
    "empty audience": claims(aud=[]),
    "null audience": claims(aud=None),
    "audience in another case": claims(aud="JIT"),
    "audience as an object": claims(aud={"jit": True}),
    "foreign azp": claims(azp="other"),
    "azp of another type": claims(azp=["jit"]),
    "empty azp": claims(azp=""),
    "null azp": claims(azp=None),
    "another issuer": claims(iss="https://evil.example"),
    "issuer with a slash": claims(iss=lambda stub: stub.url + "/"),
    "issuer in a list": claims(iss=lambda stub: [stub.url]),
    "no issuer": claims(iss=...),
    "null issuer": claims(iss=None),
    # who it is about
    "no subject": claims(sub=...),
    "empty subject": claims(sub=""),
    "subject as a number": claims(sub=7),
    "null subject": claims(sub=None),
    "endless subject": claims(sub="a" * 256),
    "subject with a control character": claims(sub="alice\u0000"),
    # when
    "expired beyond the leeway": claims(exp=lambda _: int(NOW()) - 60),
    "no expiry": claims(exp=...),
    "expiry as text": claims(exp="9999999999"),
    "expiry NaN": claims(exp=float("nan")),
    "expiry Infinity": claims(exp=float("inf")),
    "expiry true": claims(exp=True),
    "issued in the future": claims(iat=lambda _: int(NOW()) + 300),
    "issued before we asked": claims(iat=lambda _: int(NOW()) - 300),
    "no moment of issue": claims(iat=...),
    "not yet valid": claims(nbf=lambda _: int(NOW()) + 300),
    "signed in in the future": claims(auth_time=lambda _: int(NOW()) + 300),
    "moment of sign-in as text": claims(auth_time="yesterday"),
    "moment of sign-in true": claims(auth_time=True),
    # for which sign-in
    "another nonce": claims(nonce="old-nonce"),
    "no nonce": claims(nonce=...),
    "empty nonce": claims(nonce=""),
    "nonce in a list": claims(nonce=lambda stub: [stub.nonce]),
    "nonce declared unsupported": claims(nonce=..., nonce_supported=False),
    # how strong
    "acr below the floor": claims(acr="low"),
    "no acr": claims(acr=...),
    "acr in a list": claims(acr=["substantial"]),
    "amr as text": claims(amr="hwk"),
    "amr of numbers": claims(amr=[1]),
    # which access token
    "at_hash of another token": claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "empty at_hash": claims(at_hash=""),
    "at_hash as a number": claims(at_hash=5),
    "null at_hash": claims(at_hash=None),
    "session id as an object": claims(sid={}),
    # what kind of token
    "an access token": header(typ="at+jwt"),
    "a logout token": header(typ="logout+jwt"),
    "a token exchange token": header(typ="N_A"),
    "unknown critical header": header(crit=["exp"], exp=1),
    "critical b64": header(crit=["b64"], b64=False),
    "foreign header": header(zip="DEF"),
    "oversized header": header(x5t="a" * 600),
    # whose signature
    "alg none": lambda stub: sign({"alg": "none"}, stub.claims(), None),
    "alg None with a kid": lambda stub: sign(stub.header() | {"alg": "none"}, stub.claims(), None),
    "HS256 with the public key as PEM": lambda stub: hmac_with_public_key(stub, pem=True),
    "HS256 with the public key as JWK": lambda stub: hmac_with_public_key(stub, pem=False),
    "HS256 with the client secret": lambda stub: sign(
        {"typ": "JWT", "alg": "HS256"}, stub.claims(), OctKey.import_key("s" * 40)
    ),
    "an algorithm that is not allowed": lambda stub: sign(stub.header("RS384"), stub.claims(), stub.keys["RS256"]),
    "a stranger's key": signed_by(STRANGER),
    "a stranger's key under its own kid": signed_by(STRANGER, kid=STRANGER.thumbprint()),
    "a stranger's key in the header": signed_by(STRANGER, kid=..., jwk=STRANGER.as_dict(private=False)),
    "a stranger's key by address": signed_by(STRANGER, jku="http://127.0.0.1:1/jwks"),
    "no kid among several keys": signed_by(STRANGER, kid=...),
    "kid of another type": header(kid=7),
    "kid that walks the file system": header(kid="../../dev/null"),
    "kid of another algorithm's key": lambda stub: sign(
        stub.header() | {"alg": "RS256"}, stub.claims(), stub.keys["RS256"]
    ),
    "changed payload": resigned_payload,
    "cut signature": lambda stub: stub.id_token()[:-8],
    "no signature": lambda stub: stub.id_token().rpartition(".")[0] + ".",
    "empty token": lambda _stub: "..",
    "not a token": lambda _stub: "not a token",
    "five parts": lambda stub: stub.id_token() + ".a.b",
    "payload that is a list": lambda stub: sign(stub.header(), b"[]", stub.keys["ES256"]),
    "payload that is not JSON": lambda stub: sign(stub.header(), b"\xff\xfe", stub.keys["ES256"]),
    "payload nested 50,000 deep": lambda stub: sign(stub.header(), b"[" * 50_000, stub.keys["ES256"]),
    "payload of 300 kB": claims(padding="x" * 300_000),
    "header of 900 kB": header(x5u="https://a.example/" + "x" * 600_000),
}


def test_there_are_at_least_forty_mutations() -> None:
    assert len(MUTATIONS) >= 40


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_a_changed_id_token_signs_nobody_in(meeting: Meeting, mutation: Callable[[Stub], Any]) -> None:
    stub = meeting.stub
    stub.respond = lambda _form: (200, stub.tokens(mutation(stub)))
    with pytest.raises(SignInRefused):
        meeting.complete()


def test_a_token_with_a_header_of_10_megabytes_is_not_even_read(meeting: Meeting) -> None:
    stub = meeting.stub
    token = header(x5u="https://a.example/" + "x" * 10_000_000)(stub)
    stub.respond = lambda _form: (200, stub.tokens(token))
    with pytest.raises(Unavailable):
        meeting.complete()


ANSWERS: dict[str, Callable[[Stub], Any]] = {
    "no ID token": lambda stub: stub.tokens(id_token=...),
    "ID token of another type": lambda stub: stub.tokens(id_token=[stub.id_token()]),
    "no access token": lambda stub: stub.tokens(access_token=...),
    "another token type": lambda stub: stub.tokens(token_type="mac"),
    "an error beside tokens": lambda stub: stub.tokens(error="invalid_grant"),
}


@pytest.mark.parametrize("change", ANSWERS.values(), ids=ANSWERS.keys())
def test_a_changed_token_answer_signs_nobody_in(meeting: Meeting, change: Callable[[Stub], Any]) -> None:
    meeting.stub.respond = lambda _form: (200, change(meeting.stub))
    with pytest.raises(SignInRefused):
        meeting.complete()


@pytest.mark.parametrize("alg", ["ES256", "PS256", "RS256", "EdDSA"])
def test_an_honest_id_token_signs_in_with_every_allowed_algorithm(meeting: Meeting, alg: str) -> None:
    stub = meeting.stub
    stub.respond = lambda _form: (200, stub.tokens(stub.id_token(alg, at_hash=stub.at_hash(alg))))
    found = meeting.complete()
    assert (found.issuer, found.sub, found.acr, found.amr) == (stub.url, "alice", "substantial", ("hwk",))
    assert (found.email, found.email_verified, found.sid) == ("alice@a.example", True, "session-1")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["jit"]},
        {"azp": "jit"},
        {"email": ...},
        {"auth_time": ...},
        {"amr": ...},
        {"sid": ...},
        {"exp": lambda _: int(NOW()) - 20},
        {"iat": lambda _: int(NOW()) + 20},
        {"iat": lambda _: int(NOW()) - 20},
    ],
    ids=" ".join,
)
def test_what_the_standard_leaves_open_is_accepted(meeting: Meeting, changes: dict[str, Any]) -> None:
    stub = meeting.stub
    token = claims(**changes)
    stub.respond = lambda _form: (200, stub.tokens(token(stub)))
    assert meeting.complete().sub == "alice"


@pytest.mark.parametrize(
    "drift", [{"iat": -300, "exp": 0}, {"iat": 300, "exp": 600}], ids=["five minutes behind", "five minutes ahead"]
)
def test_a_clock_five_minutes_off_is_refused_and_the_person_is_told_that_it_is_the_clock(
    meeting: Meeting, drift: dict[str, int]
) -> None:
    stub = meeting.stub
    times = {name: int(NOW()) + seconds for name, seconds in drift.items()}
    stub.respond = lambda _form: (200, stub.tokens(stub.id_token(**times)))
    with pytest.raises(SignInRefused, match="clock"):
        meeting.complete()


def test_an_algorithm_the_agency_does_not_allow_is_refused_even_with_a_known_key(meeting: Meeting) -> None:
    stub = meeting.stub
    stub.respond = lambda _form: (200, stub.tokens(stub.id_token("RS256")))
    with pytest.raises(SignInRefused):
        meeting.with_client(algorithms=("ES256",)).complete()


def test_without_a_floor_any_acr_will_do(meeting: Meeting) -> None:
    stub = meeting.stub
    stub.respond = lambda _form: (200, stub.tokens(stub.id_token(acr=...)))
    assert meeting.with_client(acr_accepted=()).complete().acr is None


def test_symmetric_short_and_encryption_keys_of_the_issuer_are_left_out(meeting: Meeting) -> None:
    stub = meeting.stub
    key = OctKey.generate_key(256)
    short = {"kty": "RSA", "n": b64(b"\xc1" + b"\x01" * 127), "e": "AQAB", "kid": "short"}
    enc = {**STRANGER.as_dict(private=False), "use": "enc", "kid": "enc"}
    stub.jwks = {"keys": [{**key.as_dict(private=True), "kid": "oct"}, short, enc, 5, *stub.jwks["keys"]]}
    assert meeting.complete().sub == "alice"
    known = {one.kid for one in meeting.provider.keys().keys}
    assert not known & {"oct", "short", "enc"}


def test_a_token_of_an_earlier_sign_in_is_refused_for_this_one(meeting: Meeting) -> None:
    stub = meeting.stub
    earlier = stub.id_token()
    stub.respond = lambda _form: (200, stub.tokens(earlier))
    later = replace(meeting, pending=replace(meeting.pending, nonce="nonce-of-the-next-sign-in"))
    with pytest.raises(SignInRefused):
        later.complete()
