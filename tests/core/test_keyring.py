"""The key-encryption keys: whole or not there, never overwritten, readable by nobody else."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jit_server.core.errors import VaultDown
from jit_server.core.keyring import KeyFile, Wrapped

KEY, CONTEXT = os.urandom(32), b"what it is for"


@pytest.fixture
def ring(tmp_path: Path) -> KeyFile:
    made = KeyFile(tmp_path / "keys" / "kek.keys")
    made.prepare()
    return made


def path_of(ring: KeyFile) -> Path:
    return ring._path


def test_the_file_is_its_owners_alone(ring: KeyFile):
    assert stat.S_IMODE(path_of(ring).stat().st_mode) == 0o600
    ring.rotate()
    assert stat.S_IMODE(path_of(ring).stat().st_mode) == 0o600
    assert [one.name for one in path_of(ring).parent.iterdir()] == ["kek.keys"]


def test_a_second_start_keeps_the_key_and_of_many_at_once_one_makes_it(tmp_path: Path):
    rings = [KeyFile(tmp_path / "kek.keys") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(KeyFile.prepare, rings))
    assert len({tuple(ring.ids()) for ring in rings}) == 1
    assert len(rings[0].ids()) == 1


def test_what_is_wrapped_comes_back_and_never_looks_the_same(ring: KeyFile):
    first, second = ring.wrap(KEY, CONTEXT), ring.wrap(KEY, CONTEXT)
    assert ring.unwrap(first, CONTEXT) == ring.unwrap(second, CONTEXT) == KEY
    assert first.blob != second.blob
    assert KEY not in first.blob


def test_a_key_wrapped_for_one_thing_does_not_open_for_another(ring: KeyFile):
    with pytest.raises(VaultDown, match="changed"):
        ring.unwrap(ring.wrap(KEY, CONTEXT), b"something else")


def test_after_a_rotation_the_new_key_wraps_and_the_old_one_still_opens(ring: KeyFile):
    before = ring.wrap(KEY, CONTEXT)
    new = ring.rotate()
    assert ring.ids() == [before.kek, new]
    assert ring.wrap(KEY, CONTEXT).kek == new
    assert ring.unwrap(before, CONTEXT) == KEY


def test_a_key_made_by_another_process_is_seen_at_once(ring: KeyFile):
    other = KeyFile(path_of(ring))
    other.rotate()
    assert ring.unwrap(other.wrap(KEY, CONTEXT), CONTEXT) == KEY


def test_a_missing_key_is_named_with_its_remedy(ring: KeyFile):
    with pytest.raises(VaultDown, match="0123456789abcdef is missing"):
        ring.unwrap(Wrapped("0123456789abcdef", b"x" * 60), CONTEXT)


@pytest.mark.parametrize("damage", [b"", b"KEK+0000000000000000+AAAA\n", b"garbage", b"\xff\xfe"])
def test_a_damaged_file_is_said_and_never_written_over(ring: KeyFile, damage: bytes):
    path_of(ring).write_bytes(damage)
    with pytest.raises(VaultDown, match="key file"):
        ring.wrap(KEY, CONTEXT)
    with pytest.raises(VaultDown):
        ring.rotate()
    ring.prepare()
    assert path_of(ring).read_bytes() == damage


def test_no_key_stands_in_what_is_printed(ring: KeyFile):
    assert "blob" not in repr(ring.wrap(KEY, CONTEXT))
