"""Retention and erasure: a transit copy goes in time with a receipt, a hold stops it, a repository takes two people.

MISSION D3, D22, I1, I2, I4, I5; PROOFS C8, E7.
"""

import io
import json
import zipfile
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256 as digest_of
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from jit_server import consents, evidence, workspaces
from jit_server.access import SYSTEM, Action, PartyClass
from jit_server.audit.verbs import EVENTS
from jit_server.core import clock
from jit_server.core.errors import Conflict, KeyGone, NotPermitted, StepUp, VaultDown
from jit_server.core.vault import FolderVault
from jit_server.evidence import EvidenceItem, NewAct, NewReceipt, NewRelease
from jit_server.evidence.erasure.models import Cause, Erasure
from jit_server.evidence.tus.lying import lumps_of
from jit_server.evidence.usecases import erasing
from jit_server.evidence.usecases.doing import follow_hold
from jit_server.evidence.usecases.retaining import erases_at, retain
from jit_server.work import House
from tests.builders import Team, Who, World, browser, stale
from tests.evidence.builders import begins, custody, exhibit
from tests.evidence.packages import based
from tests.evidence.test_tus import sent

EMPTY = {"versions": 0, "unfinished": 0}


@pytest.fixture(scope="module")
def world(house: House) -> World:
    world = World.create(house)
    world.agency("CH")
    return world


@pytest.fixture
def team(world: World) -> Team:
    """A workspace of the profile transit."""
    return world.workspace(classes={"CH": PartyClass.THIRD_COUNTRY}, retention_profile="transit")


@pytest.fixture
def repository(world: World) -> Team:
    return world.workspace(retention_profile="repository")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Moves the server's clock on."""

    def by(**more: float) -> None:
        then = clock.now() + timedelta(**more)
        monkeypatch.setattr(clock, "now", lambda: then)

    return by


def turn(house: House, team: Team) -> None:
    retain(house, lambda: False, team.id)


def receipts(team: Team, item: EvidenceItem) -> list[dict[str, Any]]:
    """The receipts' statements, each checked with nothing but the file itself."""
    with team.world.work(team.admin) as uow:
        files = evidence.erasure_receipts(uow, item.id)
    said = []
    for file in files:
        key = Ed25519PublicKey.from_public_bytes(b64decode(file["key"].split("+", 2)[2])[1:])
        key.verify(b64decode(file["signature"]), b"jit-server receipt v1\n" + file["statement"].encode())
        said.append(json.loads(file["statement"]))
    return said


def lies(house: House, item: EvidenceItem) -> int:
    return sum(one.key == item.vault_key for one in house.vault.listing())


def released(team: Team, item: EvidenceItem, *whose: Who) -> list[evidence.RecipientOut]:
    people = []
    for who in whose:
        with team.world.work(who) as uow:
            standing = uow.standing(team.id)
            assert standing is not None
            people.append(standing.party_id)
    basis = {"basis": "safeguards", "article": "LED Art. 37(1)(a)", "document": "Treaty of 2006"}
    said = {"necessary": True, "compliant": True, "reason": "the accounts lie there"}
    said |= {
        "recipients": [{"party_id": one, **basis} for one in people],
        "expires_at": clock.now() + timedelta(days=60),
    }
    with begins(team, team.admin)() as uow:
        proposed = evidence.propose_release(uow, item.id, NewRelease.model_validate(said))
    approve(team, proposed)
    with begins(team, team.admin)() as uow:
        return evidence.releases_of(uow, item)[0].recipients


def approve(team: Team, proposed: consents.Approval, who: Who | None = None) -> None:
    with team.world.work(who or team.leaders["FR"]) as uow:
        consents.decide(uow, proposed.id, consents.Deciding(approve=True, digest=proposed.digest))


def takes(team: Team, who: Who, item: EvidenceItem, to: evidence.RecipientOut) -> None:
    b"".join(evidence.download(begins(team, who), item.id)[1])
    with begins(team, who)() as uow:
        evidence.acknowledge(uow, item.id, to.id, NewReceipt(sha256=item.sha256))


