"""A part of an exhibit: proved, on the record with its place, given only to whoever may have the whole."""

import os

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from jit_server.core.vault import BLOCK, new_key
from jit_server.evidence import EvidenceItem
from jit_server.work import House
from tests.builders import Team, World, browser
from tests.evidence.builders import custody, events, exhibit

SIZE = 2 * BLOCK + 7


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture
def content() -> bytes:
    return os.urandom(SIZE)


def address(item: EvidenceItem) -> str:
    return f"/api/v1/evidence/{item.id}/content"


def test_a_part_is_given_with_its_place_and_is_on_record_with_it(team: Team, app: Flask, house: House, content: bytes):
    item = exhibit(team, team.admin, content)
    client = browser(app, house, team.leaders["FR"])
    for asked, wanted in {
        "bytes=0-0": range(1),
        "bytes=1000000-1500000": range(1000000, 1500001),
        "bytes=-5": range(SIZE - 5, SIZE),
        f"bytes={SIZE - 1}-": range(SIZE - 1, SIZE),
        f"bytes=3-{SIZE * 2}": range(3, SIZE),
    }.items():
        answer = client.get(address(item), headers={"Range": asked})
        assert answer.status_code == 206, asked
        assert answer.data == content[wanted.start : wanted.stop], asked
        assert answer.headers["Content-Range"] == f"bytes {wanted.start}-{wanted.stop - 1}/{SIZE}"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        last = custody(team, team.admin, item.id)
        (entry,) = [one for one in last if one.event == "evidence:streamed"][-1:]
        assert (entry.facts["first"], entry.facts["last"]) == (wanted.start, wanted.stop - 1)
    assert "evidence:downloaded" not in events(team, team.admin, item.id)


def test_a_part_behind_the_end_is_refused_and_not_on_record(team: Team, app: Flask, house: House):
    item = exhibit(team, team.admin, b"short")
    answer = browser(app, house, team.admin).get(address(item), headers={"Range": "bytes=5-"})
    assert (answer.status_code, answer.json["type"]) == (416, "/problems/out-of-range")
    assert (answer.headers["Content-Range"], answer.json["size"]) == ("bytes */5", 5)
    assert "evidence:streamed" not in events(team, team.admin, item.id)


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=0-1,3-4"},
        {"Range": "lines=0-1"},
        {"Range": "bytes=0-1", "If-Range": '"another version"'},
        {"Range": "bytes=0-1", "If-Range": "Sun, 22 Nov 2026 10:00:00 GMT"},
    ],
    ids=["several", "other units", "another version", "a date"],
)
def test_what_is_not_one_part_of_these_bytes_is_answered_with_all(
    team: Team, app: Flask, house: House, headers: dict[str, str]
):
    item = exhibit(team, team.admin, b"all of it")
    answer = browser(app, house, team.admin).get(address(item), headers=headers)
    assert (answer.status_code, answer.data) == (200, b"all of it")
    assert events(team, team.admin, item.id)[-1] == "evidence:downloaded"


def test_a_download_that_broke_off_goes_on_where_it_ended(team: Team, app: Flask, house: House, content: bytes):
    item = exhibit(team, team.admin, content)
    client = browser(app, house, team.admin)
    head = client.head(address(item))
    assert head.headers["Accept-Ranges"] == "bytes"
    rest = client.get(address(item), headers={"Range": f"bytes={BLOCK}-", "If-Range": head.headers["ETag"]})
    assert (rest.status_code, rest.data) == (206, content[BLOCK:])


def test_no_part_is_given_to_whoever_may_not_have_the_whole(
    team: Team, world: World, app: Flask, house: House, content: bytes
):
    item = exhibit(team, team.admin, content)
    outsider = browser(app, house, world.person("NL")).get(address(item), headers={"Range": "bytes=0-9"})
    assert outsider.status_code == 404
    restricted = exhibit(team, team.admin, content, handling="H3")
    asked = browser(app, house, team.admin).get(address(restricted), headers={"Range": "bytes=9999999-"})
    assert (asked.status_code, asked.json["type"]) == (428, "/problems/purpose-required")
    assert "evidence:streamed" not in events(team, team.admin, item.id)


def test_an_altered_chunk_is_refused_and_named_and_the_others_are_still_given(
    team: Team, app: Flask, house: House, content: bytes
):
    item = exhibit(team, team.admin, content)
    path = house.settings.data / "vault" / "objects" / item.vault_key / item.version_id
    there = bytearray(path.read_bytes())
    there[-1] ^= 1
    path.write_bytes(there)
    client = browser(app, house, team.admin)
    answer = client.get(address(item), headers={"Range": "bytes=-5"})
    assert (answer.status_code, answer.json["type"]) == (502, "/problems/altered")
    assert events(team, team.admin, item.id)[-1] == "evidence:damaged"
    assert "evidence:streamed" not in events(team, team.admin, item.id)
    assert client.get(address(item), headers={"Range": "bytes=0-9"}).data == content[:10]


def test_what_was_taken_in_before_there_were_keys_is_given_whole(
    team: Team, app: Flask, house: House, owner_engine: Engine, content: bytes
):
    item = exhibit(team, team.admin, content)
    plain = house.vault.put(new_key(team.id), [content], size=len(content))
    older = "UPDATE evidence_item SET seal = 'none', vault_key = :key, version_id = :version WHERE id = :id"
    with owner_engine.begin() as connection:
        connection.execute(text(older), {"key": plain.key, "version": plain.version_id, "id": item.id})
    answer = browser(app, house, team.admin).get(address(item), headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.data) == (200, content)
