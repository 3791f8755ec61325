"""Kinds of file that are told apart for certain, and the names they go by."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Kind:
    """A kind of file: `endings` are what its names may end in."""

    word: str
    endings: frozenset[str]


def _kind(word: str, endings: str) -> Kind:
    return Kind(word, frozenset(endings.split()))


KINDS: Final = (
    _kind("PDF", "pdf ai"),
    _kind("JPEG", "jpg jpeg jpe jfif jif"),
    _kind("PNG", "png apng"),
    _kind("GIF", "gif"),
    _kind("TIFF", "tif tiff dng nef cr2 arw pef srw"),
    _kind("BMP", "bmp dib"),
    _kind("RIFF", "webp wav avi ani"),
    _kind(
        "ZIP", "zip docx docm dotx xlsx xlsm xltx xlsb pptx pptm ppsx odt ods odp odg epub jar apk ipa kmz xpi vsdx cbz"
    ),
    _kind("7z", "7z cb7"),
    _kind("RAR", "rar cbr"),
    _kind("gzip", "gz tgz svgz"),
    _kind("bzip2", "bz2 tbz2"),
    _kind("xz", "xz txz"),
    _kind("EXE", "exe dll sys scr com ocx cpl drv efi mui"),
    _kind("ELF", "elf so o ko axf bin"),
    _kind("OLE2", "doc dot xls xlt ppt pps msg msi vsd pub mdb db suo"),
    _kind("MP4", "mp4 m4a m4v mov 3gp 3g2 qt heic heif avif f4v"),
    _kind("Matroska", "mkv mka webm mks mk3d"),
    _kind("Ogg", "ogg oga ogv opus spx"),
    _kind("FLAC", "flac"),
    _kind("MP3", "mp3"),
    _kind("SQLite", "sqlite sqlite3 db db3"),
    _kind("RTF", "rtf doc"),
    _kind("pcap", "pcap cap pcapng"),
)
PLAIN: Final = frozenset("txt csv tsv json xml html htm md log eml ini yaml yml svg".split())  # noqa: SIM905 - as above
"""Endings of text, as which none of these kinds can be read."""
_ENDINGS: Final = frozenset().union(*(kind.endings for kind in KINDS)) | PLAIN


def kind_of(word: str | None) -> Kind | None:
    """The kind of this name."""
    return next((kind for kind in KINDS if kind.word == word), None)


def contradicted(file_name: str, word: str | None) -> str | None:
    """The ending of this name, if it promises another kind than the content is; nothing is said of unknown endings."""
    kind, ending = kind_of(word), file_name.rstrip(" .").rpartition(".")[2].lower()
    if kind is None or "." not in file_name or ending not in _ENDINGS or ending in kind.endings:
        return None
    return ending


GROUPS: Final = {
    "pdf": (("PDF",), ""),
    "image": (("JPEG", "PNG", "GIF", "TIFF", "BMP", "RIFF", "MP4"), "image/"),
    "audio": (("MP3", "FLAC", "Ogg", "RIFF", "MP4", "Matroska"), "audio/"),
    "video": (("MP4", "Matroska", "RIFF", "Ogg"), "video/"),
    "archive": (("ZIP", "7z", "RAR", "gzip", "bzip2", "xz"), ""),
    "program": (("EXE", "ELF"), ""),
    "database": (("SQLite",), ""),
}
"""What the register is narrowed to: kinds, and how their media type begins where a kind holds several."""
