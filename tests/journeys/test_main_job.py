"""The main job: two States talk, hand over an exhibit, part with a member, and prove that nothing was touched."""

import json
import re
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import expect

from jit_server.access import Role
from jit_server.core import clock
from tests.journeys import exhibits
from tests.journeys.talk import channel_of, connected, hears, message, said, says, stored, talks
from tests.journeys.visitor import NETWORK, STATUS

VERIFIER = Path(__file__).parents[2] / "static" / "verify" / "jit-verify.py"


def test_two_people_of_two_states_see_each_other_type_and_talk(arrives, team):
    channel_id = channel_of(team)
    de, fr = team.admin, team.leaders["FR"]
    berlin, paris = (talks(arrives(who), team, channel_id) for who in (de, fr))
    expect(berlin.get_by_role("complementary", name="Who is here")).to_contain_text(fr.name)
    expect(paris.get_by_role("complementary", name="Who is here")).to_contain_text(de.name)
    berlin.get_by_label("Message", exact=True).press_sequentially("Guten Tag")
    expect(paris.get_by_text(f"{de.name} is typing")).to_be_visible()
    berlin.get_by_role("button", name="Send").click()
    hears(paris, "Guten Tag")
    expect(paris.get_by_text("is typing")).to_have_count(0)
    says(paris, "Bonjour, **merci**")
    hears(berlin, "Bonjour, merci")
    expect(message(berlin, "Bonjour").locator("strong", has_text="merci")).to_be_visible()
    expect(message(berlin, "Bonjour")).to_contain_text(fr.name)
    assert stored(team) == ["Guten Tag", "Bonjour, **merci**"]


def test_whom_an_agency_invited_signs_in_and_is_given_access_by_the_administrator(stage, arrives, team):
    name = stage.cast.invited("FR")
    newcomer, admin = arrives(name, "FR"), arrives(team.admin)
    expect(newcomer.page.get_by_text("No workspace yet")).to_be_visible()
    page = admin.go(f"/w/{team.id}/members").page
    page.get_by_role("button", name="Invite").click()
    page.get_by_label("Person", exact=True).select_option(label=f"{name}, Parquet de Valmont")
    page.get_by_label("Role").select_option("member")
    page.get_by_label("Access ends on").fill(str((clock.now() + timedelta(days=90)).date()))
    page.get_by_role("button", name="Give access").click()
    expect(page.get_by_role("row").filter(has_text=name)).to_contain_text("Member")
    newcomer.open(f"/w/{team.id}", 404)
    page = newcomer.go("/").page
    page.get_by_role("link", name="Enter the workspace").click()
    page.get_by_label("I undertake this.").check()
    page.get_by_label("Day of your training").fill(str(clock.now().date()))
    page.get_by_label("Course and its version").fill("JIT platform 2026-1")
    page.get_by_role("button", name="Attest and enter").click()
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()


def test_what_one_state_registers_the_other_takes_bit_for_bit_and_anybody_verifies_without_the_server(
    stage, arrives, team, tmp_path
):
    path = exhibits.sparse(tmp_path)
    de, fr = arrives(team.admin), arrives(team.leaders["FR"])
    number = exhibits.registers(de, team, path)
    fr.go(f"/w/{team.id}/evidence/{number}")
    with fr.page.expect_download() as download:
        fr.page.get_by_role("link", name="Download", exact=True).click()
    assert download.value.suggested_filename == "phone.img"
    assert exhibits.sha256(download.value.path()) == exhibits.sha256(path)
    page = de.go(f"/w/{team.id}/evidence/{number}").page
    expect(page.get_by_role("listitem").filter(has_text="Exhibit downloaded")).to_contain_text(fr.name)
    page.get_by_role("button", name="Verify integrity").click()
    expect(page.get_by_text("Integrity proved")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Bundle with proofs").click()
    bundle = tmp_path / "bundle.zip"
    download.value.save_as(bundle)
    with page.expect_download() as download:
        page.get_by_role("link", name="Offline verifier").click()
    verifier = tmp_path / "jit-verify.py"
    download.value.save_as(verifier)
    assert verifier.read_bytes() == VERIFIER.read_bytes()
    for visitor in (de, fr):
        visitor.leave()
    with stage.server.stopped():
        whole = verified(verifier, bundle)
        content = flip_in_the_content(bundle)
        changed = verified(verifier, bundle)
    assert whole["ok"] is True
    assert whole["content"][0]["sha256"] == exhibits.sha256(path)
    happened = [entry["event"] for entry in whole["entries"]]
    assert happened[:2] == ["evidence:declared", "evidence:registered"]
    assert {"evidence:downloaded", "evidence:verified", "evidence:exported"} <= set(happened)
    assert any(fr.name in entry["who"] for entry in whole["entries"] if entry["event"] == "evidence:downloaded")
    assert changed["ok"] is False
    assert [finding["where"] for finding in changed["findings"]] == [content]


def verified(verifier, bundle):
    """What the one file says in a process that knows nothing of this server."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(verifier), str(bundle), "--json"],
        cwd=bundle.parent, env={}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode in {0, 3}, done.stderr
    report = json.loads(done.stdout)
    assert (done.returncode == 0) is report["ok"]
    return report


def flip_in_the_content(bundle):
    """Change one bit in the middle of the exhibit's bytes, as a careless copy would; the name of that member."""
    with zipfile.ZipFile(bundle) as opened:
        member = max(opened.infolist(), key=lambda one: one.file_size)
    with bundle.open("r+b") as file:
        place = member.header_offset + member.compress_size // 2
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))
    return member.filename