def act(team: Team, item: EvidenceItem, verb: str) -> None:
    said = {"verb": verb, "reason": "the appeal is pending", "authority": "LG Aachen"}
    said |= {"reference": "60 KLs 1/26"} if verb == "hold" else {}
    fresh = replace(team.admin, actor=replace(team.admin.actor, auth_time=clock.now()))
    with begins(team, fresh)() as uow:
        evidence.do(uow, item.id, NewAct.model_validate({"act": said}).act)


def test_a_transit_copy_goes_when_its_last_addressee_has_acknowledged_it(house: House, team: Team):
    item, swiss, french = exhibit(team, team.admin), team.leaders["CH"], team.leaders["FR"]
    for_ch, for_fr = released(team, item, swiss, french)
    if for_ch.state != "CH":
        for_ch, for_fr = for_fr, for_ch
    takes(team, swiss, item, for_ch)
    turn(house, team)
    assert lies(house, item) == 1
    takes(team, french, item, for_fr)
    turn(house, team)
    assert lies(house, item) == 0
    first, last = receipts(team, item)
    assert (first["stage"], first["cause"], first["key"]) == ("unreadable", "taken", {"destroyed": 1, "left": 0})
    assert (last["stage"], last["store"]) == (
        "removed",
        {"kind": "folder", "objects": 1, "versions": 0, "unfinished": 0},
    )
    assert {one["exhibit"]["sha256"] for one in (first, last)} == {item.sha256}


def test_a_transit_copy_goes_after_28_days_at_the_latest_and_not_before(
    house: House, team: Team, later: Callable[..., None]
):
    item = exhibit(team, team.admin)
    with team.world.work(team.admin) as uow:
        workspace = uow.get(workspaces.Workspace, team.id, to=Action.WORKSPACE_READ)
        assert erases_at(uow, workspace, [item]) == {item.id: item.registered_at + timedelta(days=28)}
    later(days=27, hours=23)
    turn(house, team)
    assert lies(house, item) == 1
    later(minutes=50)
    turn(house, team)
    assert lies(house, item) == 0
    assert {one["cause"] for one in receipts(team, item)} == {"age"}


def test_the_tombstone_stays_on_the_log_and_the_exhibit_is_known_with_its_digest(house: House, team: Team):
    item = exhibit(team, team.admin)
    with house.work(SYSTEM) as uow:
        erasing.order(uow, item, Cause.AGE)
    turn(house, team)
    left = [one for one in custody(team, team.admin, item.id) if one.event == "evidence:erased"]
    assert [one.facts["stage"] for one in left] == ["unreadable", "removed"]
    with team.world.work(team.admin) as uow:
        statements = [one["statement"] for one in evidence.erasure_receipts(uow, item.id)]
        assert evidence.read(uow, item.id).sha256 == item.sha256
    assert [one.facts["receipt"] for one in left] == [digest_of(one.encode()).hexdigest() for one in statements]
    assert EVENTS["evidence:erased"] is not None


def test_who_downloads_what_is_erased_is_told_410_and_where_the_receipt_is(app: Flask, house: House, team: Team):
    item = exhibit(team, team.admin)
    with house.work(SYSTEM) as uow:
        erasing.order(uow, item, Cause.AGE)
    client = browser(app, house, team.admin)
    for moment in ("its key is gone", "its bytes are gone"):
        for tail in ("content", "bundle"):
            answer = client.get(f"/api/v1/evidence/{item.id}/{tail}")
            assert answer.status_code == 410, moment
            assert len(client.get(answer.json["receipt"]).json["items"]) == (1 if moment == "its key is gone" else 2)
        page = client.get(f"/w/{team.id}/evidence/{item.number}")
        assert (page.status_code, "Erased" in page.text) == (200, True)
        assert client.get(f"/w/{team.id}/evidence/{item.number}/content").status_code == 410
        turn(house, team)


def test_a_hold_stops_the_clock_until_it_is_lifted(house: House, team: Team, later: Callable[..., None]):
    item, free = exhibit(team, team.admin), exhibit(team, team.admin)
    act(team, item, "hold")
    later(days=29)
    turn(house, team)
    assert (lies(house, item), lies(house, free)) == (1, 0)
    with pytest.raises(Conflict), house.work(SYSTEM) as uow:
        erasing.order(uow, item, Cause.AGE)
    act(team, item, "lift_hold")
    follow_hold(house, lambda: False, team.id, item.id)
    turn(house, team)
    assert lies(house, item) == 0


