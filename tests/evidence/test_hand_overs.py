"""Two-sided hand-overs: one side releases, the other takes over or refuses, both stand in the log (MISSION D9)."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from jit_server import evidence
from jit_server.access import PartyClass, Role
from jit_server.core import clock
from jit_server.core.database import act_as
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted
from jit_server.evidence import Answer, CustodyAct, EvidenceItem, HandOverOut, NewHandOver
from jit_server.work import House
from jit_server.workspaces import Member, glances
from tests.builders import Team, Who, World, browser
from tests.evidence.builders import begins, custody, exhibit


@pytest.fixture(scope="module")
def world(house: House) -> World:
    """Agencies of this module's own, a third country among them."""
    made = World.create(house)
    made.agency("CH")
    return made


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace(classes={"CH": PartyClass.THIRD_COUNTRY, "NL": PartyClass.MS_AUTHORITY})


def party_of(team: Team, who: Who) -> UUID:
    with team.world.work(who) as uow:
        member = uow.find(Member, workspace_id=team.id, person_id=who.id)
        assert member is not None
        return member.party_id


def said(team: Team, to: Who, **changes: Any) -> NewHandOver:
    words = {"place": "Kehl, police station", "condition": "whole, sealed", "seals": ["DE 4711"]}
    return NewHandOver.model_validate({"to_party_id": party_of(team, to)} | words | changes)


def hand_over(team: Team, who: Who, item: EvidenceItem, to: Who, **changes: Any) -> UUID:
    new = said(team, to, **changes)
    with team.world.work(who) as uow:
        return evidence.hand_over(uow, item.id, new).id


def answer(team: Team, who: Who, item: EvidenceItem, act_id: UUID, kind: str = "accept", **words: Any) -> CustodyAct:
    usual = (
        {"condition": "as described", "seals": ["DE 4711"]} if kind == "accept" else {"reason": "the seal is broken"}
    )
    with team.world.work(who) as uow:
        return evidence.answer(uow, item.id, act_id, Answer.model_validate({"answer": kind} | usual | words))


def seen(team: Team, who: Who, item: EvidenceItem) -> list[HandOverOut]:
    with begins(team, who)() as uow:
        return evidence.read_hand_overs(uow, item.id)


def day(team: Team, who: Who) -> list[str]:
    with team.world.work(who) as uow:
        return [line["title"] for line in glances.lines(uow, {team.id: "Test"}) if line["kind"] == "hand_over"]


def holder(team: Team, who: Who, item: EvidenceItem) -> str:
    with team.world.work(who) as uow:
        party = evidence.custodian(uow, item)
        assert party is not None
        return party.state


def test_a_hand_over_stands_in_the_log_from_both_sides_with_the_other_side_named(team: Team):
    german, french = team.admin, team.leaders["FR"]
    item = exhibit(team, german)
    act = hand_over(team, german, item, french)
    assert holder(team, german, item) == "DE"
    taken = answer(team, french, item, act)
    assert holder(team, german, item) == "FR"
    released, accepted = custody(team, german, item.id)[-2:]
    assert (released.event, released.actor["person"]) == ("custody:handed_over", str(german.id))
    assert released.recipients == [str(party_of(team, french))]
    assert (accepted.event, accepted.actor["person"]) == ("custody:accepted", str(french.id))
    assert accepted.recipients == [str(party_of(team, german)), str(german.id)]
    assert accepted.facts["hand_over"] == str(act)
    assert accepted.facts["act"] == str(taken.id)
    assert "Kehl" not in str(released.facts)
    assert len(released.facts["statement"]) == 64
    (shown,) = seen(team, german, item)
    assert (shown.stands, shown.said["seals"], shown.answer.said["condition"]) == (  # type: ignore[union-attr]
        "accepted",
        ["DE 4711"],
        "as described",
    )


@pytest.mark.usefixtures("app")
def test_both_sides_see_on_their_day_that_it_waits_and_neither_once_it_is_answered(team: Team):
    german, french, dutch = team.admin, team.leaders["FR"], team.leaders["NL"]
    item = exhibit(team, german)
    act = hand_over(team, german, item, french)
    assert any(line.startswith(item.number) and "for you" in line for line in day(team, french))
    assert any(line.startswith(item.number) and "for you" not in line for line in day(team, german))
    assert not any(line.startswith(item.number) for line in day(team, dutch))
    answer(team, french, item, act)
    assert not any(line.startswith(item.number) for who in (german, french) for line in day(team, who))


