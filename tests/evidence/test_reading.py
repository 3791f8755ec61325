"""The register, the exhibit, its custody and its bytes on the way out: who may, what is on record, what is altered."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from jit_server import audit, evidence
from jit_server.access import Handling, Role
from jit_server.core.errors import Altered, NotFound, NotPermitted, VaultDown
from jit_server.core.vault import BLOCK
from jit_server.evidence import EvidenceItem, Wanted
from jit_server.evidence.usecases import content
from jit_server.work import House
from tests.builders import Team, Who, World, browser
from tests.evidence.builders import begins, custody, events, exhibit


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


def stored(house: House, item: EvidenceItem) -> Path:
    return house.settings.data / "vault" / "objects" / item.vault_key / item.version_id


def flip(path: Path, at: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


def take(team: Team, who: Who, item: EvidenceItem) -> bytes:
    _, blocks = evidence.download(begins(team, who), item.id)
    return b"".join(blocks)


def numbers(team: Team, who: Who, **wanted: object) -> list[str]:
    with team.world.work(who) as uow:
        return [line.number for line in evidence.register(uow, team.id, Wanted(**wanted))[0]]


# --- bytes out


@pytest.mark.parametrize("size", [1, BLOCK, 3 * BLOCK + 5])
def test_a_partner_takes_the_exhibit_back_bit_for_bit_and_it_is_on_record(team: Team, size: int):
    content_ = os.urandom(size)
    item = exhibit(team, team.admin, content_)
    assert take(team, team.leaders["FR"], item) == content_
    last = custody(team, team.admin, item.id)[-1]
    assert (last.event, last.verb, last.actor["person"]) == (
        "evidence:downloaded",
        "disclosure",
        str(team.leaders["FR"].id),
    )


def test_a_download_is_on_record_before_the_first_byte_leaves(team: Team):
    item = exhibit(team, team.admin, os.urandom(5 * BLOCK))
    _, blocks = evidence.download(begins(team, team.leaders["FR"]), item.id)
    assert events(team, team.admin, item.id)[-1] == "evidence:downloaded"
    blocks.close()


@pytest.mark.parametrize("size", [1, BLOCK, 4 * BLOCK])
def test_altered_bytes_never_make_a_whole_file_and_raise_an_alarm(team: Team, house: House, size: int):
    item = exhibit(team, team.admin, os.urandom(size))
    flip(stored(house, item), size - 1)
    given = []
    with pytest.raises(Altered):  # noqa: PT012 - large files fail while they are read, small ones before
        _, blocks = evidence.download(begins(team, team.leaders["FR"]), item.id)
        given.extend(blocks)
    assert sum(map(len, given)) < size
    damaged = custody(team, team.admin, item.id)[-1]
    assert (damaged.event, damaged.result) == ("evidence:damaged", "error")


def test_bytes_that_are_gone_or_shortened_are_altered(team: Team, house: House):
    gone, short = exhibit(team, team.admin), exhibit(team, team.admin)
    stored(house, gone).unlink()
    os.truncate(stored(house, short), 3)
    for item in (gone, short):
        with pytest.raises(Altered):
            take(team, team.admin, item)
        assert "evidence:downloaded" not in events(team, team.admin, item.id)


def test_over_http_an_altered_small_file_is_a_problem_and_no_byte_of_it(app: Flask, team: Team, house: House):
    item = exhibit(team, team.admin, b"the one line that mattered")
    flip(stored(house, item))
    answer = browser(app, house, team.admin).get(f"/api/v1/evidence/{item.id}/content")
    assert (answer.status_code, answer.content_type) == (502, "application/problem+json")
    assert b"mattered" not in answer.data


def test_a_vault_that_is_down_gives_nothing_and_records_nothing_as_given(team: Team, house: House, app: Flask):
    item, root = exhibit(team, team.admin), house.settings.data / "vault"
    client = browser(app, house, team.admin)
    root.rename(away := root.with_name("unmounted"))
    root.touch()
    try:
        with pytest.raises(VaultDown):
            take(team, team.admin, item)
        assert client.get(f"/api/v1/evidence/{item.id}/content").status_code == 503
        assert client.get(f"/w/{team.id}/evidence/{item.number}").status_code == 200
    finally:
        root.unlink()
        away.rename(root)
    assert "evidence:downloaded" not in events(team, team.admin, item.id)


def test_a_running_download_stops_for_whoever_is_removed(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(content, "LOOK_AGAIN_SECONDS", 0)
    team = world.workspace()
    who = team.join("FR")
    item = exhibit(team, team.admin, os.urandom(10 * BLOCK))
    _, blocks = evidence.download(begins(team, who), item.id)
    next(blocks)
    team.remove(who)
    with pytest.raises(NotFound):
        next(blocks)


def test_a_download_says_attachment_sandbox_and_nothing_of_its_kind(app: Flask, team: Team, house: House):
    item = exhibit(team, team.admin, b"<script>alert(1)</script>", file_name="x.html", media_type="text/html")
    answer = browser(app, house, team.admin).get(f"/api/v1/evidence/{item.id}/content")
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content_length == item.size


def test_a_head_request_gives_out_nothing_and_is_a_look(app: Flask, team: Team, house: House):
    item = exhibit(team, team.admin)
    answer = browser(app, house, team.admin).head(f"/api/v1/evidence/{item.id}/content")
    assert (answer.status_code, answer.data, answer.content_length) == (200, b"", item.size)
    assert events(team, team.admin, item.id)[-1] == "evidence:read"


# --- who may


@pytest.mark.parametrize(
    ("handling", "role", "listed", "read", "taken"),
    [
        ("H0", Role.MEMBER, True, True, True),
        ("H1", Role.MEMBER, True, True, True),
        ("H2", Role.MEMBER, True, False, False),
        ("H1", Role.SECONDED_MEMBER, True, True, True),
        ("H2", Role.SECONDED_MEMBER, False, False, False),
        ("H0", Role.OBSERVER, True, False, False),
        ("H1", Role.OBSERVER, False, False, False),
    ],
)
def test_handling_decides_what_a_partner_may_know_read_and_take(
    team: Team, handling: str, role: Role, listed: bool, read: bool, taken: bool
):
    who = team.join("FR", role)
    item = exhibit(team, team.admin, handling=handling)
    assert (item.number in numbers(team, who, limit=200)) is listed
    for allowed, action in ((read, evidence.read), (read, evidence.look)):
        if allowed:
            with team.world.work(who) as uow:
                action(uow, item.id)
            continue
        with pytest.raises(NotPermitted if listed else NotFound), team.world.work(who) as uow:
            action(uow, item.id)
    if taken:
        assert take(team, who, item)
    else:
        with pytest.raises(NotPermitted if listed else NotFound):
            take(team, who, item)


def test_a_refusal_stands_in_the_custody_and_a_hidden_look_does_not(team: Team):
    refused, hidden = team.join("FR"), team.join("FR", Role.OBSERVER)
    item = exhibit(team, team.admin, handling="H2")
    for who, kind in ((refused, NotPermitted), (hidden, NotFound)):
        with pytest.raises(kind):
            take(team, who, item)
    denied = [one for one in custody(team, team.admin, item.id) if one.result == "denied"]
    assert [one.actor["person"] for one in denied] == [str(refused.id)]
    assert denied[0].facts["action"] == "evidence:download"


def test_an_outsider_cannot_tell_an_exhibit_from_an_absent_id(app: Flask, world: World, team: Team, house: House):
    item = exhibit(team, team.admin)
    client = browser(app, house, world.person("NL"))
    for tail in ("", "/content", "/custody", "/bundle"):
        real = client.get(f"/api/v1/evidence/{item.id}{tail}")
        fake = client.get(f"/api/v1/evidence/{uuid4()}{tail}")
        assert real.status_code == fake.status_code == 404
        assert real.data == fake.data


def test_every_look_is_on_record_once(team: Team, app: Flask, house: House):
    item = exhibit(team, team.admin)
    client = browser(app, house, team.leaders["FR"])
    looks = {
        f"/api/v1/evidence/{item.id}": "evidence:read",
        f"/api/v1/evidence/{item.id}/custody": "custody:read",
        f"/api/v1/evidence/{item.id}/content": "evidence:downloaded",
        f"/w/{team.id}/evidence/{item.number}": "evidence:read",
        f"/api/v1/workspaces/{team.id}/evidence": "evidence:listed",
        f"/w/{team.id}/evidence": "evidence:listed",
    }
    for address, name in looks.items():
        with team.world.work(team.admin) as uow:
            before = audit.head(uow.connection, team.id).size
        assert client.get(address).status_code == 200, address
        with team.world.work(team.admin) as uow:
            assert [one.event for one in audit.read(uow.connection, team.id, before)] == [name], address


# --- the register


def test_the_register_is_newest_first_and_turns_its_pages_without_gap_or_double(world: World, app: Flask, house: House):
    team = world.workspace()
    made = [exhibit(team, team.admin, os.urandom(5)).number for _ in range(7)]
    client, seen, address = browser(app, house, team.admin), [], f"/api/v1/workspaces/{team.id}/evidence?limit=3"
    while address:
        answer = client.get(address)
        seen += [line["number"] for line in answer.json["items"]]
        address = answer.headers.get("Link", "").partition(">")[0].lstrip("<")
    assert seen == made[::-1]


def test_the_register_is_searched_and_narrowed(world: World):
    team = world.workspace()
    phone = exhibit(team, team.admin, title="Phone of A", handling="H0", file_name="phone.bin").number
    disk = exhibit(team, team.leaders["FR"], title="Disk 100%", handling="H1", file_name="disk_1.dd").number
    assert numbers(team, team.admin, words="phone") == [phone]
    assert numbers(team, team.admin, words="DISK_1") == [disk]
    assert numbers(team, team.admin, words="100%") == [disk]
    assert numbers(team, team.admin, words="%") == []
    assert numbers(team, team.admin, words="fr-0001") == [disk]
    assert numbers(team, team.admin, state="DE") == [phone]
    assert numbers(team, team.admin, handling=Handling.H1) == [disk]
    assert numbers(team, team.admin, words="nothing") == []


def test_hidden_exhibits_are_in_no_figure(world: World):
    team = world.workspace()
    observer = team.join("FR", Role.OBSERVER)
    for handling in ("H0", "H1", "H2", "H3"):
        exhibit(team, team.admin, handling=handling)
    with team.world.work(observer) as uow:
        assert evidence.known(uow, team.id) == {"DE": 1}
    with team.world.work(team.admin) as uow:
        assert evidence.known(uow, team.id) == {"DE": 4}


@pytest.mark.parametrize(
    "number", ["DE-9999", "DE-1", "DE-00001", "XX-0001", "DE", "-", "DE--1", "DE-٠٠٠١", "DE-99999999999"]
)
def test_a_number_that_is_not_given_out_leads_nowhere(app: Flask, team: Team, house: House, number: str):
    exhibit(team, team.admin)
    answer = browser(app, house, team.admin).get(f"/w/{team.id}/evidence/{number}")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "cursor", ["x", "W10", "WyJhIl0", "WyItMSJd", "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTkiXQ", "%00"]
)
def test_a_cursor_that_is_none_is_said(app: Flask, team: Team, house: House, cursor: str):
    answer = browser(app, house, team.admin).get(f"/api/v1/workspaces/{team.id}/evidence?cursor={cursor}")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "cursor")


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", listen)
    yield seen
    event.remove(engine, "before_cursor_execute", listen)


def test_a_page_of_the_register_costs_as_many_queries_for_fifty_lines_as_for_two(world: World, statements: list[str]):
    team = world.workspace()
    costs = []
    for count in (2, 20):
        for _ in range(count):
            exhibit(team, team.admin, os.urandom(3))
        statements.clear()
        numbers(team, team.admin)
        costs.append(len(statements))
    assert costs[0] == costs[1]


# --- verification


def verify(team: Team, who: Who, item: EvidenceItem) -> evidence.Check:
    return evidence.verify(begins(team, who), item.id)


def test_verifying_hashes_the_stored_bytes_and_proves_the_entry(team: Team):
    item = exhibit(team, team.admin, os.urandom(2 * BLOCK))
    assert verify(team, team.leaders["FR"], item).ok
    assert events(team, team.admin, item.id)[-1] == "evidence:verified"


def test_verifying_finds_one_altered_bit(team: Team, house: House):
    item = exhibit(team, team.admin, os.urandom(2 * BLOCK))
    flip(stored(house, item), 2 * BLOCK - 1)
    assert not verify(team, team.admin, item).ok
    assert events(team, team.admin, item.id)[-1] == "evidence:damaged"


@pytest.mark.parametrize(
    "change",
    ["title = 'Another title'", "collector = 'Somebody else'", "collected_at = now()", "place = 'x'", "position = 1"],
)
def test_verifying_finds_words_altered_behind_our_back(world: World, owner_engine: Engine, change: str):
    team = world.workspace()
    item = exhibit(team, team.admin)
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE evidence_item SET {change} WHERE id = '{item.id}'")
    check = verify(team, team.admin, item)
    assert not check.ok
    assert custody(team, team.admin, item.id)[-1].result == "error"


def test_the_page_shows_what_the_last_verification_gave(app: Flask, team: Team, house: House):
    item = exhibit(team, team.admin)
    client = browser(app, house, team.admin)
    address = f"/w/{team.id}/evidence/{item.number}"
    token = client.get(address).text.partition('name="csrf" value="')[2].partition('"')[0]
    answer = client.post(f"{address}/verify", data={"csrf": token})
    assert (answer.status_code, answer.location) == (303, address)
    assert "the log proves the registration" in client.get(address).text
    flip(stored(house, item))
    client.post(f"{address}/verify", data={"csrf": token})
    assert "NOT those that were registered" in client.get(address).text


def test_the_page_of_a_new_exhibit_offers_what_is_needed(app: Flask, team: Team, house: House):
    page = browser(app, house, team.admin).get(f"/w/{team.id}/evidence/new")
    assert page.status_code == 200
    assert "jit-upload" in page.text
    assert "Europe/Berlin" in page.text
    observer = team.join("FR", Role.OBSERVER)
    assert browser(app, house, observer).get(f"/w/{team.id}/evidence/new").status_code == 403


def test_a_refusal_for_its_marking_says_that_the_originator_must_agree(team: Team) -> None:
    item = exhibit(team, team.admin, handling="H2")
    with pytest.raises(NotPermitted, match="H2: the originator must agree"), team.world.work(team.leaders["FR"]) as uow:
        evidence.read(uow, item.id)