def test_the_database_itself_takes_no_order_against_a_hold_and_none_back(
    house: House, team: Team, engine: Engine, owner_engine: Engine
):
    item, gone = exhibit(team, team.admin), exhibit(team, team.admin)
    act(team, item, "hold")
    with house.work(SYSTEM) as uow:
        erasing.order(uow, gone, Cause.AGE)
    order = (
        "INSERT INTO erasure (id, workspace_id, item_id, cause, reason, ordered_at)"
        " VALUES (gen_random_uuid(), :space, :item, 'age', '', now())"
    )
    for one in (item, gone):
        with owner_engine.connect() as connection, pytest.raises(IntegrityError):
            connection.execute(text(order), {"space": team.id, "item": one.id})
    for statement in ("DELETE FROM erasure", "UPDATE erasure SET cause = 'taken'", "DELETE FROM erasure_receipt"):
        with engine.connect() as connection, pytest.raises(Exception, match="permission denied"):
            connection.execute(text(statement))


def test_in_a_repository_only_two_people_erase(house: House, repository: Team, later: Callable[..., None]):
    team, item = repository, exhibit(repository, repository.admin)
    reason = "the proceedings are over"
    for who, refusal in ((team.leaders["FR"], NotPermitted), (stale(team.admin), StepUp)):
        with pytest.raises(refusal), team.world.work(who) as uow:
            evidence.propose_erasure(uow, item.id, reason)
    with team.world.work(team.admin) as uow:
        proposed = evidence.propose_erasure(uow, item.id, reason)
    with pytest.raises(NotPermitted):
        approve(team, proposed, team.admin)
    with pytest.raises(StepUp):
        approve(team, proposed, stale(team.leaders["FR"]))
    turn(house, team)
    assert lies(house, item) == 1
    approve(team, proposed)
    turn(house, team)
    assert lies(house, item) == 0
    assert [one["cause"] for one in receipts(team, item)] == ["two_people"] * 2
    kept = exhibit(team, team.admin)
    later(days=400)
    turn(house, team)
    assert lies(house, kept) == 1


def test_an_order_that_was_proposed_before_a_hold_is_not_done_after_it(repository: Team):
    team, item = repository, exhibit(repository, repository.admin)
    with team.world.work(team.admin) as uow:
        proposed = evidence.propose_erasure(uow, item.id, "the proceedings are over")
    act(team, item, "hold")
    with pytest.raises(Conflict, match="hold"):
        approve(team, proposed)
    with team.world.work(team.admin) as uow:
        assert uow.find(Erasure, item_id=item.id) is None


@pytest.mark.parametrize("ends_at", ["purge", "after the purge"])
def test_an_erasure_that_a_crash_cuts_short_goes_on_and_leaves_one_receipt_of_each_stage(
    house: House, team: Team, monkeypatch: pytest.MonkeyPatch, ends_at: str
):
    item, purge = exhibit(team, team.admin), FolderVault.purge
    with house.work(SYSTEM) as uow:
        erasing.order(uow, item, Cause.AGE)

    def cut(vault: FolderVault, key: str) -> int:
        if ends_at == "after the purge":
            purge(vault, key)
        raise VaultDown

    with monkeypatch.context() as broken:
        broken.setattr(FolderVault, "purge", cut)
        with pytest.raises(VaultDown):
            turn(house, team)
    for _ in range(2):
        turn(house, team)
        erasing.erase_bytes(house, lambda: False, team.id, item.id)
    assert [one["stage"] for one in receipts(team, item)] == ["unreadable", "removed"]


def test_bytes_under_a_lock_are_unreadable_at_once_and_removed_when_it_ends(
    house: House, team: Team, later: Callable[..., None]
):
    item = exhibit(team, team.admin)
    house.vault.retain(item.vault_key, item.version_id, clock.now() + timedelta(days=3))
    with house.work(SYSTEM) as uow:
        erasing.order(uow, item, Cause.AGE)
    turn(house, team)
    assert lies(house, item) == 1
    assert [one["stage"] for one in receipts(team, item)] == ["unreadable"]
    with pytest.raises(KeyGone):
        evidence.download(begins(team, team.admin), item.id)
    later(days=4)
    turn(house, team)
    assert [one["stage"] for one in receipts(team, item)] == ["unreadable", "removed"]


