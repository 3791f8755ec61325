"""Third countries and international courts: nothing of theirs is seen unverified, nothing goes out unchecked.

Reg. (EU) 2023/969, Articles 14(3), 17 and 18; MISSION B5 to B8, B10 and B11.
"""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from jit_server import audit, consents, evidence, workspaces
from jit_server.access import ANONYMOUS, OPERATOR, Action, Gate, PartyClass, Role
from jit_server.core import clock
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted, Outdated, StepUp
from jit_server.evidence import EvidenceItem, Inbound, NewRelease, Wanted
from jit_server.evidence.events import load_items
from jit_server.evidence.usecases import content
from jit_server.work import House
from jit_server.workspaces.compartments import AccessGrant
from tests.builders import Team, Who, World, browser, stale
from tests.evidence.builders import begins, custody, declare, events, exhibit, send, stated

NAME = "Ledger of the canary"


@pytest.fixture(scope="module")
def world(house: House) -> World:
    world = World.create(house)
    for state in ("CH", "IT", "BE"):
        world.agency(state)
    return world


def built(world: World, owner_engine: Engine) -> Team:
    """DE and FR; Switzerland as a third country, IT as an international court, BE as the secretariat.

    Its agreement says nothing of transfers, so that what a release states stands alone.
    """
    team = world.workspace(
        classes={
            "CH": PartyClass.THIRD_COUNTRY,
            "IT": PartyClass.INTL_JUDICIAL_AUTHORITY,
            "BE": PartyClass.SECRETARIAT,
        }
    )
    with owner_engine.begin() as connection:
        silent = "UPDATE agreement SET document = document - 'transfer_basis' WHERE workspace_id = :id"
        connection.execute(text(silent), {"id": team.id})
    return team


@pytest.fixture(scope="module")
def team(world: World, owner_engine: Engine) -> Team:
    """The team of most tests here."""
    return built(world, owner_engine)


@pytest.fixture
def waiting(team: Team) -> EvidenceItem:
    """Something that Switzerland supplied and nobody has verified."""
    return exhibit(team, team.leaders["CH"], title=f"{NAME} {uuid4().hex}")


def decide(team: Team, who: Who, item: EvidenceItem, *, verified: bool = True) -> EvidenceItem:
    with team.world.work(who) as uow:
        return evidence.verify_inbound(uow, team.id, item.id, Inbound(verified=verified, reason="as agreed in art. 9"))


def titles(team: Team, who: Who) -> list[str]:
    with team.world.work(who) as uow:
        return [line.title for line in evidence.register(uow, team.id, Wanted(limit=200))[0]]


def party_of(team: Team, who: Who) -> UUID:
    with team.world.work(who) as uow:
        standing = uow.standing(team.id)
        assert standing is not None
        return standing.party_id


# --- inbound


@pytest.mark.parametrize("state", ["CH", "IT"])
def test_what_an_outside_party_supplies_waits_and_its_own_people_follow_it(team: Team, state: str):
    item = exhibit(team, team.leaders[state])
    assert item.gate == Gate.PENDING
    with team.world.work(team.leaders[state]) as uow:
        assert evidence.read(uow, item.id).gate == Gate.PENDING
    assert item.title in titles(team, team.leaders[state])
    assert "evidence:registered" in events(team, team.leaders[state], item.id)


def test_what_a_member_state_supplies_never_waits(team: Team):
    assert exhibit(team, team.leaders["FR"]).gate == Gate.OPEN


@pytest.mark.parametrize("state", ["CH", "IT"])
def test_nothing_comes_from_outside_before_a_controller_is_designated(
    app: Flask, world: World, house: House, state: str
):
    """Who answers for the data must be known before there are any (Art. 23(2))."""
    kinds = {"CH": PartyClass.THIRD_COUNTRY, "IT": PartyClass.INTL_JUDICIAL_AUTHORITY}
    team = world.workspace(classes=kinds, controller=None)
    client = browser(app, house, team.leaders[state])
    answer = client.post(f"/api/v1/workspaces/{team.id}/uploads", json=stated(4))
    assert (answer.status_code, answer.json["policy"]["clause"]) == (403, "platform.controller")
    assert client.get(f"/w/{team.id}/evidence/new").status_code == 403
    assert exhibit(team, team.admin).gate == Gate.OPEN


