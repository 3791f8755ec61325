"""A4: the rules of a team as sentences, tried before they are relied on, compared with what they were."""

from flask import Flask
from werkzeug.test import TestResponse

from jit_server import workspaces
from jit_server.access import Action, Role
from jit_server.work import House
from tests.builders import Team, World
from tests.identity.signing_in import Browser, signed_in

CLAUSE = workspaces.NewClause(
    id="5.2", text="Observers may read.", effect="allow", actions=(Action.MESSAGE_READ,), roles=(Role.OBSERVER,)
)  # fmt: skip


def browser(app: Flask, house: House, team: Team, state: str = "FR") -> Browser:
    return signed_in(app, house, team.leaders[state])


def text_of(answer: TestResponse) -> str:
    assert answer.status_code == 200, answer.text
    return " ".join(answer.text.split())


def propose(page: Browser, team: Team, **typed: object) -> TestResponse:
    honest = {"sentence": "No copies for us.", "actions": ["evidence:download"], "roles": ["member"]}
    return page.post(f"/agency/policy/{team.id}", **(honest | typed))


def rule_of(page: Browser, team: Team) -> str:
    """The address of the only restriction."""
    shown = page.get(f"/agency/policy/{team.id}").text
    return shown.split('id="rule-')[1].split('"')[0]


def act(page: Browser, team: Team, rule: str, verb: str, **typed: str) -> TestResponse:
    return page.post(f"/agency/policy/{team.id}/{rule}/{verb}", **typed)


def test_the_list_leads_to_each_team(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    assert f"/agency/policy/{team.id}" in text_of(browser(app, house, team).get("/agency/policy"))


def test_who_belongs_to_no_team_reads_so(app: Flask, house: House, world: World) -> None:
    assert "You belong to no team yet" in text_of(signed_in(app, house, world.person("DE")).get("/agency/policy"))


def test_clauses_stand_there_as_sentences_with_their_ids(app: Flask, house: House, world: World) -> None:
    team = world.workspace(clauses=(CLAUSE,))
    shown = text_of(browser(app, house, team).get(f"/agency/policy/{team.id}"))
    assert "Observers may read." in shown
    assert f"/w/{team.id}/agreement#clause-5.2" in shown


def test_the_simulator_answers_with_the_reason(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    who = team.join("DE", Role.OBSERVER)
    asked = f"?person={who.id}&action=evidence:download&origin=own&handling=H0"
    shown = text_of(browser(app, house, team).get(f"/agency/policy/{team.id}{asked}"))
    assert who.name in shown
    assert "Who watches does not act." in shown


def test_nonsense_in_the_address_is_passed_over(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    page = browser(app, house, team)
    for asked in (
        "action=fly",
        "action=evidence:read&person=x",
        "from=a&to=b",
        "from=1&to=99",
        "from=9999999999999&to=1",
    ):
        assert text_of(page.get(f"/agency/policy/{team.id}?{asked}"))


def test_a_restriction_goes_its_way_through_the_page(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    team.join("FR")
    leader, second = browser(app, house, team), signed_in(app, house, team.join("FR", Role.LEADER))
    assert propose(leader, team).status_code == 303
    rule = rule_of(leader, team)
    shown = text_of(leader.get(f"/agency/policy/{team.id}"))
    assert "may no longer: Download exhibits" in shown  # the change, before it is applied
    assert act(leader, team, rule, "apply").status_code == 303
    shown = text_of(leader.get(f"/agency/policy/{team.id}?from=1&to=2"))
    assert "From version 1 to version 2" in shown
    assert "No copies for us." in shown
    assert act(leader, team, rule, "propose-end", reason="over").status_code == 303
    assert "a second person of your party confirms it" in text_of(leader.get(f"/agency/policy/{team.id}"))
    assert act(leader, team, rule, "end").status_code == 409
    assert act(second, team, rule, "end").status_code == 303
    assert "A restriction was lifted" in text_of(second.get(f"/agency/policy/{team.id}"))


def test_a_form_with_a_fault_keeps_what_was_typed(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    answer = propose(browser(app, house, team), team, sentence="Kept & shown", actions=[])
    assert answer.status_code == 422
    assert "Kept &amp; shown" in answer.text
    assert 'value="member" checked' in answer.text


def test_a_member_reads_the_rules_and_finds_no_form(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    shown = text_of(signed_in(app, house, team.join("FR")).get(f"/agency/policy/{team.id}"))
    assert "new-rule" not in shown


def test_an_outsider_gets_the_page_of_nothing(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    assert signed_in(app, house, world.person("NL")).get(f"/agency/policy/{team.id}").status_code == 404


def test_the_page_stands_under_its_own_tab_and_every_page_of_the_team_leads_there(
    app: Flask, house: House, world: World
) -> None:
    team = world.workspace()
    page = browser(app, house, team)
    here = f'href="/agency/policy/{team.id}"'
    assert f'{here} aria-current="page"' in page.get(f"/agency/policy/{team.id}").text
    assert here in page.get(f"/w/{team.id}").text
