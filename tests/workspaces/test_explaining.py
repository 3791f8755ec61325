"""Why not? The answer names the rule, its source, what would change it and who can."""

from uuid import uuid4

import pytest
from flask import Flask

from jit_server import workspaces
from jit_server.access import Action, Handling, Origin, PartyClass, Remedy, Role
from jit_server.core.errors import NotFound
from jit_server.work import House
from tests.access.test_foreign_ids import filled
from tests.builders import World, browser


def test_a_refused_marking_names_the_originators_leaders(world: World) -> None:
    team = world.workspace()
    with world.work(team.leaders["FR"]) as uow:
        found = workspaces.explain(uow, team.id, Action.EVIDENCE_DOWNLOAD, origin=Origin.PARTNER, handling=Handling.H2)
    assert (found.allowed, found.remedy, found.clause) == (False, Remedy.ASK_ORIGINATOR, "")
    assert [(one.name, one.state) for one in found.granters] == [(team.admin.name, "DE")]


def test_a_refused_role_names_who_administers_the_space(world: World) -> None:
    team = world.workspace()
    observer = team.join("FR", Role.OBSERVER)
    with world.work(observer) as uow:
        found = workspaces.explain(uow, team.id, Action.EVIDENCE_REGISTER)
    assert (found.clause, found.source, found.remedy) == ("D3", "baseline", Remedy.ROLE)
    assert [one.name for one in found.granters] == [team.admin.name]


def test_a_clause_is_named_as_the_agreements(world: World) -> None:
    clause = workspaces.NewClause(
        id="9.3", text="Not before the hearing.", effect="deny", actions=(Action.EVIDENCE_EXPORT,)
    )
    team = world.workspace(clauses=(clause,))
    with world.work(team.admin) as uow:
        found = workspaces.explain(uow, team.id, Action.EVIDENCE_EXPORT)
    assert (found.allowed, found.clause, found.source, found.reason) == (
        False,
        "9.3",
        "agreement",
        "Not before the hearing.",
    )


def test_a_third_country_learns_that_a_verified_release_is_needed(world: World) -> None:
    team = world.workspace(classes={"NL": PartyClass.THIRD_COUNTRY})
    with world.work(team.leaders["NL"]) as uow:
        found = workspaces.explain(uow, team.id, Action.EVIDENCE_READ, origin=Origin.PARTNER)
    assert (found.clause, found.remedy) == ("D4", Remedy.VERIFICATION)


def test_one_may_ask_about_a_colleague_and_a_thing(world: World) -> None:
    case = filled(world, "words")
    member = case.team.join("FR")
    with world.work(case.team.leaders["FR"]) as uow:
        found = workspaces.explain(
            uow,
            case.team.id,
            Action.EVIDENCE_DOWNLOAD,
            person_id=member.id,
            subject=("evidence_item", case.ids["item_id"]),
        )
    assert found.person_id == member.id
    assert found.role is Role.MEMBER
    assert found.origin is Origin.PARTNER


def test_nothing_is_explained_of_what_one_may_not_know(world: World) -> None:
    ours, theirs = filled(world, "ours"), filled(world, "theirs")
    for thing in (("evidence_item", theirs.ids["item_id"]), ("evidence_item", uuid4()), ("person", uuid4())):
        with pytest.raises(NotFound), world.work(ours.team.admin) as uow:
            workspaces.explain(uow, ours.team.id, Action.EVIDENCE_READ, subject=thing)
    with pytest.raises(NotFound), world.work(ours.team.admin) as uow:
        workspaces.explain(uow, ours.team.id, Action.EVIDENCE_READ, person_id=theirs.team.admin.id)


def test_the_api_answers_with_rule_remedy_and_granters(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    client = browser(app, house, team.leaders["FR"])
    address = f"/api/v1/policy/explain?workspace={team.id}&action=evidence:read&origin=partner&handling=H2"
    found = client.get(address).get_json()
    assert found["remedy"] == "ask_originator"
    assert [one["state"] for one in found["granters"]] == ["DE"]
