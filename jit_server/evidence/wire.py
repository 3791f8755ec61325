"""What the room's doors share: the blueprints, units of work for long transfers, and the bytes as an answer."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import cache
from uuid import UUID
from zoneinfo import available_timezones

from flask import Response, current_app, request, stream_with_context
from flask_babel import gettext

from jit_server import evidence
from jit_server.access import Action
from jit_server.evidence.court.report import Language
from jit_server.evidence.shapes import Method
from jit_server.web import context, display, flow, parts, purpose
from jit_server.web.api import Routes
from jit_server.web.pages import Pages
from jit_server.work import UnitOfWork

routes = Routes("evidence")
pages = Pages("evidence", __name__)
REGIONS = ("Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/")
BYTES = "application/octet-stream"
PACKAGE = "application/vnd.etsi.asic-e+zip"


def content_of(item_id: UUID, to: Action = Action.EVIDENCE_DOWNLOAD) -> Response:
    """The bytes as an attachment, for whichever door was asked."""
    if request.method == "HEAD":
        with purpose.work(item_id) as uow:
            found = evidence.read(uow, item_id)
        return _attachment(iter(()), found.file_name, found.size, found.sha256)
    if parts.asked():
        return _part_of(item_id, to)
    item, blocks = evidence.download(anew(item_id), item_id, to)
    return _attachment(stream_with_context(flow.taken(blocks)), item.file_name, item.size, item.sha256)


def _part_of(item_id: UUID, to: Action) -> Response:
    """The part that the request's `Range` names, or all where the exhibit cannot be given in parts."""
    item, part, blocks = evidence.stream(anew(item_id), item_id, lambda item: parts.part(item.size, item.sha256), to)
    taken = stream_with_context(flow.taken(blocks))
    response = _attachment(taken, item.file_name, item.size if part is None else len(part), item.sha256)
    if part is not None:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{item.size}"
    return response


def bundle_of(item_id: UUID) -> Response:
    """The bundle as an attachment, for whichever door was asked."""
    if request.method == "HEAD":
        with purpose.work(item_id) as uow:
            evidence.read(uow, item_id)
        return Response(mimetype="application/zip")
    item, pieces = evidence.export(anew(item_id), item_id)
    response = Response(stream_with_context(flow.taken(pieces)), mimetype="application/zip", direct_passthrough=True)
    response.headers["Content-Disposition"] = evidence.disposition(f"{item.number}.zip")
    return response


def _attachment(body: Iterator[bytes], name: str, size: int, sha256: str) -> Response:
    """Never shown in the browser, whatever the bytes say they are; `web.headers` adds nosniff and the sandbox."""
    response = Response(body, mimetype=BYTES, direct_passthrough=True)
    response.content_length = size
    response.headers["Content-Disposition"] = evidence.disposition(name)
    response.headers["Accept-Ranges"] = "bytes"
    response.set_etag(sha256)
    response.headers["Repr-Digest"] = f"sha-256=:{b64encode(bytes.fromhex(sha256)).decode()}:"
    return response


def package_of(workspace_id: UUID, new: evidence.NewPackage, said: purpose.Purpose | None) -> Response:
    """A package for court as an attachment, for whichever door was asked."""
    name, pieces = evidence.pack(anew(said=said), workspace_id, new, _language())
    response = Response(stream_with_context(flow.taken(pieces)), mimetype=PACKAGE, direct_passthrough=True)
    response.headers["Content-Disposition"] = evidence.disposition(name)
    return response


def _language() -> Language:
    """The reader's, for the report."""
    words = current_app.jinja_env.get_template("ui/lists.html").module.EVENT_WORDS  # type: ignore[attr-defined]
    return Language(
        display.language(),
        rtl=display.direction() == "rtl",
        say=gettext,
        event=lambda name: gettext(words[name]) if name in words else name,
    )


def anew(item_id: UUID | None = None, said: purpose.Purpose | None = None) -> Callable[[], UnitOfWork]:
    """What opens units of work for a long transfer; session or key is looked up each time: an ended one ends it.

    With an exhibit's id they know for what purpose it is used, as this request or its session said; `said` is a purpose
    stated for several.
    """
    who = context.again()
    said = purpose.of(item_id) if item_id is not None else said

    def begin() -> UnitOfWork:
        uow = context.house().work(who())
        return said.on(uow) if said else uow

    return begin


@cache
def zones() -> list[str]:
    """The time zones that a form offers."""
    return ["UTC", *sorted(zone for zone in available_timezones() if zone.startswith(REGIONS))]


def method_words(method: Method | str) -> str:
    """A way of collecting, as a person would say it."""
    words: dict[Method, str] = {
        Method.SEIZURE: gettext("Seizure"),
        Method.FORENSIC_IMAGE: gettext("Forensic image"),
        Method.LOGICAL_EXTRACTION: gettext("Logical extraction"),
        Method.PRODUCTION_ORDER: gettext("Production order to a provider"),
        Method.INTERCEPTION: gettext("Interception of communications"),
        Method.SURVEILLANCE: gettext("Surveillance"),
        Method.VOLUNTARY_DISCLOSURE: gettext("Handed over voluntarily"),
        Method.OPEN_SOURCE: gettext("Open source"),
        Method.INTERVIEW: gettext("Interview or statement"),
        Method.EXPERT_REPORT: gettext("Expert report"),
        Method.OTHER: gettext("Another way"),
    }
    return words[Method(method)]
