"""A package from another server: only what holds is taken in, whole, once, and with where it came from (D5)."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from jit_server import evidence, identity
from jit_server.access import OPERATOR, Handling, PartyClass, Role
from jit_server.core.errors import Conflict, NotFound, NotPermitted
from jit_server.evidence import EvidenceItem, Wanted, download
from jit_server.evidence.arrival import window
from jit_server.evidence.arrival.shapes import Stage
from jit_server.evidence.arrival.window import Window
from jit_server.evidence.keys import vault_of
from jit_server.evidence.usecases.unpacking import unpack
from jit_server.work import House
from tests.builders import Team, Who, World, browser
from tests.evidence.builders import begins, custody
from tests.evidence.builders import exhibit as registered
from tests.evidence.packages import exhibit, packed

CONTENTS = {"phone.img": b"what the phone held" * 1000, "été 报告.pdf": b"%PDF-1.7 what the report says"}


@pytest.fixture(scope="module")
def there(world: World) -> Team:
    """The team that the package comes from."""
    return world.workspace()


@pytest.fixture(scope="module")
def package(there: Team) -> bytes:
    items = [exhibit(there, there.admin, content, file_name=name) for name, content in CONTENTS.items()]
    return packed(there, there.admin, *items)


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


def never() -> bool:
    return False


def arrives(team: Team, package: bytes, who: Who | None = None, **changes: Any) -> EvidenceItem:
    """The package as an exhibit here, and somebody asks to open it."""
    who = who or team.admin
    item = registered(team, who, package, **{"file_name": "JIT-4.asice", "title": "From Lyon"} | changes)
    with begins(team, who)() as uow:
        return evidence.open_package(uow, item.id)


def works(team: Team, item: EvidenceItem, stopping: Callable[[], bool] = never) -> evidence.EvidenceItem:
    """The worker's turn."""
    unpack(team.world.house, stopping, item.workspace_id, item.id)
    return item


def opening(team: Team, item: EvidenceItem, who: Who | None = None) -> Any:
    with begins(team, who or team.admin)() as uow:
        return evidence.opening_of(uow, item)


def titles(team: Team) -> list[str]:
    with begins(team, team.admin)() as uow:
        return sorted(line.title for line in evidence.register(uow, team.id, Wanted())[0])


def test_its_exhibits_are_registered_bit_for_bit_with_where_they_came_from(team: Team, there: Team, package: bytes):
    item = works(team, arrives(team, package))
    found = opening(team, item)
    assert (found.stage, found.exhibits, len(found.arrived)) == (Stage.OPENED, 2, 2)
    assert found.server == team.world.house.settings.base_url
    taken = {}
    for one in found.arrived:
        with begins(team, team.admin)() as uow:
            here, origin = evidence.read(uow, one.id), evidence.origin_of(uow, uow.find(EvidenceItem, id=one.id))
        assert (origin.package, origin.number) == (item.number, one.origin_number)
        assert origin.agency == "Anklage DE"
        assert here.legal_basis == "Section 94 StPO, order of 12 November 2026"
        taken[here.file_name] = b"".join(download(begins(team, team.admin), one.id)[1])
        (entry,) = [one for one in custody(team, team.admin, one.id) if one.event == "evidence:arrived"]
        assert entry.facts["package_sha256"] == item.sha256
        assert entry.facts["origin_log"] == str(there.id)
    assert taken == CONTENTS


def test_done_again_nothing_comes_twice(team: Team, package: bytes):
    item = works(team, arrives(team, package))
    before = titles(team)
    works(team, item)
    with begins(team, team.admin)() as uow:
        assert evidence.open_package(uow, item.id).id == item.id
    works(team, item)
    assert titles(team) == before
    assert len(before) == 3
    assert [one.event for one in custody(team, team.admin, item.id)].count("evidence:package_checked") == 1


def test_a_worker_that_must_stop_leaves_the_rest_to_another(team: Team, package: bytes):
    answers = iter([False, True])
    item = works(team, arrives(team, package), lambda: next(answers))
    assert len(opening(team, item).arrived) == 1
    works(team, item)
    assert len(opening(team, item).arrived) == 2


@pytest.mark.parametrize("share", [0.02, 0.4, 0.7, 0.99, 0.9999])
def test_one_changed_bit_anywhere_and_nothing_is_taken(team: Team, package: bytes, share: float):
    changed = bytearray(package)
    changed[int(len(changed) * share)] ^= 1
    item = works(team, arrives(team, bytes(changed)))
    found = opening(team, item)
    assert found.stage is Stage.REFUSED
    assert found.findings
    assert titles(team) == ["From Lyon"]
    assert [one.result for one in custody(team, team.admin, item.id) if one.event == "evidence:package_checked"] == [
        "error"
    ]


