"""The bundle verifies offline with the server's code nowhere near, and names what was changed (PROOFS P4, C11)."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from flask import Flask

from jit_server import audit, evidence
from jit_server.core.errors import Altered, NotPermitted
from jit_server.core.vault import BLOCK
from jit_server.evidence import EvidenceItem
from jit_server.work import House
from tests.builders import Team, Who, World, browser
from tests.evidence.builders import begins, custody, exhibit

VERIFIER = Path(__file__).parents[2] / "static" / "verify" / "jit-verify.py"


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


def export(team: Team, who: Who, item: EvidenceItem) -> bytes:
    _, pieces = evidence.export(begins(team, who), item.id)
    return b"".join(pieces)


def judged(bundle: bytes, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What the offline verifier says: another process, in isolated mode, far from our packages."""
    path = folder / "bundle.zip"
    path.write_bytes(bundle)
    command = [sys.executable, "-I", "-S", str(VERIFIER), str(path), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder, check=False)


@pytest.mark.parametrize("size", [1, BLOCK, 3 * BLOCK + 1])
def test_a_bundle_verifies_offline(team: Team, tmp_path: Path, house: House, size: int):
    item = exhibit(team, team.admin, os.urandom(size), handling="H0", file_name="été 报告.pdf")
    verdict = judged(export(team, team.leaders["FR"], item), tmp_path, "--key", str(audit.verifier(house.key, team.id)))
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert "VERIFIED" in verdict.stdout
    assert item.sha256 in verdict.stdout


def test_it_holds_the_whole_history_with_its_own_export_and_opens_names_and_words(team: Team, tmp_path: Path):
    item = exhibit(team, team.admin, handling="H0", title="Diary of Maria Example")
    with team.world.work(team.leaders["FR"]) as uow:
        evidence.read(uow, item.id)
    bundle = zipfile.ZipFile(io.BytesIO(export(team, team.admin, item)))
    manifest, openings = json.loads(bundle.read("manifest.json")), json.loads(bundle.read("openings.json"))
    assert manifest["item"]["title"] == "Diary of Maria Example"
    assert openings["names"][str(team.leaders["FR"].id)] == team.leaders["FR"].name
    assert "Diary of Maria Example" in openings["commitments"][0]["value"]
    shown = len(json.loads(bundle.read("log/entries.json"))["entries"])
    assert shown == len(manifest["positions"]) + 1
    assert custody(team, team.admin, item.id)[-1].event == "evidence:exported"


def test_one_changed_bit_is_named(team: Team, tmp_path: Path):
    content = os.urandom(1000)
    whole = export(team, team.admin, exhibit(team, team.admin, content, file_name="phone.img"))
    place = whole.index(content) + 500
    verdict = judged(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :], tmp_path)
    assert verdict.returncode == 3
    assert "content/phone.img" in verdict.stdout + verdict.stderr


def test_another_keys_bundle_is_refused(team: Team, tmp_path: Path, house: House):
    other = audit.verifier(house.key, team.admin.id)
    verdict = judged(export(team, team.admin, exhibit(team, team.admin)), tmp_path, "--key", str(other))
    assert verdict.returncode == 3


def test_altered_bytes_never_make_a_bundle(team: Team, house: House):
    small, large = exhibit(team, team.admin), exhibit(team, team.admin, os.urandom(3 * BLOCK))
    for item in (small, large):
        path = house.settings.data / "vault" / "objects" / item.vault_key / item.version_id
        path.write_bytes(bytes(byte ^ 1 for byte in path.read_bytes()[:1]) + path.read_bytes()[1:])
        with pytest.raises(Altered):
            export(team, team.admin, item)
        assert custody(team, team.admin, item.id)[-1].event == "evidence:damaged"


@pytest.mark.parametrize(("handling", "allowed"), [("H0", True), ("H1", False), ("H2", False), ("H3", True)])
def test_what_may_not_go_to_court_without_permission_makes_no_bundle_for_partners(
    team: Team, handling: str, allowed: bool
):
    item = exhibit(team, team.admin, handling=handling)
    assert export(team, team.admin, item)
    if allowed:
        assert export(team, team.leaders["FR"], item)
    else:
        with pytest.raises(NotPermitted):
            export(team, team.leaders["FR"], item)


def test_over_http_it_is_an_attachment_named_by_its_number(app: Flask, team: Team, house: House, tmp_path: Path):
    item = exhibit(team, team.admin)
    answer = browser(app, house, team.admin).get(f"/api/v1/evidence/{item.id}/bundle")
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="{item.number}.zip"')
    assert judged(answer.data, tmp_path).returncode == 0
