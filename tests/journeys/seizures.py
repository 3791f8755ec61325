"""J2 from the register back to it: the steps of one seizure, as the people at their browsers do them."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from jit_server.evidence.usecases import reading_back
from tests.builders import Team
from tests.journeys import exhibits
from tests.journeys.talk import channel_of, connected, hears, message, says, talks
from tests.journeys.visitor import Visitor

TITLE = "Phone seized at the harbour"
SEIZED = "2026-11-20T06:10"


def arrived(page: Page, address: str) -> None:
    """The next page is there, its scripts too: what is typed before is lost."""
    page.wait_for_url(re.compile(address), wait_until="load")


def added(visitor: Visitor, team: Team, path: Path) -> str:
    """From the register by its button, with the moment and place of the seizure; the exhibit's number."""
    page = visitor.go(f"/w/{team.id}/evidence").page
    page.get_by_role("main").get_by_role("link", name="Add evidence").first.click()
    arrived(page, "/evidence/new$")
    exhibits.fill_in(page, TITLE)
    exhibits.choose(page, path)
    page.get_by_role("button", name="Upload & register").click()
    return exhibits.registered(page)


def sealed(visitor: Visitor, team: Team, number: str, path: Path) -> None:
    """Encrypted, read back, and proved by whoever presses the button."""
    reading_back.run(team.world.house, lambda: False, item_id=exhibits.item(team, number).id)
    page = visitor.go(f"/w/{team.id}/evidence/{number}").page
    expect(page.locator(".digests")).to_contain_text(exhibits.sha256(path))
    expect(page.locator(".digests")).not_to_contain_text("Not yet.")
    visitor.sees("Encrypted (cobblestone-256")
    page.get_by_role("button", name="Verify integrity").click()
    visitor.sees("Integrity proved")


def derived(visitor: Visitor, team: Team, number: str, path: Path) -> None:
    """A copy that somebody made from it; each of the two leads to the other."""
    page = visitor.go(f"/w/{team.id}/evidence/{number}").page
    page.get_by_role("link", name="Add a copy made from it").click()
    arrived(page, f"from={number}$")
    exhibits.fill_in(page, "Address book of the phone")
    page.get_by_label("How it was made").select_option("clip")
    page.get_by_label("Tool").fill("Cellebrite UFED")
    exhibits.choose(page, path)
    page.get_by_role("button", name="Upload & register").click()
    exhibits.registered(page)
    page.get_by_role("link", name="Open the exhibit").click()
    kin = page.locator("section", has=page.locator("#kin"))
    expect(kin).to_contain_text(exhibits.item(team, number).sha256)
    kin.get_by_role("link", name=TITLE).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    expect(kin.get_by_role("link", name="Address book of the phone").first).to_be_visible()


def told(sender: Visitor, receiver: Visitor, team: Team, address: str) -> None:
    """The link in the topic leads the partner to the exhibit."""
    channel = channel_of(team)
    heard = talks(receiver, team, channel)
    says(talks(sender, team, channel), f"Seized this morning: {receiver.url}{address}")
    hears(heard, "Seized this morning")
    message(heard, "Seized this morning").get_by_role("link", name=f"{receiver.url}{address}").click()
    expect(heard.get_by_role("heading", level=1)).to_have_text(TITLE)


def kept(sender: Visitor, receiver: Visitor, team: Team) -> None:
    """The message itself becomes an exhibit; both say so in the conversation, and the exhibit leads back to it."""
    page = sender.page
    said = message(page, "Seized this morning")
    said.hover()
    said.get_by_role("link", name="Keep as evidence").click()
    page.get_by_label("Legal basis").fill("Section 163 StPO")
    page.get_by_role("button", name="Keep as evidence").click()
    arrived(page, r"/evidence/[A-Z]+-\d+$")
    exhibit = page.url.rpartition("/")[2]
    page.locator("section", has_text="Where it came from").get_by_role("link").click()
    arrived(page, "#m-")
    for visitor in (sender, receiver.go(page.url.removeprefix(sender.url))):
        connected(visitor.page)
        link = message(visitor.page, "Seized this morning").get_by_role("link", name=f"Exhibit {exhibit}")
        link.click()
        arrived(visitor.page, f"/w/{team.id}/evidence/{exhibit}$")


def put_on_the_timeline(visitor: Visitor, team: Team, number: str) -> None:
    """What the exhibit's page offers carries the moment of the seizure; so does the line of the exhibit itself."""
    page = visitor.go(f"/w/{team.id}/evidence/{number}").page
    page.get_by_role("link", name="Add to the timeline").click()
    expect(page.get_by_label("When")).to_have_value(SEIZED)
    expect(page.get_by_label("Time zone of that place")).to_have_value("Europe/Berlin")
    expect(page.get_by_label(re.compile("^Place"))).to_have_value("Hafenstraße 12, Rheinau")
    expect(page.get_by_label("Exhibits it rests on")).to_have_value(number)
    page.get_by_label("What happened").fill("The harbour was searched")
    page.get_by_role("button", name="Put it on the timeline").click()
    arrived(page, "/timeline$")
    visitor.sees("The event is on the timeline.")
    page.get_by_label("Clock").select_option("utc")
    day = page.locator("section.days", has_text=TITLE)
    expect(day).to_have_count(1)
    expect(day.get_by_role("heading")).to_contain_text("20")
    for line in ("The harbour was searched", TITLE):
        expect(day.get_by_role("listitem").filter(has_text=line).locator("time")).to_have_text("05:10")
    day.get_by_role("link", name=number, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)


def found_again(visitor: Visitor, team: Team, number: str) -> None:
    """By the keyboard alone, in the register."""
    page = visitor.go(f"/w/{team.id}/evidence").page
    page.keyboard.press("/")
    page.keyboard.type("harbour")
    page.keyboard.press("Enter")
    expect(page.locator("[data-row]")).to_have_text([TITLE])
    page.locator("h1").click()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    arrived(page, f"/evidence/{number}$")
    visitor.sees("From hand to hand")
