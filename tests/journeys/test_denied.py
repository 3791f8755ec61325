"""J5 Denied: whoever is inside is told why and whom to ask; whoever is outside learns nothing and leaves no trace."""

from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from jit_server import workspaces
from jit_server.access import SYSTEM, Action, Origin
from jit_server.consents import Consent
from jit_server.core import clock
from jit_server.workspaces.compartments import AccessGrant
from tests.journeys import exhibits


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
    expect(page.get_by_role("link", name="Ask for access")).to_be_visible()
    page.get_by_role("link", name="See who to ask").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Members")
    refusal = next(one for one in reversed(exhibits.record(team)) if one["result"] == "denied")
    assert refusal["actor"]["person"] == str(team.leaders["FR"].id)


def asks(visitor, address, why="The indictment needs the statements"):
    """From the page that refuses to the ask, as a person would; the ask's address."""
    visitor.open(address, 403)
    page = visitor.page
    page.get_by_role("link", name="Ask for access").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ask for access")
    page.get_by_label("Purpose").select_option("prosecution")
    page.get_by_label("Why you need it").fill(why)
    page.get_by_label("For how many days").fill("7")
    page.get_by_role("button", name="Ask the originator").click()
    visitor.sees("Waits for the originator")
    return urlsplit(page.url).path


def opens(visitor, address):
    """The exhibit, for a stated purpose."""
    page = visitor.go(address).page
    if page.get_by_role("heading", level=1).inner_text() == "Say why you need it":
        page.get_by_label("Purpose").select_option("prosecution")
        page.get_by_label("In your words").fill("The indictment")
        page.get_by_role("button", name="Go on to the exhibit").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Bank statements")


def runs_out(team):
    """The moment of the consent's end has come: what the clock does, without waiting for it."""
    with team.world.work(SYSTEM) as uow:
        for row in (
            *uow.every(AccessGrant, AccessGrant.workspace_id == team.id),
            *uow.every(Consent, Consent.workspace_id == team.id),
        ):
            row.expires_at = clock.now()


def test_j5_who_is_refused_asks_the_originator_and_the_consent_opens_the_same_address_until_it_ends(
    arrives, team, exhibit
):
    address = f"/w/{team.id}/evidence/{exhibit}"
    asker, owner = arrives(team.leaders["FR"]), arrives(team.admin)
    ask = asks(asker, address)
    asker.go(f"/w/{team.id}/asks").sees("Waits for the originator")
    asker.open(address, 403)
    asker.sees("You have asked the originator.")

    page = owner.go("/").page
    line = page.get_by_role("listitem").filter(has_text="Answer who asks for access")
    expect(line).to_contain_text("9 days left")
    line.get_by_role("link").click()
    assert urlsplit(page.url).path == ask
    owner.sees("The indictment needs the statements")
    page.get_by_role("button", name="Give consent").click()
    owner.sees("Consent given. It ends by itself.")

    page = asker.go("/").page
    page.get_by_role("link", name="What you asked for has been answered").click()
    asker.sees("Consent given")
    opens(asker, address)

    runs_out(team)
    asker.open(address, 403)
    asker.sees("The originator’s consent has ended:")
    expect(asker.page.get_by_role("link", name="Ask for access")).to_be_visible()
    said = [one["event"] for one in exhibits.record(team)]
    for event in ("access:refused", "access:asked", "access:granted", "evidence:read"):
        assert event in said
    granted = next(one for one in exhibits.record(team) if one["event"] == "access:granted")
    assert (granted["actor"]["person"], granted["why"]["code"]) == (str(team.admin.id), "prosecution")
    assert (granted["clause"], granted["recipients"]) == ("B30", [str(team.leaders["FR"].id)])


def test_j5_the_originator_refuses_with_a_reason_that_whoever_asked_reads(arrives, team, exhibit):
    asker, owner = arrives(team.leaders["FR"]), arrives(team.admin)
    ask = asks(asker, f"/w/{team.id}/evidence/{exhibit}")
    page = owner.go(ask).page
    page.get_by_text("Refuse", exact=True).first.click()
    page.get_by_label("Reason, which whoever asked will read").fill("An informant would be exposed")
    page.get_by_role("button", name="Refuse").click()
    owner.sees("Refused by the originator")
    asker.go(ask).sees("An informant would be exposed")
    asker.open(f"/w/{team.id}/evidence/{exhibit}", 403)


def test_in_an_emergency_a_leader_opens_it_at_once_and_the_originators_day_says_so_until_it_is_seen(
    arrives, team, exhibit
):
    caller, owner = arrives(team.leaders["FR"]), arrives(team.admin)
    address = f"/w/{team.id}/evidence/{exhibit}"
    caller.open(address, 403)
    page = caller.page
    page.get_by_role("link", name="Open in an emergency").click()
    page.get_by_label("Why it cannot wait").select_option("life")
    page.get_by_label("What is happening").fill("A hostage; the account shows where")
    page.get_by_role("button", name="Open now").click()
    caller.sees("Open. The originator has been told.")
    opens(caller, address)
    page = owner.go("/").page
    page.get_by_role("link", name="Something of yours was opened in an emergency").click()
    page.get_by_role("button", name="I have seen it").click()
    expect(page.get_by_role("link", name="Something of yours was opened in an emergency")).to_have_count(0)
    page = owner.go(f"/w/{team.id}/asks").page
    page.get_by_role("link", name=exhibit).click()
    page.get_by_label("Reason, kept on the log").fill("We could have been called")
    page.get_by_role("button", name="Object").click()
    owner.sees("The originator objects")
    caller.open(address, 403)


def test_closing_a_workspace_takes_two_people_in_two_browsers(arrives, team):
    first, second = arrives(team.admin), arrives(team.leaders["FR"])
    page = first.go(f"/w/{team.id}/approvals").page
    page.get_by_text("Propose to close").click()
    page.get_by_label("Reason, kept on the log").fill("The trial is over")
    page.get_by_role("button", name="Propose").click()
    first.sees("You proposed this")
    expect(page.get_by_role("button", name="Approve and do it")).to_have_count(0)
    page = second.go("/").page
    page.get_by_role("link", name="Be the second person").click()
    second.sees("Cannot be undone")
    page.get_by_role("button", name="Approve and do it").click()
    second.go(f"/w/{team.id}").sees("Post-operational")


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
        exhibits.without_nonce(outsider.open(path, 404))
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