def test_while_it_waits_nobody_else_finds_a_trace_of_it(app: Flask, team: Team, house: House, waiting: EvidenceItem):
    """Register, counts, search, page, custody, bytes, log: as if it were not there; not even for who verifies."""
    for who in (team.leaders["FR"], team.admin, team.join("FR"), team.join("DE", Role.OBSERVER)):
        client = browser(app, house, who)
        for address in (
            f"/w/{team.id}/evidence?limit=200",
            f"/w/{team.id}/evidence?q={waiting.title.split()[-1]}",
            f"/api/v1/workspaces/{team.id}/evidence?limit=200",
            f"/api/v1/workspaces/{team.id}/evidence?gate=pending",
            f"/w/{team.id}",
            "/",
        ):
            answer = client.get(address)
            assert answer.status_code == 200
            assert waiting.title not in answer.text, address
            assert waiting.number not in answer.text, address
        for tail in ("", "/custody", "/content", "/bundle", "/markings", "/releases"):
            real = client.get(f"/api/v1/evidence/{waiting.id}{tail}")
            fake = client.get(f"/api/v1/evidence/{uuid4()}{tail}")
            assert (real.status_code, real.data) == (fake.status_code, fake.data) == (404, fake.data), tail
        assert client.get(f"/w/{team.id}/evidence/{waiting.number}").status_code == 404
        assert client.get(f"/api/v1/uploads/{waiting.id}").status_code == 404


def test_counts_are_equal_with_and_without_what_waits(world: World):
    team = world.workspace(classes={"CH": PartyClass.THIRD_COUNTRY})
    exhibit(team, team.admin)
    before = {}
    for moment in ("before", "after"):
        with world.work(team.leaders["FR"]) as uow:
            counts = evidence.known(uow, team.id)
        assert before.setdefault("counts", counts) == counts
        if moment == "before":
            exhibit(team, team.leaders["CH"])


def test_the_log_shows_others_nothing_about_what_waits(app: Flask, team: Team, house: House, waiting: EvidenceItem):
    unfinished = declare(team, team.leaders["CH"], 4)
    for who in (team.leaders["FR"], team.admin, team.join("DE", Role.AUDITOR)):
        with team.world.work(who) as uow:
            subjects = {entry.subject.get("id") for entry in workspaces.read_log(uow, team.id, latest=True, limit=200)}
        assert not {str(waiting.id), str(unfinished)} & subjects
        assert str(waiting.id) not in browser(app, house, who).get(f"/w/{team.id}/audit").text
    with team.world.work(team.leaders["CH"]) as uow:
        mine = {entry.subject.get("id") for entry in workspaces.read_log(uow, team.id, latest=True, limit=200)}
    assert str(waiting.id) in mine


def test_sockets_hear_of_it_only_once_it_is_let_in(team: Team, house: House, waiting: EvidenceItem):
    def hears(who: Who) -> bool:
        with house.work(who.actor) as uow:
            standing = uow.standing(team.id)
            assert standing is not None
            policy = uow.policy(standing)
        with house.work(OPERATOR) as uow:
            whose = load_items(uow.connection, [waiting.id])[waiting.id].whose
        return policy.hears(
            standing.profile, Action.EVIDENCE_LIST, phase=standing.phase, party_id=whose.party_id,
            handling=whose.handling, gate=whose.gate, compartment=whose.compartment,
        )  # fmt: skip

    assert [hears(team.leaders[state]) for state in ("CH", "FR", "DE")] == [True, False, False]
    decide(team, team.admin, waiting)
    assert [hears(team.leaders[state]) for state in ("CH", "FR", "DE")] == [True, True, True]