@pytest.mark.parametrize("content", [b"PK", b"x" * 500, b"PK\x05\x06" + bytes(18), bytes(range(256)) * 9])
def test_what_is_no_package_at_all_is_said(team: Team, content: bytes):
    item = works(team, arrives(team, content))
    assert opening(team, item).stage is Stage.REFUSED


def test_what_does_not_call_itself_a_package_is_not_opened(team: Team):
    with pytest.raises(Conflict, match=r"\.asice"):
        arrives(team, b"a picture", file_name="picture.jpg")


def test_whoever_may_register_nothing_opens_nothing(team: Team, world: World, package: bytes):
    item = registered(team, team.admin, package, file_name="JIT-4.asice")
    for who, refusal in ((world.person("NL"), NotFound), (team.join("FR", Role.SECONDED_MEMBER), NotPermitted)):
        with pytest.raises(refusal), begins(team, who)() as uow:
            evidence.open_package(uow, item.id)


def test_the_stricter_handling_holds_of_package_and_origin(team: Team, there: Team):
    for ours, theirs, both in ((Handling.H2, Handling.H0, Handling.H2), (Handling.H0, Handling.H2, Handling.H2)):
        sent = packed(there, there.admin, exhibit(there, there.admin, b"x" * 99, handling=str(theirs)))
        item = works(team, arrives(team, sent, handling=str(ours)))
        (one,) = opening(team, item).arrived
        with begins(team, team.admin)() as uow:
            assert evidence.read(uow, one.id).handling == both


def test_what_lies_in_a_compartment_stays_in_it(team: Team, package: bytes):
    room = team.compartment("DE", "FR", name="Two of us")
    item = works(team, arrives(team, package, compartment_id=str(room)))
    found = opening(team, item)
    with begins(team, team.admin)() as uow:
        assert {evidence.read(uow, one.id).compartment for one in found.arrived} == {"Two of us"}


def test_whoever_asked_and_may_no_more_takes_nothing_in(team: Team, package: bytes):
    who = team.join("DE")
    item = arrives(team, package, who)
    team.remove(who)
    works(team, item)
    assert titles(team) == ["From Lyon"]
    (stop,) = [one for one in custody(team, team.admin, item.id) if one.event == "evidence:unpacking_stopped"]
    assert (stop.result, stop.facts["at_exhibit"]) == ("denied", 1)


def test_whoever_asked_and_was_switched_off_takes_nothing_in(team: Team, package: bytes):
    who = team.join("DE")
    item = arrives(team, package, who)
    with team.world.house.work(OPERATOR) as uow:
        identity.disable(uow, who.id)
    works(team, item)
    assert titles(team) == ["From Lyon"]


def test_what_waits_in_quarantine_is_not_opened(house: House, package: bytes):
    world = World.create(house)
    world.agency("CH")
    team = world.workspace(classes={"CH": PartyClass.THIRD_COUNTRY})
    with pytest.raises(Conflict, match="quarantine"):
        arrives(team, package, team.leaders["CH"])


def test_the_pages_and_the_api_say_how_far_it_has_come(app: Flask, team: Team, package: bytes):
    client = browser(app, team.world.house, team.admin)
    item = registered(team, team.admin, package, file_name="JIT-4.asice", title="From Lyon")
    page = f"/w/{team.id}/evidence/{item.number}"
    assert client.get(f"/api/v1/evidence/{item.id}/opening").status_code == 404
    assert "Open the package" in client.get(page).text
    asked = client.post(f"/api/v1/evidence/{item.id}/opening")
    assert (asked.status_code, asked.get_json()["stage"]) == (202, "asked")
    assert "The server checks it now" in client.get(page).text
    works(team, item)
    found = client.get(f"/api/v1/evidence/{item.id}/opening").get_json()
    assert (found["stage"], len(found["arrived"])) == ("opened", 2)
    assert "Everything in it holds" in client.get(page).text
    there = client.get(f"/w/{team.id}/evidence/{found['arrived'][0]['number']}").text
    assert "Where it came from" in there
    assert item.number in there


def test_a_window_reads_any_part_as_the_bytes_themselves_would(team: Team, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(window, "_PIECE", 1000)
    content = bytes(range(256)) * 40
    item = registered(team, team.admin, content)
    with begins(team, team.admin)() as uow:
        seen = Window(vault_of(uow, item), item)
        assert len(seen) == len(content)
        for part in (slice(0, 4), slice(990, 2010), slice(999, 1000), slice(5000, None), slice(-22, -18), slice(9, 3)):
            assert seen[part] == content[part]
