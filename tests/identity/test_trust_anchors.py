"""The operator's trust anchors: for one State, with keys from elsewhere, on record, and gone at once when retired."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from joserfc.jwk import ECKey

from jit_server.access import ANONYMOUS, OPERATOR
from jit_server.cli import cli
from jit_server.core.errors import Invalid, NotFound, NotPermitted
from jit_server.identity import trust
from jit_server.identity.models import Agency, Issuer, Trust
from jit_server.identity.trust import NewAnchor
from jit_server.web.terminal import Terminal
from jit_server.work import House
from tests.identity.federation import Federation, federation, public
from tests.identity.signing_in import add_agency, new_slug

KEY = ECKey.generate_key("P-256")
Run = Callable[..., Result]


@pytest.fixture
def fed() -> Iterator[Federation]:
    with federation() as made:
        made.entity("anchor")
        made.provider("op", "anchor")
        yield made


@pytest.fixture
def run(house: House) -> Run:
    def call(*arguments: str) -> Result:
        terminal = Terminal()
        terminal.__dict__ |= {"house": house, "settings": house.settings}
        return CliRunner().invoke(cli, ["agency", "anchor", *arguments], obj=terminal)

    return call


def new(state: str = "FR", **changes: Any) -> NewAnchor:
    facts = {"state": state, "entity_id": f"https://anchor.example/{uuid4()}", "jwks": public(KEY)}
    return NewAnchor.model_validate(facts | changes)


def add(house: House, anchor: NewAnchor) -> None:
    with house.work(OPERATOR) as uow:
        trust.add_anchor(uow, anchor)


def issuer_of(house: House, slug: str) -> tuple[Agency, Issuer]:
    with house.work(OPERATOR) as uow:
        agency = uow.find(Agency, slug=slug)
        assert agency is not None
        issuer = uow.find(Issuer, agency_id=agency.id)
        assert issuer is not None
        return agency, issuer


def test_an_anchor_counts_for_its_own_state_only(house: House) -> None:
    stated = new("FR")
    add(house, stated)
    with house.work(OPERATOR) as uow:
        assert stated.entity_id in {one.entity_id for one in trust.anchors_of(uow, "FR")}
        assert stated.entity_id not in {one.entity_id for one in trust.anchors_of(uow, "BE")}


def test_new_keys_replace_the_old_and_both_stay_on_record(house: House) -> None:
    stated, other = new("LU"), ECKey.generate_key("P-256")
    add(house, stated)
    add(house, new("LU", entity_id=stated.entity_id, jwks=public(other)))
    with house.work(OPERATOR) as uow:
        live = [one for one in trust.anchors(uow, "LU") if one.entity_id == stated.entity_id]
        every = [one for one in trust.anchors(uow, "LU", retired=True) if one.entity_id == stated.entity_id]
    assert [one.jwks["keys"][0]["kid"] for one in live] == [other.thumbprint()]
    assert len(every) == 2


def test_a_retired_anchor_vouches_for_nobody(house: House, fed: Federation, secret: Path) -> None:
    slug = new_slug("fed")
    anchor = fed.entities["anchor"]
    add(house, new("NL", entity_id=anchor.url, jwks=public(anchor.key)))
    add_agency(house, slug, fed.url("op"), secret, state="NL", trust=Trust.FEDERATION)
    agency, issuer = issuer_of(house, slug)
    with house.work(OPERATOR) as uow:
        before = trust.source_of(uow, agency, issuer)
        assert before is not None
        assert before().metadata["issuer"] == fed.url("op")
        trust.retire_anchor(uow, "NL", anchor.url)
    with house.work(OPERATOR) as uow:
        after = trust.source_of(uow, agency, issuer)
        assert after != before  # so this process asks anew, and is told that nobody vouches for it
        with pytest.raises(NotFound):
            trust.retire_anchor(uow, "NL", anchor.url)


def test_an_issuer_registered_by_hand_needs_no_chain(house: House, secret: Path) -> None:
    slug = new_slug("hand")
    add_agency(house, slug, f"https://idp.example/{slug}", secret)
    with house.work(OPERATOR) as uow:
        assert trust.source_of(uow, *issuer_of(house, slug)) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"state": "XX"}, "state"),
        ({"entity_id": "http://anchor.example"}, "entity_id"),
        ({"jwks": {"keys": []}}, "jwks"),
        ({"jwks": {"keys": [{**KEY.as_dict(private=True), "kid": "k"}]}}, "jwks"),
        ({"jwks": {"keys": [KEY.as_dict(private=False) | {"kid": ""}]}}, "jwks"),
    ],
)
def test_an_anchor_that_cannot_serve_is_refused_with_the_reason(house: House, changes: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        add(house, new(**changes))
    assert caught.value.members["errors"][0]["field"] == field


def test_nobody_but_the_operator_touches_the_anchors(house: House) -> None:
    with pytest.raises(NotPermitted), house.work(ANONYMOUS) as uow:
        trust.add_anchor(uow, new())
    with pytest.raises(NotPermitted), house.work(ANONYMOUS) as uow:
        trust.retire_anchor(uow, "FR", "https://anchor.example")


def test_the_commands_add_list_check_and_retire(house: House, fed: Federation, run: Run, tmp_path: Path) -> None:
    anchor, file = fed.entities["anchor"], tmp_path / "jwks.json"
    file.write_text(json.dumps(public(anchor.key)))
    assert run("add", anchor.url, "--state", "de", "--jwks-file", str(file)).exit_code == 0
    listed = json.loads(run("list", "--json").output)
    assert anchor.url in {one["entity_id"] for one in listed}
    found = json.loads(run("check", fed.url("op"), "--state", "DE", "--json").output)
    assert found["path"] == [anchor.url]
    anchor.about[fed.url("op")] = {"exp": 1}
    refused = run("check", fed.url("op"), "--state", "DE")
    assert refused.exit_code == 1
    assert "expired" in str(refused.exception)
    assert run("retire", anchor.url, "--state", "DE").exit_code == 0
    assert anchor.url not in run("list").output
    assert anchor.url in run("list", "--retired").output


def test_an_issuer_is_relied_on_by_its_chain_only_if_one_holds(
    house: House, fed: Federation, run: Run, secret: Path
) -> None:
    slug, anchor = new_slug("rely"), fed.entities["anchor"]
    add_agency(house, slug, fed.url("op"), secret, state="AT")
    _, issuer = issuer_of(house, slug)
    none = run("rely", str(issuer.id))
    assert "no trust anchor of AT" in str(none.exception)
    add(house, new("AT", entity_id=anchor.url, jwks=public(anchor.key)))
    anchor.about[fed.url("op")] = {"exp": 1}
    assert "expired" in str(run("rely", str(issuer.id)).exception)
    assert issuer_of(house, slug)[1].trust == Trust.MANUAL  # nothing was kept
    anchor.about.clear()
    assert run("rely", str(issuer.id)).exit_code == 0
    assert issuer_of(house, slug)[1].trust == Trust.FEDERATION
    assert run("rely", str(issuer.id), "--by-hand").exit_code == 0
    assert issuer_of(house, slug)[1].trust == Trust.MANUAL
    assert run("rely", str(uuid4())).exit_code == 1
