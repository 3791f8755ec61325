"""Programs with keys of their own: what one signs proves it once, for minutes, here; a change to it proves nothing."""

import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted, StepUp
from jit_server.identity import programs
from jit_server.identity.programs.assertions import KIND
from jit_server.web.api import check
from jit_server.work import House
from tests.builders import Who, World, stale
from tests.identity.signing_in import signed_in
from tests.identity.test_programs import administrator

KEY, OTHER, EDWARDS, RSA = ECKey.generate_key(), ECKey.generate_key(), OKPKey.generate_key(), RSAKey.generate_key()
BASE = {"scopes": [Action.WORKSPACE_READ], "name": "Case system"}


def public(*keys: Any, **more: str) -> dict[str, Any]:
    """A key set as an agency states it."""
    return {"keys": [key.as_dict(private=False) | more for key in keys]}


def signed(claims: dict[str, Any], key: Any = KEY, algorithm: str = "ES256", **header: Any) -> str:
    """An assertion; header fields of value None are left out."""
    stated = {name: value for name, value in ({"alg": algorithm, "typ": "JWT"} | header).items() if value is not None}
    return jwt.encode(stated, claims, key, registry=JWSRegistry(algorithms=[algorithm]))


@pytest.fixture
def admin(world: World) -> Who:
    return administrator(world, "DE")


@pytest.fixture
def client_id(world: World, admin: Who) -> str:
    """A program of DE's agency that signs with KEY."""
    with world.work(admin) as uow:
        return str(programs.create_client(uow, programs.NewClient(**BASE, jwks=public(KEY))).client.id)


def honest(house: House, client_id: str, **changes: Any) -> dict[str, Any]:
    """The claims of a good assertion; a change to `...` leaves one out."""
    now = int(time.time())
    claims = {"iss": client_id, "sub": client_id, "aud": house.settings.base_url, "jti": uuid4().hex}
    claims |= {"iat": now, "exp": now + 60} | changes
    return {name: value for name, value in claims.items() if value is not ...}


def asks(client: FlaskClient, assertion: str, **fields: str) -> Any:
    """Ask for a token by an assertion."""
    stated = {"grant_type": "client_credentials", "client_assertion_type": KIND, "client_assertion": assertion}
    return client.post("/oauth/token", data=stated | fields)


@pytest.mark.parametrize(
    ("key", "algorithm"), [(KEY, "ES256"), (EDWARDS, "Ed25519"), (RSA, "PS256")], ids=["EC", "OKP", "RSA"]
)
def test_what_a_program_signs_with_its_key_brings_it_a_token(
    client: FlaskClient, house: House, world: World, admin: Who, key: Any, algorithm: str
) -> None:
    with world.work(admin) as uow:
        made = programs.create_client(uow, programs.NewClient(**BASE, jwks=public(key)))
    assert made.secret == ""
    key_id, door = str(made.client.id), f"{house.settings.base_url.rstrip('/')}/oauth/token"
    for claims in ({}, {"aud": door}, {"aud": [door]}, {"iat": ..., "nbf": int(time.time())}):
        answer = asks(client, signed(honest(house, key_id, **claims), key, algorithm))
        assert answer.status_code == 200, answer.text
    headers = {"Authorization": f"Bearer {answer.get_json()['access_token']}"}
    assert client.get(f"/api/v1/workspaces/{uuid4()}", headers=headers).status_code == 404


