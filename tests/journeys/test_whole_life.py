"""The whole life of a seizure, as two States and a third country see it; `JIT_SEIZURE_MIB` says how large the image is.

The browser is killed twice while the image is sent; it is sealed, handed over, released to the third by reference,
packed, damaged, found out, and erased in time; the package is verified when nothing of the server is left.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from jit_server.access import SYSTEM, PartyClass
from jit_server.core import clock
from jit_server.evidence.tus.lying import lumps_of
from jit_server.evidence.usecases import scrubbing
from jit_server.evidence.usecases.joining import AT_ONCE
from jit_server.evidence.usecases.retaining import retain
from tests.evidence.packages import VERIFIER, based
from tests.evidence.test_redactions import photo
from tests.evidence.test_scrub import age, flip
from tests.journeys import exhibits
from tests.journeys.conftest import staged, windows
from tests.journeys.dealings import handed_over
from tests.journeys.exhibits import MIB
from tests.journeys.profile import Profile

SIZE = int(os.environ.get("JIT_SEIZURE_MIB", "64")) * MIB
PATIENCE = 60_000 + SIZE // 2**13
"""Milliseconds: a minute, and two for each GiB."""
SEEN = "Image of a phone"


@pytest.fixture
def stage(postgres, scratch):
    """A server of this journey's own: it ends before the journey does."""
    with staged(postgres, scratch, "seizure") as made:
        yield made


@pytest.fixture
def team(stage):
    return stage.cast.workspace(classes={"NL": PartyClass.THIRD_COUNTRY}, retention_profile="transit")


def never() -> bool:
    return False


