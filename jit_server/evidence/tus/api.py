"""JSON doors of resumable upload: tus 1.0.0 (https://tus.io/protocols/resumable-upload) below a declared upload.

The declaration comes first, as for every exhibit; `/api/v1/uploads/<id>/tus` is then where a tus client creates. It
speaks creation, expiration, checksum (sha1, sha256), termination and concatenation.
"""

import binascii
from base64 import b64decode
from uuid import UUID

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel
from werkzeug.http import http_date

from jit_server import evidence
from jit_server.access import Action
from jit_server.core.errors import Invalid, JitError, Malformed, NotFound, UnsupportedType
from jit_server.evidence.api import linger
from jit_server.evidence.tus.errors import OtherVersion
from jit_server.evidence.wire import anew
from jit_server.web import body, context
from jit_server.web.api import PREFIX, Routes, answer, created
from jit_server.web.context import work

VERSION = "1.0.0"
BYTES = "application/offset+octet-stream"
ALGORITHMS = ("sha1", "sha256")
CAN_DO = "creation,expiration,checksum,termination,concatenation"
FINAL = "final;"

routes = Routes("tus")


class PartOut(BaseModel):
    """A part as its sender sees it. `offset` is null for a whole that the server still reads back."""

    id: UUID
    offset: int | None
    length: int
    partial: bool


@routes.after_request
def speaks(response: Response) -> Response:
    """Say in every answer, refusals too, what is spoken here."""
    response.headers["Tus-Resumable"] = VERSION
    response.headers["Cache-Control"] = "no-store"
    if request.method == "OPTIONS" or response.status_code == OtherVersion.status:
        response.headers["Tus-Version"] = VERSION
        response.headers["Tus-Extension"] = CAN_DO
        response.headers["Tus-Checksum-Algorithm"] = ",".join(ALGORITHMS)
        response.headers["Tus-Max-Size"] = str(context.house().settings.max_upload_bytes)
    return response


@routes.posts(
    "/uploads/<uuid:upload_id>/tus",
    to=Action.EVIDENCE_REGISTER,
    answers={201: PartOut},
)
def create_part(upload_id: UUID) -> ResponseReturnValue:
    """Create what is sent piece by piece: the whole file, a part of it, or the file from its parts (`Upload-Concat`).

    `Location` is where its bytes go by `PATCH`. The answer to the last is the exhibit, as often as it is asked; the
    upload, in the state `received`, while the server still reads a large one back.
    """
    _speaks_our_version()
    concat = request.headers.get("Upload-Concat", "")
    if concat.startswith(FINAL):
        return _joined(upload_id, _named_parts(upload_id, concat.removeprefix(FINAL)))
    if concat not in {"", "partial"}:
        raise Malformed("Upload-Concat is `partial`, or `final;` and the addresses of the parts.")
    with work() as uow:
        made = evidence.begin_part(uow, upload_id, _number("Upload-Length"), partial=concat == "partial")
        return _said(created(_out(made), location=_at(upload_id, made.part.id)), made)


@routes.reads("/uploads/<uuid:upload_id>/tus/<uuid:part_id>", to=Action.EVIDENCE_REGISTER, answers={200: PartOut})
def read_part(upload_id: UUID, part_id: UUID) -> ResponseReturnValue:
    """Ask how far a part has come: `Upload-Offset` bytes of it are safe."""
    _speaks_our_version()
    with work() as uow:
        if part_id == upload_id:
            return _of_whole(evidence.upload(uow, upload_id))
        now = evidence.part_now(uow, upload_id, part_id)
        return _said(answer(_out(now)), now)


@routes.patches(
    "/uploads/<uuid:upload_id>/tus/<uuid:part_id>", to=Action.EVIDENCE_REGISTER, answers={204: None}, raw=True
)
def append_to_part(upload_id: UUID, part_id: UUID) -> ResponseReturnValue:
    """Send the bytes that follow `Upload-Offset`. What arrived before the line was cut is kept.

    With `Upload-Checksum` all of them are kept, or none. The last bytes of a whole file make it an exhibit, a large one
    once the server has read it back.
    """
    _speaks_our_version()
    if request.mimetype != BYTES:
        raise UnsupportedType(f"Send the bytes as {BYTES}.")
    content = body.blocks(context.house().settings.max_upload_bytes)
    try:
        now = evidence.append(anew(), upload_id, part_id, _number("Upload-Offset"), content, _checksum())
        if now.offset == now.part.length and not now.part.partial:
            evidence.join(anew(), upload_id, [part_id])
    except JitError:
        linger(content)
        raise
    return _said(Response(status=204), now)


