"""A ZIP (APPNOTE 6.3) written while it is sent: members stored as they are, nothing sought, nothing kept but names.

Every byte that is not a member's follows from names, sizes, checksums and one moment. So whoever checks the archive can
rebuild those bytes and see that none was changed (`static/verify/jit-verify.py` does).
"""

import struct
import zlib
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from datetime import datetime

LIMIT = 0xFFFFFFFF
"""Sizes and places from here on stand in 64 bits (APPNOTE 4.3.9, 4.4.1.4)."""
MOST = 0xFFFF
_LOCAL, _ENTRY, _END, _END_64, _FIND_64 = b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7"
_UTF8, _FOLLOWS = 0x0800, 0x0008
_OURS, _FILE = 3 << 8 | 45, 0o100600 << 16
_WIDE = struct.pack("<HHQQ", 1, 16, 0, 0)


@dataclass(frozen=True, slots=True)
class _Member:
    name: bytes
    flags: int
    crc: int
    size: int
    place: int


class Archive:
    """One archive on its way out: give its members in order, then `end`; what each gives back is to be sent."""

    def __init__(self, at: datetime) -> None:
        """`at` is written as the moment of every member, in whole even seconds."""
        time = at.hour << 11 | at.minute << 5 | at.second // 2
        self._moment = struct.pack("<HH", time, (at.year - 1980) << 9 | at.month << 5 | at.day)
        self._members: list[_Member] = []
        self._place = 0

    def whole(self, name: str, data: bytes) -> bytes:
        """A member whose bytes are known: its checksum and size stand before it."""
        member = _Member(name.encode(), _flags(name), zlib.crc32(data), len(data), self._place)
        fixed = struct.pack("<LLLHH", member.crc, member.size, member.size, len(member.name), 0)
        before = self._local(member, 20) + fixed + member.name
        self._keep(member, len(before) + len(data))
        return before + data

    def flowing(self, name: str, pieces: Iterable[bytes]) -> Generator[bytes, None, None]:
        """A member that comes in pieces: its checksum and size stand behind it, in 64 bits."""
        crc = size = 0
        begun = _Member(name.encode(), _flags(name) | _FOLLOWS, 0, 0, self._place)
        fixed = struct.pack("<LLLHH", 0, LIMIT, LIMIT, len(begun.name), len(_WIDE))
        before = self._local(begun, 45) + fixed + begun.name + _WIDE
        yield before
        for piece in pieces:
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            yield piece
        after = b"PK\7\x08" + struct.pack("<LQQ", crc, size, size)
        self._keep(_Member(begun.name, begun.flags, crc, size, begun.place), len(before) + size + len(after))
        yield after

    def end(self) -> bytes:
        """The list of the members and the end of the archive."""
        listed = b"".join(self._entry(member) for member in self._members)
        count, size, place = len(self._members), len(listed), self._place
        if count >= MOST or size >= LIMIT or place >= LIMIT:
            wide = struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, count, count, size, place)
            listed += _END_64 + wide + _FIND_64 + struct.pack("<LQL", 0, place + size, 1)
        short = struct.pack("<HHLLH", min(count, MOST), min(count, MOST), min(size, LIMIT), min(place, LIMIT), 0)
        return listed + _END + b"\0\0\0\0" + short

    def _keep(self, member: _Member, length: int) -> None:
        self._members.append(member)
        self._place += length

    def _local(self, member: _Member, version: int) -> bytes:
        return _LOCAL + struct.pack("<HHH", version, member.flags, 0) + self._moment

    def _entry(self, member: _Member) -> bytes:
        """The member's line in the list; what does not fit into 32 bits stands in 64 behind it, in this order."""
        wide = [member.size] * 2 * (member.size >= LIMIT) + [member.place] * (member.place >= LIMIT)
        extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        size, place = min(member.size, LIMIT), min(member.place, LIMIT)
        version = 45 if wide or member.flags & _FOLLOWS else 20
        fixed = struct.pack("<LLLHHHHHLL", member.crc, size, size, len(member.name), len(extra), 0, 0, 0, _FILE, place)
        begun = _ENTRY + struct.pack("<HHHH", _OURS, version, member.flags, 0) + self._moment
        return begun + fixed + member.name + extra


def _flags(name: str) -> int:
    return 0 if name.isascii() else _UTF8
