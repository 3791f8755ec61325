"""Sound and film as the tests need them: whole files, written by hand, that a browser really plays and seeks in."""

import io
import os
import struct
import wave
from typing import Final

from PIL import Image

_SIZE: Final = (320, 240)
_PICTURES: Final = 12
"""So many different ones; a film shows them again and again."""


def sound(seconds: float = 0.5, rate: int = 8000) -> bytes:
    """Noise, as a WAV."""
    out = io.BytesIO()
    with wave.open(out, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(rate)
        made.writeframes(os.urandom(int(2 * rate * seconds)))
    return out.getvalue()


def film(seconds: int, a_second: int = 10) -> bytes:
    """Noise, as a WebM of VP8: each picture is a key frame with a place in the table of cues."""
    pictures = [_vp8() for _ in range(_PICTURES)]
    step = 1000 // a_second
    clusters = [
        _part(0x1F43B675, _number(0xE7, at * step) + _part(0xA3, b"\x81\0\0\x80" + pictures[at % _PICTURES]))
        for at in range(seconds * a_second)
    ]
    video = _number(0xB0, _SIZE[0]) + _number(0xBA, _SIZE[1])
    track = _number(0xD7, 1) + _number(0x73C5, 1) + _number(0x83, 1) + _part(0x86, b"V_VP8") + _part(0xE0, video)
    about = _number(0x2AD7B1, 1_000_000) + _part(0x4489, struct.pack(">d", seconds * 1000.0))
    front = _part(0x1549A966, about) + _part(0x1654AE6B, _part(0xAE, track))
    first = len(front) + len(_cues(clusters, 0, step))
    return head("webm") + _part(0x18538067, front + _cues(clusters, first, step) + b"".join(clusters))


def head(kind: str) -> bytes:
    """How a file begins that is a Matroska of this kind."""
    versions = b"".join(_number(key, number) for key, number in ((0x4286, 1), (0x42F7, 1), (0x42F2, 4), (0x42F3, 8)))
    name = b"\x42\x82" + bytes([0x80 | len(kind)]) + kind.encode()
    return _part(0x1A45DFA3, versions + name + _number(0x4287, 2) + _number(0x4285, 2))


def branded(*brands: str) -> bytes:
    """How a file of the MP4 family begins: the brand it was written under, and those it is readable as."""
    names = [one.ljust(4).encode() for one in brands]
    body = names[0] + bytes(4) + b"".join(names)
    return struct.pack(">I", 8 + len(body)) + b"ftyp" + body + struct.pack(">I", 72) + b"mdat" + bytes(64)


def ogg(first: bytes) -> bytes:
    """An Ogg whose first stream begins with these bytes."""
    return b"OggS\0\2" + bytes(20) + bytes([1, len(first)]) + first + bytes(64)


def _vp8() -> bytes:
    """One key frame: what a lossy WebP holds."""
    out = io.BytesIO()
    Image.frombytes("RGB", _SIZE, os.urandom(3 * _SIZE[0] * _SIZE[1])).save(out, "WEBP", quality=90)
    whole = out.getvalue()
    assert whole[12:16] == b"VP8 "
    return whole[20 : 20 + int.from_bytes(whole[16:20], "little")]


def _cues(clusters: list[bytes], first: int, step: int) -> bytes:
    """Where each picture lies; as long whatever the places are."""
    points, place = b"", first
    for number, cluster in enumerate(clusters):
        where = _number(0xF7, 1) + _number(0xF1, place)
        points += _part(0xBB, _number(0xB3, number * step) + _part(0xB7, where))
        place += len(cluster)
    return _part(0x1C53BB6B, points)


def _number(key: int, value: int) -> bytes:
    return _part(key, value.to_bytes(8))


def _part(key: int, body: bytes) -> bytes:
    return key.to_bytes((key.bit_length() + 7) // 8) + (1 << 56 | len(body)).to_bytes(8) + body
