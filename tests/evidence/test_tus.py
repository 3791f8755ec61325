"""Resumable upload (tus 1.0): the protocol's words, and what may never come of it: a half thing, or a foreign hand."""

import hashlib
import os
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from jit_server import audit, evidence, identity
from jit_server.access import OPERATOR, SYSTEM
from jit_server.core.errors import Conflict, Invalid, KeyGone, Mismatch, NotFound, QuotaFull, VaultDown
from jit_server.core.vault import BLOCK
from jit_server.evidence import EvidenceItem, download, verify
from jit_server.evidence.keys import vault_at
from jit_server.evidence.tus.errors import OtherChecksum, PartEnded
from jit_server.evidence.usecases import destroying, joining, parts, reconciling
from jit_server.evidence.usecases.content import verify_without_keys
from jit_server.evidence.usecases.reading_back import checks_of
from jit_server.work import House
from tests.builders import Team, Who, World, browser
from tests.evidence.builders import begins, declare, sha256

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = TUS | {"Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture
def client(app: Flask, house: House, team: Team) -> FlaskClient:
    return browser(app, house, team.admin)


def begin(team: Team, upload_id: UUID, length: int, *, partial: bool = True) -> UUID:
    with team.world.work(team.admin) as uow:
        return evidence.begin_part(uow, upload_id, length, partial=partial).part.id


def add(
    team: Team, upload_id: UUID, part_id: UUID, offset: int, *blocks: bytes, named: evidence.Checksum | None = None
) -> int:
    return evidence.append(begins(team, team.admin), upload_id, part_id, offset, blocks, named).offset


def offset(team: Team, upload_id: UUID, part_id: UUID) -> int:
    with team.world.work(team.admin) as uow:
        return evidence.part_now(uow, upload_id, part_id).offset


def sent(team: Team, content: bytes, **changes: Any) -> EvidenceItem:
    """An exhibit from two parts, the second of which came first and in three requests."""
    upload_id, half, cut = declare(team, team.admin, len(content), **changes), len(content) // 3, 0
    second, first = begin(team, upload_id, len(content) - half), begin(team, upload_id, half)
    for piece in (content[half : half + 7], content[half + 7 : half + 50], content[half + 50 :]):
        cut = add(team, upload_id, second, cut, piece)
    add(team, upload_id, first, 0, content[:half])
    return joined(team, upload_id, [first, second])


def joined(team: Team, upload_id: UUID, part_ids: list[UUID]) -> EvidenceItem:
    item = evidence.join(begins(team, team.admin), upload_id, part_ids)
    assert item is not None
    return item


def entries_of(team: Team, upload_id: UUID) -> list[str]:
    with team.world.work(team.admin) as uow:
        return [one.event for one in audit.read(uow.connection, team.id, subject=upload_id)]


def staged(house: House) -> int:
    return len(list((house.settings.data / "vault" / "parts").iterdir()))


def test_parts_in_any_order_become_one_exhibit_with_both_digests(team: Team):
    content = os.urandom(200_000)
    item = sent(team, content, declared_sha256=sha256(content))
    with team.world.work(team.admin) as uow:
        check = checks_of(uow, [item])[item.id]
    assert (item.sha256, check.sha512) == (sha256(content), hashlib.sha512(content).hexdigest())
    assert b"".join(download(begins(team, team.admin), item.id)[1]) == content
    assert verify(begins(team, team.admin), item.id).ok


def test_pieces_lie_encrypted_and_an_altered_one_is_found_with_and_without_the_key(team: Team, house: House):
    item = sent(team, b"the diary of Maria Example " * 10_000)
    with begins(team, team.admin)() as uow:
        lumps = evidence.lumps_of(uow, item)
    lying = [house.settings.data / "vault" / "objects" / one.key / one.version_id for one in lumps]
    assert len(lying) == 4
    assert not any(b"Maria" in one.read_bytes() for one in lying)
    assert verify_without_keys(begins(team, team.admin), item).ok
    content = bytearray(lying[2].read_bytes())
    content[-20] ^= 1
    lying[2].write_bytes(content)
    assert not verify_without_keys(begins(team, team.admin), item).ok
    assert not verify(begins(team, team.admin), item.id).ok


@pytest.mark.parametrize("part", [range(1), range(60_000, 70_000), range(66_660, 150_000), range(199_999, 200_000)])
def test_an_exhibit_in_pieces_is_read_from_the_middle(team: Team, part: range):
    content = os.urandom(200_000)
    item = sent(team, content)
    blocks = evidence.stream(begins(team, team.admin), item.id, lambda _: part)[2]
    assert b"".join(blocks) == content[part.start : part.stop]


def test_destroying_the_one_key_makes_every_piece_unreadable(team: Team):
    item = sent(team, os.urandom(500))
    with begins(team, team.admin)() as uow, uow.as_system():
        evidence.destroy(uow, item)
    with pytest.raises(KeyGone):
        download(begins(team, team.admin), item.id)


def test_what_arrived_before_the_line_was_cut_is_kept(team: Team):
    upload_id = declare(team, team.admin, 1000)
    part = begin(team, upload_id, 1000, partial=False)
    assert add(team, upload_id, part, 0, b"x" * 300, b"y" * 100) == 400
    assert offset(team, upload_id, part) == 400


def test_a_large_request_is_kept_in_pieces_so_that_a_killed_server_loses_one_at_most(
    team: Team, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(parts, "PIECE", BLOCK)
    upload_id = declare(team, team.admin, 3 * BLOCK + 5)
    part = begin(team, upload_id, 3 * BLOCK + 5, partial=False)

    def killed() -> Iterator[bytes]:
        yield os.urandom(2 * BLOCK + 9)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evidence.append(begins(team, team.admin), upload_id, part, 0, killed(), None)
    assert offset(team, upload_id, part) == 2 * BLOCK


def test_damaged_bytes_are_not_kept(team: Team, house: House):
    upload_id = declare(team, team.admin, 100)
    part, before = begin(team, upload_id, 100), staged(house)
    right = evidence.Checksum("sha1", hashlib.sha1(b"x" * 60, usedforsecurity=False).digest())
    with pytest.raises(OtherChecksum):
        add(team, upload_id, part, 0, b"y" * 60, named=right)
    assert (offset(team, upload_id, part), staged(house)) == (0, before)
    assert add(team, upload_id, part, 0, b"x" * 60, named=right) == 60


def test_another_offset_or_an_earlier_request_is_refused(team: Team):
    upload_id = declare(team, team.admin, 100)
    part = begin(team, upload_id, 100)
    with pytest.raises(Conflict):
        add(team, upload_id, part, 5, b"x")

    def overtaken() -> Iterator[bytes]:
        add(team, upload_id, part, 0, b"z" * 30)
        yield b"y" * 10

    with pytest.raises(Conflict, match="Another request"):
        evidence.append(begins(team, team.admin), upload_id, part, 0, overtaken(), None)
    assert offset(team, upload_id, part) == 30


def test_another_digest_than_declared_is_rejected_for_good_and_on_record(team: Team):
    upload_id = declare(team, team.admin, 100, declared_sha256="0" * 64)
    part = begin(team, upload_id, 100)
    add(team, upload_id, part, 0, b"x" * 100)
    with pytest.raises(Mismatch):
        evidence.join(begins(team, team.admin), upload_id, [part])
    assert entries_of(team, upload_id)[-2:] == ["evidence:key_destroyed", "evidence:rejected"]
    with pytest.raises(PartEnded):
        offset(team, upload_id, part)


def _reject(team: Team, house: House, upload_id: UUID, way: str) -> None:
    part = begin(team, upload_id, 100)
    add(team, upload_id, part, 0, b"x" * 100)
    if way == "another digest":
        with pytest.raises(Mismatch):
            evidence.join(begins(team, team.admin), upload_id, [part])
    elif way == "given up":
        with team.world.work(team.admin) as uow:
            evidence.abandon(uow, upload_id)
    else:
        with house.work(SYSTEM) as uow:
            late = text("UPDATE upload SET expires_at = expires_at - :days WHERE id = :id")
            uow.connection.execute(late, {"days": timedelta(days=house.settings.upload_days + 1), "id": upload_id})
        reconciling.reconcile(house, lambda: False)


@pytest.mark.parametrize("way", ["another digest", "given up", "past its day"])
def test_what_came_of_an_upload_that_is_over_for_good_can_be_read_by_nobody(
    team: Team, house: House, owner_engine: Engine, way: str
):
    other, upload_id = declare(team, team.admin, 100), declare(team, team.admin, 100, declared_sha256="0" * 64)
    begin(team, other, 100)
    _reject(team, house, upload_id, way)
    wanted = text(
        "SELECT count(*) FROM object_key JOIN upload ON vault_key = upload.workspace_id || '/' || object_id"
        " WHERE upload.id = :id"
    )
    with owner_engine.connect() as connection:
        left = [connection.execute(wanted, {"id": one}).scalar_one() for one in (upload_id, other)]
    assert left == [0, 1]
    with team.world.work(team.admin) as uow, pytest.raises(KeyGone):
        vault_at(uow, team.id, str(evidence.upload(uow, upload_id).vault_key))


def test_no_key_of_an_upload_that_goes_on_can_be_destroyed(team: Team):
    upload_id = declare(team, team.admin, 100)
    begin(team, upload_id, 100)
    with pytest.raises(Invalid), team.world.work(team.admin) as uow:
        destroying.forget(uow, evidence.upload(uow, upload_id))


def test_asked_twice_it_is_one_exhibit_and_one_entry(team: Team):
    upload_id = declare(team, team.admin, 100)
    part = begin(team, upload_id, 100)
    add(team, upload_id, part, 0, b"x" * 100)
    first, second = (joined(team, upload_id, [part]) for _ in range(2))
    assert first.id == second.id
    assert entries_of(team, upload_id).count("evidence:registered") == 1


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is too large to be read back while its sender waits."""
    monkeypatch.setattr(joining, "AT_ONCE", 0)


def received(team: Team, content: bytes, who: Who | None = None, **changes: Any) -> tuple[UUID, list[UUID]]:
    """An upload all of whose bytes are here, in two parts, the second of which was made first."""
    upload_id, half = declare(team, who or team.admin, len(content), **changes), len(content) // 3
    begin_, ours = begins(team, who or team.admin), []
    for some in (content[half:], content[:half]):
        with begin_() as uow:
            ours.insert(0, evidence.begin_part(uow, upload_id, len(some), partial=True).part.id)
        evidence.append(begin_, upload_id, ours[0], 0, [some], None)
    assert evidence.join(begin_, upload_id, ours) is None
    return upload_id, ours


def work_off(house: House, upload_id: UUID) -> None:
    """What the worker does of it."""
    joining.run(house, lambda: False, upload_id=upload_id)


def state(team: Team, upload_id: UUID) -> str:
    with team.world.work(team.admin) as uow:
        return str(evidence.upload(uow, upload_id).state)


@pytest.mark.usefixtures("large")
def test_a_large_file_is_read_back_by_the_worker_and_asked_again_its_sender_has_the_exhibit(team: Team, house: House):
    content = os.urandom(200_000)
    upload_id, ours = received(team, content, declared_sha256=sha256(content))
    assert state(team, upload_id) == "received"
    assert evidence.join(begins(team, team.admin), upload_id, ours) is None
    assert "evidence:registered" not in entries_of(team, upload_id)
    for _ in range(2):  # a job may be done twice
        work_off(house, upload_id)
    item = evidence.join(begins(team, team.admin), upload_id, ours)
    assert item is not None
    assert b"".join(download(begins(team, team.admin), item.id)[1]) == content
    known = entries_of(team, upload_id)
    assert [known.count(one) for one in ("evidence:uploaded", "evidence:registered", "evidence:read_back")] == [1, 1, 1]


@pytest.mark.usefixtures("large")
def test_the_job_is_in_the_row_with_the_last_bytes(team: Team, owner_engine: Engine):
    upload_id, _ = received(team, b"x" * 100)
    wanted = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = :task AND args ->> 'upload_id' = :id")
    with owner_engine.connect() as connection:
        found = connection.execute(wanted, {"task": joining.TASK, "id": str(upload_id)}).scalar_one()
    assert found == 1


@pytest.mark.usefixtures("large")
def test_while_it_is_read_back_nothing_of_it_can_be_changed_and_its_offset_is_not_told(
    client: FlaskClient, team: Team, house: House
):
    upload_id, ours = received(team, b"x" * 100)
    endpoint = f"/api/v1/uploads/{upload_id}/tus"
    asked = client.head(f"{endpoint}/{upload_id}", headers=TUS)
    assert (asked.status_code, asked.headers["Upload-Concat"]) == (200, "final")
    assert "Upload-Offset" not in asked.headers
    assert client.delete(f"{endpoint}/{ours[0]}", headers=TUS).status_code == 409
    assert client.post(endpoint, headers=TUS | {"Upload-Length": "100"}).status_code == 409
    final = TUS | {"Upload-Concat": "final;" + " ".join(f"{endpoint}/{one}" for one in ours)}
    told = client.post(endpoint, headers=final)
    assert (told.status_code, told.json["state"]) == (201, "received")
    work_off(house, upload_id)
    assert client.head(f"{endpoint}/{upload_id}", headers=TUS).headers["Upload-Offset"] == "100"
    told = client.post(endpoint, headers=final)
    assert (told.status_code, told.json["sha256"]) == (201, sha256(b"x" * 100))


@pytest.mark.usefixtures("large")
def test_another_digest_found_by_the_worker_is_told_to_whoever_asks(team: Team, house: House):
    upload_id, ours = received(team, b"x" * 100, declared_sha256="0" * 64)
    work_off(house, upload_id)
    assert entries_of(team, upload_id)[-2:] == ["evidence:key_destroyed", "evidence:rejected"]
    with pytest.raises(Mismatch) as told:
        evidence.join(begins(team, team.admin), upload_id, ours)
    assert told.value.members["sha256"] == sha256(b"x" * 100)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("way", ["removed", "disabled"])
def test_of_a_sender_who_is_gone_meanwhile_nothing_is_registered(team: Team, house: House, way: str):
    who = team.join("FR")
    upload_id, _ = received(team, b"x" * 100, who)
    if way == "removed":
        team.remove(who)
    else:
        with house.work(OPERATOR) as uow:
            identity.disable(uow, who.id)
    work_off(house, upload_id)
    assert entries_of(team, upload_id)[-1] == "evidence:rejected"
    assert "evidence:registered" not in entries_of(team, upload_id)


@pytest.mark.usefixtures("large")
def test_a_store_that_is_down_rejects_nothing(team: Team, house: House, monkeypatch: pytest.MonkeyPatch):
    upload_id, _ = received(team, b"x" * 100)
    objects = house.settings.data / "vault"
    objects.rename(objects.with_name("away"))
    try:
        with pytest.raises(VaultDown):
            work_off(house, upload_id)
    finally:
        objects.with_name("away").rename(objects)
    assert state(team, upload_id) == "received"
    work_off(house, upload_id)
    assert state(team, upload_id) == "available"


@pytest.mark.usefixtures("large")
def test_what_waits_for_the_worker_takes_room_whatever_its_day(house: House):
    narrow = replace(house, settings=house.settings.model_copy(update={"quota_workspace_bytes": 150}))
    team = World.create(narrow).workspace()
    upload_id, _ = received(team, b"x" * 100)
    with house.work(SYSTEM) as uow:
        late = text("UPDATE upload SET expires_at = now() - interval '1 day', beat_at = beat_at - :days WHERE id = :id")
        uow.connection.execute(late, {"id": upload_id, "days": timedelta(days=2)})
    with pytest.raises(QuotaFull):
        declare(team, team.admin, 100)
    reconciling.reconcile(house, lambda: False)
    assert state(team, upload_id) == "received"


def test_a_removed_sender_is_stopped_and_registers_nothing(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parts, "BEAT_SECONDS", 0)
    team = world.workspace()
    who = team.join("FR")
    upload_id = declare(team, who, 100)
    with team.world.work(who) as uow:
        part = evidence.begin_part(uow, upload_id, 100, partial=False).part.id

    def removed() -> Iterator[bytes]:
        yield b"x" * 10
        team.remove(who)
        yield b"x" * 90

    with pytest.raises(NotFound):
        evidence.append(begins(team, who), upload_id, part, 0, removed(), None)
    assert "evidence:registered" not in entries_of(team, upload_id)


def test_a_part_is_nobody_elses(team: Team):
    other = team.join("DE")
    upload_id = declare(team, team.admin, 100)
    part = begin(team, upload_id, 100)
    for step in (
        lambda: evidence.append(begins(team, other), upload_id, part, 0, [b"x"], None),
        lambda: evidence.join(begins(team, other), upload_id, [part]),
    ):
        with pytest.raises(NotFound):
            step()


def test_what_waits_half_sent_takes_room(house: House):
    narrow = replace(house, settings=house.settings.model_copy(update={"quota_workspace_bytes": 150}))
    team = World.create(narrow).workspace()
    begin(team, declare(team, team.admin, 100), 100)
    with pytest.raises(QuotaFull):
        declare(team, team.admin, 100)


def test_an_upload_that_is_given_up_leaves_nothing_but_the_entry(client: FlaskClient, team: Team, house: House):
    upload_id, before = declare(team, team.admin, 100), staged(house)
    part = begin(team, upload_id, 100)
    add(team, upload_id, part, 0, b"x" * 60)
    assert client.delete(f"/api/v1/uploads/{upload_id}").status_code == 204
    assert staged(house) == before
    with team.world.work(team.admin) as uow:
        last = audit.read(uow.connection, team.id, subject=upload_id)[-1].content
    assert (last["event"], last["facts"]["reason"], last["facts"]["size"]) == ("evidence:rejected", "stopped", 60)
    assert client.delete(f"/api/v1/uploads/{upload_id}").status_code == 409


def test_an_upload_that_was_never_finished_is_cleared_when_its_day_has_come(team: Team, house: House):
    upload_id, before = declare(team, team.admin, 100), staged(house)
    part = begin(team, upload_id, 100)
    add(team, upload_id, part, 0, b"x" * 60)
    assert staged(house) == before + 1
    with house.work(SYSTEM) as uow:
        late = text("UPDATE upload SET expires_at = expires_at - :days WHERE id = :id")
        uow.connection.execute(late, {"days": timedelta(days=house.settings.upload_days + 1), "id": upload_id})
    with pytest.raises(PartEnded):
        add(team, upload_id, part, 60, b"x" * 40)
    reconciling.reconcile(house, lambda: False)
    assert staged(house) == before
    assert entries_of(team, upload_id)[-1] == "evidence:rejected"


def test_no_piece_of_an_exhibit_counts_as_an_orphan(team: Team, house: House, monkeypatch: pytest.MonkeyPatch):
    item = sent(team, os.urandom(500))
    monkeypatch.setattr(reconciling, "STALE", timedelta(seconds=-60))
    with begins(team, team.admin)() as uow:
        ours = {one.key for one in evidence.lumps_of(uow, item)}
    assert not ours & {one.key for one in reconciling.orphans(house)}


def test_the_protocol_says_what_it_can_and_refuses_another_version(client: FlaskClient, team: Team):
    endpoint = f"/api/v1/uploads/{declare(team, team.admin, 100)}/tus"
    answer = client.options(endpoint)
    assert answer.status_code == 200
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        "creation", "expiration", "checksum", "termination", "concatenation",
    }  # fmt: skip
    assert "sha1" in answer.headers["Tus-Checksum-Algorithm"]
    refused = client.post(endpoint, headers={"Upload-Length": "100"})
    assert (refused.status_code, refused.headers["Tus-Version"]) == (412, "1.0.0")


def test_create_ask_append_and_end_by_the_headers_of_the_protocol(client: FlaskClient, team: Team):
    endpoint = f"/api/v1/uploads/{declare(team, team.admin, 100)}/tus"
    made = client.post(endpoint, headers=TUS | {"Upload-Length": "40", "Upload-Concat": "partial"})
    assert made.status_code == 201
    where = made.headers["Location"]
    asked = client.head(where, headers=TUS)
    assert (asked.headers["Upload-Offset"], asked.headers["Upload-Length"]) == ("0", "40")
    assert (asked.headers["Cache-Control"], asked.headers["Upload-Concat"]) == ("no-store", "partial")
    assert "Upload-Expires" in asked.headers
    patched = client.patch(where, data=b"x" * 10, headers=BYTES | {"Upload-Offset": "0"})
    assert (patched.status_code, patched.headers["Upload-Offset"]) == (204, "10")
    damaged = {"Upload-Offset": "10", "Upload-Checksum": "sha256 " + b64encode(bytes(32)).decode()}
    assert client.patch(where, data=b"x", headers=BYTES | damaged).status_code == 460
    assert client.patch(where, data=b"x", headers=BYTES | {"Upload-Offset": "3"}).status_code == 409
    assert client.patch(where, data=b"x", headers=TUS | {"Upload-Offset": "10"}).status_code == 415
    assert client.patch(where, data=b"x" * 31, headers=BYTES | {"Upload-Offset": "10"}).status_code == 413
    unfinished = client.post(endpoint, headers=TUS | {"Upload-Concat": f"final;{where}"})
    assert unfinished.status_code == 422
    assert client.delete(where, headers=TUS).status_code == 204
    assert client.head(where, headers=TUS).status_code == 410


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Length": "101"}, {"Upload-Length": "-1"}, {"Upload-Length": "0"}, {}, {"Upload-Length": "9" * 30},
        {"Upload-Length": "50"}, {"Upload-Length": "100", "Upload-Concat": "half"}, {"Upload-Concat": "final;"},
        {"Upload-Concat": "final;/somewhere"}, {"Upload-Concat": f"final;/api/v1/uploads/{uuid4()}/tus/{uuid4()}"},
    ],
)  # fmt: skip
def test_a_wrong_header_is_named_and_makes_nothing(client: FlaskClient, team: Team, headers: dict[str, str]):
    endpoint = f"/api/v1/uploads/{declare(team, team.admin, 100)}/tus"
    answer = client.post(endpoint, headers=TUS | headers)
    assert answer.status_code in {400, 422}
    assert answer.json["detail"]
