"""Trust chains over real HTTP: good ones, and every bad one the specification or an attacker can think of."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from jit_server.core import clock
from jit_server.core.errors import SignInRefused, Unavailable
from jit_server.identity import transport, trust
from jit_server.identity.provider import Provider
from jit_server.identity.trust import Broken, Federated, resolver
from jit_server.identity.trust.chain import LONGEST
from tests.identity.conftest import Meeting, meeting_of
from tests.identity.federation import HOUR, Entity, Federation, answer, federation, public, statement
from tests.identity.stub import Stub, b64

OTHER = ECKey.generate_key("P-256")


@pytest.fixture
def fed() -> Iterator[Federation]:
    with federation() as made:
        yield made


@pytest.fixture
def team(fed: Federation) -> Federation:
    """Anchor, one intermediate, one identity provider."""
    fed.entity("anchor")
    fed.entity("ministry", "anchor")
    fed.provider("op", "ministry")
    return fed


def find(fed: Federation, *anchors: str, entity: str = "op") -> trust.Resolved:
    known = [fed.entities[name].anchor() for name in anchors or ("anchor",)]
    return trust.find(fed.entities[entity].url, known, loopback=True)


def broken(fed: Federation, *anchors: str, entity: str = "op") -> str:
    with pytest.raises(Broken) as caught:
        find(fed, *anchors, entity=entity)
    return caught.value.reason


def says_of(fed: Federation, superior: str, entity: str, /, **changes: Any) -> None:
    fed.entities[superior].about.setdefault(fed.entities[entity].url, {}).update(changes)


def op(found: trust.Resolved) -> Any:
    return found.metadata["openid_provider"]


def test_a_chain_makes_the_issuer_known_as_its_superiors_let_it(team: Federation) -> None:
    found = find(team)
    assert found.path == (team.url("ministry"), team.url("anchor"))
    assert found.anchor == team.url("anchor")
    assert op(found)["issuer"] == team.url("op")


def test_an_anchor_may_vouch_without_anybody_between(fed: Federation) -> None:
    fed.entity("anchor")
    fed.provider("op", "anchor")
    assert find(fed).path == (fed.url("anchor"),)


@pytest.mark.parametrize("key", [ECKey.generate_key("P-256"), RSAKey.generate_key(2048)])
def test_statements_may_be_signed_with_rsa_or_an_elliptic_curve(fed: Federation, key: Any) -> None:
    fed.entity("anchor", key=key)
    fed.provider("op", "anchor")
    assert find(fed).path == (fed.url("anchor"),)


def test_the_chain_ends_with_its_shortest_lived_statement(team: Federation) -> None:
    soon = int(time.time()) + 600
    says_of(team, "anchor", "ministry", exp=soon)
    assert find(team).expires_at.timestamp() == soon


def test_the_shorter_of_two_chains_is_taken(team: Federation) -> None:
    team.entities["op"].superiors = [team.url("ministry"), team.url("anchor")]
    team.entities["anchor"].subordinates[team.url("op")] = team.entities["op"]
    assert find(team).path == (team.url("anchor"),)


def test_a_dead_end_does_not_hide_the_way_that_holds(team: Federation) -> None:
    team.entities["op"].superiors = [team.url("nobody"), "http://127.0.0.1:9/gone", team.url("ministry")]
    assert find(team).path == (team.url("ministry"), team.url("anchor"))


def test_a_superior_overrides_the_metadata_before_any_policy(team: Federation) -> None:
    says_of(team, "ministry", "op", metadata={"openid_provider": {"acr_values_supported": ["high", "low"]}})
    says_of(team, "anchor", "ministry", metadata_policy={"openid_provider": {"acr_values_supported": {"one_of": []}}})
    assert broken(team) == "policy-shape"
    policy = {"openid_provider": {"acr_values_supported": {"subset_of": ["high"]}}}
    says_of(team, "anchor", "ministry", metadata_policy=policy)
    assert op(find(team))["acr_values_supported"] == ["high"]


def test_a_superior_cannot_give_an_entity_a_role_it_does_not_claim(team: Federation) -> None:
    says_of(team, "ministry", "op", metadata={"oauth_authorization_server": {"issuer": "https://x.example"}})
    assert "oauth_authorization_server" not in find(team).metadata


# --- signatures and keys


def test_a_configuration_signed_with_another_key_is_refused(team: Federation) -> None:
    team.entities["op"].signs_with = OTHER
    team.entities["op"].header = {"kid": team.entities["op"].key.thumbprint()}
    assert broken(team) == "signature"


def test_an_issuer_whose_superior_knows_another_key_is_refused(team: Federation) -> None:
    """Whoever takes over the issuer's web server can publish a key, but cannot make the ministry vouch for it."""
    says_of(team, "ministry", "op", jwks=public(OTHER))
    assert broken(team) == "key"