@pytest.mark.parametrize("handling", ["H1", "H2", "H3"])
def test_the_space_administrator_sees_what_to_verify_and_takes_it_for_that_only(
    app: Flask, team: Team, house: House, handling: str
):
    waiting = exhibit(team, team.leaders["CH"], title=f"{NAME} {uuid4().hex}", handling=handling)
    client = browser(app, house, team.admin)
    listed = client.get(f"/api/v1/workspaces/{team.id}/quarantine").json["items"]
    assert waiting.title in [one["title"] for one in listed]
    one = client.get(f"/api/v1/workspaces/{team.id}/quarantine/{waiting.id}")
    assert one.json["sha256"] == waiting.sha256
    taken = client.get(f"/api/v1/workspaces/{team.id}/quarantine/{waiting.id}/content")
    assert taken.data == b"bytes that prove something"
    seen = custody(team, team.leaders["CH"], waiting.id)[-2:]
    assert [one.event for one in seen] == ["evidence:read", "evidence:downloaded"]
    assert {one.why["code"] for one in seen} == {"verification"}


def test_my_day_tells_only_the_space_administrator_that_something_waits(
    app: Flask, team: Team, house: House, waiting: EvidenceItem
):
    link = f"/w/{team.id}/evidence/quarantine"
    days = {state: browser(app, house, team.leaders[state]).get("/").text for state in ("DE", "FR", "CH")}
    assert [link in days[state] for state in ("DE", "FR", "CH")] == [True, False, False]
    page = browser(app, house, team.admin).get(link).text
    assert waiting.title in page


def test_the_page_takes_the_decision_with_its_reason_and_keeps_what_was_typed(
    app: Flask, team: Team, house: House, waiting: EvidenceItem
):
    client, here = browser(app, house, team.admin), f"/w/{team.id}/evidence/quarantine"
    token = client.get(here).text.partition('name="csrf" value="')[2].partition('"')[0]
    short = client.post(f"{here}/{waiting.id}", data={"csrf": token, "verified": "true", "reason": "ok"})
    assert short.status_code == 422
    assert ">ok</textarea>" in short.text
    fine = client.post(f"{here}/{waiting.id}", data={"csrf": token, "verified": "true", "reason": "as agreed"})
    assert (fine.status_code, fine.location) == (303, here)
    assert waiting.title in titles(team, team.leaders["FR"])


def test_verified_it_becomes_an_exhibit_like_any_other_and_the_decision_is_on_record(team: Team, waiting: EvidenceItem):
    decide(team, team.admin, waiting)
    assert waiting.title in titles(team, team.leaders["FR"])
    entry = next(
        one for one in custody(team, team.leaders["FR"], waiting.id) if one.event == "evidence:inbound_verified"
    )
    assert entry.actor["person"] == str(team.admin.id)
    assert entry.why == {"code": "verification", "text": "as agreed in art. 9"}
    assert entry.facts["gate"] == "open"
    assert any(one.event == "evidence:registered" for one in custody(team, team.leaders["FR"], waiting.id))


def test_refused_it_stays_hidden_for_good_and_its_supplier_reads_why(team: Team, waiting: EvidenceItem):
    decide(team, team.admin, waiting, verified=False)
    assert waiting.title not in titles(team, team.leaders["FR"])
    assert waiting.title in titles(team, team.leaders["CH"])
    (entry,) = [one for one in custody(team, team.leaders["CH"], waiting.id) if one.event == "evidence:inbound_refused"]
    assert entry.why["text"] == "as agreed in art. 9"
    for who in (team.admin, team.leaders["FR"]):
        with pytest.raises(NotFound), team.world.work(who) as uow:
            evidence.read(uow, waiting.id)
    with pytest.raises((NotFound, Conflict)):
        decide(team, team.admin, waiting)


def test_an_old_sign_in_verifies_nothing(team: Team, waiting: EvidenceItem):
    with pytest.raises(StepUp):
        decide(team, stale(team.admin), waiting)
    assert waiting.title not in titles(team, team.leaders["FR"])


