"""A copy made elsewhere comes in by the page on which evidence is added, and names what it was made from."""

from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from jit_server import evidence
from jit_server.access import Handling
from jit_server.work import House
from tests.builders import Team, World, sign_in
from tests.engines.server import Server
from tests.evidence.builders import begins, kept
from tests.web.test_pages_in_chromium import ARGUMENTS, CHROMIUM

pytestmark = pytest.mark.browser
TYPED = {
    "title": "Interview, in German", "derived_tool": "sworn translator", "derived_description": "pages 1 to 3",
    "legal_basis": "Section 163 StPO", "collector": "KHK Brandt", "place": "Aachen",
    "collected_at": "2026-11-12T06:40",
}  # fmt: skip


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace(default_handling=Handling.H0)


def test_the_page_sends_what_a_copy_was_made_from(server: Server, house: House, team: Team):
    parent = kept(team, team.admin, b"entretien", handling="H1")
    with sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = chromium.new_context()
        cookie: Any = {"name": house.settings.cookie, "value": sign_in(house, team.admin), "url": server.url}
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(f"{server.url}/w/{team.id}/evidence/{parent.number}")
        page.locator(f'a[href$="new?from={parent.number}"]').click()
        page.select_option("[name=derived_kind]", "translation")
        page.select_option("#method", "other")
        for name, value in TYPED.items():
            page.fill(f"[name={name}]", value)
        page.set_input_files("#file", {"name": "interview.txt", "mimeType": "text/plain", "buffer": b"Vernehmung"})
        page.click("#go")
        page.locator("[data-progress] a").first.wait_for(timeout=60_000)
        chromium.close()
    with begins(team, team.admin)() as uow:
        (child,) = evidence.read_kin(uow, parent.id).children
    assert (child.title, child.kind, child.tool, child.version, child.description) == (
        "Interview, in German", "translation", "sworn translator", None, "pages 1 to 3",
    )  # fmt: skip