def test_an_intermediate_whose_superior_knows_another_key_is_refused(team: Federation) -> None:
    says_of(team, "anchor", "ministry", jwks=public(OTHER))
    assert broken(team) == "key"


def test_an_anchor_with_other_keys_than_the_operator_received_is_refused(team: Federation) -> None:
    """Whoever takes over the anchor's web server changes nothing: its keys came by another way."""
    known = team.entities["anchor"].anchor()
    team.entities["anchor"].key = ECKey.generate_key("P-256")
    with pytest.raises(Broken) as caught:
        trust.find(team.url("op"), [known], loopback=True)
    assert caught.value.reason == "key"


@pytest.mark.parametrize("kid", [..., "", "unknown", 7])
def test_a_statement_must_name_a_key_that_is_there(team: Federation, kid: Any) -> None:
    team.entities["ministry"].header = {"kid": kid}
    assert broken(team) == ("key" if kid == "unknown" else "kid")


def test_a_statement_without_signature_is_refused(team: Federation) -> None:
    team.entities["op"].header = {"alg": "none"}
    assert broken(team) == "alg"


def test_a_shared_secret_signs_nothing(team: Federation) -> None:
    """A public key's text used as an HMAC secret, the oldest trick of all."""
    entity = team.entities["op"]
    secret = OctKey.import_key(json.dumps(public(entity.key)["keys"][0]))
    forged = statement(secret, entity.claims(), alg="HS256", kid=entity.key.thumbprint())
    team.hooks["/op/.well-known/openid-federation"] = lambda handler: answer(handler, forged)
    assert broken(team) == "alg"


@pytest.mark.parametrize("kind", ["JWT", "entity-statement", ...])
def test_only_a_token_of_the_right_type_is_a_statement(team: Federation, kind: Any) -> None:
    team.entities["op"].header = {"typ": kind}
    assert broken(team) == "typ"


@pytest.mark.parametrize(
    "jwks", [{}, {"keys": []}, {"keys": ["x"]}, {"keys": [{"kty": "EC"}]}, {"keys": public(OTHER)["keys"] * 2}]
)
def test_keys_without_names_of_their_own_are_refused(team: Federation, jwks: Any) -> None:
    says_of(team, "ministry", "op", jwks=jwks)
    assert broken(team) == "jwks"


def test_a_weak_rsa_key_signs_nothing(fed: Federation) -> None:
    fed.entity("anchor")
    fed.provider("op", "anchor")
    with pytest.warns(Warning, match="Key size"):
        weak = RSAKey.generate_key(1024, auto_kid=True)
    fed.entities["op"].says = {"jwks": {"keys": [{**weak.as_dict(private=False), "kid": "weak"}]}}
    assert broken(fed) == "jwks"


# --- who speaks about whom


def test_a_statement_about_another_entity_is_refused(team: Federation) -> None:
    says_of(team, "ministry", "op", sub="http://127.0.0.1:1/other")
    assert broken(team) == "subject"


def test_a_statement_by_another_issuer_is_refused(team: Federation) -> None:
    says_of(team, "anchor", "ministry", iss=team.url("other"))
    assert broken(team) == "subject"


def test_a_configuration_of_another_entity_is_refused(team: Federation) -> None:
    team.entities["op"].says = {"iss": "https://other.example", "sub": "https://other.example"}
    assert broken(team) == "subject"


def test_a_configuration_in_place_of_a_statement_is_refused(team: Federation) -> None:
    ministry = team.entities["ministry"]
    team.hooks["/ministry/fetch"] = lambda handler: answer(handler, ministry.configuration())
    assert broken(team) == "subject"


def test_an_anchor_of_another_state_does_not_vouch_here(team: Federation) -> None:
    team.entity("foreign")
    assert broken(team, "foreign") == "anchor"


def test_without_any_anchor_nothing_is_even_asked(team: Federation) -> None:
    with pytest.raises(Broken, match="anchor"):
        trust.find(team.url("op"), [], loopback=True)
    assert not team.asked


def test_a_superior_that_does_not_know_the_entity_ends_the_chain(team: Federation) -> None:
    team.entities["ministry"].subordinates.pop(team.url("op"))
    team.entities["ministry"].subordinates["https://somebody.example"] = team.entities["op"]
    assert broken(team) == "answer"


# --- times


