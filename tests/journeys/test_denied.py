"""J5 Denied: whoever is inside is told why and whom to ask; whoever is outside learns nothing and leaves no trace."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from jit_server import workspaces
from jit_server.access import Action, Origin
from tests.journeys import exhibits

NONCE = re.compile(r'nonce="[^"]*"')


@pytest.fixture
def exhibit(team):
    """An exhibit of DE that France may know of and not open."""
    return exhibits.taken_in(team, team.admin, handling="H2", title="Bank statements")


def test_whoever_may_know_but_not_open_is_told_the_rule_who_can_grant_it_and_that_it_is_on_record(
    arrives, team, exhibit
):
    visitor = arrives(team.leaders["FR"])
    page = visitor.go(f"/w/{team.id}/evidence").page
    link = page.get_by_role("link", name="Bank statements")
    expect(link).to_be_visible()
    visitor.open(link.get_attribute("href"), 403)
    expect(page.get_by_role("heading", level=1)).to_have_text("Not permitted")
    expect(page.get_by_text("H2: the originator, DE, must agree")).to_be_visible()
    expect(page.locator("dt", has_text="Rule")).to_be_visible()
    expect(page.get_by_text("evidence:read")).to_be_visible()
    expect(page.get_by_text("Member State authority")).to_be_visible()
    page.get_by_role("link", name="See who to ask").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Members")
    refusal = next(one for one in reversed(exhibits.record(team)) if one["result"] == "denied")
    assert refusal["actor"]["person"] == str(team.leaders["FR"].id)


def test_a_refusal_by_a_clause_names_the_clause_and_leads_to_it(stage, arrives):
    clause = workspaces.NewClause(
        id="7.3", text="Each party leaves the other's bank records to it.", effect="deny",
        actions=(Action.EVIDENCE_READ,), origins=(Origin.PARTNER,),
    )  # fmt: skip
    team = stage.cast.workspace(clauses=(clause,))
    number = exhibits.taken_in(team, team.admin, handling="H0")
    visitor = arrives(team.leaders["FR"])
    visitor.open(f"/w/{team.id}/evidence/{number}", 403)
    visitor.sees("Each party leaves the other's bank records to it.")
    visitor.page.get_by_role("link", name="Clause 7.3").click()
    expect(visitor.page.locator("#clause-7\\.3")).to_be_in_viewport()


def test_to_an_outsider_what_exists_and_what_does_not_look_the_same_and_the_workspace_notes_nothing(
    stage, arrives, team, exhibit
):
    (item,) = (one["subject"]["id"] for one in exhibits.record(team) if one["event"] == "evidence:registered")
    before = len(exhibits.record(team))
    outsider = arrives(stage.cast.person("FR"))
    pages = [
        NONCE.sub("", outsider.open(path, 404))
        for path in (f"/w/{team.id}/evidence/{exhibit}", f"/w/{uuid4()}/evidence/{exhibit}", f"/w/{team.id}")
    ]
    assert pages[0] == pages[1] == pages[2]
    answers = [
        outsider.context.request.get(f"/api/v1{path}")
        for path in (
            f"/evidence/{item}", f"/evidence/{uuid4()}", f"/evidence/{item}/content", f"/evidence/{item}/custody",
            f"/workspaces/{team.id}", f"/workspaces/{uuid4()}", f"/workspaces/{team.id}/log",
        )
    ]  # fmt: skip
    assert {answer.status for answer in answers} == {404}
    assert len({answer.body() for answer in answers}) == 1
    names = [{name for name in answer.headers if name != "date"} for answer in answers]
    assert all(one == names[0] for one in names)
    assert len(exhibits.record(team)) == before
