"""A stretch of bytes as text: decoded as far as it goes, and with what would hide or turn letters made visible."""

import codecs
import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

Encoding = Literal["utf-8", "utf-16-le", "utf-16-be", "cp1252"]
LONGEST: Final = 64 * 1024
"""Bytes of one stretch."""
_MARKS: Final[tuple[tuple[bytes, Encoding], ...]] = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
_REST: Final[dict[Encoding, re.Pattern[bytes]]] = {
    "utf-8": re.compile(rb"[\x80-\xbf]{1,3}"),
    "utf-16-le": re.compile(rb"(?s:.)[\xdc-\xdf]"),
    "utf-16-be": re.compile(rb"[\xdc-\xdf](?s:.)"),
}
"""What a stretch begins with where its first letter began before it."""
_KEPT: Final = frozenset("\t\n\r\f")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Categories of what is not seen: controls, what turns or joins letters, separators that are no spaces."""
_FILLERS: Final = re.compile("[\u034f\u115f\u1160\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0000-\U000e0fff]")
"""Letters and marks that show nothing, whatever their category says."""
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

    @property
    def before(self) -> int | None:
        """Where the stretch before this one begins, or None where this is the beginning."""
        return max(0, self.first - LONGEST) if self.first else None


def stretch(data: bytes, first: int, size: int, encoding: Encoding | None = None) -> Stretch:
    """The bytes of a file from `first` on as text; what they begin with says the encoding where none is named.

    A letter that the end cuts in two is left to the next stretch; the rest of one that began before is left out.
    """
    found = encoding or _encoding(data)
    cut = _REST[found].match(data) if first and found in _REST else None
    begun = cut.end() if cut else 0
    data, first = data[begun:], first + begun
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
    """A reader must not take a text for another: what is not seen is written by its number."""
    return "".join(f"[U+{ord(one):04X}]" if _hides(one) else one for one in text.removeprefix("\ufeff"))


def _hides(one: str) -> bool:
    if one.isascii():
        return (one < " " and one not in _KEPT) or one == "\x7f"
    return unicodedata.category(one) in _UNSEEN or _FILLERS.match(one) is not None
