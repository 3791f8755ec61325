"""Originator control: who supplied a thing decides how it is marked, and everybody's view follows (MISSION 4.5)."""

from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from jit_server import evidence, workspaces
from jit_server.access import Action, Handling, Role
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted, StepUp
from jit_server.evidence import EvidenceItem, NewMarking, Wanted
from jit_server.work import House
from tests.builders import Team, Who, World, browser, stale
from tests.evidence.builders import begins, custody, declare, exhibit, stated


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


def mark(team: Team, who: Who, item: EvidenceItem, code: str, **changes: Any) -> EvidenceItem:
    scheme, _, short = code.rpartition(":")
    said = {"scheme": scheme or "SIENA", "code": short, "reason": "the court asked for it"} | changes
    with begins(team, who)() as uow:
        return evidence.remark(uow, item.id, NewMarking.model_validate(said))


def listed(team: Team, who: Who) -> list[str]:
    with team.world.work(who) as uow:
        return [line.number for line in evidence.register(uow, team.id, Wanted(limit=200))[0]]


def epoch(team: Team) -> int:
    with team.world.work(team.admin) as uow:
        standing = uow.standing(team.id)
        assert standing is not None
        return standing.epoch


@pytest.mark.parametrize(
    ("said", "level", "words"),
    [
        ({"handling": "H2"}, "H2", "H2"),
        ({}, "H1", "H1"),
        ({"scheme": "TLP", "code": "AMBER+STRICT"}, "H2", "TLP:AMBER+STRICT"),
        ({"scheme": "TLP", "code": "GREEN", "handling": "H1"}, "H1", "TLP:GREEN"),
        ({"scheme": "DE", "code": "VS-NFD"}, "H2", "VS-NFD (DE)"),
    ],
)
def test_a_thing_keeps_the_code_it_came_with_and_the_rules_see_its_level(
    team: Team, said: dict[str, str], level: str, words: str
):
    item = exhibit(team, team.admin, **said, source_reliability="B", information_accuracy="2")
    assert (item.handling, item.marking) == (level, words)
    with begins(team, team.admin)() as uow:
        seen = evidence.read(uow, item.id)
    assert (seen.marking, seen.source_reliability, seen.information_accuracy) == (words, "B", "2")
    registered = custody(team, team.admin, item.id)[1]
    assert (registered.facts["scheme"], registered.facts["source_reliability"]) == (item.scheme, "B")


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"scheme": "TLP", "code": "PINK"}, "code"),
        ({"scheme": "NATO", "code": "SECRET"}, "scheme"),
        ({"scheme": "TLP"}, "code"),
        ({"code": "RED"}, "code"),
        ({"scheme": "TLP", "code": "RED", "handling": "H0"}, "code"),
        ({"handling": "H3", "conditions_text": ""}, "conditions_text"),
    ],
)
def test_a_marking_that_is_none_is_named(app: Flask, house: House, team: Team, said: dict[str, str], field: str):
    answer = browser(app, house, team.admin).post(f"/api/v1/workspaces/{team.id}/uploads", json=stated(4) | said)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


def test_conditions_stand_on_the_log_as_a_commitment_only(team: Team):
    item = exhibit(team, team.admin, handling="H3", conditions_text="Do not tell Maria Example")
    facts = custody(team, team.admin, item.id)[1].facts
    assert len(facts["conditions"]) == 64
    assert "Maria" not in str(facts)


def test_only_the_originators_leader_relaxes_or_tightens(team: Team):
    item = exhibit(team, team.admin, handling="H1")
    colleague, partner = team.join("DE"), team.leaders["FR"]
    for who, refusal in ((colleague, NotPermitted), (partner, NotPermitted), (team.world.person("NL"), NotFound)):
        for code in ("H0", "H2"):
            with pytest.raises(refusal):
                mark(team, who, item, code)
    with pytest.raises(StepUp):
        mark(team, stale(team.admin), item, "H0")
    assert mark(team, team.admin, item, "H0").handling == Handling.H0


def test_a_tightened_thing_disappears_at_once_for_whom_it_is_now_too_much(team: Team):
    seconded = team.join("FR", Role.SECONDED_MEMBER)
    item, before = exhibit(team, team.admin, handling="H0"), epoch(team)
    assert item.number in listed(team, seconded)
    mark(team, team.admin, item, "TLP:RED")
    assert epoch(team) == before + 1
    assert item.number not in listed(team, seconded)
    with pytest.raises(NotFound), begins(team, seconded)() as uow:
        evidence.read(uow, item.id)
    with pytest.raises(NotPermitted), begins(team, team.leaders["FR"])() as uow:
        evidence.read(uow, item.id)
    with team.world.work(seconded) as uow:
        subjects = {entry.subject.get("id") for entry in workspaces.read_log(uow, team.id, latest=True, limit=200)}
    assert str(item.id) not in subjects
    mark(team, team.admin, item, "H0")
    assert item.number in listed(team, seconded)


