"""Packages are time-stamped by an authority of the operator's, and say so where they are not (MISSION D15; C11)."""

import json
import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from jit_server.core import stamps
from jit_server.core.settings import Settings
from jit_server.work import House
from tests.builders import Team, World
from tests.evidence.authority import Authority, authority
from tests.evidence.packages import VERIFIER, exhibit, judged, opened, packed

STAMPS = {
    "META-INF/timestamp.tst": "META-INF/ASiCManifest-stamp.xml",
    "log/checkpoint.tst": "log/checkpoint.txt",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authority")


@pytest.fixture(scope="module")
def tsa(folder: Path) -> Iterator[Authority]:
    with authority(folder) as made:
        yield made


@pytest.fixture(scope="module")
def stamping(house: House, tsa: Authority) -> Settings:
    return house.settings.model_copy(update={"tsa_url": tsa.url, "tsa_certificates": tsa.root})


@pytest.fixture(scope="module")
def team(house: House, stamping: Settings) -> Team:
    return World.create(replace(house, settings=stamping)).workspace()


@pytest.fixture(scope="module")
def package(team: Team) -> bytes:
    return packed(team, team.admin, exhibit(team, team.admin))


@pytest.fixture
def moody(tsa: Authority) -> Iterator[Authority]:
    yield tsa
    tsa.mood = "well"


def answer(package: bytes, folder: Path, *options: str) -> dict[str, Any]:
    return json.loads(judged(package, folder, "--json", *options).stdout)


def openssl(folder: Path, *command: str) -> int:
    return subprocess.run(["openssl", *command], cwd=folder, capture_output=True, timeout=30, check=False).returncode


def test_three_verifiers_agree(package: bytes, tsa: Authority, tmp_path: Path):
    said = answer(package, tmp_path, "--tsa", str(tsa.root))
    assert said["ok"], said["findings"]
    assert {one["file"]: one["trusted"] for one in said["stamps"]} == dict.fromkeys(STAMPS, True)
    opened(package).extractall(tmp_path)
    for stamp, over in STAMPS.items():
        command = ("ts", "-verify", "-token_in", "-in", stamp, "-CAfile", str(tsa.root), "-data")
        assert openssl(tmp_path, *command, over) == 0
        assert openssl(tmp_path, *command, "package.json") != 0
    seal = ("-in", "META-INF/signature.p7s", "-content", "META-INF/ASiCManifest.xml", "-noverify", "-out", "/dev/null")
    assert openssl(tmp_path, "cms", "-verify", "-binary", "-inform", "DER", *seal) == 0


def test_a_stamp_by_an_authority_that_one_does_not_trust_is_said_to_be_that(package: bytes, tmp_path: Path):
    assert "see --tsa" in judged(package, tmp_path).stdout
    other = tmp_path / "other"
    other.mkdir()
    with authority(other) as stranger:
        assert [one["trusted"] for one in answer(package, tmp_path, "--tsa", str(stranger.root))["stamps"]] == [
            False
        ] * 2


@pytest.mark.parametrize("mood", ["down", "junk", "stale"])
def test_an_authority_that_gives_no_stamp_costs_nobody_the_package(
    team: Team, package: bytes, moody: Authority, tmp_path: Path, mood: str
):
    assert package
    moody.mood = mood
    verdict = judged(packed(team, team.admin, exhibit(team, team.admin)), tmp_path)
    assert verdict.returncode == 0, verdict.stdout
    assert "NOT TIME-STAMPED" in verdict.stdout


def test_an_authority_that_cannot_be_reached_gives_none(stamping: Settings):
    assert stamps.token(stamping.model_copy(update={"tsa_url": "http://127.0.0.1:9/"}), b"x") is None
    assert stamps.token(stamping.model_copy(update={"tsa_url": ""}), b"x") is None


def test_a_stamp_that_leads_to_no_trusted_authority_is_not_taken(stamping: Settings, folder: Path, tmp_path: Path):
    assert stamps.token(stamping, b"x")
    assert stamps.token(stamping.model_copy(update={"tsa_certificates": folder / "tsa.key"}), b"x") is None
    assert stamps.token(stamping.model_copy(update={"tsa_certificates": tmp_path / "none"}), b"x") is None


def test_an_authority_without_certificates_is_refused_at_the_start():
    with pytest.raises(ValidationError, match="go together"):
        Settings(tsa_url="http://127.0.0.1:1/")


def verifier() -> Any:
    spec = spec_from_file_location("jit_verify", VERIFIER)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules["jit_verify"] = module
    spec.loader.exec_module(module)
    return module


def places(package: bytes) -> Iterator[tuple[str, int, int]]:
    for info in opened(package).infolist():
        named, extra = struct.unpack("<HH", package[info.header_offset + 26 : info.header_offset + 30])
        yield info.filename, info.header_offset + 30 + named + extra, info.file_size


def test_a_changed_bit_in_each_entry_is_found_and_the_entry_named(package: bytes, tmp_path: Path):
    program, path, chance = verifier(), tmp_path / "one.asice", random.Random(7)
    for name, start, size in places(package):
        for _ in range(6):
            changed = bytearray(package)
            changed[start + chance.randrange(size)] ^= 1 << chance.randrange(8)
            path.write_bytes(changed)
            assert name in [one["where"] for one in program.check(str(path))["findings"]]


def test_a_manifest_that_is_no_text_any_more_is_named(package: bytes, tmp_path: Path):
    program, path, changed = verifier(), tmp_path / "one.asice", bytearray(package)
    (start,) = (start for name, start, _ in places(package) if name == "META-INF/ASiCManifest.xml")
    changed[start + 100] ^= 128
    path.write_bytes(changed)
    assert "META-INF/ASiCManifest.xml" in [one["where"] for one in program.check(str(path))["findings"]]


def test_a_changed_stamp_is_found_though_its_checksum_was_made_to_fit(package: bytes, tsa: Authority):
    program, trusted = verifier(), tsa.root.read_bytes()
    token, over = (opened(package).read(f"META-INF/{name}") for name in ("timestamp.tst", "ASiCManifest-stamp.xml"))
    roots = program.x509.load_pem_x509_certificates(trusted)
    assert program.Stamp(token).check(over, roots)["trusted"]
    body = program.Stamp(token)
    for part in (body.info, body.attributes, body.value):
        at = token.index(part) + len(part) // 2
        changed = token[:at] + bytes([token[at] ^ 1]) + token[at + 1 :]
        with pytest.raises((program.Wrong, program.InvalidSignature, *program.SHAPELESS)):
            program.Stamp(changed).check(over, roots)
