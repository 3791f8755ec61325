"""C2SP signed notes and checkpoints, and the key that signs them."""

from base64 import b64encode
from pathlib import Path
from stat import S_IMODE
from threading import Thread
from uuid import uuid4

import pytest
from sqlalchemy import Connection

from jit_server import audit
from jit_server.audit import notes
from jit_server.core.keys import BadKeyFile, SigningKey
from tests.audit.conftest import an_entry

# The example of the package golang.org/x/mod/sumdb/note, from which C2SP's format comes.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "\N{EM DASH} PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


@pytest.fixture
def key() -> SigningKey:
    return SigningKey.generate("jit.example")


def test_a_note_signed_by_another_implementation_is_read() -> None:
    assert notes.read(NOTE, [notes.VerifierKey.parse(PETER)]).startswith("If you think cryptography")
    assert str(notes.VerifierKey.parse(PETER)) == PETER


def test_a_checkpoint_is_origin_size_root_and_a_signature_by_the_logs_own_name(
    connection: Connection, key: SigningKey
) -> None:
    log = uuid4()
    audit.append(connection, log, [an_entry(log) for _ in range(3)])
    note = audit.checkpoint(connection, log, key)
    head = audit.head(connection, log)
    text, _, signature = note.partition("\n\n")
    assert text.split("\n") == [f"jit.example/log/{log}", "3", b64encode(head.root).decode()]
    assert signature.startswith(f"\N{EM DASH} jit.example/log/{log} ")
    assert notes.checkpoint(note, [audit.verifier(key, log)]) == audit.Checkpoint(
        f"jit.example/log/{log}", 3, head.root
    )
    assert audit.checkpoint(connection, log, key) == note
    audit.append(connection, log, [an_entry(log) for _ in range(2)])
    assert notes.checkpoint(audit.checkpoint(connection, log, key), [audit.verifier(key, log)]).size == 5


def test_a_log_without_entries_can_be_signed(connection: Connection, key: SigningKey) -> None:
    log = uuid4()
    assert notes.checkpoint(audit.checkpoint(connection, log, key), [audit.verifier(key, log)]).size == 0
    audit.append(connection, log, [an_entry(log)])
    assert notes.checkpoint(audit.checkpoint(connection, log, key), [audit.verifier(key, log)]).size == 1


def test_every_flipped_bit_of_a_signed_checkpoint_is_noticed(key: SigningKey) -> None:
    signer = audit.verifier(key, uuid4())
    data = notes.sign(str(audit.Checkpoint(signer.name, 7, b"r" * 32)), signer.name, key).encode()
    assert notes.checkpoint(data.decode(), [signer]).size == 7
    for bit in range(len(data) * 8):
        bent = bytearray(data)
        bent[bit // 8] ^= 1 << bit % 8
        with pytest.raises((notes.BadNote, UnicodeDecodeError)):
            notes.checkpoint(bytes(bent).decode(), [signer])


def test_unknown_signatures_are_passed_over_and_wrong_ones_spoil_the_note(key: SigningKey) -> None:
    other = SigningKey.generate("witness.example")
    mine = notes.VerifierKey(key.name, key.public_key)
    theirs = notes.VerifierKey(other.name, other.public_key)
    note = notes.sign("text\n", key.name, key)
    both = note + notes.sign("text\n", other.name, other).rpartition("\n\n")[2]
    spoiled = note + notes.sign("else\n", other.name, other).rpartition("\n\n")[2]
    assert notes.read(both, [mine]) == notes.read(both, [theirs]) == "text\n"
    assert notes.read(spoiled, [mine]) == "text\n"
    with pytest.raises(notes.BadNote, match="wrong"):
        notes.read(spoiled, [mine, theirs])
    with pytest.raises(notes.BadNote, match="no key"):
        notes.read(note, [theirs])


@pytest.mark.parametrize("note", ["", "text\n", "text\n\n", "\n\n\n", "text\n\n- name AAAAAAAA\n",
                                  "te\x01xt\n\n\N{EM DASH} n AAAAAAAA\n",
                                  "text\n\n\N{EM DASH} name AA\n", "text\n\n\N{EM DASH} name !!!!\n"])  # fmt: skip
def test_what_is_no_note_is_refused(note: str, key: SigningKey) -> None:
    with pytest.raises(notes.BadNote):
        notes.read(note, [notes.VerifierKey(key.name, key.public_key)])


@pytest.mark.parametrize(
    "text",
    [
        "o\n1\n",
        "o\n01\n{root}\n",
        "o\n-1\n{root}\n",
        "\n1\n{root}\n",
        "o\n1\nAAAA\n",
        "o\nx\n{root}\n",
        "o\n1\n{root}",
        "o\n\N{SUPERSCRIPT TWO}\n{root}\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(notes.BadNote):
        notes.Checkpoint.parse(text.format(root=b64encode(b"r" * 32).decode()))


@pytest.mark.parametrize(
    "text",
    ["", "name", "name+00000000+AAAA", PETER.replace("c74f", "c74e"), PETER.replace("Peter", "Petra"), "+" + PETER],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(notes.BadNote):
        notes.VerifierKey.parse(text)


def test_a_text_without_its_last_newline_is_not_signed(key: SigningKey) -> None:
    with pytest.raises(ValueError, match="newline"):
        notes.sign("text", key.name, key)


def test_the_key_is_made_once_and_only_the_account_of_the_server_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "log.key"
    with pytest.raises(FileNotFoundError):
        SigningKey.load(path)
    made = SigningKey.load_or_create(path, "jit.example")
    again = SigningKey.load_or_create(path, "other.example")
    assert (again.name, again.public_key) == (made.name, made.public_key)
    assert made.sign(b"x") == again.sign(b"x")
    assert S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(FileExistsError):
        SigningKey.create(path, "jit.example")
    assert "PRIVATE" not in repr(made)


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    keys: list[bytes] = []
    starters = [
        Thread(target=lambda: keys.append(SigningKey.load_or_create(tmp_path / "k", "n").public_key)) for _ in range(8)
    ]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert len(set(keys)) == 1
    assert len(keys) == 8


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "",
        lambda t: t[:-8],
        lambda t: t.replace("jit", "jot"),
        lambda t: t[:-5] + "????",
        lambda t: t.replace("KEY+", "KEY+ "),
    ],
)
def test_a_damaged_key_file_is_refused(tmp_path: Path, spoil: object) -> None:
    path = tmp_path / "k"
    path.write_text(spoil(SigningKey.generate("jit.example").text()))  # type: ignore[operator]
    with pytest.raises(BadKeyFile):
        SigningKey.load(path)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n"])
def test_a_name_that_would_break_a_note_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a key"):
        SigningKey.generate(name)