CLAIMS: dict[str, Callable[[str, float], dict[str, Any]]] = {
    "issuer is somebody else": lambda _me, _now: {"iss": str(uuid4())},
    "issuer missing": lambda _me, _now: {"iss": ...},
    "subject is somebody else": lambda _me, _now: {"sub": str(uuid4())},
    "subject missing": lambda _me, _now: {"sub": ...},
    "subject is a number": lambda _me, _now: {"sub": 7},
    "subject is no id": lambda _me, _now: {"sub": "x\u0000", "iss": "x\u0000"},
    "audience missing": lambda _me, _now: {"aud": ...},
    "audience elsewhere": lambda _me, _now: {"aud": "https://jit.example"},
    "audience empty": lambda _me, _now: {"aud": []},
    "audience is an object": lambda _me, _now: {"aud": {"a": 1}},
    "audience holds another": lambda _me, _now: {"aud": ["http://localhost", "https://evil.example"]},
    "audience is the program": lambda me, _now: {"aud": me},
    "jti missing": lambda _me, _now: {"jti": ...},
    "jti empty": lambda _me, _now: {"jti": ""},
    "jti a number": lambda _me, _now: {"jti": 7},
    "jti endless": lambda _me, _now: {"jti": "x" * 256},
    "no end": lambda _me, _now: {"exp": ...},
    "end is text": lambda _me, now: {"exp": str(int(now) + 60)},
    "end is true": lambda _me, _now: {"exp": True},
    "ended": lambda _me, now: {"exp": int(now) - 31, "iat": int(now) - 60},
    "good for an hour": lambda _me, now: {"exp": int(now) + 3600},
    "good for an hour without beginning": lambda _me, now: {"exp": int(now) + 3600, "iat": ...},
    "good for longer than it may": lambda _me, now: {"exp": int(now) + 200, "iat": int(now) - 200},
    "begins later": lambda _me, now: {"nbf": int(now) + 120},
    "made later": lambda _me, now: {"iat": int(now) + 120, "exp": int(now) + 180},
    "made at no moment": lambda _me, _now: {"iat": "now"},
}


@pytest.mark.parametrize("change", CLAIMS)
def test_a_claim_that_does_not_fit_proves_nothing(
    client: FlaskClient, house: House, client_id: str, change: str
) -> None:
    answer = asks(client, signed(honest(house, client_id, **CLAIMS[change](client_id, time.time()))))
    assert (answer.status_code, answer.get_json()) == (401, {"error": "invalid_client"})


def _turned(token: str, place: int) -> str:
    """The token with one bit of one of its parts turned."""
    parts = token.split(".")
    raw = bytearray(urlsafe_b64decode(parts[place] + "=="))
    raw[len(raw) // 2] ^= 1
    parts[place] = urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    return ".".join(parts)


def _unsigned(claims: dict[str, Any]) -> str:
    pieces = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join(urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in pieces) + "."


def _named_by_number(claims: dict[str, Any]) -> str:
    head, *rest = signed(claims).split(".")
    header = json.loads(urlsafe_b64decode(head + "==")) | {"kid": 7}
    return ".".join((urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode(), *rest))


TOKENS: dict[str, Callable[[dict[str, Any]], str]] = {
    "signed by another key": lambda claims: signed(claims, OTHER),
    "signed by another key under this one's name": lambda claims: signed(claims, OTHER, kid=KEY.thumbprint()),
    "names a key that is not registered": lambda claims: signed(claims, kid="other"),
    "names its key by a number": _named_by_number,
    "brings its own key": lambda claims: signed(claims, OTHER, jwk=OTHER.as_dict(private=False)),
    "by the public key as a secret": lambda claims: signed(
        claims, OctKey.import_key(KEY.as_pem(private=False).replace(b"-", b"_")), "HS256"
    ),
    "unsigned": _unsigned,
    "another kind of token": lambda claims: signed(claims, typ="at+jwt"),
    "a logout token": lambda claims: signed(claims, typ="logout+jwt"),
    "by an algorithm of another key": lambda claims: signed(claims, RSA, "PS256"),
    "header turned": lambda claims: _turned(signed(claims), 0),
    "payload turned": lambda claims: _turned(signed(claims), 1),
    "signature turned": lambda claims: _turned(signed(claims), 2),
    "no signature": lambda claims: signed(claims).rpartition(".")[0] + ".",
    "two parts": lambda claims: signed(claims).rpartition(".")[0],
    "five parts": lambda claims: signed(claims) + ".a.b",
    "empty": lambda _claims: "",
    "three full stops": lambda _claims: "...",
    "no ASCII": lambda claims: signed(claims).replace(".", "ä.", 1),
    "endless": lambda claims: signed(claims | {"more": "x" * 10_000}),
    "nested": lambda claims: ".".join(
        (signed(claims).split(".")[0], urlsafe_b64encode(b"[" * 4000).decode().rstrip("="), "YQ")
    ),
    "an array": lambda claims: ".".join((signed(claims).split(".")[0], "W10", "YQ")),
}


@pytest.mark.parametrize("change", TOKENS)
def test_a_token_that_was_not_signed_so_proves_nothing(
    client: FlaskClient, house: House, client_id: str, change: str
) -> None:
    answer = asks(client, TOKENS[change](honest(house, client_id)))
    assert (answer.status_code, answer.get_json()) == (401, {"error": "invalid_client"})


def test_an_assertion_is_taken_once_whichever_worker_it_meets(app: Flask, house: House, client_id: str) -> None:
    assertion = signed(honest(house, client_id))
    with ThreadPoolExecutor(4) as workers:
        found = list(workers.map(lambda _: asks(app.test_client(), assertion).status_code, range(8)))
    assert sorted(found) == [200] + [401] * 7
    again = asks(app.test_client(), signed(honest(house, client_id, jti=_claims(assertion)["jti"], extra=1)))
    assert again.status_code == 401


def _claims(token: str) -> dict[str, Any]:
    return json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))


