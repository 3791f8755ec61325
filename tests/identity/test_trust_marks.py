"""Trust marks: demanded where an anchor is registered so, given by whom the anchor names; no other opens a sign-in."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from joserfc.jwk import ECKey, Key

from jit_server.access import OPERATOR
from jit_server.cli import cli
from jit_server.core.errors import Invalid, Unavailable
from jit_server.identity import trust
from jit_server.identity.trust import Broken, NewAnchor
from jit_server.identity.trust.marks import DELEGATION, MARK
from jit_server.web.api import check
from jit_server.web.terminal import Terminal
from jit_server.work import House
from tests.identity.federation import HOUR, Federation, answer, federation, kept, public, statement

TYPE, OTHER, OWNER = "https://marks.example/assured", ECKey.generate_key("P-256"), ECKey.generate_key("P-256")


@pytest.fixture
def fed() -> Iterator[Federation]:
    """An anchor, a body that gives marks under it, and a provider that shows one."""
    with federation() as made:
        anchor = made.entity("anchor")
        made.entity("auditor", "anchor")
        made.provider("op", "anchor")
        anchor.says["trust_mark_issuers"] = {TYPE: [made.url("auditor")]}
        shows(made, mark(made))
        yield made


def mark(
    fed: Federation, by: str = "auditor", key: Key | None = None, header: dict[str, Any] | None = None, **changes: Any
) -> str:
    """A mark as an honest issuer gives it; `...` takes a claim or header away."""
    now = int(time.time())
    honest = {"iss": fed.url(by), "sub": fed.url("op"), "trust_mark_type": TYPE, "iat": now, "exp": now + HOUR}
    return statement(key or fed.entities[by].key, kept(honest | changes), **({"typ": MARK} | (header or {})))


def shows(fed: Federation, *marks: Any, kind: Any = TYPE) -> None:
    fed.entities["op"].says["trust_marks"] = [{"trust_mark_type": kind, "trust_mark": one} for one in marks]


def find(fed: Federation) -> trust.Resolved:
    anchor = replace(fed.entities["anchor"].anchor(), marks=(TYPE,))
    return trust.find(fed.url("op"), [anchor], loopback=True)


def broken(fed: Federation) -> str:
    with pytest.raises(Broken) as caught:
        find(fed)
    return caught.value.reason


def test_a_provider_with_the_mark_is_believed_until_the_mark_ends(fed: Federation) -> None:
    soon = int(time.time()) + 600
    shows(fed, mark(fed, exp=soon))
    assert find(fed).expires_at.timestamp() == soon
    shows(fed, mark(fed, exp=...))
    assert find(fed).expires_at.timestamp() > soon


def test_the_anchor_may_give_the_mark_itself(fed: Federation) -> None:
    fed.entities["anchor"].says["trust_mark_issuers"] = {TYPE: [fed.url("anchor")]}
    shows(fed, mark(fed, by="anchor"))
    assert find(fed).entity == fed.url("op")


def test_where_the_anchor_names_nobody_everybody_in_the_federation_may_give_it(fed: Federation) -> None:
    fed.entities["anchor"].says["trust_mark_issuers"] = {TYPE: []}
    assert find(fed).entity == fed.url("op")
    fed.entity("stranger")
    shows(fed, mark(fed, by="stranger"))
    assert broken(fed) == "anchor"  # but nobody outside it


def test_without_a_demand_nobody_looks_at_marks(fed: Federation) -> None:
    for shown in (..., 7, ["x"], [{"trust_mark_type": TYPE}]):
        fed.entities["op"].says["trust_marks"] = shown
        assert trust.find(fed.url("op"), [fed.entities["anchor"].anchor()], loopback=True).entity == fed.url("op")


@pytest.mark.parametrize(
    "shown", [..., 7, {}, [], ["x"], [7], [{"trust_mark": "x"}], [{"trust_mark_type": "https://x"}]]
)
def test_without_the_mark_nobody_is_believed(fed: Federation, shown: Any) -> None:
    fed.entities["op"].says["trust_marks"] = shown
    assert broken(fed) == "trust-mark-missing"


@pytest.mark.parametrize(
    ("header", "changes", "wrong"),
    [
        ({"typ": "entity-statement+jwt"}, {}, "typ"),
        ({"typ": ...}, {}, "typ"),
        ({"kid": ...}, {}, "kid"),
        ({"kid": "other"}, {}, "key"),
        ({"crit": ["x"], "x": 1}, {}, "crit"),
        ({}, {"sub": "https://other.example"}, "trust-mark-subject"),
        ({}, {"trust_mark_type": "https://marks.example/lesser"}, "trust-mark-subject"),
        ({}, {"trust_mark_type": ...}, "trust-mark"),
        ({}, {"iss": ...}, "trust-mark"),
        ({}, {"iss": "https://other.example"}, "trust-mark-issuer"),
        ({}, {"exp": 1}, "trust-mark-expired"),
        ({}, {"exp": "never"}, "trust-mark"),
        ({}, {"iat": int(time.time()) + HOUR}, "trust-mark-iat"),
        ({}, {"iat": ...}, "trust-mark"),
    ],
)
def test_a_mark_that_was_not_given_so_is_none(fed: Federation, header: Any, changes: Any, wrong: str) -> None:
    shows(fed, mark(fed, header=header, **changes))
    assert broken(fed) == wrong


@pytest.mark.parametrize("shown", [7, None, "", "a.b", "a.b.c", "e30.e30.", "x" * 200_000])
def test_what_is_no_token_is_no_mark(fed: Federation, shown: Any) -> None:
    shows(fed, shown)
    assert broken(fed) in {"trust-mark", "form", "size", "typ"}


def test_a_mark_signed_by_another_key_is_none(fed: Federation) -> None:
    shows(fed, mark(fed, key=OTHER))
    assert broken(fed) == "key"
    shows(fed, mark(fed, key=OTHER, header={"kid": fed.entities["auditor"].key.thumbprint()}))
    assert broken(fed) == "signature"


def test_a_provider_cannot_give_itself_the_mark(fed: Federation) -> None:
    shows(fed, mark(fed, by="op"))
    assert broken(fed) == "trust-mark-issuer"


def test_a_mark_of_a_body_the_anchor_vouches_for_no_longer_is_none(fed: Federation) -> None:
    fed.entities["anchor"].about[fed.url("auditor")] = {"exp": 1}
    assert broken(fed) == "expired"
    fed.entities["anchor"].about[fed.url("auditor")] = {"jwks": public(OTHER)}
    assert broken(fed) == "key"


@pytest.mark.parametrize("named", [..., {}, {"https://marks.example/lesser": []}, {TYPE: "all"}, {TYPE: None}, 7])
def test_a_type_of_which_the_anchor_says_nothing_counts_for_nobody(fed: Federation, named: Any) -> None:
    fed.entities["anchor"].says["trust_mark_issuers"] = named
    assert broken(fed) == "trust-mark-issuer"


def test_a_good_mark_beside_a_bad_one_counts(fed: Federation) -> None:
    shows(fed, mark(fed, exp=1), mark(fed, key=OTHER), mark(fed))
    assert find(fed).entity == fed.url("op")


def test_while_the_issuer_of_the_mark_is_silent_nothing_is_said_of_it(fed: Federation) -> None:
    fed.hooks["/auditor/.well-known/openid-federation"] = lambda handler: answer(handler, "x", 503)
    with pytest.raises(Unavailable):
        find(fed)


# --- marks with an owner


def delegation(fed: Federation, key: Key = OWNER, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """The owner's word that the auditor may give the mark."""
    now = int(time.time())
    honest = {"iss": "https://owner.example", "sub": fed.url("auditor"), "trust_mark_type": TYPE, "iat": now}
    return statement(key, kept(honest | changes), **({"typ": DELEGATION} | (header or {})))


