"""The scrub: every stored byte read again in time; what rotted or went is named, once, to those who answer for it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from jit_server import app as application
from jit_server import evidence
from jit_server.access import SYSTEM, Role
from jit_server.core.errors import Altered, VaultDown
from jit_server.core.postgres import EmbeddedPostgres
from jit_server.core.settings import Settings
from jit_server.evidence import EvidenceItem
from jit_server.evidence.usecases import scrubbing
from jit_server.work import House
from tests.builders import Team, Who, World, browser
from tests.engines.apart import apart
from tests.evidence.builders import begins, custody, kept

OBJECTS = 60


@pytest.fixture(scope="module")
def own_house(postgres: EmbeddedPostgres, settings: Settings, scratch: Path) -> Iterator[House]:
    """The scrub reads all that a server holds: these tests have a server to themselves."""
    with apart(postgres, settings, scratch, "scrub") as made:
        yield made


@pytest.fixture(scope="module")
def own_world(own_house: House) -> World:
    return World.create(own_house)


@pytest.fixture
def team(own_world: World, own_house: House) -> Team:
    scrub(own_house)  # whatever another test let fall due
    return own_world.workspace()


def never() -> bool:
    return False


def scrub(house: House) -> None:
    scrubbing.scrub(house, never)


def age(house: House, *items: EvidenceItem, days: int = 25) -> None:
    """As if these had not been read for so long."""
    with house.work(SYSTEM) as uow:
        older = text(
            "UPDATE stored_check SET checked_at = checked_at - :days * interval '1 day' WHERE item_id = ANY(:ids)"
        )
        uow.connection.execute(older, {"days": days, "ids": [item.id for item in items]})


def path_of(house: House, item: EvidenceItem) -> Path:
    return house.settings.data / "vault" / "objects" / item.vault_key / item.version_id


def flip(path: Path) -> bytes:
    """Change one bit; the bytes as they were."""
    before = path.read_bytes()
    path.write_bytes(bytes([before[0] ^ 1]) + before[1:])
    return before


def unreadable(path: Path) -> None:
    """Opening it fails as a broken sector does: not because the file is not there."""
    path.unlink()
    path.symlink_to("/nowhere")


def found(house: House) -> dict[str, str]:
    """Damage by exhibit."""
    with house.work(SYSTEM) as uow:
        rows = uow.connection.execute(
            text("SELECT item_id::text AS item_id, condition FROM stored_check WHERE condition <> 'whole'")
        )
        return {row.item_id: row.condition for row in rows}


def told(team: Team, who: Who, item: EvidenceItem) -> list[tuple[str, str, str | None]]:
    """What the custody log says of the exhibit's bytes: event, outcome, how."""
    wanted = {"evidence:damaged", "evidence:verified"}
    return [(one.event, one.result, one.facts.get("how")) for one in custody(team, who, item.id) if one.event in wanted]


def test_c9_one_flipped_bit_among_many_is_found_and_named_in_one_scrub_and_nothing_else_is(
    team: Team, own_house: House
):
    items = [kept(team, team.admin, os.urandom(300)) for _ in range(OBJECTS)]
    bad = items[17]
    flip(path_of(own_house, bad))
    age(own_house, *items)
    scrub(own_house)
    ours = {str(item.id) for item in items}
    assert {item: how for item, how in found(own_house).items() if item in ours} == {str(bad.id): "altered"}
    assert told(team, team.admin, bad) == [("evidence:damaged", "error", "altered")]
    assert all(told(team, team.admin, item) == [] for item in items if item is not bad)
    path_of(own_house, bad).unlink()


def test_bytes_that_are_gone_are_named_as_gone(team: Team, own_house: House):
    item = kept(team, team.admin)
    path_of(own_house, item).unlink()
    age(own_house, item)
    scrub(own_house)
    assert told(team, team.admin, item) == [("evidence:damaged", "error", "missing")]


def test_damage_is_told_once_looked_at_daily_and_its_end_is_told_too(team: Team, own_house: House):
    item = kept(team, team.admin, b"bytes as they were")
    before = flip(path_of(own_house, item))
    for _ in range(2):
        age(own_house, item, days=25)
        scrub(own_house)
    path_of(own_house, item).write_bytes(before)
    scrub(own_house)
    assert str(item.id) in found(own_house), "not looked at again before a day has gone"
    age(own_house, item, days=2)
    scrub(own_house)
    assert str(item.id) not in found(own_house)
    expected = [("evidence:damaged", "error", "altered"), ("evidence:verified", "ok", None)]
    assert told(team, team.admin, item) == expected