@pytest.mark.parametrize("reason", ["", "  ", "no"])
def test_a_decision_without_a_reason_is_none(app: Flask, team: Team, house: House, waiting: EvidenceItem, reason: str):
    address = f"/api/v1/workspaces/{team.id}/quarantine/{waiting.id}"
    answer = browser(app, house, team.admin).post(address, json={"verified": True, "reason": reason})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "reason")


@pytest.mark.parametrize("state", ["FR", "CH", "IT"])
def test_no_leader_verifies_who_does_not_administer_the_space(team: Team, waiting: EvidenceItem, state: str):
    with pytest.raises((NotFound, NotPermitted)):
        decide(team, team.leaders[state], waiting)


def test_the_secretariat_never_verifies(app: Flask, team: Team, house: House, waiting: EvidenceItem):
    """Everything but the verification may be delegated to it (Art. 14(3), recital 29)."""
    who = team.join("BE", Role.OBSERVER)
    client = browser(app, house, who)
    base = f"/api/v1/workspaces/{team.id}/quarantine"
    body = {"verified": True, "reason": "delegated to us"}
    assert client.get(base).status_code == 403
    for answer in (
        client.get(f"{base}/{waiting.id}"),
        client.get(f"{base}/{waiting.id}/content"),
        client.post(f"{base}/{waiting.id}", json=body),
    ):
        assert answer.status_code == 404
    assert client.get(f"/w/{team.id}/evidence/quarantine").status_code == 403
    assert waiting.title not in titles(team, team.leaders["FR"])


def test_no_clause_lets_the_secretariat_or_a_third_country_verify(team: Team):
    """Whatever an agreement allows, the denials of the baseline override it."""
    with team.world.work(team.admin) as uow:
        standing = uow.standing(team.id)
        assert standing is not None
        policy = uow.policy(standing)
    for role in Role:
        decision = policy.decide(
            role, PartyClass.SECRETARIAT, "partner", "H0", standing.phase, Action.EVIDENCE_VERIFY_INBOUND,
            gate=Gate.PENDING,
        )  # fmt: skip
        assert not decision.allowed


@pytest.mark.parametrize("actor", [OPERATOR, ANONYMOUS])
def test_the_operator_sees_no_content(team: Team, waiting: EvidenceItem, house: House, actor: Any):
    """Who runs the server has no standing in a team: no door opens, in quarantine or out of it (Art. 7(10))."""
    seen = exhibit(team, team.admin)
    for item in (waiting, seen):
        for act in (
            lambda uow, item=item: evidence.read(uow, item.id),
            lambda uow, item=item: evidence.custody(uow, item.id),
            lambda uow, item=item: evidence.quarantined(uow, team.id, item.id),
            lambda uow: evidence.register(uow, team.id, Wanted()),
            lambda uow: evidence.quarantine(uow, team.id),
            lambda uow, item=item: evidence.verify_inbound(
                uow, team.id, item.id, Inbound(verified=True, reason="mine")
            ),
        ):
            with pytest.raises(NotFound), house.work(actor) as uow:
                act(uow)
        for take in (evidence.download, evidence.export):
            with pytest.raises(NotFound):
                take(lambda: house.work(actor), item.id)


def test_the_second_wall_alone_hides_what_waits(engine: Engine, team: Team, waiting: EvidenceItem):
    def sees(who: Who) -> bool:
        with engine.begin() as connection:
            connection.execute(text("SELECT set_config('jit.actor', :who, true)"), {"who": str(who.id)})
            found = [
                connection.execute(
                    text(f"SELECT count(*) FROM {table} WHERE id = :id"), {"id": waiting.id}
                ).scalar_one()
                for table in ("evidence_item", "upload")
            ]
        assert found[0] == found[1]
        return bool(found[0])

    assert [sees(team.leaders[state]) for state in ("CH", "DE", "FR", "IT")] == [True, True, False, False]
    decide(team, team.admin, waiting)
    assert all(sees(team.leaders[state]) for state in ("CH", "DE", "FR"))


