"""What this server says of itself in a federation: signed, within a chain, and only about issuers believed by one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from flask import Flask
from joserfc.jwk import ECKey, KeySet

from jit_server.access import OPERATOR, SYSTEM
from jit_server.app import create
from jit_server.cli import cli
from jit_server.core import clock
from jit_server.core.errors import NotFound
from jit_server.core.keys import SigningKey
from jit_server.identity import credentials, entity, trust
from jit_server.identity.models import AuthMethod, Issuer, Trust
from jit_server.identity.trust import Broken, NewAnchor, chain
from jit_server.identity.trust.statements import TYPE, Signed, read
from jit_server.web.terminal import Terminal
from jit_server.work import House
from tests.identity.federation import Entity, Federation, federation, public
from tests.identity.signing_in import add_agency, new_slug


@pytest.fixture
def fed() -> Iterator[Federation]:
    with federation() as made:
        made.entity("anchor")
        made.entity("ministry", "anchor")
        yield made


@pytest.fixture
def member(house: House, fed: Federation) -> House:
    """This server as a member of the federation, for which the ministry vouches."""
    ministry = fed.entities["ministry"]
    settings = house.settings.model_copy(update={"federation_superiors": f" {ministry.url} "})
    ours = settings.base_url.rstrip("/")
    ministry.subordinates[ours] = Entity(ours, [ministry.url], key=entity.entity_key(house.key))
    return replace(house, settings=settings)


@pytest.fixture
def federated(house: House, tmp_path: Path) -> tuple[str, Issuer]:
    """An agency whose issuer is believed by a chain, and at which this server proves itself by a key."""
    slug, key = new_slug("fed"), credentials.make(tmp_path)
    url = f"https://idp.example/{uuid4()}"
    anchor = NewAnchor(state="MT", entity_id=f"https://anchor.example/{uuid4()}", jwks=public(ECKey.generate_key()))
    with house.work(OPERATOR) as uow:
        trust.add_anchor(uow, anchor)
    add_agency(house, slug, url, key, state="MT", auth_method=AuthMethod.PRIVATE_KEY_JWT, trust=Trust.FEDERATION)
    with house.work(OPERATOR) as uow:
        found = uow.find(Issuer, url=url)
    assert found is not None
    return slug, found


def said(member: House) -> Signed:
    with member.work(SYSTEM) as uow:
        return read(entity.statement(uow), now=clock.now())


def climbed(member: House, fed: Federation) -> chain.Resolved:
    """The chain that an identity provider of the federation resolves about this server."""
    ministry, anchor = fed.entities["ministry"], fed.entities["anchor"]
    tokens = (ministry.word(member.settings.base_url.rstrip("/")), anchor.word(ministry.url), anchor.configuration())
    *about, top = (read(token, now=clock.now()) for token in tokens)
    return chain.resolve(said(member), about, top, KeySet.import_key_set(public(anchor.key)))


def relying_party(member: House) -> Any:
    return said(member).claims.metadata["openid_relying_party"]


def test_whoever_trusts_the_anchor_learns_how_this_server_signs_people_in(
    member: House, fed: Federation, federated: tuple[str, Issuer]
) -> None:
    slug, issuer = federated
    found = climbed(member, fed)
    ours = member.settings.base_url.rstrip("/")
    assert (found.entity, found.path) == (ours, (fed.url("ministry"), fed.url("anchor")))
    party = found.metadata["openid_relying_party"]
    assert f"{ours}/login/{slug}/callback" in party["redirect_uris"]
    assert credentials.public_jwk(issuer) in party["jwks"]["keys"]
    assert party["client_registration_types"] == ["automatic"]
    assert all(not {"d", "p", "q", "k"} & set(key) for key in party["jwks"]["keys"])


def test_a_superiors_policy_binds_this_server_too(
    member: House, fed: Federation, federated: tuple[str, Issuer]
) -> None:
    ours = member.settings.base_url.rstrip("/")
    policy = {"openid_relying_party": {"token_endpoint_auth_method": {"one_of": ["tls_client_auth"]}}}
    fed.entities["ministry"].about[ours] = {"metadata_policy": policy}
    with pytest.raises(Broken) as caught:
        climbed(member, fed)
    assert caught.value.reason.startswith("policy")


def test_a_ministry_that_knows_another_key_vouches_for_nobody(member: House, fed: Federation) -> None:
    ours = member.settings.base_url.rstrip("/")
    fed.entities["ministry"].about[ours] = {"jwks": public(ECKey.generate_key("P-256"))}
    with pytest.raises(Broken) as caught:
        climbed(member, fed)
    assert caught.value.reason == "key"


def test_issuers_registered_by_hand_or_retired_or_with_a_lost_key_are_not_told_of(
    member: House, house: House, federated: tuple[str, Issuer], tmp_path: Path, secret: Path
) -> None:
    by_hand, lost = new_slug("hand"), new_slug("lost")
    add_agency(
        house, by_hand, f"https://idp.example/{uuid4()}", credentials.make(tmp_path),
        auth_method=AuthMethod.PRIVATE_KEY_JWT,
    )  # fmt: skip
    gone = credentials.make(tmp_path)
    url = f"https://idp.example/{uuid4()}"
    add_agency(house, lost, url, gone, state="MT", auth_method=AuthMethod.PRIVATE_KEY_JWT, trust=Trust.FEDERATION)
    gone.unlink()
    told = str(relying_party(member)["redirect_uris"])
    assert f"/login/{federated[0]}/" in told
    assert f"/login/{by_hand}/" not in told
    assert f"/login/{lost}/" not in told


def test_the_statement_lasts_a_day_and_its_key_follows_from_the_servers(member: House, house: House) -> None:
    found = said(member)
    assert found.claims.exp - found.claims.iat == 86_400
    assert found.claims.jwks["keys"][0]["kid"] == entity.entity_key(house.key).thumbprint()
    other = entity.entity_key(SigningKey.generate("other.example"))
    assert other.thumbprint() != entity.entity_key(house.key).thumbprint()


def test_the_statement_is_served_to_anybody_and_absent_without_a_federation(app: Flask, member: House) -> None:
    absent = app.test_client().get("/.well-known/openid-federation")
    assert absent.status_code == 404
    served = create(member.settings, member).test_client().get("/.well-known/openid-federation")
    assert (served.status_code, served.mimetype) == (200, f"application/{TYPE}")
    assert read(served.text, now=clock.now()).claims.authority_hints == [member.settings.federation_superiors.strip()]
    with pytest.raises(NotFound), replace(member, settings=member.settings.model_copy(
        update={"federation_superiors": " "})).work(SYSTEM) as uow:  # fmt: skip
        entity.statement(uow)


def test_the_operator_reads_the_keys_to_hand_over(house: House) -> None:
    terminal = Terminal()
    terminal.__dict__ |= {"house": house, "settings": house.settings}
    done = CliRunner().invoke(cli, ["agency", "anchor", "ours"], obj=terminal)
    assert done.exit_code == 0
    assert entity.entity_key(house.key).thumbprint() in done.output
    assert '"d"' not in done.output