@routes.deletes("/uploads/<uuid:upload_id>/tus/<uuid:part_id>", to=Action.EVIDENCE_REGISTER, answers={204: None})
def end_part(upload_id: UUID, part_id: UUID) -> ResponseReturnValue:
    """Give a part up: its bytes are dropped."""
    _speaks_our_version()
    with work() as uow:
        left = evidence.end_part(uow, upload_id, part_id)
    return _dropped(left)


@routes.deletes("/uploads/<uuid:upload_id>", to=Action.EVIDENCE_REGISTER, answers={204: None})
def abandon_upload(upload_id: UUID) -> ResponseReturnValue:
    """Give an upload up for good: what has arrived of it is dropped, and that is on the record."""
    with work() as uow:
        left = evidence.abandon(uow, upload_id)
    return _dropped(left)


def _dropped(left: list[tuple[str, str]]) -> Response:
    for key, handle in left:
        context.house().vault.drop(key, handle)
    return Response(status=204)


def _joined(upload_id: UUID, part_ids: list[UUID]) -> Response:
    item = evidence.join(anew(), upload_id, part_ids)
    with work() as uow:
        made = evidence.item_out(uow, item) if item else evidence.upload_out(evidence.upload(uow, upload_id))
        response = created(made, location=_at(upload_id, upload_id))
    response.headers["Upload-Concat"] = request.headers["Upload-Concat"]
    return response


def _of_whole(sent: evidence.Upload) -> Response:
    """The file that was joined from parts; without an offset while it is read back, as the protocol says."""
    if sent.state not in {evidence.State.RECEIVED, evidence.State.AVAILABLE}:
        raise NotFound
    come = sent.size if sent.state == evidence.State.AVAILABLE else None
    response = answer(PartOut(id=sent.id, offset=come, length=sent.size, partial=False))
    response.headers |= {"Upload-Length": str(sent.size), "Upload-Concat": "final"}
    if come is not None:
        response.headers["Upload-Offset"] = str(come)
    return response


def _out(now: evidence.PartNow) -> PartOut:
    return PartOut(id=now.part.id, offset=now.offset, length=now.part.length, partial=now.part.partial)


def _said(response: Response, now: evidence.PartNow) -> Response:
    """The same in tus's headers."""
    response.headers["Upload-Offset"] = str(now.offset)
    response.headers["Upload-Length"] = str(now.part.length)
    if now.part.partial:
        response.headers["Upload-Concat"] = "partial"
    if now.expires_at is not None:
        response.headers["Upload-Expires"] = http_date(now.expires_at)
    return response


def _at(upload_id: UUID, part_id: UUID) -> str:
    return f"{PREFIX}/uploads/{upload_id}/tus/{part_id}"


def _speaks_our_version() -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise OtherVersion(f"Send `Tus-Resumable: {VERSION}`.")


def _number(header: str) -> int:
    stated = request.headers.get(header, "")
    if not stated.isascii() or not stated.isdecimal() or len(stated) > len(str(2**53)):
        raise Invalid.field(header, "must be a number of bytes", "Name it in the header.")
    return int(stated)


def _named_parts(upload_id: UUID, addresses: str) -> list[UUID]:
    before = f"{PREFIX}/uploads/{upload_id}/tus/"
    try:
        return [UUID(one.partition(before)[2]) for one in addresses.split()]
    except ValueError as error:
        raise Invalid.field("Upload-Concat", "names no part of this upload", "Use `Location` as given.") from error


def _checksum() -> evidence.Checksum | None:
    stated = request.headers.get("Upload-Checksum")
    if stated is None:
        return None
    algorithm, _, digest = stated.partition(" ")
    if algorithm not in ALGORITHMS:
        raise Malformed(f"Upload-Checksum takes {' and '.join(ALGORITHMS)}.")
    try:
        return evidence.Checksum(algorithm, b64decode(digest, validate=True))
    except binascii.Error as error:
        raise Malformed("Upload-Checksum is an algorithm and a digest in base64.") from error
