"""A program of its own, `python -I look.py ENDINGS`: bytes come in, lines of JSON go out, first the kind, then facts.

It may be killed by what it reads: it has no environment, little memory and time, and writes no file. It imports
nothing of the server, which runs it as `asking.ask`.
"""

import io
import json
import re
import resource
import sys
import zipfile
from collections.abc import Callable
from typing import Any

SECONDS = 8
_MEMORY = 1024 * 2**20
_LONGEST = 300
_SURE = 3
"""A signature of so many bytes is believed in text too."""
_ENTRIES = 20_000
_OFFICE = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_CORE = {"title": "title", "creator": "author", "created": "created", "modified": "modified", "lastModifiedBy": "by"}
_EXIF = {271: "make", 272: "model", 305: "software", 315: "author", 306: "modified"}
_PDF = {"/Title": "title", "/Author": "author", "/Creator": "software", "/Producer": "producer"} | {
    "/CreationDate": "created", "/ModDate": "modified",
}  # fmt: skip

_CONTAINERS = ((4, b"ftyp", "MP4"), (0, b"\x1aE\xdf\xa3", "Matroska"), (0, b"OggS", "Ogg"))
"""What sound and film come in, told by place and mark; what of the two it is, their readers say."""
_STILLS = dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "image/heic") | {
    b"avif": "image/avif", b"avis": "image/avif", b"crx ": "image/x-canon-cr3",
}  # fmt: skip
_SOUNDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ")
_FILMS = {b"qt  ": "video/quicktime", b"3g2": "video/3gpp2", b"3gp": "video/3gpp"}


def limit() -> None:
    """No more than this, whatever the bytes make the libraries do; a core dump would hold evidence."""
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(what, (most, most))


def recognise(data: bytes, endings: dict[str, str]) -> dict[str, str | None]:
    """The kind and media type by the longest signature that a kind of ours has; `endings` gives the kind of each."""
    import puremagic

    container = next((word for at, mark, word in _CONTAINERS if data[at : at + 4] == mark), None)
    if container:
        return {"kind": container, "media_type": None}
    try:
        matches = puremagic.magic_string(data)
    except (puremagic.PureError, ValueError):
        matches = []
    for match in sorted(matches, key=lambda one: -len(one.byte_match)):
        word = endings.get(match.extension.lstrip(".").lower())
        sure = len(match.byte_match) >= _SURE or b"\0" in data[:1024]  # text may well begin with BM or MZ
        if word and sure:
            return {"kind": word, "media_type": match.mime_type or None}
    return {"kind": None, "media_type": None}


def of_image(data: bytes) -> dict[str, Any]:
    """Size and EXIF; no pixel is decoded."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    with Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"]) as image:
        found: dict[str, Any] = {"width": image.width, "height": image.height}
        exif = image.getexif()
        found |= {name: exif[tag] for tag, name in _EXIF.items() if tag in exif}
        taken = exif.get_ifd(0x8769)
        found["taken"] = " ".join(str(taken[tag]) for tag in (36867, 36881) if tag in taken)
        found["position"] = position(exif.get_ifd(0x8825))
    return found


def position(gps: dict[int, Any]) -> str:
    """Latitude and longitude in degrees, as the camera noted them."""
    if not {1, 2, 3, 4} <= gps.keys():
        return ""
    north, east = (sum(float(part) / 60**place for place, part in enumerate(gps[tag])) for tag in (2, 4))
    return f"{-north if gps[1] == 'S' else north:.6f}, {-east if gps[3] == 'W' else east:.6f}"


def of_pdf(data: bytes) -> dict[str, Any]:
    """What the document says of itself; an encrypted one says only that."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted:
        return {"encrypted": "yes"}
    said: dict[str, Any] = dict(reader.metadata or {})
    return {name: said[key] for key, name in _PDF.items() if key in said} | {"pages": len(reader.pages)}


