"""J2 A seizure: a large image by button and by drop, a digest nobody can talk us into, and its way through the case."""

import re
import time

import pytest
from playwright.sync_api import expect

from jit_server.access import SYSTEM
from jit_server.evidence import EvidenceItem, Upload
from jit_server.evidence.usecases import joining
from tests.journeys import exhibits, seizures
from tests.journeys.dealings import handed_over
from tests.journeys.exhibits import LARGE, MIB
from tests.journeys.profile import Profile
from tests.journeys.visitor import NETWORK, STATUS


@pytest.fixture
def investigator(arrives, team):
    return arrives(team.join("DE"))


def form(visitor, team):
    return visitor.go(f"/w/{team.id}/evidence/new").page


def go(page):
    return page.get_by_role("button", name="Upload & register")


def no_exhibit(page, team):
    page.goto(f"/w/{team.id}/evidence")
    expect(page.get_by_text("No exhibit yet")).to_be_visible()


@pytest.mark.parametrize("way", [exhibits.choose, exhibits.drop], ids=["by-the-button", "by-drop"])
def test_a_large_image_is_registered_and_the_digest_is_the_servers_own(way, investigator, team, tmp_path):
    path = exhibits.sparse(tmp_path)
    page = form(investigator, team)
    exhibits.fill_in(page)
    way(page, path)
    expect(page.locator("[data-file-facts]")).to_have_text("phone.img · 200.0 MiB")
    go(page).click()
    number = exhibits.registered(page)
    expect(page.locator("[data-server-hash]")).to_have_text(exhibits.sha256(path))
    page.get_by_role("link", name="Open the exhibit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Image of a phone")
    (entry,) = (one for one in exhibits.record(team) if one["event"] == "evidence:registered")
    facts = entry["facts"]
    assert (facts["number"], facts["size"], facts["sha256"]) == (number, LARGE, exhibits.sha256(path))


def test_the_button_names_the_one_field_that_is_empty_and_handling_comes_from_the_workspace(
    investigator, team, tmp_path
):
    page = form(investigator, team)
    expect(page.get_by_role("radio", name="H1")).to_be_checked()
    exhibits.choose(page, exhibits.sparse(tmp_path, size=MIB))
    exhibits.fill_in(page)
    for label in ("Legal basis", "Collected by", "Place", "Moment of collection"):
        field = page.get_by_label(label, exact=True)
        value = field.input_value()
        field.fill("")
        expect(exhibits.missing(page)).to_have_text(f"Missing: {label}")
        expect(go(page)).to_have_attribute("aria-disabled", "true")
        go(page).click(force=True)  # whoever does not see that it is disabled
        field.fill(value)
    page.get_by_label("Method").select_option("")
    expect(exhibits.missing(page)).to_have_text("Missing: Method")
    page.get_by_label("Method").select_option("seizure")
    expect(exhibits.missing(page)).to_have_text("")
    assert [one for one in exhibits.record(team) if one["event"].startswith("evidence:")] == []
    go(page).click()
    exhibits.registered(page)
    page.get_by_role("link", name="Open the exhibit").click()
    expect(page.locator(".page-head")).to_contain_text("H1")


def test_a_declared_digest_is_compared_and_never_trusted(investigator, team, tmp_path):
    page = form(investigator, team)
    exhibits.fill_in(page)
    exhibits.choose(page, exhibits.sparse(tmp_path, size=MIB))
    page.get_by_label("Declared SHA-256").fill("a" * 64)
    with investigator.expecting(STATUS.format(422)):
        go(page).click()
        expect(page.get_by_role("alert")).to_contain_text("No exhibit exists.")
    expect(page.get_by_label("Title")).to_have_value("Image of a phone")
    attempt = exhibits.record(team)[-1]
    assert (attempt["event"], attempt["result"]) == ("evidence:rejected", "error")
    assert attempt["facts"]["reason"] == "mismatch"
    no_exhibit(page, team)