def test_only_what_is_due_is_read_the_longest_unread_first(team: Team, own_house: House):
    young, older, oldest = (kept(team, team.admin, os.urandom(40)) for _ in range(3))
    age(own_house, older, days=22)
    age(own_house, oldest, days=28)
    for item in (young, older, oldest):
        path_of(own_house, item).unlink()
    seen: list[bool] = []

    def after_one() -> bool:  # asked before each object and after each block: here there are no blocks
        seen.append(True)
        return len(seen) > 1

    scrubbing.scrub(own_house, after_one)
    assert (str(oldest.id) in found(own_house), str(older.id) in found(own_house)) == (True, False)
    scrub(own_house)
    assert str(older.id) in found(own_house)
    assert str(young.id) not in found(own_house)


def test_an_interrupted_reading_says_nothing_and_is_begun_again(team: Team, own_house: House):
    item = kept(team, team.admin, os.urandom(3 * 2**20))
    flip(path_of(own_house, item))
    age(own_house, item)
    answers = iter([False, False, True, True])
    scrubbing.scrub(own_house, lambda: next(answers))
    assert str(item.id) not in found(own_house)
    scrub(own_house)
    assert str(item.id) in found(own_house)


def test_an_object_the_store_cannot_read_holds_no_other_up_and_a_store_that_is_down_ends_the_turn(
    team: Team, own_house: House
):
    items = [kept(team, team.admin, os.urandom(50)) for _ in range(5)]
    broken = path_of(own_house, items[0])
    unreadable(broken)
    path_of(own_house, items[1]).unlink()
    age(own_house, items[0], days=29)
    age(own_house, items[1], days=26)
    scrub(own_house)
    assert found(own_house).get(str(items[1].id)) == "missing"
    assert str(items[0].id) not in found(own_house)
    for item in items[2:]:
        unreadable(path_of(own_house, item))
    age(own_house, *items[2:])
    with pytest.raises(VaultDown):
        scrub(own_house)


def test_it_keeps_to_its_pace(own_house: House, monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []
    monkeypatch.setattr(scrubbing.time, "sleep", waited.append)
    pace = scrubbing._Pace(10)
    for _ in range(20):
        pace.take(2**20)
    assert 1.9 < max(waited) <= 2.0


def test_a_download_that_finds_damage_marks_it_too_and_a_verification_that_finds_none_clears_it(
    team: Team, own_house: House
):
    item = kept(team, team.admin, os.urandom(100))
    before = flip(path_of(own_house, item))
    with pytest.raises(Altered):
        evidence.download(begins(team, team.admin), item.id)
    assert found(own_house)[str(item.id)] == "altered"
    path_of(own_house, item).write_bytes(before)
    assert evidence.verify(begins(team, team.admin), item.id).ok
    assert str(item.id) not in found(own_house)


def test_the_page_and_the_day_of_whoever_answers_for_it_name_it_and_nobody_elses(team: Team, own_house: House):
    item = kept(team, team.admin, os.urandom(100))
    path_of(own_house, item).unlink()
    age(own_house, item)
    scrub(own_house)
    app = application.create(own_house.settings, own_house)
    member, outsider = team.join("DE", Role.MEMBER), team.world.person("NL")
    people = (team.admin, member, outsider)
    shown = {who.id: browser(app, own_house, who).get("/").get_data(as_text=True) for who in people}
    assert f"Exhibit {item.number} is damaged in the vault" in shown[team.admin.id]
    assert "is damaged in the vault" not in shown[member.id] + shown[outsider.id]
    page = browser(app, own_house, team.admin).get(f"/w/{team.id}/evidence/{item.number}").get_data(as_text=True)
    assert "The vault does not hold these bytes any more." in page
    assert "Last read again by this server" in page


def test_nobody_learns_of_damage_to_what_a_compartment_keeps_from_them(team: Team, own_house: House):
    with team.world.work(team.admin) as uow:
        assert evidence.damaged(uow, [team.id]) == []
    item = kept(team, team.admin, os.urandom(100))
    path_of(own_house, item).unlink()
    age(own_house, item)
    scrub(own_house)
    other = team.world.workspace()
    with team.world.work(other.admin) as uow:
        assert evidence.damaged(uow, [team.id]) == []
        changed = uow.connection.execute(text("UPDATE stored_check SET condition = 'whole'"))
        assert changed.rowcount == 0
    with team.world.work(team.admin) as uow:
        assert [one.id for one in evidence.damaged(uow, [team.id])] == [item.id]
        assert uow.connection.execute(text("UPDATE stored_check SET condition = 'whole'")).rowcount == 0


def test_the_operator_sees_how_much_is_damaged_and_how_long_the_oldest_waits(team: Team, own_house: House):
    item = kept(team, team.admin, os.urandom(10))
    age(own_house, item, days=10)
    client = application.create(own_house.settings, own_house).test_client()
    shown = client.get("/metrics", base_url=own_house.settings.base_url).get_data(as_text=True)
    lines = dict(line.split() for line in shown.splitlines() if line.startswith(("jit_evidence", "jit_scrub")))
    assert float(lines["jit_evidence_damaged"]) == len(found(own_house))
    assert float(lines["jit_scrub_oldest_seconds"]) >= 10 * 86400 - 60