def test_a_removed_member_hears_nothing_from_that_moment_and_their_screen_says_so(arrives, team):
    channel_id = channel_of(team)
    said(team, team.admin, channel_id, "Before")
    leaving = team.join("FR", Role.MEMBER)
    member, admin = arrives(leaving), arrives(team.admin)
    frames: list[str] = []
    member.page.on("websocket", lambda line: line.on("framereceived", lambda frame: frames.append(str(frame))))
    theirs = talks(member, team, channel_id)
    hears(theirs, "Before")
    page = admin.go(f"/w/{team.id}/members").page
    page.get_by_role("button", name=f"End access {leaving.name}").click()
    page.get_by_label("Reason, kept on the log").locator("visible=true").fill("Moved to another unit")
    page.get_by_role("dialog").get_by_role("button", name="End access").click()
    expect(page.get_by_role("row").filter(has_text=leaving.name)).to_contain_text("Ended")
    speaker = talks(admin, team, channel_id)
    says(speaker, "For those who stay")
    hears(speaker, "For those who stay")
    expect(theirs.get_by_role("alert")).to_contain_text("Your access to this workspace has ended.")
    expect(theirs.get_by_text("Before")).to_have_count(0)
    theirs.wait_for_timeout(1_000)
    assert [frame for frame in frames if "For those who stay" in frame] == []
    assert any("workspace:left" in frame for frame in frames)
    member.open(f"/w/{team.id}/c/{channel_id}/general", 404)


def test_a_session_that_ends_in_mid_typing_keeps_the_text_until_the_person_is_back(arrives, team):
    channel_id = channel_of(team)
    said(team, team.leaders["FR"], channel_id, "Where do we meet?")
    here, elsewhere = arrives(team.admin), arrives(team.admin)
    page = talks(here, team, channel_id)
    field = page.get_by_label("Message", exact=True)
    field.press_sequentially("At the ferry, gate")
    with here.expecting(STATUS.format(401), NETWORK):
        elsewhere.go("/me").page.get_by_role("button", name="End all others").click()
        expect(elsewhere.page.get_by_text("All other sessions have ended.")).to_be_visible()
        expect(page.get_by_role("alert")).to_contain_text("Your session has ended. Your text is kept on this page.")
        field.press_sequentially(" 3")
        page.wait_for_timeout(1_500)  # longer than the draft waits
        expect(field).to_have_value("At the ferry, gate 3")
        expect(page.get_by_text("Where do we meet?")).to_have_count(0)
        with page.expect_popup() as popup:
            page.get_by_role("link", name="Sign in again in a new tab").click()
        popup.value.get_by_role("link", name=re.compile("Continue with")).click()
        expect(popup.value.get_by_role("heading", level=1, name="My day")).to_be_visible()
        page.bring_to_front()
        page.evaluate("dispatchEvent(new Event('focus'))")  # a headless browser's tabs all have it
        connected(page)
    expect(page.get_by_text("Where do we meet?")).to_be_visible()
    expect(field).to_have_value("At the ferry, gate 3")
    page.get_by_role("button", name="Send").click()
    hears(page, "At the ferry, gate 3")
    assert stored(team) == ["Where do we meet?", "At the ferry, gate 3"]
    assert here.dialogs == []