def test_the_history_keeps_every_marking_with_its_reason(team: Team):
    item = exhibit(team, team.admin, handling="H1")
    mark(team, team.admin, item, "H3", conditions_text="Only in Aachen", reason="the informant asked")
    mark(team, team.admin, item, "DE:VS-NFD", source_reliability="A")
    with begins(team, team.admin)() as uow:
        found = uow.get(EvidenceItem, item.id, to=Action.EVIDENCE_READ)
        history = evidence.markings_of(uow, found)
    assert [(one.code, one.handling, one.reason) for one in history] == [
        ("VS-NFD", "H2", "the court asked for it"),
        ("H3", "H3", "the informant asked"),
        ("H1", "H1", ""),
    ]
    entry = next(one for one in custody(team, team.admin, item.id) if one.event == "evidence:remarked")
    assert (entry.why["text"], entry.facts["before"], entry.facts["handling"]) == ("the informant asked", "H1", "H3")
    assert (found.source_reliability, found.conditions_text) == ("A", None)


def test_the_same_marking_again_is_no_change(team: Team):
    item = exhibit(team, team.admin, handling="H1")
    with pytest.raises(Conflict):
        mark(team, team.admin, item, "H1")


def test_h3_is_set_with_its_conditions_or_not_at_all(team: Team):
    item = exhibit(team, team.admin, handling="H1")
    with pytest.raises(Invalid):
        mark(team, team.admin, item, "H3")


def test_the_page_changes_the_marking_and_keeps_what_was_typed(app: Flask, house: House, team: Team):
    item = exhibit(team, team.admin, handling="H1")
    client, page = browser(app, house, team.admin), f"/w/{team.id}/evidence/{item.number}/marking"
    shown = client.get(page).text
    assert "TLP:AMBER+STRICT" in shown
    token = shown.partition('name="csrf" value="')[2].partition('"')[0]
    sent = {"csrf": token, "marking": "SIENA|H3", "reason": "the informant asked"}
    wrong = client.post(page, data=sent)
    assert wrong.status_code == 422
    assert 'href="#conditions_text"' in wrong.text
    assert "the informant asked" in wrong.text
    fine = client.post(page, data=sent | {"conditions_text": "Only in Aachen"})
    assert (fine.status_code, fine.location) == (303, f"/w/{team.id}/evidence/{item.number}")
    assert browser(app, house, team.leaders["FR"]).get(page).status_code == 403


def test_without_a_row_that_says_why_not_even_the_app_changes_a_marking(engine: Engine, team: Team):
    item = exhibit(team, team.admin)
    with engine.connect() as connection:
        connection.execute(text("SELECT set_config('jit.actor', :who, true)"), {"who": str(team.admin.id)})
        with pytest.raises(Exception, match="permission denied"):
            connection.execute(text("UPDATE evidence_item SET scheme = 'TLP' WHERE id = :id"), {"id": item.id})


# --- compartments


def test_a_thing_goes_into_a_compartment_of_ones_party_and_is_filtered_by_it(world: World, app: Flask, house: House):
    team = world.workspace(classes={"NL": "ms_authority"})
    room, other = team.compartment("DE", "FR", name="Accounts"), team.compartment("FR", "NL", name="Ports")
    inside, outside = exhibit(team, team.admin, compartment_id=str(room)), exhibit(team, team.admin)
    assert listed(team, team.leaders["FR"]) == [outside.number, inside.number]
    assert listed(team, team.leaders["NL"]) == [outside.number]
    with team.world.work(team.leaders["FR"]) as uow:
        found, _ = evidence.register(uow, team.id, Wanted(compartment=room))
    assert [(line.number, line.compartment) for line in found] == [(inside.number, "Accounts")]
    for wrong in (other, uuid4()):
        with pytest.raises(Invalid) as refused:
            declare(team, team.admin, 4, compartment_id=str(wrong))
        assert refused.value.members["errors"][0]["field"] == "compartment_id"
    page = browser(app, house, team.admin).get(f"/w/{team.id}/evidence/new").text
    assert "Accounts" in page
    assert "Ports" not in page
    assert "Accounts" in browser(app, house, team.leaders["FR"]).get(f"/w/{team.id}/evidence/{inside.number}").text
    outsider = browser(app, house, team.leaders["NL"])
    for tail in ("", "/custody", "/content", "/markings"):
        assert outsider.get(f"/api/v1/evidence/{inside.id}{tail}").status_code == 404