@pytest.fixture
def owned(fed: Federation) -> Federation:
    """The same, where the type of the mark belongs to somebody."""
    owner = {"sub": "https://owner.example", "jwks": public(OWNER)}
    fed.entities["anchor"].says["trust_mark_owners"] = {TYPE: owner}
    shows(fed, mark(fed, delegation=delegation(fed)))
    return fed


def test_a_mark_delegated_by_its_owner_counts(owned: Federation) -> None:
    assert find(owned).entity == owned.url("op")


@pytest.mark.parametrize(
    ("key", "header", "changes", "wrong"),
    [
        (OTHER, {}, {}, "key"),
        (OTHER, {"kid": OWNER.thumbprint()}, {}, "signature"),
        (OWNER, {"typ": MARK}, {}, "typ"),
        (OWNER, {}, {"iss": "https://other.example"}, "trust-mark-delegation"),
        (OWNER, {}, {"sub": "https://other.example"}, "trust-mark-delegation"),
        (OWNER, {}, {"trust_mark_type": "https://marks.example/lesser"}, "trust-mark-delegation"),
        (OWNER, {}, {"exp": 1}, "trust-mark-expired"),
    ],
)
def test_a_delegation_that_is_none_gives_no_mark(
    owned: Federation, key: Key, header: Any, changes: Any, wrong: str
) -> None:
    shows(owned, mark(owned, delegation=delegation(owned, key, header, **changes)))
    assert broken(owned) == wrong


def test_an_owned_mark_without_its_owners_word_is_none(owned: Federation) -> None:
    shows(owned, mark(owned))
    assert broken(owned) == "trust-mark-delegation"
    owned.entities["anchor"].says["trust_mark_owners"] = {TYPE: {"sub": "https://owner.example"}}
    assert broken(owned) == "trust-mark-owner"


# --- the operator


def test_the_operator_registers_an_anchor_with_the_marks_it_demands(house: House, tmp_path: Any) -> None:
    terminal = Terminal()
    terminal.__dict__ |= {"house": house, "settings": house.settings}
    file, url = tmp_path / "jwks.json", f"https://anchor.example/{uuid4()}"
    file.write_text(json.dumps(public(OWNER)))
    asked = ["add", url, "--state", "CY", "--jwks-file", str(file), "--mark", TYPE, "--json"]
    done = CliRunner().invoke(cli, ["agency", "anchor", *asked], obj=terminal)
    assert json.loads(done.stdout)["marks"] == [TYPE]
    with house.work(OPERATOR) as uow:
        [known] = [one for one in trust.anchors_of(uow, "CY") if one.entity_id == url]
    assert known.marks == (TYPE,)
    with pytest.raises(Invalid):
        check(NewAnchor, {"state": "CY", "entity_id": url, "jwks": public(OWNER), "marks": ["no address"]})


def test_a_demand_makes_another_source_so_that_it_counts_at_the_next_sign_in(fed: Federation) -> None:
    plain = fed.entities["anchor"].anchor()
    asks = [trust.Federated(fed.url("op"), [one], loopback=True) for one in (plain, replace(plain, marks=(TYPE,)))]
    assert asks[0] != asks[1]
