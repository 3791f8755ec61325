"""The offline verifier: what holds is verified with nothing but one file, and one changed bit is found and named."""

import ast
import hashlib
import importlib.util
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from jit_server import audit
from jit_server.audit import bundle, notes, tree
from jit_server.audit.bundle import Content, Opening
from jit_server.core.keys import SigningKey
from tests.audit.conftest import an_entry

SCRIPT = Path(__file__).parents[2] / "static" / "verify" / "jit-verify.py"
KEY = SigningKey.generate("jit.example")
BYTES = Random(5).randbytes(70_000)
FLIPS = 40


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("jit_verify", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


verifier = load()


class Log:
    """A log in memory, by the definitions."""

    def __init__(self) -> None:
        self.id = uuid4()
        self.kept: list[audit.Kept] = []
        self.signer = audit.verifier(KEY, self.id)

    def add(self, event: str, subject: UUID, **facts: Any) -> audit.Kept:
        data = an_entry(self.id, event, what=audit.What("evidence", subject), facts=facts).canonical(len(self.kept) + 1)
        self.kept.append(audit.Kept(self.id, len(self.kept) + 1, data, tree.leaf_hash(data)))
        return self.kept[-1]

    def node(self, wanted: tree.Node) -> bytes:
        if wanted.level == 0:
            return self.kept[wanted.number].leaf_hash
        left, right = (tree.Node(wanted.level - 1, 2 * wanted.number + side) for side in (0, 1))
        return tree.node_hash(self.node(left), self.node(right))

    def nodes(self, wanted: list[tree.Node]) -> dict[tree.Node, bytes]:
        return {one: self.node(one) for one in wanted}

    def checkpoint(self) -> str:
        ((root,),) = tree.prove([[tree.Span(0, len(self.kept))]], self.nodes)
        return notes.sign(str(audit.Checkpoint(self.signer.name, len(self.kept), root)), self.signer.name, KEY)

    def prove(self, entry: audit.Kept) -> list[bytes]:
        return tree.prove([tree.inclusion_spans(entry.position - 1, len(self.kept))], self.nodes)[0]


def exhibit(content: bytes = BYTES) -> dict[str, bytes]:
    """The members of a bundle, made as the evidence room makes it."""
    log, item, salt, name = Log(), uuid4(), audit.new_salt(), "Telefon \N{LATIN SMALL LETTER U WITH DIAERESIS}ber.bin"
    sha = hashlib.sha256(content).hexdigest()
    log.add("workspace:opened", log.id)
    log.add("evidence:declared", item, size=len(content))
    sealed = audit.commit(name, salt)
    registered = log.add("evidence:registered", item, sha256=sha, size=len(content), name=sealed)
    log.add("message:posted", uuid4())
    log.add("evidence:downloaded", item, sha256=sha)
    mine = [entry for entry in log.kept if entry.content["subject"]["id"] == str(item)]
    person = UUID(registered.content["actor"]["person"])
    texts = {
        bundle.OPENINGS: bundle.openings({person: "Maria Rossi"}, [Opening(registered.position, "name", salt, name)]),
        bundle.INSTRUCTIONS: bundle.instructions(log.signer, "exhibit IT-0001"),
    }
    file = Content("content/phone.bin", sha, len(content))
    positions = [entry.position for entry in mine]
    manifest = bundle.manifest(log.id, item, positions, {"title": name, "handling": "H1"}, [file], texts)
    mine.append(log.add("evidence:exported", item, manifest=bundle.digest(manifest)))
    log.add("evidence:read", uuid4())
    proof = bundle.proof(mine, [log.prove(entry) for entry in mine], len(log.kept), log.checkpoint(), log.signer)
    return {bundle.MANIFEST: manifest, **texts, **proof, file.file: content}


def whole_log(count: int = 11) -> dict[str, bytes]:
    log = Log()
    for _ in range(count):
        log.add("message:posted", uuid4())
    return {bundle.WHOLE: b"".join(bundle.lines(log.kept)), **bundle.head(log.checkpoint(), log.signer)}


def packed(members: dict[str, bytes], way: int = zipfile.ZIP_STORED) -> BytesIO:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", way) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return file


def wheres(members: dict[str, bytes], key: str | None = None) -> set[str]:
    """What the verifier names as different."""
    report = verifier.check(packed(members), key)
    assert report["ok"] is (report["findings"] == [])
    return {finding["where"] for finding in report["findings"]}


EXHIBIT, WHOLE = exhibit(), whole_log()
KEY_LINE = json.loads(EXHIBIT["log/key.json"])["key"]


def test_a_bundle_verifies_and_tells_the_history_with_names() -> None:
    report = verifier.check(packed(EXHIBIT, zipfile.ZIP_DEFLATED), KEY_LINE)
    assert report["ok"], report["findings"]
    assert [entry["event"] for entry in report["entries"]] == [
        "evidence:declared", "evidence:registered", "evidence:downloaded", "evidence:exported",
    ]  # fmt: skip
    assert report["entries"][1]["who"].startswith("Maria Rossi, ")
    assert report["content"] == [
        {"file": "content/phone.bin", "sha256": hashlib.sha256(BYTES).hexdigest(), "size": len(BYTES)}
    ]


def test_an_exhibit_of_no_bytes_verifies() -> None:
    assert wheres(exhibit(b"")) == set()


@pytest.mark.parametrize("member", sorted(EXHIBIT))
def test_c11_one_flipped_bit_anywhere_is_found_and_named(member: str) -> None:
    random, data = Random(member), EXHIBIT[member]
    for bit in random.sample(range(len(data) * 8), FLIPS):
        bent = bytearray(data)
        bent[bit // 8] ^= 1 << bit % 8
        named = wheres(EXHIBIT | {member: bytes(bent)})
        assert named, f"bit {bit} of {member} passed"
        expected = {"log/key.json": {"log/key.json", "log/checkpoint.txt"}}.get(member, {member})
        if member == "log/entries.json":
            assert any(where.startswith(("entry ", "log/entries.json", "entries")) for where in named), named
        else:
            assert named & expected, (bit, named)


def test_one_flipped_bit_of_content_names_that_file_and_both_digests() -> None:
    bent = BYTES[:35_000] + bytes([BYTES[35_000] ^ 16]) + BYTES[35_001:]
    report = verifier.check(packed(EXHIBIT | {"content/phone.bin": bent}))
    assert [finding["where"] for finding in report["findings"]] == ["content/phone.bin"]
    assert hashlib.sha256(bent).hexdigest() in report["findings"][0]["what"]
    assert hashlib.sha256(BYTES).hexdigest() in report["findings"][0]["what"]


def test_a_bit_flipped_in_the_packed_file_is_found() -> None:
    """Straight in the ZIP, where its own checksums are not mended."""
    data = packed(EXHIBIT).getvalue()
    start = data.index(BYTES[:64])
    bent = bytearray(data)
    bent[start + 9] ^= 2
    report = verifier.check(BytesIO(bytes(bent)))
    assert {finding["where"] for finding in report["findings"]} == {"content/phone.bin"}


@pytest.mark.parametrize("member", sorted(EXHIBIT))
def test_a_missing_member_is_named(member: str) -> None:
    assert member in wheres({name: data for name, data in EXHIBIT.items() if name != member})


def test_what_does_not_belong_there_is_named() -> None:
    assert wheres(EXHIBIT | {"content/more.bin": b"x"}) == {"content/more.bin"}
    assert wheres(EXHIBIT | {"content/../evil": b"x"}) >= {"content/../evil"}
    assert wheres(EXHIBIT | {"setup.exe": b"x"}) == {"setup.exe"}


def test_another_key_than_the_expected_one_is_named() -> None:
    other = str(audit.verifier(SigningKey.generate("jit.example"), uuid4()))
    assert wheres(EXHIBIT, other) == {"log/key.json"}


def reseal(change: Callable[[dict[str, Any]], None], member: str = "log/entries.json") -> dict[str, bytes]:
    """Change a member and put it in canonical form again."""
    data = json.loads(EXHIBIT[member])
    change(data)
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return EXHIBIT | {member: text.encode()}


def test_a_clever_forger_is_named_too() -> None:
    """Canonical form kept, digests made to fit as far as anybody without the key can."""
    assert wheres(reseal(lambda d: d["entries"].pop(0))) == {"entry 2"}
    assert wheres(reseal(lambda d: d["entries"].pop(3))) >= {"manifest.json"}
    assert wheres(reseal(lambda d: d["entries"].reverse())) & {"entry 5", "entry 3", "entry 2"}
    assert wheres(reseal(lambda d: d["entries"][1].update(proof=d["entries"][0]["proof"]))) >= {"entry 3"}
    assert wheres(reseal(lambda d: d["entries"][1].update(position=4))) >= {"entry 4", "entry 3"}
    assert wheres(reseal(lambda d: d.update(log=str(uuid4())))) == {"log/entries.json"}
    assert "manifest.json" in wheres(reseal(lambda d: d["item"].update(handling="H0"), "manifest.json"))
    other = exhibit(b"other bytes")
    assert wheres(EXHIBIT | {name: other[name] for name in other if name.startswith("log/")})
    assert wheres(EXHIBIT | {name: other[name] for name in other if not name.startswith("log/")})


@pytest.mark.parametrize("value", [None, [], {}, "x", 1, {"entries": 1}, {"entries": [1], "log": 1, "size": 1}])
@pytest.mark.parametrize("member", [name for name in sorted(EXHIBIT) if name.endswith(".json")])
def test_a_member_of_another_shape_is_refused_without_a_traceback(member: str, value: object) -> None:
    assert wheres(EXHIBIT | {member: json.dumps(value, separators=(",", ":")).encode()})


def test_a_whole_log_verifies_and_each_change_is_found() -> None:
    assert wheres(WHOLE) == set()
    lines = WHOLE[bundle.WHOLE].splitlines(keepends=True)
    assert wheres(WHOLE | {bundle.WHOLE: b"".join(lines[:4] + lines[5:])}) == {"entry 5"}
    assert wheres(WHOLE | {bundle.WHOLE: b"".join(lines[:-1])}) == {"entries 11 to 11"}
    assert wheres(WHOLE | {bundle.WHOLE: b"".join([lines[1], lines[0], *lines[2:]])}) == {"entry 1"}
    bent = WHOLE[bundle.WHOLE].replace(b"Europe/Rome", b"Europe/Oslo", 1)
    assert wheres(WHOLE | {bundle.WHOLE: bent}) == {"log/all.jsonl"}
    assert wheres(whole_log(0)) == set()


def test_a_log_exported_from_the_database_verifies(connection: Connection) -> None:
    log, out = uuid4(), BytesIO()
    audit.append(connection, log, [an_entry(log) for _ in range(1203)])
    head = audit.export(connection, log, KEY, out)
    assert head.size == 1203
    report = verifier.check(out, str(audit.verifier(KEY, log)))
    assert (report["ok"], report["checkpoint"]["size"]) == (True, 1203)


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_bundle_at_all_does_not_verify(data: bytes) -> None:
    assert not verifier.check(BytesIO(data))["ok"]


def run(*arguments: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """As an expert runs it: isolated, no installed packages, another directory."""
    command = [sys.executable, "-I", "-S", "-W", "error", str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60)


def test_the_command_answers_by_exit_code_and_in_words(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    good.write_bytes(packed(EXHIBIT).getvalue())
    bad.write_bytes(packed(EXHIBIT | {"content/phone.bin": BYTES[:-1] + b"\0"}).getvalue())
    fine = run(str(good), "--key", KEY_LINE, tmp_path=tmp_path)
    assert (fine.returncode, fine.stderr) == (0, "")
    assert fine.stdout.endswith("VERIFIED\n")
    assert "Maria Rossi" in fine.stdout
    wrong = run(str(bad), tmp_path=tmp_path)
    assert wrong.returncode == 3
    assert "DIFFERS     content/phone.bin: was changed" in wrong.stdout
    assert wrong.stdout.endswith("NOT VERIFIED\n")
    spoken = run(str(bad), "--json", tmp_path=tmp_path)
    assert (spoken.returncode, json.loads(spoken.stdout)["ok"]) == (3, False)
    assert run(str(tmp_path / "absent.zip"), tmp_path=tmp_path).returncode == 2
    assert run(tmp_path=tmp_path).returncode == 2


def test_the_verifier_is_one_file_of_python_3_8_with_its_standard_library_and_for_packages_cryptography() -> None:
    parsed = ast.parse(SCRIPT.read_text(), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(parsed) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(parsed) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names | {"cryptography"}


# RFC 8032 section 7.1, tests 1 to 3: public key, message, signature.
VECTORS = [
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_verifiers_ed25519_takes_the_vectors_of_rfc_8032(key: str, message: str, signature: str) -> None:
    assert verifier.ed25519(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature))


def test_the_verifiers_ed25519_agrees_with_the_library_on_right_and_wrong_signatures() -> None:
    random = Random(1)
    for length in range(20):
        private, message = Ed25519PrivateKey.generate(), random.randbytes(length)
        public, signature = private.public_key().public_bytes_raw(), bytearray(private.sign(message))
        assert verifier.ed25519(public, message, bytes(signature))
        signature[random.randrange(64)] ^= 1 << random.randrange(8)
        assert not verifier.ed25519(public, message, bytes(signature))
    order = verifier.L
    malleable = bytes(signature[:32]) + (int.from_bytes(signature[32:], "little") % order + order).to_bytes(
        32, "little"
    )
    for bad in (malleable, b"", b"\xff" * 64):
        assert not verifier.ed25519(public, message, bad)
    assert not verifier.ed25519(b"\xff" * 32, message, bytes(signature))
    assert not verifier.ed25519((1 << 255 | 1).to_bytes(32, "little"), message, bytes(signature))
