"""The container of a package: ASiC-E with CAdES (ETSI EN 319 162-1), as far as this server writes it."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

MIMETYPE, MIME = "mimetype", "application/vnd.etsi.asic-e+zip"
MANIFEST, SIGNATURE = "META-INF/ASiCManifest.xml", "META-INF/signature.p7s"
STAMPED, STAMP = "META-INF/ASiCManifest-stamp.xml", "META-INF/timestamp.tst"
XML, TOKEN = "text/xml", "application/vnd.etsi.timestamp-token"
PKCS7 = "application/x-pkcs7-signature"
_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "jsonld": "application/ld+json",
    "jsonl": "application/jsonl",
    "md": "text/markdown",
    "txt": "text/plain",
    "pdf": "application/pdf",
    "tst": TOKEN,
}


@dataclass(frozen=True, slots=True)
class DataObject:
    """A file of the container: its name, media type, and SHA-256 in hex."""

    name: str
    type: str
    sha256: str


def text_type(name: str) -> str:
    """The media type of one of the texts."""
    return _TYPES[name.rpartition(".")[2]]


def manifest(objects: Iterable[DataObject], reference: str = SIGNATURE, kind: str = PKCS7) -> bytes:
    """The `ASiCManifest` (clause 4.4.3.2): what the signature `reference` is over, each with its digest."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<asic:ASiCManifest xmlns:asic="http://uri.etsi.org/02918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">',
        f'<asic:SigReference URI={quoteattr(reference)} MimeType="{kind}"/>',
        *(_reference(one) for one in objects),
        "</asic:ASiCManifest>",
    ]
    return "\n".join(lines).encode() + b"\n"


def to_stamp(sealed: bytes, signature: bytes) -> bytes:
    """The second manifest, which is what the time stamp of the whole is over: the first, and the seal on it."""
    objects = DataObject(MANIFEST, XML, _hex(sealed)), DataObject(SIGNATURE, PKCS7, _hex(signature))
    return manifest(objects, STAMP, TOKEN)


def _hex(data: bytes) -> str:
    return sha256(data).hexdigest()


def _reference(one: DataObject) -> str:
    digest = b64encode(bytes.fromhex(one.sha256)).decode()
    return (
        f"<asic:DataObjectReference URI={quoteattr(quote(one.name))} MimeType={quoteattr(one.type)}>"
        '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        f"<ds:DigestValue>{digest}</ds:DigestValue></asic:DataObjectReference>"
    )
