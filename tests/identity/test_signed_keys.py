"""Keys behind `signed_jwks_uri`: taken from the provider's own origin, under a key its superior vouches for."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey, Key

from jit_server.core.errors import Unavailable
from jit_server.identity.provider import Provider
from jit_server.identity.trust import Federated
from jit_server.identity.trust.signed_keys import TYPE
from tests.identity.federation import Entity, Federation, answer, federation, kept, public, statement

OTHER, SIGNS = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")


@pytest.fixture
def fed() -> Iterator[Federation]:
    """Anchor and a provider that publishes its keys signed, and in no other way."""
    with federation() as made:
        made.entity("anchor")
        made.provider("op", "anchor", jwks=..., signed_jwks_uri=made.url("op/signed"))
        serves(made)
        yield made


def document(entity: Entity, key: Key | None = None, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """The signed key set, as an honest provider makes it; `...` takes a claim or header away."""
    now = int(time.time())
    claims = {"iss": entity.url, "sub": entity.url, "iat": now, "exp": now + 600, "keys": public(SIGNS)["keys"]}
    return statement(key or entity.key, kept(claims | changes), **({"typ": TYPE} | (header or {})))


def serves(fed: Federation, token: str | None = None, **how: Any) -> None:
    entity = fed.entities["op"]
    fed.hooks["/op/signed"] = lambda handler: answer(handler, token or document(entity), **({"kind": TYPE} | how))


def provider(fed: Federation) -> Provider:
    asks = Federated(fed.url("op"), [fed.entities["anchor"].anchor()], loopback=True)
    return Provider(fed.url("op"), ttl=3600, loopback=True, source=asks)


def reason(fed: Federation) -> str:
    with pytest.raises(Unavailable) as caught:
        provider(fed).keys()
    return str(caught.value.members["reason"])


def test_signed_keys_are_the_providers_keys_for_as_long_as_they_say(fed: Federation) -> None:
    known = provider(fed).keys()
    assert [key.kid for key in known] == [SIGNS.thumbprint()]
    asks = Federated(fed.url("op"), [fed.entities["anchor"].anchor()], loopback=True)
    assert 500 < asks().good_for <= 540  # they end before the chain does


def test_keys_in_the_metadata_need_no_second_document(fed: Federation) -> None:
    fed.entities["op"].metadata["openid_provider"]["jwks"] = public(OTHER)
    known = provider(fed).keys()
    assert [key.kid for key in known] == [OTHER.thumbprint()]
    assert fed.asked["/op/signed"] == 0


def test_new_signed_keys_are_asked_for_when_a_token_names_one(fed: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    known = provider(fed)
    known.keys()
    serves(fed, document(fed.entities["op"], keys=public(OTHER)["keys"]))
    monkeypatch.setattr("jit_server.identity.provider.REFETCH", 0.0)
    assert [key.kid for key in known.keys(newer=True)] == [OTHER.thumbprint()]


@pytest.mark.parametrize(
    ("key", "header", "changes", "wrong"),
    [
        (OTHER, {}, {}, "trust-key"),
        (OTHER, {"kid": None}, {}, "trust-kid"),
        (None, {"kid": ...}, {}, "trust-kid"),
        (None, {"typ": "entity-statement+jwt"}, {}, "trust-typ"),
        (None, {"typ": ...}, {}, "trust-typ"),
        (None, {"crit": ["x"], "x": 1}, {}, "trust-crit"),
        (None, {}, {"iss": "https://thief.example"}, "trust-signed-jwks"),
        (None, {}, {"sub": "https://thief.example"}, "trust-signed-jwks"),
        (None, {}, {"sub": ...}, "trust-signed-jwks"),
        (None, {}, {"keys": ...}, "trust-signed-jwks"),
        (None, {}, {"keys": {"a": 1}}, "trust-signed-jwks"),
        (None, {}, {"exp": 1}, "trust-expired"),
        (None, {}, {"exp": "soon"}, "trust-signed-jwks"),
        (None, {}, {"iat": int(time.time()) + 3600}, "trust-iat"),
        (None, {}, {"keys": []}, "answer"),
    ],
)
def test_keys_that_are_not_signed_as_they_must_be_are_refused(
    fed: Federation, key: Key | None, header: Any, changes: Any, wrong: str
) -> None:
    serves(fed, document(fed.entities["op"], key, header, **changes))
    assert reason(fed) == wrong


def test_another_key_under_the_providers_name_is_refused(fed: Federation) -> None:
    entity = fed.entities["op"]
    serves(fed, document(entity, OTHER, {"kid": entity.key.thumbprint()}))
    assert reason(fed) == "trust-signature"


def test_a_key_the_provider_gives_itself_and_its_superior_does_not_know_is_refused(fed: Federation) -> None:
    """Whoever takes over the provider's web server can publish a key there, and sign with it, in vain."""
    entity = fed.entities["op"]
    entity.says["jwks"] = {"keys": public(entity.key)["keys"] + public(OTHER)["keys"]}
    fed.entities["anchor"].about[entity.url] = {"jwks": public(entity.key)}
    serves(fed, document(entity, OTHER))
    assert reason(fed) == "trust-key"


@pytest.mark.parametrize(
    ("how", "wrong"),
    [({"kind": "json"}, "trust-answer"), ({"status": 404}, "trust-answer"), ({"status": 503}, "answer")],
)
def test_another_answer_is_none(fed: Federation, how: Any, wrong: str) -> None:
    serves(fed, **how)
    assert reason(fed) == wrong


def test_keys_at_another_host_than_the_providers_are_not_fetched(fed: Federation) -> None:
    fed.entities["op"].metadata["openid_provider"]["signed_jwks_uri"] = "https://thief.example/keys"
    assert reason(fed) == "trust-address"
    fed.entities["op"].metadata["openid_provider"]["signed_jwks_uri"] = 7
    assert reason(fed) == "trust-signed-jwks"


def test_while_the_signed_keys_cannot_be_had_the_last_ones_count_until_they_end(fed: Federation) -> None:
    asks = Federated(fed.url("op"), [fed.entities["anchor"].anchor()], loopback=True)
    first = asks()
    serves(fed, status=503)
    again = asks()
    assert again.keys == first.keys
    assert again.good_for <= first.good_for