def test_an_expired_statement_is_refused(team: Federation) -> None:
    says_of(team, "ministry", "op", exp=int(time.time()) - 31)
    assert broken(team) == "expired"


def test_a_statement_from_tomorrow_is_refused(team: Federation) -> None:
    says_of(team, "anchor", "ministry", iat=int(time.time()) + HOUR)
    assert broken(team) == "iat"


def test_clocks_may_differ_by_half_a_minute(team: Federation) -> None:
    says_of(team, "anchor", "ministry", iat=int(time.time()) + 25)
    says_of(team, "ministry", "op", exp=int(time.time()) - 25)
    assert find(team)


# --- shape


@pytest.mark.parametrize(
    "changes",
    [
        {"jwks": ...},
        {"iat": ...},
        {"exp": ...},
        {"exp": "tomorrow"},
        {"exp": 1e12},
        {"sub": ...},
        {"iss": "ftp://x.example", "sub": "ftp://x.example"},
        {"authority_hints": []},
        {"authority_hints": "https://x.example"},
        {"authority_hints": ["https://x.example?y"]},
        {"metadata": {"openid_provider": {"issuer": None}}},
        {"metadata": []},
        {"constraints": {"max_path_length": 1}},
        {"metadata_policy": {}},
    ],
)
def test_a_configuration_of_the_wrong_shape_is_refused(team: Federation, changes: dict[str, Any]) -> None:
    team.entities["op"].says = changes
    assert broken(team) == "claims"


def test_a_subordinate_statement_carries_no_authority_hints(team: Federation) -> None:
    says_of(team, "ministry", "op", authority_hints=[team.url("anchor")])
    assert broken(team) == "claims"


@pytest.mark.parametrize("changes", [{"crit": ["jti"], "jti": "1"}, {"metadata_policy_crit": ["regexp"]}])
def test_a_critical_extension_is_refused(team: Federation, changes: dict[str, Any]) -> None:
    says_of(team, "ministry", "op", **changes)
    assert broken(team) == "crit"


def test_a_name_given_twice_is_refused(team: Federation) -> None:
    payload = json.dumps(team.entities["op"].claims())[:-1] + ', "sub": "https://other.example"}'
    token = f"{b64({'typ': 'entity-statement+jwt', 'alg': 'ES256', 'kid': 'k'})}.{b64(payload)}.{b64('sig')}"
    team.hooks["/op/.well-known/openid-federation"] = lambda handler: answer(handler, token)
    assert broken(team) == "form"


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "é.b.c", f"{b64('[]')}.{b64('{}')}.x", "{" * 50_000 + ".a.b"])
def test_what_is_no_token_is_refused(team: Federation, token: str) -> None:
    team.hooks["/op/.well-known/openid-federation"] = lambda handler: answer(handler, token)
    assert broken(team) in {"form", "size"}


# --- constraints and policies across the chain


def test_a_chain_longer_than_its_anchor_allows_is_refused(team: Federation) -> None:
    says_of(team, "anchor", "ministry", constraints={"max_path_length": 0})
    assert broken(team) == "max-path-length"
    says_of(team, "anchor", "ministry", constraints={"max_path_length": 1})
    assert find(team)


def test_an_anchor_keeps_its_subordinates_within_its_names(fed: Federation) -> None:
    fed.entity("anchor")
    fed.entity("ministry", "anchor", host="localhost")
    fed.provider("op", "ministry", host="localhost")
    says_of(fed, "anchor", "ministry", constraints={"naming_constraints": {"permitted": ["localhost"]}})
    assert find(fed)
    says_of(fed, "anchor", "ministry", constraints={"naming_constraints": {"permitted": [".police.fr"]}})
    assert broken(fed) == "naming"


def test_an_anchor_may_leave_an_entity_no_role_as_identity_provider(team: Federation) -> None:
    says_of(team, "anchor", "ministry", constraints={"allowed_entity_types": ["openid_relying_party"]})
    assert "openid_provider" not in find(team).metadata
    with pytest.raises(Unavailable) as caught:
        Federated(team.url("op"), [team.entities["anchor"].anchor()], loopback=True)()
    assert caught.value.members["reason"] == "trust-type"


def test_policies_that_contradict_each_other_break_the_chain(team: Federation) -> None:
    name = "token_endpoint_auth_method"
    says_of(team, "anchor", "ministry", metadata_policy={"openid_provider": {name: {"value": "private_key_jwt"}}})
    says_of(team, "ministry", "op", metadata_policy={"openid_provider": {name: {"value": "none"}}})
    assert broken(team) == "policy-conflict"