@pytest.mark.parametrize(
    "statement", ["UPDATE evidence_item SET gate = 'open'", "UPDATE upload SET gate = 'open'", "DELETE FROM marking",
                  "UPDATE inbound_decision SET gate = 'open'", "UPDATE release_check SET expires_at = now()"],
)  # fmt: skip
def test_the_apps_role_opens_no_gate_by_hand(engine: Engine, statement: str):
    with engine.connect() as connection, pytest.raises(Exception, match="permission denied"):
        connection.execute(text(statement))


def test_the_database_takes_no_second_decision_and_no_marking_by_another_party(team: Team, engine: Engine):
    item = exhibit(team, team.leaders["CH"])
    decide(team, team.admin, item)
    tries = {
        "INSERT INTO inbound_decision (id, workspace_id, item_id, gate, reason, decided_by, decided_at)"
        " VALUES (gen_random_uuid(), :space, :item, 'refused', 'once more', :who, now())": team.admin,
        "INSERT INTO marking (id, workspace_id, item_id, party_id, handling, scheme, code, reason, set_by, set_at)"
        " SELECT gen_random_uuid(), :space, :item, party_id, 'H0', 'SIENA', 'H0', 'looser', :who, now()"
        " FROM member WHERE person_id = :who AND workspace_id = :space": team.admin,
    }
    for statement, who in tries.items():
        with engine.connect() as connection:
            connection.execute(text("SELECT set_config('jit.actor', :who, true)"), {"who": str(who.id)})
            with pytest.raises(IntegrityError):
                connection.execute(text(statement), {"space": team.id, "item": item.id, "who": who.id})


# --- outbound


def asked(team: Team, *states: str, **changes: Any) -> NewRelease:
    basis = {"basis": "safeguards", "article": "LED Art. 37(1)(a)", "document": "Treaty of 2006"}
    return NewRelease.model_validate(
        {
            "necessary": True,
            "compliant": True,
            "recipients": [{"party_id": party_of(team, team.leaders[state]), **basis} for state in states],
            "reason": "the accounts lie there",
            "expires_at": clock.now() + timedelta(days=7),
        }
        | changes
    )


def propose(team: Team, who: Who, item: EvidenceItem, new: NewRelease) -> consents.Approval:
    with team.world.work(who) as uow:
        return evidence.propose_release(uow, item.id, new)


def let_out(team: Team, who: Who, item: EvidenceItem, new: NewRelease) -> evidence.ReleaseOut:
    """Proposed by one person, approved by another."""
    proposed = propose(team, who, item, new)
    second = team.leaders["DE" if who.id == team.leaders["FR"].id else "FR"]
    with team.world.work(second) as uow:
        consents.decide(uow, proposed.id, consents.Deciding(approve=True, digest=proposed.digest))
    with begins(team, who)() as uow:
        return evidence.releases_of(uow, uow.get(EvidenceItem, item.id, to=Action.EVIDENCE_RELEASE))[0]


def test_a_partners_exhibit_does_not_exist_for_a_third_country_before_its_release(team: Team):
    item = exhibit(team, team.admin, handling="H0", title=f"Kept {uuid4().hex}")
    for state in ("CH", "IT"):
        assert item.title not in titles(team, team.leaders[state])
        with pytest.raises(NotFound), team.world.work(team.leaders[state]) as uow:
            evidence.read(uow, item.id)


@pytest.mark.parametrize("handling", ["H0", "H1", "H2", "H3"])
def test_released_it_opens_to_exactly_its_recipients_until_it_expires(world: World, team: Team, handling: str):
    swiss, other = team.leaders["CH"], team.leaders["IT"]
    item, beside = (exhibit(team, team.admin, handling=handling, title=f"Sent {uuid4().hex}") for _ in range(2))
    out = let_out(team, team.admin, item, asked(team, "CH"))
    assert [one.stands for one in out.recipients] == ["in_force"]
    assert item.title in titles(team, swiss)
    assert beside.title not in titles(team, swiss)
    assert item.title not in titles(team, other)
    _, blocks = evidence.download(begins(team, swiss), item.id)
    assert b"".join(blocks)
    with pytest.raises((NotPermitted, NotFound)):
        evidence.export(begins(team, swiss), item.id)
    with world.house.work(OPERATOR) as uow:
        for grant in uow.every(AccessGrant, AccessGrant.subject_id == item.id):
            grant.granted_at, grant.expires_at = uow.now - timedelta(days=2), uow.now - timedelta(seconds=1)
    assert item.title not in titles(team, swiss)
    with pytest.raises(NotFound), begins(team, swiss)() as uow:
        evidence.read(uow, item.id)