def works(stage) -> None:
    """The jobs that wait are done, by the process that does them."""
    server = stage.server
    command = [sys.executable, "-m", "jit_server.cli", "worker", "--once"]
    done = subprocess.run(
        command, env=server._environment(), cwd=server.folder, capture_output=True, text=True, check=False,
        timeout=PATIENCE / 1000,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def killed_at(browser, page, team, share: float) -> None:
    """The machine loses its power when that much of the file has arrived."""
    deadline = time.monotonic() + PATIENCE / 1000
    while sum(exhibits.pieces(team).values()) < share * SIZE:
        assert time.monotonic() < deadline, page.locator("main").inner_text()
        page.wait_for_timeout(50)
    browser.kill()


def sent_with_two_crashes(browser, stage, team, path: Path) -> str:
    """The exhibit's number; nothing that had arrived is sent twice."""
    address = f"/w/{team.id}/evidence/new"
    page = browser.start(address)
    exhibits.fill_in(page, SEEN)
    exhibits.choose(page, path)
    slow = page.context.new_cdp_session(page)
    slow.send("Network.enable")
    speed = {"downloadThroughput": SIZE // 8, "uploadThroughput": SIZE // 8}
    slow.send("Network.emulateNetworkConditions", {"offline": False, "latency": 5, **speed})
    page.get_by_role("button", name="Upload & register").click()
    killed_at(browser, page, team, 0.2)
    kept = exhibits.pieces(team)
    assert sum(kept.values()) < SIZE
    page = browser.start(address)
    page.locator("[data-again]").set_input_files(path)
    killed_at(browser, page, team, 0.5)
    page = browser.start(address)
    page.locator("[data-again]").set_input_files(path)
    if SIZE > AT_ONCE:
        expect(page.get_by_text("All bytes have arrived")).to_be_visible(timeout=PATIENCE)
        works(stage)
    done = page.get_by_text(re.compile("Registered as exhibit"))
    expect(done).to_be_visible(timeout=PATIENCE)
    there = exhibits.pieces(team)
    assert kept.items() <= there.items()
    assert sum(there.values()) == SIZE
    return done.inner_text().split()[-1].rstrip(".")


def proposed(giver, address: str) -> str:
    """The third is to see it by reference: where the second person says yes or no."""
    page = giver.go(f"{address}/release").page
    page.get_by_label("The transfer is necessary").check()
    page.get_by_label("The transfer complies").check()
    third = page.locator("#recipients .card").filter(has_text="third country")
    third.get_by_role("checkbox").check()
    page.get_by_label("What it gives").select_option("reference")
    page.get_by_label("What for").fill("The accounts lie there")
    until = clock.now() + timedelta(days=20)
    page.get_by_label("Until, at the end of the day (UTC)").fill(until.date().isoformat())
    page.get_by_role("button", name="Propose the release").click()
    giver.sees("A release waits for a second person.")
    return str(page.get_by_role("link", name="Read it").get_attribute("href"))


def blackened(visitor, address: str) -> None:
    """A copy with an area black, ordered without the mouse."""
    page = visitor.go(f"{address}/redact").page
    page.get_by_label("Title of the copy").fill("Photo without the witness")
    first = page.locator(".area").first
    for name, value in {"page": "1", "x": "10", "y": "10", "width": "30", "height": "20"}.items():
        first.locator(f"[name={name}]").fill(value)
    first.locator("[name=reason]").select_option("witness")
    page.get_by_role("button", name="Make the copy").click()
    page.wait_for_url(re.compile(f"{re.escape(address)}$"))


def packed(visitor, team, numbers: list[str], path: Path) -> Path:
    query = "&".join(f"number={one}" for one in numbers)
    page = visitor.go(f"/w/{team.id}/evidence/package?{query}").page
    page.get_by_label("Recipient").fill("Landgericht Rheinau")
    page.get_by_label("Order or proceedings").fill("1 KLs 12/26")
    page.get_by_label("Purpose").select_option("prosecution")
    page.get_by_label("In your words").fill("The indictment")
    with page.expect_download(timeout=PATIENCE) as taken:
        page.get_by_role("button", name="Make the package").click()
    taken.value.save_as(path)
    return path


def judged(path: Path) -> subprocess.CompletedProcess[str]:
    """By the file that courts are given, in a process that knows nothing of us."""
    command = [sys.executable, "-I", str(VERIFIER), str(path)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE / 1000, cwd=path.parent, check=False
    )


def first_object(stage, item) -> Path:
    """The file of the vault in which the exhibit begins."""
    with stage.cast.house.work(SYSTEM) as uow:
        lump = lumps_of(uow, item)[0]
    return Path(stage.cast.house.settings.data) / "vault" / "objects" / lump.key / lump.version_id


def says_nothing(visitor, team, number: str) -> None:
    """Somebody without a right learns the same of it as of what never was."""
    pages = [visitor.open(f"/w/{team.id}/evidence/{one}", 404) for one in (number, "9999")]
    assert exhibits.without_nonce(pages[0]) == exhibits.without_nonce(pages[1]).replace("9999", number)


def damaged(stage, team, visitor, image) -> None:
    """One bit of the store is other than it was: the scrub names it, and nobody gets it."""
    path = first_object(stage, image)
    flip(path)
    age(stage.cast.house, image)
    scrubbing.scrub(stage.cast.house, never)
    assert "evidence:damaged" in {one["event"] for one in exhibits.record(team)}
    refused = visitor.context.request.get(f"/api/v1/evidence/{image.id}/content")
    assert (refused.status, refused.json()["type"].rsplit("/", 1)[-1]) == (502, "altered")


def erased_in_time(stage, team, visitor, image, monkeypatch) -> None:
    """After 28 days the copy is gone, and a receipt says so."""
    path, then = first_object(stage, image), clock.now() + timedelta(days=28)
    with monkeypatch.context() as later:
        later.setattr(clock, "now", lambda: then)
        retain(stage.cast.house, never, team.id)
    assert not path.exists()
    page = visitor.go(f"/w/{team.id}/evidence/{image.number}").page
    with page.expect_download() as taken:
        page.get_by_role("link", name="Signed receipts").click()
    assert image.sha256 in Path(taken.value.path()).read_text()


def flipped(path: Path) -> None:
    """One bit of the package is another."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 3)
        (byte,) = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def registered(stage, team, chromium, folder: Path):
    """The image, sent as an investigator would whose laptop dies twice, and read back; it rests on a warrant."""
    path, who = exhibits.sparse(folder, size=SIZE), team.join("DE")
    browser = Profile(chromium, stage, who, folder / "profile")
    try:
        number = sent_with_two_crashes(browser, stage, team, path)
    finally:
        browser.close()
    works(stage)
    image = exhibits.item(team, number)
    assert (image.size, image.sha256) == (SIZE, exhibits.sha256(path))
    path.unlink()
    based(team, who, image)
    return image


def released(giver, second, third, team, number: str) -> None:
    """By two people; before, the third country does not learn that it is there."""
    address = f"/w/{team.id}/evidence/{number}"
    waits = proposed(giver, address)
    says_nothing(third, team, number)
    second.go(waits).page.get_by_role("button", name="Approve and do it").click()
    second.sees("The answer")
    third.go(address)
    expect(third.page.get_by_role("heading", level=1)).to_have_text(SEEN)
    third.sees("Released to you")


@pytest.mark.timeout(240 + 12 * PATIENCE // 1000)
def test_a_seizure_from_the_first_byte_to_the_erasure(stage, team, chromium, tmp_path, monkeypatch):
    picture = exhibits.item(team, exhibits.taken_in(team, team.admin, photo(), title="Photo", file_name="photo.jpg"))
    image = registered(stage, team, chromium, tmp_path)
    based(team, team.admin, picture)
    with windows(stage, chromium) as window:
        prosecutor, french, third, outsider = (
            window(who).sign_in()
            for who in (team.admin, team.leaders["FR"], team.leaders["NL"], stage.cast.person("FR"))
        )
        says_nothing(third, team, image.number)
        handed_over(prosecutor, french, f"/w/{team.id}/evidence/{image.number}")
        released(prosecutor, french, third, team, image.number)
        blackened(prosecutor, f"/w/{team.id}/evidence/{picture.number}")
        works(stage)
        prosecutor.go(f"/w/{team.id}/evidence/{picture.number}").sees("Photo without the witness")
        package = packed(prosecutor, team, [image.number, picture.number], tmp_path / "case.asice")
        damaged(stage, team, prosecutor, image)
        erased_in_time(stage, team, prosecutor, image, monkeypatch)
        says_nothing(third, team, picture.number)
        says_nothing(outsider, team, image.number)
        assert outsider.api("/workspaces")["items"] == []
    stage.server.stop()
    shutil.rmtree(stage.cast.house.settings.data)
    verdict = judged(package)
    assert verdict.returncode == 0, verdict.stdout
    flipped(package)
    assert "NOT VERIFIED" in judged(package).stdout