def of_zip(data: bytes) -> dict[str, Any]:
    """How much is inside, from when; of office documents what they say of themselves. No entry but theirs is opened."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        dates = ["{:04}-{:02}-{:02} {:02}:{:02}:{:02}".format(*one.date_time) for one in entries[:_ENTRIES]]
        found: dict[str, Any] = {"entries": len(entries)}
        dated = [date for date in dates if not date.startswith("1980-01-01")]  # what writers put who know no date
        found |= {"oldest": min(dated), "newest": max(dated)} if dated else {}
        if any(one.flag_bits & 1 for one in entries):
            found["encrypted"] = "yes"
        names = [one.filename for one in entries[:_ENTRIES]]
        if "[Content_Types].xml" in names:
            types = (kind for start, kind in _OFFICE.items() if any(name.startswith(start) for name in names))
            found["media_type"] = next(types, None)
        if "docProps/core.xml" in names:
            with archive.open("docProps/core.xml") as core:
                found |= of_core(core.read(2**16).decode("utf-8", "replace"))
    return found


def of_core(said: str) -> dict[str, Any]:
    """Title, people and dates of an office document; its XML is not parsed, and so no entity of it expands."""
    from html import unescape

    found = {}
    for tag, name in _CORE.items():
        match = re.search(rf"<(?:\w+:)?{tag}(?:\s[^<>]*)?>([^<]*)<", said)
        if match:
            found[name] = unescape(match[1])
    return found


def of_riff(data: bytes) -> dict[str, Any]:
    """A picture's size; sound and film of this kind say nothing of themselves."""
    return of_image(data) if data[8:12] == b"WEBP" else {}


def of_mp4(data: bytes) -> dict[str, Any]:
    """Sound, film or still picture, by the brand under which it was written and those it is readable as."""
    if data[4:8] != b"ftyp":
        return {}
    box = data[8 : min(int.from_bytes(data[:4]), 512)]
    brands = [box[at : at + 4] for at in (0, *range(8, len(box) - 3, 4))]
    if brands[0] in _STILLS:
        return {
            "media_type": next((_STILLS[one] for one in brands if one in _STILLS and one[0] != ord("m")), "image/heic")
        }
    film = next((word for start, word in _FILMS.items() if brands[0].startswith(start)), "video/mp4")
    return {"media_type": "audio/mp4" if brands[0] in _SOUNDS else film}


def of_matroska(data: bytes) -> dict[str, Any]:
    """By the name that the head gives itself, and by what its tracks are coded in."""
    name = re.search(rb"\x42\x82(?:\x84(webm)|\x88matroska)", data[:4096])
    tracks = set(re.findall(rb"\x86[\x80-\xbf]([AV])_[A-Z]", data[: 2**20]))
    what = "audio" if tracks == {b"A"} else "video"
    return {"media_type": f"{what}/{'webm' if name and name[1] else 'x-matroska'}"}


def of_ogg(data: bytes) -> dict[str, Any]:
    """By the heads of the streams in it, which all come first."""
    return {"media_type": "video/ogg" if re.search(rb"\x80theora|BBCD\0", data[: 2**16]) else "audio/ogg"}


READERS: dict[str, Callable[[bytes], dict[str, Any]]] = {
    **dict.fromkeys(("JPEG", "PNG", "GIF", "TIFF", "BMP"), of_image),
    "RIFF": of_riff,
    "MP4": of_mp4,
    "Matroska": of_matroska,
    "Ogg": of_ogg,
    "PDF": of_pdf,
    "ZIP": of_zip,
}


def plain(value: Any) -> str:
    """A fact as short text that every database holds."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "".join(one if one.isprintable() else " " for one in text[: 4 * _LONGEST]).strip()[:_LONGEST]


def say(what: dict[str, Any]) -> None:
    """One line, sent at once."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read, say the kind, then the facts: whoever is killed over the facts has said the kind."""
    limit()
    endings, data = json.loads(sys.argv[1]), sys.stdin.buffer.read()
    kind = recognise(data, endings)
    say(kind)
    reader = READERS.get(kind["kind"] or "")
    facts = reader(data) if reader else {}
    say({name: plain(value) for name, value in facts.items() if plain(value or "")})


if __name__ == "__main__":
    main()
