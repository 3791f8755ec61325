"""A stretch of bytes as text: decoded as far as it goes, and with what would hide or turn letters made visible."""

import codecs
import re
from dataclasses import dataclass
from typing import Final, Literal

Encoding = Literal["utf-8", "utf-16-le", "utf-16-be", "cp1252"]
LONGEST: Final = 64 * 1024
"""Bytes of one stretch."""
_MARKS: Final[tuple[tuple[bytes, Encoding], ...]] = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
_UNSEEN: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Controls and what changes the direction of letters or has no width: a reader must not take a text for another."""
_BINARY: Final = 0.02
"""The share of controls from which on bytes are no text."""


@dataclass(frozen=True)
class Stretch:
    """Text from byte `first` to before `end` of `size`; `plain` is false where the bytes are no text."""

    text: str
    encoding: Encoding
    first: int
    end: int
    size: int
    plain: bool


def stretch(data: bytes, first: int, size: int, encoding: Encoding | None = None) -> Stretch:
    """The bytes of a file from `first` on as text; what they begin with says the encoding where none is named.

    A letter that the end cuts in two is left to the next stretch.
    """
    found = encoding or _encoding(data)
    decoder = codecs.getincrementaldecoder(found)(errors="replace")
    text = decoder.decode(data, final=first + len(data) >= size)
    rest = len(decoder.getstate()[0])
    return Stretch(_visible(text), found, first, first + len(data) - rest, size, _is_plain(text))


def _encoding(data: bytes) -> Encoding:
    """By the mark at its beginning; else UTF-8 if it is that, else the one in which every byte is a letter."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _is_plain(text: str) -> bool:
    controls = sum(1 for one in text if one < " " and one not in "\t\n\r\f")
    return "\0" not in text and controls <= _BINARY * len(text)


def _visible(text: str) -> str:
    return _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text.removeprefix("\ufeff"))
