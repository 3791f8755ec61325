"""Releases (W9): reference, copy or ticket, to a State, an agency or a person; receipts that prove what was taken.

MISSION D2, D4, I8; SCREENS W9, J3.
"""

import json
from base64 import b64decode
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask
from sqlalchemy import Engine, text

from jit_server import consents, evidence
from jit_server.access import PartyClass, Role
from jit_server.core import clock
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted, StepUp
from jit_server.evidence import EvidenceItem, NewReceipt, NewRelease, NewWindow
from jit_server.work import House
from tests.builders import Team, Who, World, browser, stale
from tests.evidence.builders import begins, custody, events, exhibit

BYTES = b"bytes that prove something"
BASIS = {"basis": "safeguards", "article": "LED Art. 37(1)(a)", "document": "Treaty of 2006"}


@pytest.fixture(scope="module")
def world(house: House) -> World:
    world = World.create(house)
    for state in ("CH", "IT", "BE"):
        world.agency(state)
    return world


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace(
        classes={
            "CH": PartyClass.THIRD_COUNTRY,
            "IT": PartyClass.INTL_JUDICIAL_AUTHORITY,
            "BE": PartyClass.SECRETARIAT,
        }
    )


def party_of(team: Team, who: Who) -> UUID:
    with team.world.work(who) as uow:
        standing = uow.standing(team.id)
        assert standing is not None
        return standing.party_id


def asked(team: Team, to: dict[str, Who | None], **changes: Any) -> NewRelease:
    recipients = [
        {"party_id": party_of(team, team.leaders[state]), "person_id": who.id if who else None}
        | (BASIS if state in {"CH", "IT"} else {})
        for state, who in to.items()
    ]
    said = {"necessary": True, "compliant": True, "recipients": recipients, "reason": "the accounts lie there"}
    return NewRelease.model_validate(said | {"expires_at": clock.now() + timedelta(days=60)} | changes)


def propose(team: Team, item: EvidenceItem, new: NewRelease) -> consents.Approval:
    with begins(team, team.admin)() as uow:
        return evidence.propose_release(uow, item.id, new)


def approve(team: Team, proposed: consents.Approval) -> None:
    with team.world.work(team.leaders["FR"]) as uow:
        consents.decide(uow, proposed.id, consents.Deciding(approve=True, digest=proposed.digest))


def let_out(team: Team, item: EvidenceItem, to: dict[str, Who | None], **changes: Any) -> UUID:
    """Released; the id of the first recipient's row."""
    approve(team, propose(team, item, asked(team, to, **changes)))
    return seen(team, item).id


def seen(team: Team, item: EvidenceItem) -> evidence.RecipientOut:
    """The newest release's first recipient, as whoever released it sees it."""
    with begins(team, team.admin)() as uow:
        return evidence.releases_of(uow, item)[0].recipients[0]


def take(team: Team, who: Who, item: EvidenceItem) -> bytes:
    _, blocks = evidence.download(begins(team, who), item.id)
    return b"".join(blocks)


def acknowledge(team: Team, who: Who, item: EvidenceItem, to: UUID, sha256: str = "") -> None:
    with begins(team, who)() as uow:
        evidence.acknowledge(uow, item.id, to, NewReceipt(sha256=sha256 or item.sha256))


def test_before_the_second_approval_it_is_absent_and_after_it_the_recipient_sees_it(
    app: Flask, team: Team, house: House
):
    item, swiss = exhibit(team, team.admin, title=f"Kept {uuid4().hex}"), browser(app, house, team.leaders["CH"])
    proposed = propose(team, item, asked(team, {"CH": None}, mode="reference"))
    real, fake = (swiss.get(f"/api/v1/evidence/{key}") for key in (item.id, uuid4()))
    assert (real.status_code, real.data) == (fake.status_code, fake.data) == (404, fake.data)
    page, absent = (swiss.get(f"/w/{team.id}/evidence/{number}") for number in (item.number, "DE-9999"))
    assert (page.status_code, absent.status_code) == (404, 404)
    approve(team, proposed)
    assert item.title in swiss.get(f"/w/{team.id}/evidence").text
    assert "Released to you" in swiss.get(f"/w/{team.id}/evidence/{item.number}").text


def test_the_co_approver_needs_a_recent_sign_in_and_is_never_the_one_who_proposed(team: Team):
    proposed = propose(team, exhibit(team, team.admin), asked(team, {"CH": None}))
    said = consents.Deciding(approve=True, digest=proposed.digest)
    for who, refusal in ((stale(team.leaders["FR"]), StepUp), (team.admin, NotPermitted)):
        with pytest.raises(refusal), team.world.work(who) as uow:
            consents.decide(uow, proposed.id, said)


