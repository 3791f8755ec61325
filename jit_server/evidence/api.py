"""JSON doors of the room: declare an upload, send its bytes, read the register, take an exhibit back."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Literal
from uuid import UUID

from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from jit_server import evidence
from jit_server.access import Action, Gate, Handling
from jit_server.core.errors import Invalid, JitError
from jit_server.evidence import outward  # noqa: F401 - its routes stand on the same blueprint
from jit_server.evidence.arrival import api as arrival_api  # noqa: F401 - the same
from jit_server.evidence.custody import api as custody_api  # noqa: F401 - the same
from jit_server.evidence.derivation import api as derivation_api  # noqa: F401 - the same
from jit_server.evidence.erasure import api as erasure_api  # noqa: F401 - the same
from jit_server.evidence.promotion import api as promotion_api  # noqa: F401 - the same
from jit_server.evidence.redaction import api as redaction_api  # noqa: F401 - the same
from jit_server.evidence.release import api as release_api  # noqa: F401 - the same
from jit_server.evidence.usecases.chronicle import Point, Stretch, chronicle
from jit_server.evidence.viewing import api as viewing_api  # noqa: F401 - the same
from jit_server.evidence.wire import BYTES, PACKAGE, anew, bundle_of, content_of, package_of, routes
from jit_server.web import body, context, cursor, purpose
from jit_server.web.api import answer, created, page
from jit_server.web.context import work
from jit_server.workspaces import EntryOut

LINGER_SECONDS, LINGER_BLOCKS = 5.0, 64


class RegisterQuery(BaseModel):
    """Which part of the register, newest first."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field(default="", max_length=200, description="Beginnings of words in title, file name or number.")
    state: str = Field(default="", max_length=16, description="State of origin.")
    handling: Handling | None = None
    compartment: UUID | None = None
    kind: Literal["pdf", "image", "audio", "video", "archive", "program", "database"] | None = Field(
        default=None, description="What the content was recognised as."
    )
    gate: Gate | None = Field(default=None, description="Of what one's own party supplied: pending, refused.")
    cursor: str | None = Field(default=None, max_length=200)
    limit: int = Field(default=50, ge=1, le=200)


class RoomOut(BaseModel):
    """What is kept, what is on its way, and what may be kept at most, in bytes."""

    model_config = ConfigDict(from_attributes=True)

    kept: int
    coming: int
    most: int


@routes.posts(
    "/workspaces/<uuid:workspace_id>/uploads",
    to=Action.EVIDENCE_REGISTER,
    body=evidence.NewUpload,
    answers={201: evidence.UploadOut},
)
def declare_upload(workspace_id: UUID, body: evidence.NewUpload) -> ResponseReturnValue:
    """Declare an item of evidence; its bytes follow by `PUT` to the address in `Location`."""
    with work() as uow:
        made = evidence.declare(uow, workspace_id, body)
        return created(evidence.upload_out(made), location=f"/api/v1/uploads/{made.id}")


@routes.reads("/uploads/<uuid:upload_id>", to=Action.EVIDENCE_REGISTER, answers={200: evidence.UploadOut})
def read_upload(upload_id: UUID) -> ResponseReturnValue:
    """See where one's own upload stands."""
    with work() as uow:
        return answer(evidence.upload_out(evidence.upload(uow, upload_id)))


@routes.puts("/uploads/<uuid:upload_id>", to=Action.EVIDENCE_REGISTER, answers={201: evidence.ItemOut}, raw=True)
def send_upload(upload_id: UUID) -> ResponseReturnValue:
    """Send the bytes as they are. The answer is the exhibit; sent again, the answer is the same.

    Size and SHA-256 are computed from what arrives and compared with what was declared. If they differ, or the transfer
    breaks off, no exhibit comes into being and the attempt is on the record.
    """
    content = body.blocks(context.house().settings.max_upload_bytes)
    try:
        item = evidence.receive(anew(), upload_id, content)
    finally:
        linger(content)  # the exhibit may have been there already, and its bytes not read again
    with work() as uow:
        return created(evidence.item_out(uow, item), location=f"/api/v1/evidence/{item.id}")


@routes.reads(
    "/workspaces/<uuid:workspace_id>/evidence",
    to=Action.EVIDENCE_LIST,
    query=RegisterQuery,
    answers={200: [evidence.LineOut]},
)
def list_evidence(workspace_id: UUID, query: RegisterQuery) -> ResponseReturnValue:
    """List the exhibits one may know of, newest first."""
    wanted = replace(wanted_of(query), before=place_of(query.cursor))
    with work() as uow:
        lines, places = evidence.register(uow, workspace_id, wanted)
        return page(lines, cursor.encode(places[-1]) if len(places) == query.limit else None)


