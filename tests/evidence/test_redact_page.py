"""Areas are drawn on the page itself in a real browser, and pages are shown only to whoever may take the exhibit."""

import io
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import sync_playwright

from jit_server import evidence
from jit_server.access import Handling
from jit_server.core.errors import Conflict, NotFound, NotPermitted, PurposeRequired
from jit_server.evidence.redaction.asking import shown
from jit_server.evidence.redaction.shapes import Refusal
from jit_server.work import House
from tests.builders import Team, World, browser, sign_in
from tests.engines.server import Server
from tests.evidence.builders import begins, custody, kept
from tests.evidence.test_redactions import after, pdf, photo, pixels, taken
from tests.web.test_pages_in_chromium import ARGUMENTS, CHROMIUM, LOOKS


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace(default_handling=Handling.H0)


def test_a_page_is_shown_as_a_bare_picture_small_enough_for_a_screen():
    found = shown(pdf(3), 2)
    picture = Image.open(io.BytesIO(found.data))
    assert (found.pages, picture.format, picture.info) == (3, "PNG", {})
    assert picture.width * picture.height <= 1_510_000
    assert shown(pdf(1), 2).refused is Refusal.NO_SUCH_PAGE
    assert shown(b"nothing of that kind", 1).refused is Refusal.UNREADABLE
    large = Image.open(io.BytesIO(shown(photo(side=3000), 1).data))
    assert large.width * large.height <= 1_510_000


def test_pages_are_for_whoever_may_take_the_exhibit_and_each_look_is_on_record(team: Team):
    item = kept(team, team.admin, pdf(1), handling="H2")
    with pytest.raises(NotPermitted):
        evidence.draw_page(begins(team, team.leaders["FR"]), item.id, 1)
    with pytest.raises(NotFound):
        evidence.draw_page(begins(team, team.world.person("NL")), item.id, 1)
    with pytest.raises(PurposeRequired):
        evidence.draw_page(begins(team, team.admin, None), item.id, 1)
    for missing in (0, 2):
        with pytest.raises(NotFound):
            evidence.draw_page(begins(team, team.admin), item.id, missing)
    assert evidence.draw_page(begins(team, team.admin), item.id, 1).pages == 1
    (look,) = [one for one in custody(team, team.admin, item.id) if one.event == "evidence:streamed"]
    assert look.facts["page"] == 1
    assert look.why is not None
    with pytest.raises(Conflict):
        evidence.draw_page(begins(team, team.admin), kept(team, team.admin, b"no picture").id, 1)


def test_the_door_says_how_many_pages_there_are(app: Flask, house: House, team: Team):
    item = kept(team, team.admin, pdf(2))
    answered = browser(app, house, team.admin).get(f"/api/v1/evidence/{item.id}/pages/2")
    assert (answered.status_code, answered.mimetype, answered.headers["Jit-Pages"]) == (200, "image/png", "2")
    assert answered.data.startswith(b"\x89PNG")


@pytest.mark.browser
@pytest.mark.parametrize("name", ["light", "phone"])
def test_what_is_drawn_over_a_page_is_black_in_the_copy(
    server: Server, house: House, team: Team, name: str, tmp_path: Path
):
    item = kept(team, team.admin, pdf(2), file_name="interview.pdf")
    complaints: list[str] = []
    with sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = chromium.new_context(**LOOKS[name][1])
        cookie: Any = {"name": house.settings.cookie, "value": sign_in(house, team.admin), "url": server.url}
        context.add_cookies([cookie])
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(f"{server.url}/w/{team.id}/evidence/{item.number}/redact")
        show, following = page.locator("jit-redact button").nth(1), page.locator("jit-redact button").nth(2)
        show.click()
        following.click(timeout=60_000)
        page.locator("[role=status]", has_text="2").wait_for(timeout=60_000)
        page.wait_for_function("document.querySelector('.canvas-page img').naturalWidth > 0")
        page.locator(".canvas-page").scroll_into_view_if_needed()
        page.evaluate("document.querySelector('.canvas-page').scrollIntoView({block: 'start'})")
        box = page.locator(".canvas-page").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.1)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.2, steps=4)
        page.mouse.up()
        first = page.locator(".area").first
        assert first.locator("[name=page]").input_value() == "2"
        assert float(first.locator("[name=width]").input_value()) == pytest.approx(70, abs=1)
        page.screenshot(path=tmp_path / "drawn.png", full_page=True)
        first.locator("[name=reason]").select_option("witness")
        page.locator("jit-redact form button:not([type=button])").last.click()
        page.wait_for_url(f"**/evidence/{item.number}")
        chromium.close()
    assert complaints == []
    with begins(team, team.admin)() as uow:
        (ordered,) = evidence.my_redactions(uow, item.id)
    done = after(team, team.admin, item, ordered)
    _, copy = taken(team, team.admin, done.exhibit_id)
    assert pixels(copy, 1).crop((70, 95, 460, 155)).getcolors() == [(390 * 60, (0, 0, 0))]