def test_a_reference_gives_sight_and_no_bytes(team: Team):
    item = exhibit(team, team.admin)
    to = let_out(team, item, {"CH": None}, mode="reference")
    with begins(team, team.leaders["CH"])() as uow:
        assert evidence.read(uow, item.id).sha256 == item.sha256
    with pytest.raises(NotPermitted):
        take(team, team.leaders["CH"], item)
    with pytest.raises(Conflict):
        acknowledge(team, team.leaders["CH"], item, to)
    assert seen(team, item).download is None


@pytest.mark.parametrize("mode", ["copy", "ticket"])
def test_only_a_download_acknowledged_by_its_digest_counts_and_leaves_one_signed_receipt(team: Team, mode: str):
    item, swiss = exhibit(team, team.admin), team.leaders["CH"]
    to = let_out(team, item, {"CH": None}, mode=mode)
    with pytest.raises(Conflict):
        acknowledge(team, swiss, item, to)
    assert take(team, swiss, item) == BYTES
    assert seen(team, item).download == "notified"
    with pytest.raises(Invalid):
        acknowledge(team, swiss, item, to, "0" * 64)
    for _ in range(2):
        acknowledge(team, swiss, item, to)
    assert seen(team, item).download == "downloaded"
    assert events(team, team.admin, item.id).count("evidence:received") == 1
    for who in (team.admin, swiss):
        with begins(team, who)() as uow:
            told(evidence.receipt_of(uow, item.id, to), item)


def told(file: dict[str, str], item: EvidenceItem) -> None:
    """Check a receipt as anybody would who has the file alone."""
    signed = b"jit-server receipt v1\n" + file["statement"].encode()
    key = Ed25519PublicKey.from_public_bytes(b64decode(file["key"].split("+", 2)[2])[1:])
    key.verify(b64decode(file["signature"]), signed)
    with pytest.raises(InvalidSignature):
        key.verify(b64decode(file["signature"]), signed.replace(b"CH", b"FR"))
    said = json.loads(file["statement"])
    assert (said["exhibit"]["sha256"], said["exhibit"]["number"]) == (item.sha256, item.number)
    assert "controller" in said["controller"]


def test_a_used_ticket_gives_no_more_bytes_but_the_sight_stays(team: Team):
    item, swiss = exhibit(team, team.admin), team.leaders["CH"]
    to = let_out(team, item, {"CH": None}, mode="ticket")
    take(team, swiss, item)
    acknowledge(team, swiss, item, to)
    with pytest.raises(NotPermitted):
        take(team, swiss, item)
    with begins(team, swiss)() as uow:
        assert evidence.read(uow, item.id).number == item.number


def test_a_window_ends_and_is_made_longer_up_to_45_days(team: Team, owner_engine: Engine):
    item = exhibit(team, team.admin)
    to = let_out(team, item, {"CH": None}, mode="ticket")
    until = seen(team, item).window_until
    assert until is not None
    assert timedelta(days=9) < until - clock.now() <= timedelta(days=10)
    for days, refusal in ((10, Invalid), (46, ValueError), (9, ValueError)):
        with pytest.raises(refusal), begins(team, team.admin)() as uow:
            evidence.extend(uow, item.id, to, NewWindow(days=days, reason="holiday there"))
    with begins(team, team.admin)() as uow:
        evidence.extend(uow, item.id, to, NewWindow(days=45, reason="holiday there"))
    longer = seen(team, item).window_until
    assert longer is not None
    assert longer - until == timedelta(days=35)
    with owner_engine.begin() as connection:
        past = "UPDATE access_grant SET granted_at = now() - interval '50 days', expires_at = now() - interval '5 days'"
        connection.execute(text(f"{past} WHERE source_id = :to AND NOT 'evidence:read' = ANY(actions)"), {"to": to})
    assert seen(team, item).download == "window_expired"
    with pytest.raises(NotPermitted):
        take(team, team.leaders["CH"], item)


def test_one_person_of_a_party_gets_it_and_the_colleagues_do_not(team: Team):
    chosen, other = team.join("CH"), team.leaders["CH"]
    item = exhibit(team, team.admin, title=f"Kept {uuid4().hex}")
    let_out(team, item, {"CH": chosen})
    assert take(team, chosen, item) == BYTES
    with pytest.raises(NotFound):
        take(team, other, item)
    with pytest.raises(Invalid):
        propose(team, exhibit(team, team.admin), asked(team, {"CH": team.leaders["FR"]}))


