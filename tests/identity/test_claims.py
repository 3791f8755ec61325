"""Name, language, zone and groups are read again at every sign-in, by the agency's own claim map."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jit_server import identity
from jit_server.access import OPERATOR
from jit_server.identity import id_token, meaning
from jit_server.identity.models import AgencyRole
from jit_server.identity.shapes import ClaimMap
from jit_server.work import House
from tests.identity.offices import Office
from tests.identity.stub import Stub
from tests.identity.test_sign_in import events

GROUPS = ClaimMap(
    groups="member_of", required_groups=("jit",), admin_groups=("jit-admins",), auditor_groups=("jit-audit", "internal")
)


@pytest.fixture
def office(app: Flask, house: House, stub: Stub, secret: Path) -> Office:
    made = Office.open(app, house, stub, secret)
    made.person("alice")
    return made


@pytest.fixture
def grouped(app: Flask, house: House, stub: Stub, secret: Path) -> Office:
    made = Office.open(app, house, stub, secret, claims=GROUPS)
    made.person("alice")
    return made


def test_a_new_name_language_and_zone_are_taken_over_at_the_next_sign_in(office: Office) -> None:
    office.signed_in("alice", name="Alice Martin", locale="fr", zoneinfo="Europe/Paris")
    assert (office.row("alice").name, office.row("alice").language) == ("Alice Martin", "fr")
    office.signed_in("alice", name="Alice Martin-Roux", locale="nl", zoneinfo="Europe/Brussels")
    now = office.row("alice")
    assert (now.name, now.language, now.zone) == ("Alice Martin-Roux", "nl", "Europe/Brussels")


def test_what_the_person_chose_stays_theirs_but_the_name_is_the_agencys(office: Office) -> None:
    browser = office.signed_in("alice", locale="fr", zoneinfo="Europe/Paris")
    browser.post("/me", language="de", zone="Europe/Berlin", theme="dark", send_key="enter")
    office.signed_in("alice", name="A. Martin", locale="nl", zoneinfo="Europe/Brussels")
    now = office.row("alice")
    assert (now.name, now.language, now.zone) == ("A. Martin", "de", "Europe/Berlin")


@pytest.mark.parametrize("said", [{"locale": "xx", "zoneinfo": "Mars/Base"}, {"locale": 7, "zoneinfo": []}, {}])
def test_a_language_or_zone_unknown_here_changes_nothing(office: Office, said: dict[str, Any]) -> None:
    office.signed_in("alice", locale="fr", zoneinfo="Europe/Paris")
    office.signed_in("alice", **said)
    assert (office.row("alice").language, office.row("alice").zone) == ("fr", "Europe/Paris")


def test_an_agency_may_name_its_own_claims(app: Flask, house: House, stub: Stub, secret: Path) -> None:
    own = ClaimMap(name="urn:x:full_name", locale="", zone="tz")
    office = Office.open(app, house, stub, secret, claims=own)
    office.person("alice")
    office.signed_in("alice", locale="fr", tz="Asia/Tokyo", **{"urn:x:full_name": "Martin, Alice"})
    now = office.row("alice")
    assert (now.name, now.language, now.zone) == ("Martin, Alice", "en", "Asia/Tokyo")


@pytest.mark.parametrize("groups", [["other"], [], ..., "other", {"jit": True}, [["jit"]], ["JIT"], ["jit "], None, 7])
def test_who_is_in_no_group_that_may_work_here_is_refused(grouped: Office, groups: Any) -> None:
    browser = grouped.browser()
    answer = grouped.answer(browser, browser.start(grouped.slug), sub="alice", member_of=groups)
    assert answer.status_code == 403
    assert "no longer counts you" in answer.text
    assert browser.cookie() is None


@pytest.mark.parametrize("groups", [["other", "jit"], "jit"])
def test_who_is_in_one_is_let_in(grouped: Office, groups: Any) -> None:
    assert grouped.signed_in("alice", member_of=groups).me().status_code == 200


def test_who_lost_the_group_loses_the_sessions_too_and_it_is_on_record(grouped: Office, house: House) -> None:
    first, second = (grouped.signed_in("alice", member_of=["jit"]) for _ in range(2))
    third = grouped.browser()
    assert grouped.answer(third, third.start(grouped.slug), sub="alice", member_of=["other"]).status_code == 403
    assert [one.me().status_code for one in (first, second, third)] == [401, 401, 401]
    assert ("session:refused", "denied", {"agency": grouped.slug, "reason": "group"}) in events(house, grouped.slug)
    assert grouped.signed_in("alice", member_of=["jit"]).me().status_code == 200  # the way back is open


def test_a_person_without_the_group_takes_no_invitation(grouped: Office, house: House) -> None:
    with house.work(OPERATOR) as uow:
        identity.invite(uow, grouped.slug, identity.NewInvitation(claim="sub", value="new"))
    browser = grouped.browser()
    assert grouped.answer(browser, browser.start(grouped.slug), sub="new", member_of=[]).status_code == 403
    assert grouped.signed_in("new", member_of=["jit"]).me().status_code == 200


def test_the_role_in_the_agency_follows_the_groups_at_every_sign_in(grouped: Office, house: House) -> None:
    steps = [
        (["jit"], AgencyRole.MEMBER),
        (["jit", "jit-admins"], AgencyRole.ADMIN),
        (["jit", "internal"], AgencyRole.AUDITOR),
        (["jit", "jit-admins", "internal"], AgencyRole.ADMIN),
        (["jit"], AgencyRole.MEMBER),
    ]
    for groups, role in steps:
        grouped.signed_in("alice", member_of=groups)
        assert grouped.row("alice").agency_role is role
    changes = [facts for event, _, facts in events(house, grouped.slug) if event == "person:changed"]
    assert [one["role"] for one in changes] == ["admin", "auditor", "admin", "member"]


def test_without_role_groups_the_role_is_given_here_and_stays(office: Office) -> None:
    office.person("admin", AgencyRole.ADMIN)
    office.signed_in("admin", groups=["nothing"])
    assert office.row("admin").agency_role is AgencyRole.ADMIN


@pytest.mark.parametrize(
    "stated", [{"required_groups": ["a"]}, {"admin_groups": ["a"]}, {"groups": "g", "admin_groups": [""]}, {"sub": "x"}]
)
def test_an_unfit_claim_map_is_refused(stated: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ClaimMap.model_validate(stated)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ajit\0é ", max_size=20) | st.just("jit"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "jit"]), inner, max_size=2),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["name", "email", "locale", "zoneinfo", "member_of", "acr", "amr"]), JSON))
def test_whatever_the_claims_hold_is_read_or_passed_over_and_never_lets_in_without_the_group(
    claims: dict[str, Any],
) -> None:
    claims = {"sub": "alice", **claims, "amr": []}
    found = id_token.asserted("https://idp.example", GROUPS, claims)
    stated = claims.get("member_of")
    in_it = stated == "jit" or (isinstance(stated, list) and "jit" in stated)
    assert meaning.admits(GROUPS, found.groups) is in_it
    assert all(isinstance(one.value, str) for one in meaning.read(GROUPS, found))


@given(st.dictionaries(st.text("ab", max_size=6), JSON, max_size=20), st.integers(0, 3000))
def test_a_heap_of_claims_is_kept_within_bounds(claims: dict[str, Any], largest: int) -> None:
    kept = meaning.kept(claims | {"nonce": "n"}, largest)
    assert "nonce" not in kept
    assert len(kept) <= meaning.SHORT