@pytest.mark.usefixtures("app")
def test_an_overdue_hand_over_says_so_and_can_still_be_taken_over(team: Team, monkeypatch: pytest.MonkeyPatch):
    german, french = team.admin, team.leaders["FR"]
    item = exhibit(team, german)
    act = hand_over(team, german, item, french, due_at=clock.now() + timedelta(hours=2))
    assert seen(team, german, item)[0].stands == "open"
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=3))
    assert seen(team, french, item)[0].stands == "overdue"
    assert any(line.startswith(item.number) and "overdue" in line for line in day(team, german))
    answer(team, french, item, act)
    assert seen(team, german, item)[0].stands == "accepted"


def test_nobody_takes_over_what_they_handed_over_themselves(team: Team):
    german, colleague = team.admin, team.join("DE")
    item = exhibit(team, german)
    act = hand_over(team, german, item, german)
    with pytest.raises(Conflict, match="You handed it over"):
        answer(team, german, item, act)
    assert answer(team, colleague, item, act).verb == "accept"


@pytest.mark.usefixtures("app")
def test_what_was_handed_to_one_person_nobody_else_takes_over(team: Team):
    german, french, other = team.admin, team.leaders["FR"], team.join("FR")
    item = exhibit(team, german)
    act = hand_over(team, german, item, french, to_person_id=french.id)
    with pytest.raises(Conflict, match="somebody else"):
        answer(team, other, item, act)
    assert not any(line.startswith(item.number) for line in day(team, other))
    answer(team, french, item, act)


def test_it_is_answered_once_and_refused_or_taken_back_it_stays_where_it_was(team: Team):
    german, french = team.admin, team.leaders["FR"]
    item = exhibit(team, german)
    for who, kind in ((french, "refuse"), (german, "withdraw")):
        act = hand_over(team, german, item, french)
        with pytest.raises(Conflict, match="take that one back first"):
            hand_over(team, german, item, french)
        answer(team, who, item, act, kind)
        with pytest.raises(Conflict, match="answered already"):
            answer(team, french, item, act)
        assert holder(team, french, item) == "DE"
    assert [one.stands for one in seen(team, german, item)] == ["withdrawn", "refused"]
    assert custody(team, german, item.id)[-2].event in {"custody:withdrawn", "custody:read"}
    refused = next(one for one in custody(team, german, item.id) if one.event == "custody:refused")
    assert refused.why == {"code": "custody", "text": "the seal is broken"}


def test_only_with_whom_it_is_hands_it_on_and_so_it_comes_back(team: Team):
    german, french, dutch = team.admin, team.leaders["FR"], team.leaders["NL"]
    item = exhibit(team, german)
    answer(team, french, item, hand_over(team, german, item, french))
    with pytest.raises(Conflict, match="another party"):
        hand_over(team, german, item, dutch)
    answer(team, dutch, item, hand_over(team, french, item, dutch))
    answer(team, german, item, hand_over(team, dutch, item, german))
    assert holder(team, german, item) == "DE"


@pytest.mark.parametrize("handling", ["H2", "H0"])
def test_it_goes_to_nobody_who_could_not_open_it(team: Team, handling: str):
    """H2 keeps partners out, a third country gets nothing that was not released, and an observer acts nowhere."""
    item = exhibit(team, team.admin, handling=handling)
    out = team.leaders["FR"] if handling == "H2" else team.leaders["CH"]
    with pytest.raises(Invalid) as refused:
        hand_over(team, team.admin, item, out)
    assert refused.value.members["errors"][0]["field"] == "to_party_id"
    watcher = team.join("FR", Role.OBSERVER)
    with pytest.raises(Invalid):
        hand_over(team, team.admin, item, team.admin, to_person_id=watcher.id)


def test_a_third_country_hands_over_its_own_and_gets_it_back(team: Team):
    swiss, german = team.leaders["CH"], team.admin
    item = exhibit(team, swiss, handling="H0")
    with begins(team, german)() as uow:
        evidence.verify_inbound(uow, team.id, item.id, evidence.Inbound(verified=True, reason="within the agreement"))
    answer(team, german, item, hand_over(team, swiss, item, german))
    answer(team, swiss, item, hand_over(team, german, item, swiss))
    assert holder(team, german, item) == "CH"


