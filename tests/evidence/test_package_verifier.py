"""The offline verifier judges a package alone, and names whatever differs in it (PROOFS P4)."""

import io
import json
import os
import random
import struct
import sys
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from jit_server import audit
from jit_server.core.vault import BLOCK
from jit_server.work import House
from tests.builders import Team, World
from tests.evidence.packages import VERIFIER, exhibit, judged, opened, packed


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture(scope="module")
def package(team: Team) -> bytes:
    """Two exhibits, one with a name that is no ASCII."""
    items = [exhibit(team, team.admin, os.urandom(300), file_name=name) for name in ("phone.img", "été 报告.pdf")]
    return packed(team, team.admin, *items)


@pytest.fixture(scope="module")
def verifier():
    """The program as a module: thousands of packages in one process."""
    spec = spec_from_file_location("jit_verify", VERIFIER)
    module = module_from_spec(spec)
    sys.modules["jit_verify"] = module
    spec.loader.exec_module(module)
    return module


def findings(verifier, package: bytes, folder: Path, key: str | None = None) -> list[str]:
    path = folder / "one.asice"
    path.write_bytes(package)
    return [one["where"] for one in verifier.check(str(path), key)["findings"]]


@pytest.mark.parametrize("content", ["originals", "references"])
def test_a_package_verifies_offline(team: Team, tmp_path: Path, house: House, content: str):
    items = [exhibit(team, team.admin, os.urandom(size), file_name="a.img") for size in (1, 3 * BLOCK + 1)]
    key = str(audit.verifier(house.key, team.id))
    verdict = judged(packed(team, team.admin, *items, content=content), tmp_path, "--key", key)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert "VERIFIED" in verdict.stdout
    assert (items[1].sha256 in verdict.stdout) is (content == "originals")


def test_another_keys_package_is_refused(team: Team, tmp_path: Path, house: House, package: bytes):
    other = audit.verifier(house.key, team.admin.id)
    assert judged(package, tmp_path, "--key", str(other)).returncode == 3


def test_any_changed_bit_anywhere_is_found(verifier, package: bytes, tmp_path: Path):
    chance = random.Random(4)
    places = chance.sample(range(len(package)), 300) + list(range(80)) + list(range(len(package) - 80, len(package)))
    for place in places:
        changed = bytearray(package)
        changed[place] ^= 1 << chance.randrange(8)
        assert findings(verifier, bytes(changed), tmp_path), f"byte {place}"


def test_a_changed_bit_in_a_file_names_the_file(verifier, package: bytes, tmp_path: Path):
    for info in opened(package).infolist():
        named, extra = struct.unpack("<HH", package[info.header_offset + 26 : info.header_offset + 30])
        changed = bytearray(package)
        changed[info.header_offset + 30 + named + extra + info.file_size // 2] ^= 1
        assert info.filename in findings(verifier, bytes(changed), tmp_path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_package_that_is_cut_off_is_named(package: bytes, tmp_path: Path, kept: float):
    verdict = judged(package[: int(len(package) * kept)], tmp_path)
    assert verdict.returncode == 3
    assert "is cut off" in verdict.stdout


def rezipped(package: bytes, order: list[str]) -> bytes:
    out, old = io.BytesIO(), opened(package)
    with zipfile.ZipFile(out, "w") as file:
        for name in order:
            file.writestr(name, old.read(name))
    return out.getvalue()


def test_files_in_another_order_are_named(verifier, package: bytes, tmp_path: Path):
    names = opened(package).namelist()
    other = rezipped(package, [names[0], names[2], names[1], *names[3:]])
    assert names[2] in findings(verifier, other, tmp_path)


def test_a_file_that_was_taken_out_is_named(verifier, package: bytes, tmp_path: Path):
    names = opened(package).namelist()
    gone = next(name for name in names if name.startswith("content/"))
    assert gone in findings(verifier, rezipped(package, [name for name in names if name != gone]), tmp_path)


def test_an_unpackaged_wrong_file_says_so(tmp_path: Path):
    for junk in (b"mimetype" + b"x" * 300, b"mimetype", b"PK\5\6" + bytes(18)):
        assert judged(junk, tmp_path).returncode == 3


def test_the_answer_can_be_read_by_programs(package: bytes, tmp_path: Path):
    answer = json.loads(judged(package, tmp_path, "--json").stdout)
    assert answer["ok"] is True
    assert len(answer["content"]) == 2
