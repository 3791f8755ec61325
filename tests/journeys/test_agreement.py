"""A leader writes an agreement of three States, a Union body and a third country; all sign; a compartment holds."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from jit_server import identity, workspaces
from jit_server.access import OPERATOR, Actor
from jit_server.core import clock
from jit_server.workspaces.usecases import drafting
from tests.builders import Who, sign_in
from tests.journeys.conftest import Stage
from tests.journeys.visitor import STATUS, Visitor


@pytest.fixture
def guests(stage: Stage) -> dict[str, Who]:
    """A body of the Union and a third country's authority, with somebody who speaks for it."""
    return {"EUROJUST": agency(stage, "EUROJUST", "Eurojust"), "US": agency(stage, "US", "Department of Justice")}


@pytest.fixture
def seated(stage: Stage, chromium: Browser) -> Iterator[Callable[[Who], Visitor]]:
    """Open a browser for somebody of an agency without an issuer of its own here, who has just signed in."""
    opened: list[Visitor] = []

    def sit(who: Who) -> Visitor:
        opened.append(Visitor.arrive(chromium, stage.url, who.name, who.agency, stage.issuers))
        house = stage.cast.house
        session = {"name": house.settings.cookie, "value": sign_in(house, who), "url": stage.url}
        opened[-1].context.add_cookies([session])
        return opened[-1]

    yield sit
    complaints = [complaint for visitor in opened for complaint in visitor.complaints]
    for visitor in opened:
        visitor.leave()
    assert complaints == []


def agency(stage: Stage, state: str, name: str) -> Who:
    slug = f"{state.lower()}-{uuid4().hex[:6]}"
    house = stage.cast.house
    with house.work(OPERATOR) as uow:
        identity.add_agency(uow, identity.NewAgency(state=state, name=name, own_name=f"{name} {slug}", slug=slug))
    with house.work(OPERATOR) as uow:
        identity.set_issuer(
            uow,
            slug,
            identity.NewIssuer(
                url=f"http://127.0.0.1:9/{slug}", client_id="jit", auth_method=identity.AuthMethod.CLIENT_SECRET,
                credential_file=house.settings.data / "none",
            ),
        )  # fmt: skip
    with house.work(OPERATOR) as uow:
        row = identity.enrol(uow, slug, identity.NewPerson(sub=uuid4().hex, name=f"Head of {slug}"))
        found = identity.agency(uow, slug)
        actor = Actor("person", row.id, found.id, state, row.name, found.own_name, auth_time=clock.now())
    return Who(row.id, row.name, slug, actor)


def fills(page: Page, **answers: Any) -> None:
    """Answer the page's questions by the names of their fields."""
    for name, answer in answers.items():
        field = page.locator(f"#edit [name='{name}']")
        if isinstance(answer, list):
            for value in answer:
                page.locator(f"#edit [name='{name}'][value='{value}']").check()
        elif answer is True:
            field.check()
        elif field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(answer)
        else:
            field.fill(str(answer))


def adds(page: Page, **answers: Any) -> None:
    """Add a thing to the page's list."""
    fills(page, **answers)
    page.locator("#edit").get_by_role("button", name="Add").click()
    expect(page.get_by_text("Saved.")).to_be_visible()


def keeps(page: Page, **answers: Any) -> None:
    """Fill in a page and save it, which leads back to the list of pages."""
    fills(page, **answers)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="What to fill in")).to_be_visible()


def opens(page: Page, title: str) -> None:
    """Choose a page from the list, or go on to it."""
    if page.get_by_role("link", name="All pages").count():
        page.get_by_role("link", name="All pages").click()
    page.get_by_role("link", name=title, exact=True).click()
    expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()


def writes(page: Page, leaders: dict[str, Who], guests: dict[str, Who]) -> None:
    """Fill in every page that such an agreement needs."""
    today, slugs = clock.now().date(), {state: who.agency for state, who in leaders.items()}
    page.get_by_role("button", name="Begin a new text").click()
    opens(page, "What it is about")
    keeps(page, reference=f"JIT-{uuid4().hex[:8]}", name="Operation Estuary", purpose="Cocaine by the container.",
          offences="Trafficking\nLaundering", legal_basis="Framework Decision 2002/465/JHA")  # fmt: skip
    opens(page, "Term")
    keeps(page, period_from=str(today), period_to=str(today + timedelta(days=200)))
    opens(page, "Parties")
    for slug in slugs.values():
        adds(page, agency=slug, party_class="ms_authority", signatory="Head of the office")
    adds(page, agency=guests["EUROJUST"].agency, party_class="eu_body", signatory="National desk")
    adds(page, agency=guests["US"].agency, party_class="third_country", signatory="Director")
    opens(page, "Leaders")
    for state, who in leaders.items():
        adds(page, agency=who.agency, person_id=who.name, **({"space_admin": True} if state == "DE" else {}))
    adds(page, agency=guests["US"].agency, person_id=guests["US"].name)
    opens(page, "Bodies of the Union")
    adds(page, agency=guests["EUROJUST"].agency, founding_act="Regulation (EU) 2018/1727", purpose="Coordination")
    opens(page, "Compartments")
    adds(page, key="north", name="Northern line", parties=[slugs["DE"], slugs["FR"]])
    opens(page, "Clauses on access")
    adds(page, id="9.3", text="The third country does not export.", effect="deny", actions=["evidence:export"],
         parties=[guests["US"].agency])  # fmt: skip
    opens(page, "Use of the platform")
    keeps(page, platform_use=True, controller_for_third_party_data=slugs["DE"],
          third_country_liability="Each State answers for its own people.")  # fmt: skip
    opens(page, "Transfers outside the Union")
    adds(page, agency=guests["US"].agency, basis="safeguards", article="Art. 37(1)(a)", document="Agreement of 2016")


