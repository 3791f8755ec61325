"""The viewer in a real browser: pages and parts turned and enlarged by keys, sound and film played and sought in."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from jit_server.access import Handling
from jit_server.evidence import EvidenceItem
from jit_server.work import House
from tests.builders import Team, World, sign_in
from tests.engines.server import Server
from tests.evidence.media import film, sound
from tests.evidence.test_redactions import pdf
from tests.evidence.test_viewing import looked_at, looks
from tests.web.test_pages_in_chromium import ARGUMENTS, CHROMIUM

pytestmark = pytest.mark.browser
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace(default_handling=Handling.H0)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as engine:
        started = engine.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def page(chromium: Browser, server: Server, house: House, team: Team) -> Iterator[Page]:
    """A page of the team's administrator; nothing on it may fail."""
    with chromium.new_context(locale="en-GB", base_url=server.url) as context:
        cookie: Any = {"name": house.settings.cookie, "value": sign_in(house, team.admin), "url": server.url}
        context.add_cookies([cookie])
        context.set_default_timeout(PATIENCE)
        wrong: list[str] = []
        opened = context.new_page()
        opened.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        yield opened
        assert wrong == []


def view(page: Page, team: Team, item: EvidenceItem, query: str = "") -> None:
    page.goto(f"/w/{team.id}/evidence/{item.number}/view{query}")


def says(page: Page, words: str) -> None:
    """This part is there, and the scripts that hear the keys."""
    expect(page.locator(".viewer-turn [aria-current]")).to_have_text(words)
    page.wait_for_load_state("load")


def test_pages_are_turned_and_enlarged_by_keys_and_keep_their_size(page: Page, team: Team) -> None:
    view(page, team, looked_at(team, pdf(3)))
    says(page, "Page 1 of 3")
    page.keyboard.press("ArrowLeft")  # there is none before
    page.keyboard.press("ArrowRight")
    says(page, "Page 2 of 3")
    percent, picture = page.locator(".viewer-zoom output"), page.locator(".viewed img")
    expect(percent).to_have_text("100%")
    fitting = picture.evaluate("one => one.clientWidth")
    for key in ("+", "+", "-"):
        page.keyboard.press(key)
    expect(percent).to_have_text("125%")
    assert picture.evaluate("one => one.clientWidth") == pytest.approx(1.25 * fitting, abs=1)
    page.keyboard.press("ArrowRight")
    says(page, "Page 3 of 3")
    expect(percent).to_have_text("125%")
    page.get_by_role("button", name="Smaller").click()
    expect(percent).to_have_text("100%")
    page.keyboard.press("ArrowLeft")
    says(page, "Page 2 of 3")
    page.get_by_label("Page", exact=True).press("ArrowLeft")  # who types is left alone
    says(page, "Page 2 of 3")


def test_a_long_text_is_read_on_and_back_by_keys(page: Page, team: Team) -> None:
    item = looked_at(team, b"".join(b"line %06d\n" % number for number in range(15_000)))
    view(page, team, item)
    text = page.get_by_role("region", name="Content")
    expect(text).to_contain_text("line 000000")
    page.keyboard.press("ArrowRight")
    says(page, "Bytes 65,537 to 131,072 of 180,000")
    page.keyboard.press("ArrowRight")
    says(page, "Bytes 131,073 to 180,000 of 180,000")
    page.get_by_role("link", name="Previous part").click()
    says(page, "Bytes 65,537 to 131,072 of 180,000")
    page.keyboard.press("ArrowLeft")
    says(page, "Bytes 1 to 65,536 of 180,000")
    expect(text).to_contain_text("line 000000")
    letters = "one => parseFloat(getComputedStyle(one).fontSize)"
    before = text.evaluate(letters)
    page.keyboard.press("+")
    assert text.evaluate(letters) > before


def test_a_right_to_left_page_is_turned_to_the_side_on_which_its_button_stands(page: Page, team: Team) -> None:
    view(page, team, looked_at(team, pdf(3)), "?page=2")
    page.evaluate("document.dir = 'rtl'")
    page.keyboard.press("ArrowLeft")
    says(page, "Page 3 of 3")
    page.evaluate("document.dir = 'rtl'")
    page.keyboard.press("ArrowRight")
    says(page, "Page 2 of 3")


def test_a_question_mark_opens_the_help_of_the_keys(page: Page, team: Team) -> None:
    view(page, team, looked_at(team, pdf(2)))
    help_ = page.get_by_role("dialog", name="Keyboard")
    page.keyboard.press("?")
    expect(help_).to_contain_text("Next page")
    page.keyboard.press("ArrowRight")  # what lies under it stays
    page.keyboard.press("Escape")
    expect(help_).to_be_hidden()
    says(page, "Page 1 of 2")
    page.get_by_role("button", name="Keyboard").click()
    help_.get_by_role("button", name="Close").click()
    expect(help_).to_be_hidden()
    page.goto(f"/w/{team.id}/evidence")
    page.keyboard.press("?")
    expect(help_).to_contain_text("Next exhibit")


def until(page: Page, condition: str) -> None:
    """Wait for what the player says of itself; the page's policy allows no script that waits."""
    deadline = time.monotonic() + PATIENCE / 1000
    player = page.locator(".viewed :is(audio, video)")
    while not player.evaluate(f"one => {condition}"):
        assert time.monotonic() < deadline, player.evaluate(
            "one => [one.readyState, one.currentTime, one.error?.message]"
        )
        page.wait_for_timeout(50)


@pytest.mark.parametrize(("tag", "seconds"), [("audio", 300), ("video", 30)])
def test_sound_and_film_play_and_what_is_sought_alone_is_fetched(
    page: Page, team: Team, tag: str, seconds: int
) -> None:
    item = looked_at(team, sound(seconds, 44_100) if tag == "audio" else film(seconds))
    view(page, team, item)
    player = page.locator(f".viewed {tag}")
    until(page, "one.readyState >= 1")
    assert player.evaluate("one => one.duration") == pytest.approx(seconds, abs=0.5)
    if tag == "video":
        assert player.evaluate("one => [one.videoWidth, one.videoHeight]") == [320, 240]
    player.focus()
    page.keyboard.press("Space")
    until(page, "one.currentTime > 0.3")
    wanted = seconds * 0.9
    player.evaluate(f"one => {{ one.currentTime = {wanted}; }}")
    until(page, f"!one.seeking && one.readyState >= 2 && one.currentTime >= {wanted}")
    begun = [one["first"] for one in looks(team, item)]
    assert begun[0] == 0
    assert max(begun) > item.size / 2
    assert player.evaluate("one => one.error") is None