@pytest.fixture
def under_way(investigator, team, tmp_path):
    """An upload on a slow line, a little of which has left."""
    page = form(investigator, team)
    exhibits.fill_in(page)
    exhibits.choose(page, exhibits.sparse(tmp_path))
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    speed = {"downloadThroughput": 4 * MIB, "uploadThroughput": 4 * MIB}
    line.send("Network.emulateNetworkConditions", {"offline": False, "latency": 10, **speed})
    go(page).click()
    expect(page.get_by_text(re.compile(r"\b[1-9]\d?\.\d\sMiB of 200\.0\sMiB"))).to_be_visible()
    expect(page.get_by_text("Sending", exact=True)).to_be_visible()
    return page


def the_attempt(team, within=5):
    """The entry about an upload that came to nothing, once the server has noticed that nothing more comes."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        events = exhibits.record(team)
        assert "evidence:registered" not in {one["event"] for one in events}
        for one in events:
            if one["event"] == "evidence:rejected":
                return one
        time.sleep(0.1)
    raise AssertionError("nothing on the log")


def test_an_upload_stopped_by_hand_leaves_no_exhibit_what_was_filled_in_and_the_attempt_on_the_log(
    under_way, investigator, team, arrives
):
    with investigator.expecting(NETWORK):
        under_way.get_by_role("button", name="Stop").click()
        expect(under_way.get_by_role("alert")).to_contain_text("Stopped. No exhibit exists.")
    expect(under_way.get_by_label("Place", exact=True)).to_have_value("Hafenstraße 12, Rheinau")
    attempt = the_attempt(team)
    assert attempt["facts"]["announced_size"] == LARGE
    assert attempt["facts"]["size"] < LARGE
    no_exhibit(under_way, team)
    leader = arrives(team.admin).go(f"/w/{team.id}/audit").page
    expect(leader.get_by_role("row").filter(has_text="Upload rejected")).to_contain_text("Failed")


KEPT = """async () => {
  const opened = await new Promise((resolve) => { const ask = indexedDB.open('jit-uploads'); ask.onsuccess = () => resolve(ask.result); });
  return JSON.stringify(await new Promise((resolve) => {
    const ask = opened.transaction('uploads').objectStore('uploads').getAll();
    ask.onsuccess = () => { opened.close(); resolve(ask.result); };
  }));
}"""  # noqa: E501


@pytest.fixture
def own_browser(chromium, stage, team, tmp_path):
    """A browser of its own for one signed-in investigator, to be killed."""
    made = Profile(chromium, stage, team.join("DE"), tmp_path / "profile")
    yield made
    made.close()


def test_after_a_killed_browser_only_what_is_missing_is_sent(own_browser, team, tmp_path):
    path, other = exhibits.sparse(tmp_path, size=48 * MIB), exhibits.sparse(tmp_path, "other.img", size=48 * MIB)
    page = own_browser.start(f"/w/{team.id}/evidence/new")
    exhibits.fill_in(page)
    exhibits.choose(page, path)
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    speed = {"downloadThroughput": 8 * MIB, "uploadThroughput": 8 * MIB}
    line.send("Network.emulateNetworkConditions", {"offline": False, "latency": 10, **speed})
    go(page).click()
    deadline = time.monotonic() + 60
    while sum(exhibits.pieces(team).values()) < 0.3 * 48 * MIB:
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)
    kept = page.evaluate(KEPT)
    own_browser.kill()
    before = exhibits.pieces(team)
    assert 0.3 * 48 * MIB <= sum(before.values()) < 48 * MIB
    assert "phone" not in kept
    assert "Rheinau" not in kept

    page = own_browser.start(f"/w/{team.id}/evidence/new")
    expect(page.get_by_text("Unfinished: choose the same file again")).to_be_visible()
    again = page.locator("[data-again]")
    again.set_input_files(other)
    expect(page.get_by_role("alert")).to_contain_text("another file")
    again.set_input_files(path)
    exhibits.registered(page)
    expect(page.locator("[data-server-hash]")).to_have_text(exhibits.sha256(path))
    after = exhibits.pieces(team)
    assert before.items() <= after.items()
    assert sum(after.values()) == 48 * MIB
    assert page.evaluate(KEPT) == "[]"


def test_a_file_too_large_to_wait_for_becomes_an_exhibit_though_the_page_was_closed(own_browser, team, tmp_path):
    path, address = exhibits.sparse(tmp_path, size=joining.AT_ONCE + MIB), f"/w/{team.id}/evidence/new"
    page = own_browser.start(address)
    exhibits.fill_in(page)
    exhibits.choose(page, path)
    go(page).click()
    waits = page.get_by_text("All bytes have arrived")
    expect(waits).to_be_visible(timeout=60_000)
    own_browser.kill()

    page = own_browser.start(address)
    waits = page.get_by_text("All bytes have arrived")
    expect(waits).to_be_visible()
    with team.world.work(SYSTEM) as uow:
        (sent,) = uow.every(Upload, Upload.workspace_id == team.id)
    joining.run(team.world.house, lambda: False, upload_id=sent.id)
    exhibits.registered(page)
    expect(page.locator("[data-server-hash]")).to_have_text(exhibits.sha256(path))
    assert page.evaluate(KEPT) == "[]"


def test_several_files_share_the_form_and_a_pause_loses_nothing(investigator, team, tmp_path):
    paths = [exhibits.sparse(tmp_path, f"disk-{number}.img", size=20 * MIB) for number in range(2)]
    page = form(investigator, team)
    exhibits.fill_in(page)
    page.get_by_label("File").set_input_files(paths)
    expect(page.locator("[data-file-facts]")).to_have_text("2 files · 40.0 MiB")
    page.get_by_label("Title of disk-1.img").fill("The second disk")
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    speed = {"downloadThroughput": 8 * MIB, "uploadThroughput": 8 * MIB}
    line.send("Network.emulateNetworkConditions", {"offline": False, "latency": 10, **speed})
    go(page).click()
    first = page.locator(".card.progress").first
    expect(first).to_have_attribute("data-stage", "sending")
    with investigator.expecting(NETWORK):
        first.get_by_role("button", name="Pause").click()
        expect(first).to_have_attribute("data-stage", "paused")
    first.get_by_role("button", name="Go on").click()
    expect(page.locator("[data-server-hash]")).to_have_text([exhibits.sha256(path) for path in paths], timeout=60_000)
    titles = {row.title for row in _exhibits(team)}
    assert titles == {"disk-0.img", "The second disk"}


def _exhibits(team):
    with team.world.work(SYSTEM) as uow:
        return uow.every(EvidenceItem, EvidenceItem.workspace_id == team.id)


def test_the_whole_of_a_seizure_from_the_register_and_back_to_it(arrives, investigator, team, tmp_path):
    path = exhibits.sparse(tmp_path, size=4 * MIB)
    french = arrives(team.leaders["FR"])
    number = seizures.added(investigator, team, path)
    address = f"/w/{team.id}/evidence/{number}"
    seizures.sealed(investigator, team, number, path)
    seizures.told(investigator, french, team, address)
    seizures.kept(investigator, french, team)
    seizures.derived(investigator, team, number, exhibits.sparse(tmp_path, "contacts.vcf", size=MIB))
    seizures.put_on_the_timeline(investigator, team, number)
    handed_over(investigator, french, address)
    seizures.found_again(french, team, number)
    events = {one["event"] for one in exhibits.record(team)}
    said = {"evidence:registered", "evidence:read_back", "evidence:verified", "message:posted", "evidence:promoted"}
    assert said | {"custody:derived", "timeline:event_added", "custody:handed_over", "custody:accepted"} <= events