def test_a_leader_writes_an_agreement_all_sign_it_and_its_compartment_is_hidden_from_the_third(
    stage, arrives, seated, guests
):
    leaders = {state: stage.cast.person(state) for state in ("DE", "FR", "NL")}
    author = arrives(leaders["DE"])
    page = author.go("/agreements/new").page
    writes(page, leaders, guests)
    page.get_by_role("link", name="All pages").click()
    page.get_by_role("link", name="Check the answers").click()
    expect(page.get_by_text("Northern line")).to_be_visible()
    expect(page.locator(".error-summary")).to_have_count(0)
    page.get_by_role("button", name="Lay it before the parties").click()
    expect(page.get_by_text("Version 1 waits for signatures")).to_be_visible()
    workspace = UUID(re.search(r"/w/([0-9a-f-]{36})", page.url)[1])
    browsers = {"DE": author}
    for state, who in leaders.items():
        visitor = browsers.setdefault(state, author if state == "DE" else arrives(who))
        signs(visitor.go(f"/w/{workspace}/agreement").page)
    signs(seated(guests["US"]).go(f"/w/{workspace}/agreement").page)
    for state in leaders:
        enters(browsers[state].go("/").page)
    expect(author.go(f"/w/{workspace}/agreement").page.get_by_text("seal holds")).to_have_count(4)
    with stage.cast.work(leaders["DE"]) as uow:
        workspaces.open_workspace(uow, workspace)
    for state, sees in (("DE", 1), ("FR", 1), ("NL", 0)):
        page = browsers[state].go(f"/w/{workspace}/evidence/new").page
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.get_by_text("Northern line").count() == sees, state


def signs(page: Page) -> None:
    """Read the text that waits, and sign it."""
    page.get_by_role("link", name="Read and sign").click()
    page.get_by_label("I have read this version").check()
    page.get_by_role("button", name="Sign the agreement").click()
    expect(page.get_by_text("Signed for your party.")).to_be_visible()


def enters(page: Page) -> None:
    """Attest what everybody must before the first look, those who signed as well."""
    page.get_by_role("link", name="Enter the workspace").click()
    page.get_by_label("I undertake this.").check()
    page.get_by_label("Day of your training").fill("2026-11-01")
    page.get_by_label("Course and its version").fill("2026-1")
    page.get_by_role("button", name="Attest and enter").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_what_is_typed_survives_a_mistake_and_a_closed_window(stage, arrives):
    visitor = arrives(stage.cast.person("DE"))
    page = visitor.go("/agreements/new").page
    page.get_by_role("button", name="Begin a new text").click()
    opens(page, "Term")
    fills(page, period_from="2026-12-01", period_to="2026-01-01")
    with visitor.expecting(STATUS.format(422)):
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".error-summary")).to_contain_text("lies before the first day")
    page.locator(".error-summary").get_by_role("link").click()
    assert page.evaluate("document.activeElement.id") == "period_to"
    page = visitor.go("/agreements/new").page
    page.get_by_role("link", name="Without a name yet").click()
    opens(page, "Term")
    expect(page.locator("#period_from")).to_have_value("2026-12-01")


def test_an_amendment_is_told_in_words_signed_by_both_and_ends_the_old_epoch(stage, arrives, team):
    reader = arrives(team.leaders["FR"])
    author = arrives(team.admin)
    page = author.go(f"/w/{team.id}/agreement").page
    page.get_by_role("button", name="Amend").click()
    opens(page, "Clauses on access")
    adds(page, id="9.3", text="FR takes nothing along.", effect="deny", actions=["evidence:export"],
         parties=[team.leaders["FR"].agency])  # fmt: skip
    page.get_by_role("link", name="All pages").click()
    page.get_by_role("link", name="Check the answers").click()
    page.get_by_role("button", name="Lay it before the parties").click()
    signs(page)
    their = reader.go("/").page
    their.get_by_role("link", name="Sign the amendment").click()
    expect(their.get_by_text("Clause 9.3 is new (deny): FR takes nothing along.")).to_be_visible()
    with stage.cast.work(team.leaders["FR"]) as uow:
        before = uow.standing(team.id).epoch
    their.get_by_label("I have read this version").check()
    their.get_by_role("button", name="Sign the agreement").click()
    expect(their.get_by_text("Signed for your party.")).to_be_visible()
    expect(their.get_by_text("FR takes nothing along.").first).to_be_visible()
    with stage.cast.work(team.leaders["FR"]) as uow:
        assert uow.standing(team.id).epoch > before
        assert drafting.draft_of(uow, team.id) is None