def test_an_intermediate_cannot_widen_what_the_anchor_allows(team: Federation) -> None:
    name = "id_token_signing_alg_values_supported"
    says_of(team, "anchor", "ministry", metadata_policy={"openid_provider": {name: {"subset_of": ["ES256"]}}})
    wide = {"openid_provider": {name: {"subset_of": ["ES256", "PS256", "RS256"]}}}
    says_of(team, "ministry", "op", metadata_policy=wide)
    assert op(find(team))[name] == ["ES256"]
    says_of(team, "ministry", "op", metadata_policy={"openid_provider": {name: {"add": ["RS256"]}}})
    assert broken(team) == "policy-combination"


# --- bounds: the lower end names where to ask, so it must not be able to make work


def test_a_loop_ends(fed: Federation) -> None:
    fed.entity("anchor")
    fed.entity("a")
    fed.entity("b", "a")
    fed.entities["a"].superiors = [fed.url("b")]
    fed.entities["b"].subordinates[fed.url("a")] = fed.entities["a"]
    fed.provider("op", "b")
    assert broken(fed) == "anchor"
    assert max(fed.asked.values()) <= 2  # `a` and `b` speak once of themselves, once of each other


def test_a_chain_deeper_than_the_bound_is_refused(fed: Federation) -> None:
    fed.entity("anchor")
    above = "anchor"
    for place in range(LONGEST):
        fed.entity(f"level-{place}", above)
        above = f"level-{place}"
    fed.provider("op", above)
    assert broken(fed) == "depth"
    fed.provider("nearer", f"level-{LONGEST - 2}")
    assert len(find(fed, entity="nearer").path) == LONGEST


def test_an_entity_that_names_many_superiors_costs_a_few_requests(fed: Federation) -> None:
    fed.entity("anchor")
    for place in range(40):
        fed.entity(f"s{place}")
        fed.entities[f"s{place}"].superiors = [fed.url(f"s{other}") for other in range(40) if other != place]
        fed.entities[f"s{place}"].subordinates = {fed.url(f"s{other}"): fed.entities["anchor"] for other in range(40)}
    fed.provider("op", *(f"s{place}" for place in range(40)))
    broken(fed)
    assert fed.asked.total() <= resolver.REQUESTS


def test_an_answer_too_large_is_refused(team: Federation) -> None:
    team.entities["op"].says = {"padding": "x" * 200_000}
    assert broken(team) == "size"
    team.hooks["/op/.well-known/openid-federation"] = lambda handler: answer(handler, "x" * 2_000_000)
    assert broken(team) == "address"


@pytest.mark.alone
def test_a_slow_superior_costs_one_time_out(team: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SECONDS", 0.4)
    team.hooks["/ministry/.well-known/openid-federation"] = drip
    begun = time.monotonic()
    with pytest.raises(Unavailable):
        find(team)
    assert time.monotonic() - begun < 2


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Headers at once, then a byte now and then."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/entity-statement+jwt")
    handler.end_headers()
    for _ in range(40):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.1)


def test_redirects_are_not_followed(team: Federation) -> None:
    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", team.url("anchor/.well-known/openid-federation"))
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    team.hooks["/op/.well-known/openid-federation"] = elsewhere
    assert broken(team) == "address"


def test_another_content_type_is_no_statement(team: Federation) -> None:
    token = team.entities["op"].configuration()
    team.hooks["/op/.well-known/openid-federation"] = lambda handler: answer(handler, token, kind="jwt")
    assert broken(team) == "answer"


def test_loopback_and_plain_http_are_refused_unless_allowed(team: Federation) -> None:
    with pytest.raises(Broken) as caught:
        trust.find(team.url("op"), [team.entities["anchor"].anchor()], loopback=False)
    assert caught.value.reason == "address"
    assert not team.asked


# --- the source that a provider asks


def source(team: Federation) -> Federated:
    return Federated(team.url("op"), [team.entities["anchor"].anchor()], loopback=True)


def test_a_provider_takes_metadata_and_keys_from_the_chain(team: Federation) -> None:
    provider = Provider(team.url("op"), ttl=3600, loopback=True, source=source(team))
    assert provider.metadata()["token_endpoint"] == team.url("op/token")
    stated = team.entities["op"].metadata["openid_provider"]["jwks"]["keys"][0]["kid"]
    known = provider.keys()
    assert [key.kid for key in known] == [stated]
    assert team.asked["/op/.well-known/openid-federation"] == 1
    assert team.asked["/op/.well-known/openid-configuration"] == 0


