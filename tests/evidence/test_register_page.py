"""The register by keyboard: search, move, choose and act on what is chosen, without a mouse."""

from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

from jit_server.work import House
from tests.builders import Team, World, sign_in
from tests.engines.server import Server
from tests.evidence.builders import custody, exhibit
from tests.web.test_pages_in_chromium import ARGUMENTS, CHROMIUM


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


@pytest.mark.browser
def test_whoever_uses_no_mouse_searches_chooses_and_acts(server: Server, house: House, team: Team):
    items = [exhibit(team, team.admin, title=f"Telefonrechnung {number}") for number in range(3)]
    exhibit(team, team.admin, title="Photo")
    with sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = chromium.new_context(locale="en-GB")
        cookie: Any = {"name": house.settings.cookie, "value": sign_in(house, team.admin), "url": server.url}
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(f"{server.url}/w/{team.id}/evidence")
        page.keyboard.press("/")
        page.keyboard.type("rechnung")
        page.keyboard.press("Enter")
        expect(page.locator("[data-row]")).to_have_count(3, timeout=20_000)
        page.locator("h1").click()
        for key in ("j", "x", "j", "x", "j", "k"):
            page.keyboard.press(key)
        expect(page.locator("[data-chosen]")).to_have_text("Chosen: 2")
        expect(page.locator("[data-row]").nth(1)).to_be_focused()
        page.get_by_role("button", name="Note on them").press("Enter")
        page.get_by_label("Note").fill("Seen by the expert")
        page.get_by_role("button", name="Record it").press("Enter")
        expect(page.get_by_text("It stands in the chain of custody of each.")).to_be_visible(timeout=20_000)
        chromium.close()
    noted = [[one.event for one in custody(team, team.admin, item.id)].count("custody:annotated") for item in items]
    assert noted == [0, 1, 1]