def test_a_compartment_hides_its_hand_overs_and_keeps_them_inside(team: Team):
    german, dutch = team.admin, team.leaders["NL"]
    room = team.compartment("DE", "FR")
    item = exhibit(team, german, compartment_id=str(room))
    with pytest.raises(Invalid):
        hand_over(team, german, item, dutch)
    act = hand_over(team, german, item, team.leaders["FR"])
    with pytest.raises(NotFound):
        seen(team, dutch, item)
    with pytest.raises(NotFound):
        answer(team, dutch, item, act)
    with team.world.work(dutch) as uow:
        assert evidence.waiting_hand_overs(uow, [team.id]) == []


def test_who_only_watches_or_is_no_member_hands_nothing_over(team: Team):
    item = exhibit(team, team.admin, handling="H0")
    for who, refusal in ((team.join("DE", Role.OBSERVER), NotPermitted), (team.world.person("NL"), NotFound)):
        with pytest.raises(refusal):
            hand_over_as(team, who, item)


def hand_over_as(team: Team, who: Who, item: EvidenceItem) -> None:
    new = said(team, team.leaders["FR"])
    with team.world.work(who) as uow:
        evidence.hand_over(uow, item.id, new)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"answer": "accept"}, "condition"),
        ({"answer": "refuse"}, "reason"),
        ({"answer": "withdraw"}, "reason"),
        ({"answer": "lose", "reason": "gone"}, "answer"),
    ],
)
def test_an_answer_that_lacks_something_names_it(
    app: Flask, house: House, team: Team, body: dict[str, str], field: str
):
    item = exhibit(team, team.admin)
    act = hand_over(team, team.admin, item, team.leaders["FR"])
    there = browser(app, house, team.leaders["FR"])
    refused = there.post(f"/api/v1/evidence/{item.id}/handovers/{act}/answer", json=body)
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, field)


def test_over_http_and_by_form_it_is_the_same_act(app: Flask, house: House, team: Team):
    german, french = team.admin, team.leaders["FR"]
    item = exhibit(team, german)
    here, there = browser(app, house, german), browser(app, house, french)
    page = f"/w/{team.id}/evidence/{item.number}"
    asked = here.get(f"{page}/hand-over")
    assert french.name in asked.text
    form = {"csrf": token(asked.text), "to": f"{party_of(team, french)}|", "place": "Kehl", "condition": ""}
    wrong = here.post(f"{page}/hand-over", data=form)
    assert (wrong.status_code, 'value="Kehl"' in wrong.text) == (422, True)
    assert (
        here.post(f"{page}/hand-over", data=form | {"condition": "whole", "seals": "A1\r\nA2\r\n"}).status_code == 303
    )
    listed = there.get(f"/api/v1/evidence/{item.id}/handovers").json["items"][0]
    assert (listed["said"]["seals"], listed["mine"]) == (["A1", "A2"], "answer")
    assert "handed over to you" in there.get(f"/w/{team.id}/evidence").text
    form = there.get(f"{page}/hand-over/{listed['id']}").text
    body = {"csrf": token(form), "answer": "accept", "condition": "seal A2 is torn"}
    assert there.post(f"{page}/hand-over/{listed['id']}", data=body).status_code == 303
    shown = here.get(page).text
    assert "seal A2 is torn" in shown
    assert here.get(f"{page}/hand-over/{listed['id']}").status_code == 200


def token(html: str) -> str:
    return html.split('name="csrf" value="', 1)[1].split('"', 1)[0]


def test_the_apps_role_neither_alters_nor_deletes_an_act_and_outsiders_see_none(
    team: Team, engine: Engine, world: World
):
    item = exhibit(team, team.admin)
    hand_over(team, team.admin, item, team.leaders["FR"])
    for statement in ("UPDATE custody_act SET said = '{}'", "DELETE FROM custody_act"):
        with engine.connect() as connection:
            act_as(connection, str(team.admin.id))
            with pytest.raises(DBAPIError, match="permission denied"):
                connection.execute(text(statement))
    with engine.begin() as connection:
        act_as(connection, str(world.person("NL").id))
        counted = "SELECT count(*) FROM custody_act WHERE workspace_id = :id"
        assert connection.execute(text(counted), {"id": team.id}).scalar_one() == 0


def test_an_unknown_hand_over_is_not_found(team: Team):
    item = exhibit(team, team.admin)
    with pytest.raises(NotFound):
        answer(team, team.leaders["FR"], item, uuid4())
