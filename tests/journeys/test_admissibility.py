"""J3 A prosecutor proves an exhibit: two people release it, its package holds without us, H1 forbids a bundle."""

import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from jit_server.access import Role
from jit_server.core import clock
from tests.evidence.packages import VERIFIER, based
from tests.journeys import exhibits
from tests.journeys.visitor import STATUS

TITLE = "Call records of the Zandvoort mast"


@pytest.fixture
def exhibit(team):
    """An exhibit of DE that France may know of and not open; it rests on a warrant."""
    number = exhibits.taken_in(team, team.admin, handling="H2", title=TITLE)
    based(team, team.admin, exhibits.item(team, number))
    return number


def looks(visitor):
    """A restricted exhibit, for a purpose that goes on its record."""
    page = visitor.page
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(f"Say why you need it|{TITLE}"))
    if page.get_by_role("heading", level=1).inner_text() != TITLE:
        page.get_by_label("Purpose").select_option("prosecution")
        page.get_by_label("In your words").fill("The indictment")
        page.get_by_role("button", name="Go on to the exhibit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    return page


def released(proposer, address):
    """W9, after a look at what the other side will see; where the second person finds it."""
    page = proposer.go(f"{address}/release").page
    page.get_by_label("The transfer is necessary").check()
    page.get_by_label("The transfer complies").check()
    french = page.locator("#recipients .card").filter(has_text="Valmont")
    french.get_by_role("checkbox").check()
    page.get_by_label("What it gives").select_option("reference")
    page.get_by_label("What for").fill("France charges the driver")
    page.get_by_label("Until, at the end of the day (UTC)").fill(clock.now().date().replace(day=28).isoformat())
    page.get_by_role("button", name="Propose the release").click()
    looks(proposer)
    proposer.sees("A release waits for a second person.")
    return page.get_by_role("link", name="Read it")


def package(visitor, address, number, folder: Path) -> Path:
    """Made by the form of W8, saved as a court's expert would."""
    page = looks(visitor.go(address))
    page.get_by_role("link", name="Package for court").click()
    page.get_by_label("Recipient").fill("Landgericht Rheinau")
    page.get_by_label("Order or proceedings").fill("1 KLs 12/26")
    page.get_by_label("Purpose").select_option("prosecution")
    page.get_by_label("In your words").fill("The indictment")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Make the package").click()
    path = folder / f"{number}.asice"
    taken.value.save_as(path)
    return path


def judged(path: Path) -> subprocess.CompletedProcess[str]:
    """By the file that courts are given, in a process that knows nothing of us."""
    command = [sys.executable, "-I", str(VERIFIER), str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=path.parent, check=False)


def test_j3_released_by_two_packed_and_proved_without_the_server(arrives, team, exhibit, tmp_path):
    address = f"/w/{team.id}/evidence/{exhibit}"
    prosecutor, french = arrives(team.admin), arrives(team.leaders["FR"])
    second = arrives(team.join("DE", Role.SPACE_ADMIN))

    page = looks(prosecutor.go(address))
    expect(page.get_by_role("heading", name="Chain of custody")).to_be_visible()
    page.get_by_role("button", name="Verify integrity").click()
    looks(prosecutor)
    prosecutor.sees("have the SHA-256 that was registered")
    waits = released(prosecutor, address)
    assert "H2: the originator, DE, must agree" in french.open(address, 403)

    page = second.go(waits.get_attribute("href")).page
    page.get_by_role("button", name="Approve and do it").click()
    second.sees("The answer")
    looks(french.go(address))
    expect(french.page.get_by_role("heading", level=1)).to_have_text(TITLE)
    french.sees("Released to you")

    path = package(prosecutor, address, exhibit, tmp_path)
    verdict = judged(path)
    assert verdict.returncode == 0, verdict.stdout
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as file:
        listed = file.read("custody.csv").decode()
        assert file.read("custody.pdf").startswith(b"%PDF-")
    for event in ("evidence:registered", "evidence:read", "evidence:released", "evidence:verified", "denied"):
        assert event in listed, event

    changed = bytearray(path.read_bytes())
    changed[len(changed) // 3] ^= 1
    path.write_bytes(changed)
    verdict = judged(path)
    assert verdict.returncode == 3
    assert "NOT VERIFIED" in verdict.stdout


def test_j3_a_partner_who_wants_a_bundle_of_h1_is_sent_to_the_originator(arrives, team):
    number = exhibits.taken_in(team, team.admin, handling="H1", title=TITLE)
    visitor = arrives(team.leaders["FR"])
    visitor.go(f"/w/{team.id}/evidence/{number}").sees(TITLE)
    with visitor.expecting(STATUS.format(403)):
        answer = visitor.page.goto(f"/w/{team.id}/evidence/{number}/bundle")
    assert answer.status == 403
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Not permitted")
    visitor.page.get_by_role("link", name="Ask for access").click()
    expect(visitor.page.get_by_role("button", name="Ask the originator")).to_be_visible()
