"""A ZIP written while it is sent: what it becomes where 32 bits and 16 are no longer enough."""

import importlib.util
import mmap
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import IO
from zlib import crc32

import pytest

from jit_server.core.archive import LIMIT, Archive

AT = datetime(2026, 11, 23, 12, 30, 2, tzinfo=UTC)
ZEROS = bytes(1 << 24)


@pytest.fixture(scope="module")
def verifier() -> ModuleType:
    path = Path(__file__).parents[2] / "static" / "verify" / "jit-verify.py"
    spec = importlib.util.spec_from_file_location("jit_verify", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def zeros(size: int) -> Iterator[bytes]:
    while size:
        yield ZEROS[:size]
        size -= min(size, len(ZEROS))


def keep(file: IO[bytes], piece: bytes) -> None:
    """Write a piece; where it is nothing but zeros, leave a hole, so that the disk need not hold it."""
    if len(piece) > 1 << 16 and not any(piece[:64]):
        file.seek(len(piece), 1)
    else:
        file.write(piece)


def test_a_file_of_more_than_4_gib_and_what_lies_behind_it_are_found_by_others_and_by_the_verifier(
    tmp_path: Path, verifier: ModuleType
):
    size, path = LIMIT + 7, tmp_path / "large.zip"
    archive = Archive(AT)
    with path.open("wb") as file:
        file.write(archive.whole("first.txt", b"before"))
        for piece in archive.flowing("image.dd", zeros(size)):
            keep(file, piece)
        file.write(archive.whole("last.txt", b"behind the border"))
        file.write(archive.end())
    with zipfile.ZipFile(path) as read:
        known = {one.filename: (one.file_size, one.header_offset > LIMIT) for one in read.infolist()}
        assert read.read("last.txt") == b"behind the border"
        crc = read.getinfo("image.dd").CRC
        with read.open("image.dd") as body:
            assert body.read(1 << 20) == bytes(1 << 20)
    assert known == {"first.txt": (6, False), "image.dd": (size, False), "last.txt": (17, True)}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        container = verifier.Container(data)
        assert container.findings == []
        assert [(one.name, one.size) for one in container.members] == [(n, s) for n, (s, _) in known.items()]
    expected = 0
    for piece in zeros(size):
        expected = crc32(piece, expected)
    assert crc == expected


@pytest.mark.parametrize("count", [0xFFFE, 0xFFFF, 0x10001])
def test_more_files_than_16_bits_count_are_all_in_the_list(tmp_path: Path, verifier: ModuleType, count: int):
    path, archive = tmp_path / "many.zip", Archive(AT)
    with path.open("wb") as file:
        file.writelines(archive.whole(f"{number:06}", b"") for number in range(count))
        file.write(archive.end())
    with zipfile.ZipFile(path) as read:
        assert len(read.namelist()) == count
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        container = verifier.Container(data)
        assert (container.findings, len(container.members)) == ([], count)


def test_one_changed_byte_of_what_only_large_packages_have_is_found(tmp_path: Path, verifier: ModuleType):
    path, archive = tmp_path / "many.zip", Archive(AT)
    whole = b"".join(archive.whole(f"{number:06}", b"") for number in range(0xFFFF)) + archive.end()
    for back in (22 + 10, 22 + 20 + 6):  # in the locator, in the end of 64 bits
        path.write_bytes(whole[:-back] + bytes([whole[-back] ^ 1]) + whole[len(whole) - back + 1 :])
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                found = verifier.Container(data).findings
            except verifier.Wrong:
                continue
            assert found
