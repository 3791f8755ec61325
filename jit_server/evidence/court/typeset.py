"""Sets one report and ends: a program of its own, run by its path, because Typst never gives its memory back.

Reads `{"data": ..., "at": seconds since 1970, "seal": the signature's name}` from standard input. Writes a line of
JSON, `{"hole": [start, end]}`, and the PDF with a place for the signature there; the key that signs never comes here.
Exit code 1 says that the page could not be set as both standards want it.
"""

import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import typst

if TYPE_CHECKING:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

FIELD, ROOM = "Seal", 4096
"""The field's name, and the hexadecimal digits that are kept free: thrice of what a seal takes."""


def main() -> int:
    """Set the page that lies beside this file."""
    with ThreadPoolExecutor(1) as beside:
        beside.submit(import_module, "pyhanko.sign.signers")  # a second's work, done before it is asked for
        asked = json.load(sys.stdin)
        try:
            made = set_page(asked["data"], asked["at"])
        except typst.TypstError as fault:
            sys.stderr.write(str(fault))
            return 1
    hole, prepared = with_place(made, datetime.fromtimestamp(asked["at"], UTC), asked["seal"])
    sys.stdout.buffer.write(json.dumps({"hole": hole}).encode() + b"\n")
    sys.stdout.buffer.write(prepared)
    return 0


def set_page(data: str, at: int) -> bytes:
    """The page that lies beside this file. Raises `typst.TypstError`."""
    return typst.compile(
        Path(__file__).with_name("report.typ").read_bytes(),
        format="pdf",
        sys_inputs={"data": data},
        pdf_standards=["a-2a", "ua-1"],
        timestamp=at,
    )


def with_place(made: bytes, at: datetime, name: str) -> tuple[list[int], bytes]:
    """The PDF with an empty signature (PAdES, ETSI EN 319 142-1), and where it stands, angle brackets included."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
    from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
    from pyhanko.sign.signers.pdf_byterange import SignatureObject

    writer = IncrementalPdfFileWriter(io.BytesIO(made))
    steps = PdfCMSEmbedder(SigFieldSpec(FIELD, on_page=0, readable_field_name=name)).write_cms(FIELD, writer)
    tag(writer, next(steps), name)
    place = SignatureObject(timestamp=at, subfilter=SigSeedSubFilter.PADES, bytes_reserved=ROOM)
    steps.send(SigObjSetup(sig_placeholder=place))
    prepared, out = steps.send(SigIOSetup(md_algorithm="sha256"))
    return [prepared.reserved_region_start, prepared.reserved_region_end], out.getvalue()


def tag(writer: "IncrementalPdfFileWriter", field: object, name: str) -> None:
    """Put the signature's field where screen readers look: PDF/UA-1 wants each one below a Form (7.18.4)."""
    from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, NumberObject, pdf_name, pdf_string

    widget = field.get_object()  # type: ignore[attr-defined]
    structure = writer.root["/StructTreeRoot"]
    number = structure["/ParentTreeNextKey"]
    document = structure["/K"].raw_get(0) if isinstance(structure["/K"], ArrayObject) else structure.raw_get("/K")
    target = {pdf_name("/Type"): pdf_name("/OBJR"), pdf_name("/Obj"): field, pdf_name("/Pg"): widget.raw_get("/P")}
    form = writer.add_object(
        DictionaryObject(
            {
                pdf_name("/Type"): pdf_name("/StructElem"),
                pdf_name("/S"): pdf_name("/Form"),
                pdf_name("/P"): document,
                pdf_name("/Alt"): pdf_string(name),
                pdf_name("/K"): DictionaryObject(target),
            }
        )
    )
    widget[pdf_name("/StructParent")] = NumberObject(number)
    parents, children = structure["/ParentTree"], document.get_object()["/K"]
    parents["/Nums"].extend([NumberObject(number), form])
    children.append(form)
    structure[pdf_name("/ParentTreeNextKey")] = NumberObject(number + 1)
    for changed in (structure, parents, parents["/Nums"], document.get_object(), children):
        writer.update_container(changed)


if __name__ == "__main__":
    sys.exit(main())