def test_a_member_state_gets_what_its_marking_kept_from_it_without_a_basis_of_transfer(team: Team):
    item, french = exhibit(team, team.admin, handling="H2"), team.join("FR")
    with pytest.raises(NotPermitted):
        take(team, french, item)
    to = let_out(team, item, {"FR": None})
    assert take(team, french, item) == BYTES
    acknowledge(team, french, item, to)
    row = seen(team, item)
    assert (row.basis, row.download, row.state) == (None, "downloaded", "FR")


@pytest.mark.parametrize("state", ["BE", "DE"])
def test_the_secretariat_and_the_supplier_itself_are_no_recipients(team: Team, state: str):
    new = asked(team, {"CH": None})
    who = team.join("BE", Role.OBSERVER) if state == "BE" else team.admin
    other = new.recipients[0].model_copy(update={"party_id": party_of(team, who)})
    with pytest.raises(Invalid):
        propose(team, exhibit(team, team.admin), new.model_copy(update={"recipients": (other,)}))


def test_another_partys_receipt_and_a_withdrawn_release_are_not_found(team: Team):
    item, swiss = exhibit(team, team.admin), team.leaders["CH"]
    to = let_out(team, item, {"CH": None})
    take(team, swiss, item)
    with pytest.raises(NotFound):
        acknowledge(team, team.leaders["FR"], item, to)
    with begins(team, team.admin)() as uow:
        evidence.withdraw(uow, item.id, to, "sent too early")
    with pytest.raises(NotFound):
        acknowledge(team, swiss, item, to)


def test_the_preview_shows_what_the_recipient_then_sees_and_leaves_no_trace(app: Flask, team: Team, house: House):
    item = exhibit(team, team.admin, title=f"Kept {uuid4().hex}")
    mine, swiss = browser(app, house, team.admin), browser(app, house, team.leaders["CH"])
    address = f"/w/{team.id}/evidence/{item.number}"
    asks = f"{address}/release/preview?to={party_of(team, team.leaders['CH'])}&mode=reference"
    before = len(custody(team, team.admin, item.id))
    shown = mine.get(asks)
    assert shown.status_code == 200
    assert "will see" in shown.text
    assert swiss.get(address).status_code == 404
    added = custody(team, team.admin, item.id)[before:]
    assert {one.actor["person"] for one in added} == {str(team.admin.id)}
    let_out(team, item, {"CH": None}, mode="reference")
    later = swiss.get(address).text
    for word in ("Section 94 StPO", "KHK Brandt", item.title, "Who could see it", "Chain of custody", item.sha256):
        assert (word in shown.text) is (word in later), word
    assert '/content"' not in shown.text
    assert '/content"' not in later
    assert browser(app, house, team.join("FR", Role.MEMBER)).get(asks).status_code == 403


def test_a_waiting_releases_preview_opens_to_the_second_person(app: Flask, team: Team, house: House):
    item = exhibit(team, team.admin)
    ask = f"/w/{team.id}/evidence/{item.number}/release/preview?to={party_of(team, team.leaders['CH'])}&mode=copy"
    second = browser(app, house, team.leaders["FR"])
    assert second.get(ask).status_code == 403
    proposed = propose(team, item, asked(team, {"CH": None}))
    assert second.get(ask).status_code == 200
    assert "release/preview" in second.get(f"/w/{team.id}/approvals/{proposed.id}").text


def test_the_form_keeps_what_was_typed_and_its_recipients_page_takes_the_digest(app: Flask, team: Team, house: House):
    item, address = exhibit(team, team.admin), f"/w/{team.id}/evidence"
    client, party = browser(app, house, team.admin), party_of(team, team.leaders["FR"])
    here = f"{address}/{item.number}/release"
    token = client.get(here).text.partition('name="csrf" value="')[2].partition('"')[0]
    sent = {"csrf": token, "necessary": "true", "compliant": "true", f"to-{party}": "true", "mode": "ticket"}
    sent |= {
        "window_days": "99",
        "reason": "evaluation in Paris",
        "until": (clock.now() + timedelta(90)).date().isoformat(),
    }
    wrong = client.post(here, data=sent)
    assert (wrong.status_code, "evaluation in Paris" in wrong.text) == (422, True)
    assert client.post(here, data=sent | {"window_days": "20"}).status_code == 303
    with begins(team, team.admin)() as uow:
        waiting = evidence.proposed_release(uow, item)
    assert waiting is not None
    approve(team, waiting)
    french = browser(app, house, team.leaders["FR"])
    assert french.get(f"{address}/{item.number}/content").data == BYTES
    token = french.get(f"{address}/{item.number}").text.partition('name="csrf" value="')[2].partition('"')[0]
    receipt = f"{address}/{item.number}/releases/{seen(team, item).id}/receipt"
    assert french.post(receipt, data={"csrf": token, "sha256": item.sha256}).status_code == 303
    assert json.loads(french.get(receipt).data)["format"] == "jit-receipt/1"