@routes.reads(
    "/workspaces/<uuid:workspace_id>/timeline",
    to=Action.EVIDENCE_LIST,
    query=RegisterQuery,
    answers={200: [evidence.LineOut]},
)
def read_timeline(workspace_id: UUID, query: RegisterQuery) -> ResponseReturnValue:
    """List the exhibits one may know of by the moment of their collection, latest first."""
    with work() as uow:
        lines, points = chronicle(uow, workspace_id, wanted_of(query), Stretch(before=point_of(query.cursor)))
        return page(lines, cursor_of(points[-1]) if len(points) == query.limit else None)


@routes.reads("/workspaces/<uuid:workspace_id>/room", to=Action.MEMBER_INVITE, answers={200: RoomOut})
def read_room(workspace_id: UUID) -> ResponseReturnValue:
    """How much evidence the workspace keeps, how much is being sent, and its limit; for its administrators."""
    with work() as uow:
        return answer(RoomOut.model_validate(evidence.room_shown(uow, workspace_id)))


@routes.reads("/evidence/<uuid:item_id>", to=Action.EVIDENCE_READ, answers={200: evidence.ItemOut})
def read_evidence(item_id: UUID) -> ResponseReturnValue:
    """Read everything recorded about an exhibit."""
    with purpose.work(item_id) as uow:
        return answer(evidence.read(uow, item_id))


@routes.reads("/evidence/<uuid:item_id>/custody", to=Action.CUSTODY_READ, answers={200: [EntryOut]})
def read_custody(item_id: UUID) -> ResponseReturnValue:
    """Read the chain of custody: every entry of the log about the exhibit, refusals too."""
    with purpose.work(item_id) as uow:
        return page(evidence.custody(uow, item_id), None)


@routes.reads("/evidence/<uuid:item_id>/content", to=Action.EVIDENCE_DOWNLOAD, answers={200: BYTES})
def download_evidence(item_id: UUID) -> ResponseReturnValue:
    """Take the bytes, or the part that `Range` names. They are proved again on the way; altered ones never leave whole.

    What is marked H2 or H3 asks for `Jit-Purpose: code; text`, and H3 for `Jit-Conditions: acknowledged` (428 says so).
    """
    return content_of(item_id)


@routes.reads("/evidence/<uuid:item_id>/bundle", to=Action.EVIDENCE_EXPORT, answers={200: "application/zip"})
def export_evidence(item_id: UUID) -> ResponseReturnValue:
    """Take the exhibit with its history and proofs, to be verified without this server."""
    return bundle_of(item_id)


@routes.posts(
    "/workspaces/<uuid:workspace_id>/packages",
    to=Action.EVIDENCE_EXPORT,
    body=evidence.NewPackage,
    answers={200: PACKAGE},
)
def pack_evidence(workspace_id: UUID, body: evidence.NewPackage) -> ResponseReturnValue:
    """Take a package for court: one exhibit, several or the whole case at a moment, to be verified without this server.

    Needs a recent sign-in. Where an exhibit is marked H2 or H3, `Jit-Purpose` (and `Jit-Conditions`) say what for.
    """
    return package_of(workspace_id, body, purpose.stated())


def linger(content: Iterator[bytes]) -> None:
    """Read on for a moment before an answer: a connection closed over unread bytes loses the answer on its way."""
    until = time.monotonic() + LINGER_SECONDS
    with suppress(JitError):  # announced as too large: not read at all
        for _ in islice(content, LINGER_BLOCKS):
            if time.monotonic() > until:
                return


def wanted_of(query: RegisterQuery) -> evidence.Wanted:
    """What a query asks for, but for the place where to go on."""
    named = {name: getattr(query, name) for name in ("state", "handling", "compartment", "gate", "limit")}
    return evidence.Wanted(query.q, kind=query.kind or "", **named)


def place_of(text: str | None) -> int | None:
    """The log position that a cursor of the register stands for."""
    if not text:
        return None
    (place,) = cursor.decode(text, 1)
    return _position(place)


def cursor_of(point: Point) -> str:
    """The cursor of the timeline behind this point."""
    return cursor.encode(point.collected_at.isoformat(), point.position)


def point_of(text: str | None) -> Point | None:
    """The point that a cursor of the timeline stands for."""
    if not text:
        return None
    at, place = cursor.decode(text, 2)
    try:
        collected_at = datetime.fromisoformat(at)
    except ValueError:
        raise _no_cursor() from None
    if collected_at.tzinfo is None:
        raise _no_cursor()
    return Point(collected_at, _position(place))


def _position(place: str) -> int:
    if not place.isascii() or not place.isdecimal() or len(place) > len(str(2**53)):
        raise _no_cursor()
    return int(place)


def _no_cursor() -> Invalid:
    return Invalid.field("cursor", "is not a cursor of this list", "Use `next` as the server gave it.")


from jit_server.evidence.story import api as story_api  # noqa: E402, F401 - it needs what stands above
