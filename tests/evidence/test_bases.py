"""Lawful bases: one for many exhibits, many for one; without one, nothing goes before a court (MISSION D11)."""

from typing import Any

import pytest
from flask import Flask

from jit_server import evidence
from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted
from jit_server.evidence import CustodyAct, EvidenceItem, NewAct, NewBasis
from jit_server.work import House
from tests.builders import Team, Who, World, browser
from tests.evidence.builders import begins, custody, exhibit
from tests.evidence.packages import BASIS, based, packed
from tests.evidence.test_hand_overs import token


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


def end(team: Team, who: Who, item: EvidenceItem, act: CustodyAct) -> None:
    new = NewAct.model_validate({"act": {"verb": "end_basis", "act": act.id, "reason": "annulled on appeal"}})
    with begins(team, who)() as uow:
        evidence.do(uow, item.id, new.act)


def in_force(team: Team, item: EvidenceItem) -> list[CustodyAct]:
    with begins(team, team.admin)() as uow:
        row = uow.find(EvidenceItem, id=item.id)
        assert row is not None
        return evidence.stands(evidence.seen_acts(uow, row)).bases


def record(team: Team, who: Who, *items: EvidenceItem, **changes: Any) -> list[CustodyAct]:
    new = NewBasis.model_validate({"items": [item.id for item in items]} | changes)
    with begins(team, who)() as uow:
        return evidence.record_basis(uow, team.id, new)


def test_one_basis_covers_several_and_one_exhibit_rests_on_several(team: Team):
    one, other = exhibit(team, team.admin), exhibit(team, team.admin)
    acts = record(team, team.admin, one, other, basis=BASIS)
    assert len({act.said["basis"] for act in acts}) == 1
    record(team, team.admin, one, basis=BASIS | {"kind": "clause", "identifier": "7.2"})
    assert [act.said["kind"] for act in in_force(team, one)] == ["warrant", "clause"]
    later = exhibit(team, team.admin)
    for act in acts:  # whichever of its acts names the basis
        (again,) = record(team, team.admin, later, like=str(act.id))
        assert again.said == acts[0].said
    entry = custody(team, team.admin, later.id)[-1]
    assert (entry.event, "Amtsgericht" in str(entry.facts)) == ("custody:authorized", False)
    end(team, team.admin, later, again)
    with pytest.raises(Invalid):
        record(team, team.admin, later, like=str(again.id))


def test_a_package_is_refused_with_the_numbers_and_the_remedy_until_each_rests_on_something(team: Team):
    good, bare = exhibit(team, team.admin), exhibit(team, team.admin)
    based(team, team.admin, good)
    with pytest.raises(Conflict) as refused:
        packed(team, team.admin, good, bare)
    assert refused.value.members["exhibits"] == [bare.number]
    assert "records the warrant" in refused.value.members["remedy"]
    assert "evidence:exported" not in [one.event for one in custody(team, team.admin, good.id)]
    based(team, team.admin, bare)
    assert packed(team, team.admin, good, bare)
    end(team, team.admin, bare, in_force(team, bare)[0])
    with pytest.raises(Conflict):
        packed(team, team.admin, bare)


def test_the_refusal_names_nothing_that_the_asker_may_not_export(team: Team):
    hidden = exhibit(team, team.admin, handling="H2")
    seen = exhibit(team, team.leaders["FR"], handling="H0")
    with team.world.work(team.leaders["FR"]) as uow:
        named = {item.id for item in evidence.unbased(uow, team.id, None, Action.EVIDENCE_EXPORT)}
        listed = {item.id for item in evidence.unbased(uow, team.id, [hidden.id, seen.id], Action.CUSTODY_READ)}
    assert hidden.id not in named
    assert listed == {seen.id}


def test_only_whoever_supplied_it_says_what_it_rests_on(team: Team):
    item = exhibit(team, team.admin)
    for who, refusal in ((team.leaders["FR"], NotPermitted), (team.world.person("NL"), NotFound)):
        with pytest.raises(refusal):
            record(team, who, item, basis=BASIS)
    act = record(team, team.admin, item, basis=BASIS)[0]
    theirs = exhibit(team, team.leaders["FR"])
    with pytest.raises(Invalid, match="no basis of your party"):
        record(team, team.leaders["FR"], theirs, like=str(act.id))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "basis"),
        ({"basis": BASIS | {"valid_until": "2026-10-01"}}, "act.valid_until"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_named(team: Team, changes: dict[str, Any], field: str):
    with pytest.raises(Invalid) as refused:
        record(team, team.admin, exhibit(team, team.admin), **changes)
    assert refused.value.members["errors"][0]["field"] == field


def test_register_exhibit_and_package_page_say_that_it_rests_on_nothing_and_lead_to_the_remedy(
    app: Flask, house: House, team: Team
):
    item = exhibit(team, team.admin, title="Bare exhibit")
    here = browser(app, house, team.admin)
    space = f"/w/{team.id}/evidence"
    for page in (f"{space}?q=Bare", f"{space}/{item.number}", f"{space}/package?number={item.number}"):
        assert "No lawful basis" in here.get(page).text, page
    address = f"{space}/basis?number={item.number}"
    asked = here.get(address).text
    assert item.number in asked
    form = {"csrf": token(asked)} | {name: value for name, value in BASIS.items() if name != "verb"}
    wrong = here.post(address, data=form | {"authority": ""})
    assert (wrong.status_code, 'id="authority-error"' in wrong.text, "12 Gs 4/26" in wrong.text) == (422, True, True)
    assert here.post(address, data=form).status_code == 303
    for page in (f"{space}?q=Bare", f"{space}/{item.number}", f"{space}/package?number={item.number}"):
        assert "No lawful basis" not in here.get(page).text, page
    answer = here.post(
        f"/api/v1/workspaces/{team.id}/bases", json={"items": [str(item.id)], "basis": BASIS | {"kind": "order"}}
    )
    assert answer.status_code == 201
    assert [act.said["kind"] for act in in_force(team, item)] == ["warrant", "order"]
    ending = here.get(f"{space}/{item.number}/acts/end_basis").text
    assert str(in_force(team, item)[0].id) in ending