def test_the_release_is_on_record_with_assertions_recipients_bases_and_end(team: Team):
    item = exhibit(team, team.admin)
    let_out(team, team.admin, item, asked(team, "CH"))
    by_name = {one.event: one for one in custody(team, team.leaders["FR"], item.id)}
    entry = by_name["evidence:released"]
    assert (entry.verb, entry.why) == ("disclosure", {"code": "release", "text": "the accounts lie there"})
    assert entry.recipients == [str(party_of(team, team.leaders["CH"]))]
    assert (entry.facts["necessary"], entry.facts["compliant"]) == (True, True)
    assert entry.facts["transfers"][0]["basis"] == "safeguards"
    assert entry.facts["transfers"][0]["article"] == "LED Art. 37(1)(a)"
    assert entry.facts["made_by"] == str(team.admin.id)
    assert entry.actor["person"] == str(team.leaders["FR"].id)
    assert {"approval:proposed", "approval:given"} <= set(by_name)
    granted = by_name["access:granted"]
    assert granted.facts["actions"] == ["evidence:list", "evidence:read", "evidence:download"]
    assert granted.facts["kind"] == "outbound"


def test_one_person_alone_lets_nothing_out(app: Flask, house: House, team: Team):
    item = exhibit(team, team.admin, title=f"Kept {uuid4().hex}")
    proposed = propose(team, team.admin, item, asked(team, "CH"))
    yes = consents.Deciding(approve=True, digest=proposed.digest)
    assert item.title not in titles(team, team.leaders["CH"])
    for who, refusal in (
        (team.admin, NotPermitted),
        (team.join("FR"), (NotPermitted, NotFound)),
        (team.leaders["CH"], (NotPermitted, NotFound)),
        (stale(team.leaders["FR"]), StepUp),
    ):
        with pytest.raises(refusal), team.world.work(who) as uow:
            consents.decide(uow, proposed.id, yes)
    with pytest.raises(Conflict):
        propose(team, team.admin, item, asked(team, "CH"))
    assert item.title not in titles(team, team.leaders["CH"])
    second = browser(app, house, team.leaders["FR"])
    assert f"/approvals/{proposed.id}" in second.get(f"/w/{team.id}/evidence/{item.number}").text
    asked_of_them = second.get(f"/w/{team.id}/approvals/{proposed.id}").text
    assert "Treaty of 2006" in asked_of_them
    assert item.number in asked_of_them


def test_a_release_proposed_under_another_marking_is_proposed_anew(team: Team):
    item = exhibit(team, team.admin, handling="H0")
    proposed = propose(team, team.admin, item, asked(team, "CH"))
    with team.world.work(team.admin) as uow:
        evidence.remark(uow, item.id, evidence.NewMarking(scheme="SIENA", code="H2", reason="the court asked"))
    with pytest.raises(Outdated), team.world.work(team.leaders["FR"]) as uow:
        consents.decide(uow, proposed.id, consents.Deciding(approve=True, digest=proposed.digest))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"necessary": False}, "necessary"),
        ({"compliant": False}, "compliant"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"basis": None}, "recipients"),
        ({"article": None}, "recipients"),
        ({"document": None}, "recipients"),
        ({"state": "DE"}, "recipients.0"),
        ({"twice": True}, "recipients.1"),
    ],
)
def test_without_an_assertion_or_a_basis_nothing_goes_out(team: Team, changes: dict[str, Any], field: str):
    item = exhibit(team, team.admin, title=f"Kept {uuid4().hex}")
    new = asked(team, changes.get("state", "CH")).model_dump(mode="json")
    new["recipients"][0].update({name: value for name, value in changes.items() if name in new["recipients"][0]})
    new["recipients"] *= 2 if "twice" in changes else 1
    new.update({name: value for name, value in changes.items() if name in new})
    with pytest.raises(Invalid) as refused, begins(team, team.admin)() as uow:
        evidence.propose_release(uow, item.id, NewRelease.model_validate(new))
    assert field in [one["field"] for one in refused.value.members["errors"]]
    assert item.title not in titles(team, team.leaders["CH"])


