"""A program of its own, `python -I paint.py`: a PDF or an image comes in, a copy without what areas hide goes out.

On standard input a line of JSON, `{"areas": [{"page", "x", "y", "width", "height"}]}` in parts of the displayed page,
or `{"show": page}`, then the bytes; on standard output a line of JSON, `{"media_type", "pages"}` or `{"refused": why}`,
then the bytes of the copy, or of that page as it is seen. Each page is drawn to pixels, the areas are painted, and only
these pixels go on: no text, no layer, no metadata, no earlier version of the file can come along. It imports nothing of
the server, which runs it by `asking`.
"""

import io
import json
import math
import resource
import sys
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

SECONDS = 120
_MEMORY = 1536 * 2**20
_PIXELS = 60_000_000
"""Of one image or page at most."""
_PAGES = 300
_LONGEST = 128 * 2**20
"""Bytes of the copy at most."""
_DOTS = 200
_LOSSLESS = 2 * 2**20
"""A page that takes more is kept as JPEG; what lay under an area is gone before."""
_SHOWN = 1_500_000
"""Pixels of a page that is only shown."""
_FORMATS = ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"]


class Refused(Exception):
    """The copy cannot be made; the word says why."""


def limit() -> None:
    """No more than this, whatever the bytes make the libraries do; a core dump would hold evidence."""
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(what, (most, most))


def paint(image: Any, areas: list[dict[str, float]]) -> None:
    """Make each area black, to the last pixel that it touches."""
    width, height = image.size
    for one in areas:
        left, top = math.floor(one["x"] * width), math.floor(one["y"] * height)
        right, bottom = math.ceil((one["x"] + one["width"]) * width), math.ceil((one["y"] + one["height"]) * height)
        image.paste((0, 0, 0), (max(left, 0), max(top, 0), min(right, width), min(bottom, height)))


def on_page(areas: list[dict[str, float]], page: int) -> list[dict[str, float]]:
    """The areas of one page; pages are counted from 1."""
    return [one for one in areas if one["page"] == page]


def opaque(image: Any) -> Any:
    """The pixels as they are seen: turned as the camera says, on white where they are transparent."""
    from PIL import Image, ImageOps

    turned = ImageOps.exif_transpose(image).convert("RGBA")
    white = Image.new("RGBA", turned.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, turned).convert("RGB")


def png(image: Any) -> bytes:
    """Pixels as a PNG, without anything that came with them."""
    from PIL import Image

    out = io.BytesIO()
    Image.frombytes("RGB", image.size, image.tobytes()).save(out, "PNG")
    return out.getvalue()


