"""A backup's folder: keys stay apart, every part is on a signed list, and what is wrong is named."""

from pathlib import Path

import pytest

from jit_server.core import backups
from jit_server.core.keys import SigningKey


@pytest.fixture
def key() -> SigningKey:
    return SigningKey.generate("jit.example")


@pytest.fixture
def made(tmp_path: Path, key: SigningKey) -> Path:
    vault, folder = tmp_path / "vault", tmp_path / "backup"
    for name in ("a", "b", "c"):
        (vault / name).mkdir(parents=True)
        (vault / name / "1").write_bytes(name.encode() * 1000)
    backups.copy_objects(vault, folder / backups.OBJECTS, None)
    backups.seal(folder, key, {})
    return folder


def test_a_whole_backup_has_no_faults(made: Path, key: SigningKey):
    assert backups.faults(made, key.public_key) == []


def test_an_altered_a_missing_and_an_added_part_are_named(made: Path, key: SigningKey):
    turned = bytearray((made / "objects/a/1").read_bytes())
    turned[500] ^= 1
    (made / "objects/a/1").write_bytes(turned)
    (made / "objects/b/1").unlink()
    (made / "objects/d").write_bytes(b"d")
    expected = ["objects/b/1: missing", "objects/d: not on the list", "objects/a/1: altered"]
    assert backups.faults(made, key.public_key) == expected


def test_a_list_that_another_key_signed_or_that_was_edited_is_refused(made: Path, key: SigningKey):
    with pytest.raises(backups.BackupRefused, match="not signed"):
        backups.faults(made, SigningKey.generate("other.example").public_key)
    (made / backups.LIST).write_text((made / backups.LIST).read_text().replace("jit.example", "jat.example"))
    with pytest.raises(backups.BackupRefused, match="not signed"):
        backups.faults(made, key.public_key)


def test_a_second_backup_links_what_the_first_one_holds_and_copies_locks(made: Path, tmp_path: Path):
    for folder in (tmp_path / "vault", made / "objects"):
        (folder / "a" / "1.lock").write_text("{}")
    (tmp_path / "vault/b/2").write_bytes(b"new")
    again = tmp_path / "again"
    backups.copy_objects(tmp_path / "vault", again / "objects", made)
    assert (again / "objects/a/1").samefile(made / "objects/a/1")
    assert not (again / "objects/a/1.lock").samefile(made / "objects/a/1.lock")
    assert (again / "objects/b/2").read_bytes() == b"new"


@pytest.mark.parametrize(("one", "other"), [("x", "x"), ("x", "x/keys"), ("x/backup", "x")])
def test_keys_and_backup_are_refused_where_one_lies_in_the_other(tmp_path: Path, one: str, other: str):
    with pytest.raises(backups.BackupRefused, match="not apart"):
        backups.keep_apart(tmp_path / one, tmp_path / other)


def test_keys_do_not_go_into_a_backup_and_are_copied_elsewhere(made: Path, tmp_path: Path):
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "kek.keys").write_text("secret")
    with pytest.raises(backups.BackupRefused, match="lies in a backup"):
        backups.copy_keys(keys, made / "keys")
    assert backups.copy_keys(keys, tmp_path / "escrow") == ["kek.keys"]
    assert (tmp_path / "escrow" / "kek.keys").read_text() == "secret"


def test_a_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(backups.BackupRefused, match="pg_restore is not on the PATH"):
        backups.load("postgresql://nobody@127.0.0.1:1/none", tmp_path / "dump", {})