def test_only_whoever_supplied_it_releases_it_and_only_after_a_recent_sign_in(team: Team):
    item = exhibit(team, team.admin)
    for who in (team.leaders["FR"], team.leaders["CH"], team.join("DE", Role.OBSERVER)):
        with pytest.raises((NotPermitted, NotFound)), begins(team, who)() as uow:
            evidence.propose_release(uow, item.id, asked(team, "CH"))
    with pytest.raises(StepUp), begins(team, stale(team.admin))() as uow:
        evidence.propose_release(uow, item.id, asked(team, "CH"))


def test_to_an_international_court_it_goes_only_after_the_space_administrator(team: Team):
    court = team.leaders["IT"]
    item = exhibit(team, team.leaders["FR"], title=f"Sent {uuid4().hex}")
    out = let_out(team, team.leaders["FR"], item, asked(team, "IT", "CH"))
    stands = {one.party_id: one for one in out.recipients}
    mine = stands[party_of(team, court)]
    assert mine.stands == "waiting"
    assert item.title not in titles(team, court)
    assert item.title in titles(team, team.leaders["CH"])
    said = Inbound(verified=True, reason="within the court's mandate")
    for who in (team.leaders["FR"], team.join("BE", Role.OBSERVER), stale(team.admin)):
        with pytest.raises((NotPermitted, NotFound, StepUp)), team.world.work(who) as uow:
            evidence.verify_outbound(uow, team.id, mine.id, said)
    with team.world.work(team.admin) as uow:
        assert mine.id in [one.id for one in evidence.waiting_releases(uow, team.id)]
        evidence.verify_outbound(uow, team.id, mine.id, said)
    assert item.title in titles(team, court)
    assert "evidence:outbound_verified" in events(team, team.leaders["FR"], item.id)