def seen(data: bytes) -> Any:
    """An image as it is seen."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _PIXELS:
                raise Refused("too_large")
            if getattr(image, "n_frames", 1) > 1:
                raise Refused("several_frames")
            return opaque(image)
    except (OSError, ValueError, SyntaxError) as fault:
        raise Refused("unreadable") from fault


def of_image(data: bytes, areas: list[dict[str, float]]) -> bytes:
    """A PNG of nothing but pixels."""
    image = seen(data)
    if any(one["page"] != 1 for one in areas):
        raise Refused("no_such_page")
    paint(image, areas)
    return png(image)


def opened(data: bytes) -> Any:
    """A PDF that can be drawn."""
    import pypdfium2 as pdfium

    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as fault:
        raise Refused("encrypted" if "password" in str(fault).lower() else "unreadable") from fault
    if not 0 < len(document) <= _PAGES:
        raise Refused("too_many_pages" if len(document) else "unreadable")
    document.init_forms()
    return document


def draw(document: Any, number: int, scale: float, most: float) -> tuple[tuple[float, float], Any]:
    """A page as it is seen, in at most so many pixels, and its size in points."""
    import pypdfium2 as pdfium

    try:
        page = document[number]
        size = page.get_size()
        if min(size) <= 0:
            raise Refused("unreadable")
        fitting = min(scale, math.sqrt(most / (size[0] * size[1])))
        image = page.render(scale=fitting, rev_byteorder=True).to_pil().convert("RGB")
    except (pdfium.PdfiumError, ValueError) as fault:
        raise Refused("unreadable") from fault
    page.close()
    return size, image


def drawn(data: bytes, areas: list[dict[str, float]]) -> Iterator[tuple[tuple[float, float], Any]]:
    """The pages of a PDF with their areas painted, one at a time, with their size in points."""
    document = opened(data)
    if any(one["page"] > len(document) for one in areas):
        raise Refused("no_such_page")
    for number in range(len(document)):
        size, image = draw(document, number, _DOTS / 72, _PIXELS / 4)
        paint(image, on_page(areas, number + 1))
        yield size, image


def one_page(data: bytes, page: int) -> tuple[int, bytes]:
    """A page as it is seen, small enough for a screen, and how many there are."""
    if b"%PDF-" not in data[:1024]:
        image = seen(data)
        if page != 1:
            raise Refused("no_such_page")
        shrink = min(1.0, math.sqrt(_SHOWN / (image.width * image.height)))
        return 1, png(image.resize((max(1, int(image.width * shrink)), max(1, int(image.height * shrink)))))
    document = opened(data)
    if not 0 < page <= len(document):
        raise Refused("no_such_page")
    return len(document), png(draw(document, page - 1, _DOTS / 72, _SHOWN)[1])


def packed(image: Any) -> tuple[str, bytes]:
    """Pixels as a PDF keeps them."""
    exact = zlib.compress(image.tobytes(), 6)
    if len(exact) <= _LOSSLESS:
        return "FlateDecode", exact
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return "DCTDecode", out.getvalue()


def of_pdf(data: bytes, areas: list[dict[str, float]]) -> tuple[bytes, int]:
    """A PDF of images alone, the same each time, and how many pages it has."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places: dict[int, int] = {}

    def put(number: int, words: str, stream: bytes | None = None) -> None:
        places[number] = len(out)
        head = words if stream is None else f"{words[:-2]} /Length {len(stream)} >>"
        out.extend(f"{number} 0 obj\n{head}\n".encode())
        if stream is not None:
            out.extend(b"stream\n" + stream + b"\nendstream\n")
        out.extend(b"endobj\n")
        if len(out) > _LONGEST:
            raise Refused("too_large")

    pages: list[str] = []
    for size, image in drawn(data, areas):
        first = 3 + 3 * len(pages)
        wide, high = (f"{one:.3f}" for one in size)
        how, pixels = packed(image)
        box = f"/MediaBox [0 0 {wide} {high}] /Resources << /XObject << /I {first + 2} 0 R >> >>"
        put(first, f"<< /Type /Page /Parent 2 0 R {box} /Contents {first + 1} 0 R >>")
        put(first + 1, "<< >>", f"{wide} 0 0 {high} 0 0 cm /I Do".encode())
        plain = f"/Width {image.width} /Height {image.height} /ColorSpace /DeviceRGB /BitsPerComponent 8"
        put(first + 2, f"<< /Type /XObject /Subtype /Image {plain} /Filter /{how} >>", pixels)
        pages.append(f"{first} 0 R")
    put(1, "<< /Type /Catalog /Pages 2 0 R >>")
    put(2, f"<< /Type /Pages /Count {len(pages)} /Kids [{' '.join(pages)}] >>")
    start = len(out)
    lines = "".join(f"{places[number]:010} 00000 n \n" for number in range(1, len(places) + 1))
    out.extend(f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n{lines}".encode())
    out.extend(f"trailer\n<< /Size {len(places) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode())
    return bytes(out), len(pages)


def made(asked: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """What is said of the copy, and the copy."""
    if "show" in asked:
        pages, shown = one_page(data, asked["show"])
        return {"media_type": "image/png", "pages": pages}, shown
    areas = asked["areas"]
    if b"%PDF-" in data[:1024]:
        copy, pages = of_pdf(data, areas)
        return {"media_type": "application/pdf", "pages": pages}, copy
    return {"media_type": "image/png", "pages": 1}, of_image(data, areas)


def main(source: BinaryIO, to: BinaryIO) -> None:
    """Read, paint, write; or say why not."""
    limit()
    asked = json.loads(source.readline())
    try:
        said, copy = made(asked, source.read())
    except Refused as why:
        said, copy = {"refused": str(why)}, b""
    except MemoryError:
        said, copy = {"refused": "too_large"}, b""
    to.write(json.dumps(said).encode() + b"\n" + copy)
    to.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
