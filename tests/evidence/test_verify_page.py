"""A package is verified in the browser of whoever holds it; nothing of it is sent (SCREENS V5, J3)."""

import json
import random
import re
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

from jit_server import audit
from jit_server.work import House
from tests.builders import Team, World
from tests.evidence.packages import exhibit, opened, packed
from tests.web.test_assets import NODE, STATIC
from tests.web.test_pages_in_chromium import ARGUMENTS, CHROMIUM

JUDGE = """
    import { readFileSync } from 'node:fs';
    import { examine } from './package.js';
    import { Policy } from './policy.js';
    const policy = process.argv[4] ? new Policy(process.argv[4]) : null;
    const whole = readFileSync(process.argv[1]);
    const quiet = () => {};
    const answers = [];
    for (const [at, bit] of JSON.parse(process.argv[2])) {
      const bytes = Uint8Array.from(whole);
      if (at >= 0) bytes[at] ^= 1 << bit;
      const { signal } = new AbortController();
      const { findings } = await examine(new Blob([bytes]), process.argv[3], quiet, signal, policy)
        .catch((fault) => ({ findings: [fault] }));
      answers.push(findings.map(({ where, what }) => [where ?? '', what ?? '']));
    }
    console.log(JSON.stringify(answers));
"""


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture(scope="module")
def package(team: Team) -> bytes:
    items = [exhibit(team, team.admin, name.encode() * 50, file_name=name) for name in ("phone.img", "été 报告.pdf")]
    return packed(team, team.admin, *items)


@pytest.fixture(scope="module")
def path(package: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("dropped") / "case.asice"
    made.write_bytes(package)
    return made


def judged(path: Path, *changes: tuple[int, int], key: str = "", policy: str = "") -> list[list[list[str]]]:
    """What the page's own code says of the package with one bit changed, each time."""
    done = subprocess.run(
        [NODE, "--input-type=module", "--eval", JUDGE, "--", str(path), json.dumps(changes), key, policy],
        cwd=STATIC / "js",
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_whole_package_holds(path: Path, team: Team, house: House):
    assert judged(path, (-1, 0), key=str(audit.verifier(house.key, team.id))) == [[]]


def test_a_package_under_another_key_than_expected_is_named(path: Path, team: Team, house: House):
    other = audit.verifier(house.key, team.admin.id)
    assert judged(path, (-1, 0), key=str(other)) == [[["log/key.json", "key"]]]


def test_a_changed_bit_in_any_file_names_the_file(path: Path, package: bytes):
    chance, names, changes = random.Random(3), [], []
    for info in opened(package).infolist():
        named, extra = struct.unpack("<HH", package[info.header_offset + 26 : info.header_offset + 30])
        for _ in range(3):
            at = info.header_offset + 30 + named + extra + chance.randrange(info.file_size)
            names.append(info.filename)
            changes.append((at, chance.randrange(8)))
    for name, found in zip(names, judged(path, *changes), strict=True):
        assert name in [where for where, _ in found], (name, found)


def test_a_changed_bit_anywhere_is_found(path: Path, package: bytes):
    chance, size = random.Random(5), len(package)
    places = chance.sample(range(size), 60) + list(range(0, 70, 3)) + list(range(size - 120, size, 3))
    found = judged(path, *((at, chance.randrange(8)) for at in places))
    assert [at for at, one in zip(places, found, strict=True) if not one] == []


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/verify"
    server.shutdown()
    server.server_close()


def _a_pdf_alone_is_genuine_only_under_a_seal_that_is_known(page: Page, path: Path, tmp_path: Path) -> None:
    report = tmp_path / "custody.pdf"
    report.write_bytes(opened(path.read_bytes()).read("custody.pdf"))
    page.set_input_files("#file", str(report))
    page.click("jit-verify button")
    page.locator(".verdict.tone-success").wait_for(timeout=30_000)
    page.evaluate("document.querySelector('jit-verify').dataset.seal = 'ab'.repeat(32)")  # as another server's page
    page.click("jit-verify button")
    page.locator(".verdict.tone-warning").wait_for(timeout=30_000)
    report.write_bytes(report.read_bytes() + b"\n")
    page.set_input_files("#file", str(report))
    page.click("jit-verify button")
    page.locator(".verdict.tone-danger").wait_for(timeout=30_000)


def test_the_page_sends_nothing_and_names_the_file_that_was_changed(path: Path, address: str, tmp_path: Path):
    altered = tmp_path / "altered.asice"
    altered.write_bytes(re.sub(b"phone.imgphone", b"phone.imgphonf", path.read_bytes(), count=1))
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(address)
        page.wait_for_load_state("networkidle")
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url))
        page.set_input_files("#file", str(path))
        page.click("jit-verify button")
        page.locator(".verdict.tone-success").wait_for(timeout=30_000)
        page.set_input_files("#file", str(altered))
        page.click("jit-verify button")
        page.locator(".verdict.tone-danger").wait_for(timeout=30_000)
        assert "phone.img" in page.locator(".findings").inner_text()
        _a_pdf_alone_is_genuine_only_under_a_seal_that_is_known(page, path, tmp_path)
        browser.close()
    assert (sent, complaints) == ([], [])