def test_a_release_that_was_withdrawn_ends_at_once_also_for_a_running_download(
    team: Team, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(content, "LOOK_AGAIN_SECONDS", 0)
    swiss = team.leaders["CH"]
    item = exhibit(team, team.admin, b"x" * (8 * 1024 * 1024), title=f"Sent {uuid4().hex}")
    out = let_out(team, team.admin, item, asked(team, "CH"))
    _, blocks = evidence.download(begins(team, swiss), item.id)
    next(blocks)
    with begins(team, team.admin)() as uow:
        evidence.withdraw(uow, item.id, out.recipients[0].id, "sent to the wrong court")
    with pytest.raises(NotFound):
        list(blocks)
    assert item.title not in titles(team, swiss)
    assert events(team, team.admin, item.id)[-2:] == ["access:revoked", "evidence:release_withdrawn"]
    with pytest.raises(Conflict), begins(team, team.admin)() as uow:
        evidence.withdraw(uow, item.id, out.recipients[0].id, "once more")


def test_a_running_download_asks_often_enough_to_end_within_two_seconds():
    assert content.LOOK_AGAIN_SECONDS < 2


def test_h2_gets_no_new_recipient_without_whoever_decides_for_the_originator(team: Team):
    """A plain member of the party releases H0 and H1; H2 takes a leader, or the leader's consent (MISSION 4.5)."""
    member = team.join("DE")
    open_, kept = exhibit(team, member, handling="H1"), exhibit(team, member, handling="H2")
    assert let_out(team, member, open_, asked(team, "CH")).recipients
    with pytest.raises(NotPermitted) as refused:
        let_out(team, member, kept, asked(team, "CH"))
    assert "consent" in refused.value.detail
    grant(team, kept, Action.EVIDENCE_RELEASE, person=member)
    assert let_out(team, member, kept, asked(team, "CH")).recipients


def test_a_partner_passes_h2_on_only_with_the_originators_consent(team: Team):
    item = exhibit(team, team.admin, handling="H2", title=f"Sent {uuid4().hex}")
    partner = team.leaders["FR"]
    with pytest.raises(NotPermitted), begins(team, partner)() as uow:
        evidence.propose_release(uow, item.id, asked(team, "CH"))
    grant(team, item, Action.EVIDENCE_RELEASE, person=partner)
    let_out(team, partner, item, asked(team, "CH"))
    assert item.title in titles(team, team.leaders["CH"])
    entry = next(one for one in custody(team, team.admin, item.id) if one.event == "evidence:released")
    assert entry.clause == "9.4"


def test_h1_goes_into_no_partners_bundle_until_the_originator_consents(team: Team):
    item = exhibit(team, team.admin, handling="H1")
    with pytest.raises(NotPermitted):
        evidence.export(begins(team, team.leaders["FR"]), item.id)
    grant(team, item, Action.EVIDENCE_EXPORT, person=team.leaders["FR"])
    _, pieces = evidence.export(begins(team, team.leaders["FR"]), item.id)
    assert b"".join(pieces)
    exported = next(one for one in custody(team, team.admin, item.id) if one.event == "evidence:exported")
    assert exported.clause == "9.4"


def grant(team: Team, item: EvidenceItem, action: Action, *, person: Who) -> None:
    """The originator's consent, as the room of consents leaves it behind."""
    with team.world.work(team.admin) as uow:
        uow.add(
            AccessGrant(
                workspace_id=team.id, subject_kind="evidence_item", subject_id=item.id, person_id=person.id,
                actions=[str(action)], kind="consent", clause_id="9.4", source_id=uuid4(), granted_by=team.admin.id,
                granted_at=uow.now, expires_at=uow.now + timedelta(days=1),
            )
        )  # fmt: skip


def test_the_agreements_transfer_basis_stands_in_where_the_releaser_states_none(world: World, owner_engine: Engine):
    team = built(world, owner_engine)  # of its own: the others' agreement says nothing of transfers
    item = exhibit(team, team.admin)
    new = asked(team, "CH").model_copy(
        update={"recipients": (evidence.NewRecipient(party_id=party_of(team, team.leaders["CH"])),)}
    )
    with pytest.raises(Invalid):
        let_out(team, team.admin, item, new)
    agreed = {"agency": team.world.slug("CH"), "basis": "adequacy", "article": "LED Art. 36", "document": "Decision X"}
    with owner_engine.begin() as connection:
        connection.execute(
            text("UPDATE agreement SET document = document || CAST(:more AS jsonb) WHERE workspace_id = :id"),
            {"more": json.dumps({"transfer_basis": [agreed]}), "id": team.id},
        )
    assert [one.basis for one in let_out(team, team.admin, item, new).recipients] == ["adequacy"]


def test_nothing_is_taken_in_twice_by_sending_again(team: Team):
    upload_id = declare(team, team.leaders["CH"], 4)
    first = send(team, team.leaders["CH"], upload_id, b"four")
    decide(team, team.admin, first)
    again = send(team, team.leaders["CH"], upload_id, b"four")
    assert (again.id, again.gate) == (first.id, Gate.OPEN)


def test_every_step_is_on_the_log_once(team: Team, waiting: EvidenceItem):
    with team.world.work(team.admin) as uow:
        before = audit.head(uow.connection, team.id).size
    decide(team, team.admin, waiting)
    with team.world.work(team.admin) as uow:
        assert [one.event for one in audit.read(uow.connection, team.id, before)] == ["evidence:inbound_verified"]
