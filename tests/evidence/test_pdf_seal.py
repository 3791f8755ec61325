"""The custody report bears a PAdES signature: two other programs and our verifiers agree (MISSION D8)."""

import io
import json
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.general import SigningError
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko_certvalidator import ValidationContext

from jit_server.audit import Seal
from jit_server.core.keys import SigningKey
from jit_server.evidence.court import report
from jit_server.evidence.court.papers import Occasion
from tests.evidence.packages import VERIFIER
from tests.evidence.test_verify_page import NODE, STATIC

SEAL = Seal.of(SigningKey.generate("jit.example"))
JUDGE = """
import { readFile } from 'node:fs/promises';
import { examinePdf } from './seal.js';
const whole = await readFile(process.argv[1]);
const found = [];
for (const [at, bit] of JSON.parse(process.argv[2])) {
  const copy = Uint8Array.from(whole);
  if (at >= 0) copy[at] ^= 1 << bit;
  const { seal, findings } = await examinePdf(new Blob([copy]), 'custody.pdf');
  found.push([seal, findings.map(({ what }) => what)]);
}
console.log(JSON.stringify(found));
"""


@pytest.fixture(scope="module")
def pdf() -> bytes:
    occasion = Occasion("P", "A", "DE", "Landgericht", "1 KLs", "", datetime(2026, 11, 23, tzinfo=UTC), "http://x")
    item = {"number": "DE-0001", "title": "Phone", "legal_basis": "StPO", "size": 7, "sha256": "ab" * 32}
    row = ["1", "2026-11-23 04:00:00", "DE-0001", "evidence:read", "KHK Brandt", "ok", "why"]
    return report.Setting().begin(occasion, ("JIT-1", 9), [item], [row], report.ENGLISH, SEAL).finished()


@pytest.fixture
def path(pdf: bytes, tmp_path: Path) -> Path:
    file = tmp_path / "custody.pdf"
    file.write_bytes(pdf)
    return file


def ours(path: Path) -> tuple[bool, dict]:
    done = subprocess.run([sys.executable, str(VERIFIER), str(path), "--json"], capture_output=True, check=False)
    found = json.loads(done.stdout)
    assert (done.returncode == 0) is found["ok"]
    return found["ok"], found


def browsers(path: Path, *changes: tuple[int, int]) -> list[tuple[str, list[str]]]:
    words = [NODE, "--input-type=module", "--eval", JUDGE, "--", str(path), json.dumps(changes)]
    done = subprocess.run(words, cwd=STATIC / "js", capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def pyhankos(path: Path) -> bool:
    """What the library's own validator says, with the seal's certificate as what it trusts."""
    trusted = ValidationContext(trust_roots=[x509.Certificate.load(SEAL.certificate)], allow_fetching=False)
    try:
        with path.open("rb") as file:
            status = validate_pdf_signature(PdfFileReader(file).embedded_signatures[0], trusted)
            return bool(status.bottom_line and status.coverage.name == "ENTIRE_FILE")
    except (PdfError, SignatureValidationError, SigningError, ValueError, IndexError):
        return False


def openssl(path: Path, folder: Path) -> bool:
    """What OpenSSL says of the signature taken out, over the two ranges put together."""
    data = path.read_bytes()
    with path.open("rb") as file:
        signature = PdfFileReader(file).embedded_signatures[0]
        _, start, end, rest = (int(one) for one in signature.byte_range)
        (folder / "seal.p7s").write_bytes(bytes(signature.pkcs7_content))
    (folder / "content").write_bytes(data[:start] + data[end : end + rest])
    words = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "seal.p7s", "-content", "content"]
    done = subprocess.run([*words, "-noverify", "-out", "out"], cwd=folder, capture_output=True, check=False)
    return done.returncode == 0


def test_all_four_say_that_it_holds_and_name_the_seal(path: Path, tmp_path: Path):
    good, said = ours(path)
    assert (good, said["seal"], said["sealed_by"]) == (True, SEAL.fingerprint, "jit.example evidence seal")
    assert browsers(path, (-1, 0)) == [[SEAL.fingerprint, []]]
    assert pyhankos(path)
    assert openssl(path, tmp_path)


def test_all_four_refuse_what_was_changed_under_the_signature(path: Path, pdf: bytes, tmp_path: Path):
    at = pdf.index(b"/StructTreeRoot") - 40
    changed = bytearray(pdf)
    changed[at] ^= 1
    path.write_bytes(changed)
    assert not ours(path)[0]
    assert browsers(path, (-1, 0))[0][1]
    assert not pyhankos(path)
    assert not openssl(path, tmp_path)


def test_what_is_added_after_the_seal_is_named_though_the_signature_still_holds(path: Path, pdf: bytes):
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)
    path.write_bytes(out.getvalue())
    good, said = ours(path)
    assert not good
    assert "after it was sealed" in said["findings"][0]["what"]
    assert browsers(path, (-1, 0)) == [["", ["added"]]]
    assert not pyhankos(path)


def test_a_changed_bit_anywhere_is_found_by_both_verifiers(path: Path, pdf: bytes, tmp_path: Path):
    chance = random.Random(11)
    hole = pdf.index(b"/Contents <3") + 10
    places = [*chance.sample(range(len(pdf)), 25), hole, hole + 1, hole + 700, hole + 4000, len(pdf) - 1]
    changes = [(at, chance.randrange(8)) for at in places]
    assert [at for at, (_, found) in zip(places, browsers(path, *changes), strict=True) if not found] == []
    for at, bit in changes[-12:]:
        turned = bytearray(pdf)
        turned[at] ^= 1 << bit
        (tmp_path / "turned.pdf").write_bytes(turned)
        done = subprocess.run(
            [sys.executable, str(VERIFIER), str(tmp_path / "turned.pdf")], capture_output=True, check=False
        )
        assert done.returncode == 3, (at, done.stdout)


def test_a_pdf_without_a_seal_is_not_taken_for_one(tmp_path: Path):
    plain = tmp_path / "plain.pdf"
    plain.write_bytes(b"%PDF-1.7\nnothing here is signed\n%%EOF\n")
    good, said = ours(plain)
    assert (good, said["findings"][0]["what"]) == (False, "bears no signature")
    assert browsers(plain, (-1, 0)) == [["", ["unsealed"]]]