def test_two_programs_may_choose_the_same_name_for_what_they_sign(
    client: FlaskClient, house: House, world: World, admin: Who, client_id: str
) -> None:
    with world.work(admin) as uow:
        other = str(programs.create_client(uow, programs.NewClient(**BASE, jwks=public(OTHER))).client.id)
    jti = uuid4().hex
    assert asks(client, signed(honest(house, client_id, jti=jti))).status_code == 200
    assert asks(client, signed(honest(house, other, jti=jti), OTHER)).status_code == 200


def test_a_program_proves_itself_in_one_way_at_a_time(client: FlaskClient, house: House, client_id: str) -> None:
    fine = honest(house, client_id)
    basic = client.post(
        "/oauth/token",
        data={"grant_type": "client_credentials", "client_assertion_type": KIND, "client_assertion": signed(fine)},
        auth=(client_id, "x"),
    )
    both = asks(client, signed(fine), client_secret="x")
    strange = asks(
        client, signed(fine), client_assertion_type="urn:ietf:params:oauth:client-assertion-type:saml2-bearer"
    )
    half = client.post("/oauth/token", data={"grant_type": "client_credentials", "client_assertion": signed(fine)})
    for answer in (basic, both, strange, half):
        assert (answer.status_code, answer.get_json()) == (400, {"error": "invalid_request"})
    assert asks(client, signed(fine), client_id=str(uuid4())).status_code == 401
    assert asks(client, signed(fine), client_id=client_id).status_code == 200


def test_a_program_with_a_key_has_no_secret_and_one_with_a_secret_no_key(
    client: FlaskClient, house: House, world: World, admin: Who, client_id: str
) -> None:
    for secret in ("", "\0" * 32, "x" * 43):
        tried = client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(client_id, secret))
        assert tried.status_code == 401
    with world.work(admin) as uow:
        made = programs.create_client(uow, programs.NewClient(**BASE))
    assert asks(client, signed(honest(house, str(made.client.id)))).status_code == 401


def test_keys_change_without_a_gap_and_what_counted_before_ends(
    client: FlaskClient, house: House, world: World, admin: Who, client_id: str
) -> None:
    token = asks(client, signed(honest(house, client_id))).get_json()["access_token"]
    with world.work(admin) as uow:
        both = public(KEY, kid="old")["keys"] + public(OTHER, kid="new")["keys"]
        programs.replace_keys(uow, UUID(client_id), programs.NewKeys(jwks={"keys": both}))
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert asks(client, signed(honest(house, client_id), kid="old")).status_code == 200
    assert asks(client, signed(honest(house, client_id), OTHER, kid="new")).status_code == 200
    assert asks(client, signed(honest(house, client_id), OTHER, kid=OTHER.thumbprint())).status_code == 200
    assert asks(client, signed(honest(house, client_id))).status_code == 401  # which of the two?
    with world.work(admin) as uow:
        programs.replace_keys(uow, UUID(client_id), programs.NewKeys(jwks=public(OTHER)))
    assert asks(client, signed(honest(house, client_id))).status_code == 401
    with pytest.raises(Conflict, match="key of its own"), world.work(admin) as uow:
        programs.rotate_secret(uow, UUID(client_id))


def test_only_the_agencys_own_administrator_with_a_recent_sign_in_changes_keys(
    world: World, admin: Who, client_id: str
) -> None:
    key, new = UUID(client_id), programs.NewKeys(jwks=public(OTHER))
    cases = ((world.person("DE"), NotPermitted), (administrator(world, "FR"), NotFound), (stale(admin), StepUp))
    for who, error in cases:
        with pytest.raises(error), world.work(who) as uow:
            programs.replace_keys(uow, key, new)
    with world.work(admin) as uow:
        programs.revoke_client(uow, key)
    with pytest.raises(Conflict), world.work(admin) as uow:
        programs.replace_keys(uow, key, new)