def test_a_chain_that_names_another_issuer_is_no_description(team: Federation) -> None:
    team.entities["op"].metadata["openid_provider"]["issuer"] = team.url("other")
    with pytest.raises(Unavailable):
        Provider(team.url("op"), ttl=3600, loopback=True, source=source(team)).metadata()


def test_a_chain_that_sends_the_code_elsewhere_is_no_description(team: Federation) -> None:
    team.entities["op"].metadata["openid_provider"]["token_endpoint"] = "https://thief.example/token"
    with pytest.raises(Unavailable):
        Provider(team.url("op"), ttl=3600, loopback=True, source=source(team)).metadata()


def test_a_chain_is_asked_again_before_it_ends(team: Federation) -> None:
    says_of(team, "anchor", "ministry", exp=int(time.time()) + 600)
    assert 500 < source(team)().good_for <= 540
    says_of(team, "anchor", "ministry", exp=int(time.time()) + 40)
    assert 15 < source(team)().good_for <= 20


def test_while_the_anchor_is_silent_the_last_chain_counts_until_it_ends(
    team: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = source(team)
    assert asks().metadata["issuer"] == team.url("op")
    team.hooks["/anchor/.well-known/openid-federation"] = lambda handler: handler.send_error(503)
    assert asks().metadata["issuer"] == team.url("op")
    later = clock.now() + (find_end(asks) - clock.now()) * 2
    monkeypatch.setattr(clock, "now", lambda: later)
    with pytest.raises(Unavailable):
        asks()


def find_end(asks: Federated) -> Any:
    assert asks._last is not None
    return asks._last[1]


def test_a_chain_that_no_longer_holds_counts_no_longer(team: Federation) -> None:
    asks = source(team)
    asks()
    team.entities["ministry"].subordinates[team.url("op")] = Entity("x", key=OTHER)
    with pytest.raises(Unavailable) as caught:
        asks()
    assert caught.value.members["reason"] == "trust-key"
    team.hooks["/anchor/.well-known/openid-federation"] = lambda handler: handler.send_error(503)
    with pytest.raises(Unavailable):
        asks()


def test_sources_with_the_same_issuer_and_anchors_are_one(team: Federation) -> None:
    assert source(team) == source(team)
    assert len({source(team), source(team)}) == 1
    other = Federated(team.url("op"), [], loopback=True)
    assert source(team) != other


# --- signing in by it


@pytest.fixture
def federated(fed: Federation, stub: Stub, secret: Path) -> Meeting:
    """A sign-in at an issuer that is known by its chain alone: its own discovery document says something else."""
    anchor = fed.entity("anchor")
    leaf = Entity(stub.url, [anchor.url])
    leaf.metadata = {"openid_provider": stub.metadata() | {"jwks": stub.jwks, "jwks_uri": f"{stub.url}/elsewhere"}}
    anchor.subordinates[stub.url] = leaf
    stub.hooks["/.well-known/openid-federation"] = lambda handler: answer(handler, leaf.configuration())
    stub.hooks["/.well-known/openid-configuration"] = lambda handler: handler.send_error(500)
    fed.entities["leaf"] = leaf
    made = meeting_of(stub, secret)
    asks = Federated(stub.url, [anchor.anchor()], loopback=True)
    return replace(made, provider=Provider(stub.url, ttl=3600, loopback=True, source=asks))


def test_somebody_signs_in_at_an_issuer_known_by_its_chain_alone(federated: Meeting) -> None:
    assert federated.complete().sub == "alice"


def test_a_token_by_a_key_outside_the_chain_signs_nobody_in(federated: Meeting, fed: Federation) -> None:
    fed.entities["leaf"].metadata["openid_provider"]["jwks"] = public(OTHER)
    with pytest.raises(SignInRefused):
        federated.complete()


def test_a_key_that_is_new_in_the_chain_is_found_at_once(federated: Meeting, fed: Federation, stub: Stub) -> None:
    known = fed.entities["leaf"].metadata["openid_provider"]["jwks"]
    fed.entities["leaf"].metadata["openid_provider"]["jwks"] = public(OTHER)
    federated.provider.keys()
    federated.provider._asked_for_keys = float("-inf")  # a minute later
    fed.entities["leaf"].metadata["openid_provider"]["jwks"] = known
    assert federated.complete().sub == "alice"


def test_nobody_signs_in_at_an_issuer_for_whom_nobody_vouches_any_more(federated: Meeting, fed: Federation) -> None:
    fed.entities["anchor"].subordinates.clear()
    with pytest.raises(Unavailable) as caught:
        federated.complete()
    assert caught.value.members["reason"].startswith("trust-")