def test_of_an_exhibit_in_pieces_every_piece_goes(house: House, team: Team):
    item = sent(team, b"in pieces " * 1000)
    with house.work(SYSTEM) as uow:
        keys = {one.key for one in lumps_of(uow, item)}
        erasing.order(uow, item, Cause.AGE)
    assert len(keys) > 1
    turn(house, team)
    assert not keys & {one.key for one in house.vault.listing()}
    assert receipts(team, item)[-1]["store"]["objects"] >= len(keys)


def test_a_workspace_that_is_purged_is_emptied_and_can_then_be_closed(house: House, repository: Team):
    team, items = repository, [exhibit(repository, repository.admin) for _ in range(2)]
    with house.work(SYSTEM) as uow:
        assert consents.remains(uow, team.id)["exhibits"] == 2
        for item in items:
            erasing.order(uow, item, Cause.PURGING)
    turn(house, team)
    with house.work(SYSTEM) as uow:
        assert not {"exhibits", "uploads"} & consents.remains(uow, team.id).keys()


def test_what_is_erased_takes_no_room_and_no_scrub_reads_it(house: House, team: Team, owner_engine: Engine):
    items = [exhibit(team, team.admin) for _ in range(2)]
    taken = "SELECT coalesce(sum(bytes), 0) FROM evidence_usage WHERE workspace_id = :id"
    checks = "SELECT count(*) FROM stored_check WHERE workspace_id = :id"
    found = []
    for item in (None, *items):
        if item is not None:
            with house.work(SYSTEM) as uow:
                erasing.order(uow, item, Cause.AGE)
            turn(house, team)
        with owner_engine.connect() as connection:
            found.append([connection.execute(text(one), {"id": team.id}).scalar_one() for one in (taken, checks)])
    size = items[0].size
    assert found == [[2 * size, 2], [size, 1], [0, 0]]


def test_a_package_for_court_names_what_is_erased_and_leaves_out_its_bytes(house: House, repository: Team):
    team = repository
    gone, there = exhibit(team, team.admin, handling="H0"), exhibit(team, team.admin, b"other bytes", handling="H0")
    based(team, team.admin, gone, there)
    with house.work(SYSTEM) as uow:
        erasing.order(uow, gone, Cause.AGE)
    new = evidence.NewPackage.model_validate({"recipient": "LG Aachen", "order": "60 KLs 1/26", "items": None})
    _, pieces = evidence.pack(begins(team, team.admin), team.id, new)
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as package:
        said = [json.loads(line) for line in package.read("exhibits.jsonl").splitlines()]
        names = package.namelist()
    by = {one["number"]: one for one in said}
    assert (by[gone.number]["file"], by[gone.number]["erased"]["cause"]) == (None, "age")
    assert by[there.number]["file"] in names
    assert "erased" not in by[there.number]


def test_the_page_counts_the_days_and_takes_a_proposal_and_the_overview_shows_what_waits(
    app: Flask, house: House, team: Team
):
    item = exhibit(team, team.admin)
    client, here = browser(app, house, team.admin), f"/w/{team.id}/evidence/{item.number}"
    page = client.get(here).text
    assert "Erases in 28 days" in page
    assert "Erases in 28 days" in client.get(f"/w/{team.id}/evidence").text
    token = page.partition('name="csrf" value="')[2].partition('"')[0]
    short = client.post(f"{here}/erasure", data={"csrf": token, "reason": "no"})
    assert (short.status_code, 'value="no"' in short.text or ">no</textarea>" in short.text) == (422, True)
    assert client.post(f"{here}/erasure", data={"csrf": token, "reason": "no longer needed"}).status_code == 303
    with team.world.work(team.admin) as uow:
        waiting = evidence.proposed_erasure(uow, item)
    assert waiting is not None
    link = f"/w/{team.id}/approvals/{waiting.id}"
    second = browser(app, house, team.leaders["FR"])
    assert (link in second.get("/agency/retention").text, "Erase an exhibit" in second.get(link).text) == (True, True)
    assert item.number not in browser(app, house, team.world.person("FR")).get("/agency/retention").text
    approve(team, waiting)
    assert item.number in client.get("/agency/retention").text