def _as_dict(key: Any, **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (key.as_dict(private=False) | changes).items() if value is not ...}


WRONG: dict[str, Callable[[], Any]] = {
    "no JSON": lambda: "-----BEGIN PUBLIC KEY-----",
    "a number": lambda: "7",
    "too deep": lambda: "[" * 10_000,
    "endless": lambda: json.dumps({"keys": ["x" * 30_000]}),
    "no keys": lambda: {"keys": []},
    "six keys": lambda: public(*(ECKey.generate_key() for _ in range(6))),
    "keys that are words": lambda: {"keys": ["a"]},
    "a private key": lambda: json.dumps(KEY.as_dict(private=True)),
    "a secret": lambda: OctKey.generate_key().as_dict(),
    "another curve": lambda: public(ECKey.generate_key("P-384")),
    "for agreement of keys": lambda: public(OKPKey.generate_key("X25519")),
    "for encryption": lambda: public(KEY, use="enc"),
    "for another algorithm": lambda: public(RSA, alg="RS256"),
    "of no kind": lambda: {"kty": ["EC"]},
    "a point that is none": lambda: {"keys": [_as_dict(KEY, y=KEY.as_dict(private=False)["x"])]},
    "half a point": lambda: {"keys": [_as_dict(KEY, y=...)]},
    "numbers in place of text": lambda: {"keys": [_as_dict(KEY, x=7)]},
    "the same twice": lambda: public(KEY, KEY),
    "two of one name": lambda: public(KEY, OTHER, kid="a"),
    "an endless name": lambda: public(KEY, kid="a" * 300),
    "a name that cannot be shown": lambda: public(KEY, kid="a\u202e"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_public_key_is_refused_in_words_without_repeating_it(case: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check(programs.NewKeys, {"jwks": WRONG[case]()})
    [fault] = refusal.value.members["errors"]
    assert fault["field"] == "jwks"
    assert fault["message"].endswith(".")
    assert "BEGIN" not in fault["message"]
    assert str(KEY.as_dict(private=True)["d"]) not in json.dumps(refusal.value.members)


def test_only_what_a_key_consists_of_is_kept() -> None:
    stated = public(KEY, x5u="https://evil.example", key_ops="sign") | {"more": 1}
    for typed in (stated, json.dumps(stated), stated["keys"][0]):
        [kept] = check(programs.NewKeys, {"jwks": typed}).jwks["keys"]
        assert set(kept) == {"kty", "crv", "x", "y", "kid"}
        assert kept["kid"] == KEY.thumbprint()
    assert KeySet.import_key_set({"keys": [kept]})


def test_a_short_rsa_key_is_refused() -> None:
    modulus = urlsafe_b64encode((2**1023 + 1).to_bytes(128)).rstrip(b"=").decode()
    with pytest.raises(Invalid, match="2048"):
        check(programs.NewKeys, {"jwks": {"kty": "RSA", "n": modulus, "e": "AQAB"}})


def test_an_administrator_states_a_key_on_the_page_and_reads_its_thumbprint(
    app: Flask, house: House, admin: Who
) -> None:
    browser = signed_in(app, house, admin)
    typed = json.dumps(public(KEY, kid="mine"))
    wrong = browser.post("/agency/keys", name="Report", days="30", scopes="log:read", jwks=typed[:-1])
    assert wrong.status_code == 422
    assert "no JSON Web Key" in wrong.text
    assert "mine" in wrong.text  # what was typed stays
    made = browser.post("/agency/keys", name="Report", days="30", scopes="log:read", jwks=typed)
    assert made.status_code == 200
    assert KEY.thumbprint() in made.text
    assert "only time" not in made.text
    key = browser.get("/agency/keys").text.split('href="/agency/keys/')[1].split('"')[0]
    refused = browser.post(f"/agency/keys/{key}", jwks=json.dumps(KEY.as_dict(private=True)))
    assert refused.status_code == 422
    assert "private key" in refused.text
    assert browser.post(f"/agency/keys/{key}", jwks=json.dumps(public(OTHER))).status_code == 303
    page = browser.get(f"/agency/keys/{key}").text
    assert OTHER.thumbprint() in page
    assert KEY.thumbprint() not in page
    assert browser.get(f"/agency/keys/{uuid4()}").status_code == 404
