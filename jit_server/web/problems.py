"""Errors on the wire: RFC 9457 for machines, a page that explains for people, one object behind both."""

import inspect
import json
import secrets
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import structlog
from flask import Flask, Response, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from werkzeug.exceptions import HTTPException

from jit_server.core import errors
from jit_server.core.database import problem_of
from jit_server.core.errors import JitError
from jit_server.web import context, pages, purpose
from jit_server.web.declared import declare, public

log = structlog.get_logger()

_OF_STATUS: dict[int, type[JitError]] = {
    400: errors.Malformed,
    403: errors.NotPermitted,
    404: errors.NotFound,
    405: errors.NotAllowed,
    413: errors.TooLarge,
    415: errors.UnsupportedType,
    429: errors.TooMany,
}
_UNQUOTED = str.maketrans("", "", '"\\')
KNOWN: dict[str, type[JitError]] = {
    kind.slug: kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, JitError)
}


def wants_page() -> bool:
    """Whether a person looks at the answer rather than a program."""
    if request.path.startswith(("/api/", "/socket.io")):
        return False
    best = request.accept_mimetypes.best_match(["text/html", "application/problem+json", "application/json"])
    return best == "text/html" and "text/html" in request.headers.get("Accept", "")


def respond(error: JitError) -> ResponseReturnValue:
    """The error as a problem or as a page. A 404 says nothing of the address, so hidden and absent look alike."""
    problem = error.problem()
    headers: dict[str, str] = {"Retry-After": "5"} if error.status in {429, 503} else {}
    if not isinstance(error, errors.NotFound):
        problem["trace_id"] = g.setdefault("trace_id", secrets.token_hex(8))
    if isinstance(error, errors.OutOfRange):
        headers["Content-Range"] = f"bytes */{error.members['size']}"
    if isinstance(error, errors.StepUp):
        headers["WWW-Authenticate"] = _challenge(error)
    if isinstance(error, errors.PurposeRequired):
        problem |= purpose.explain(error)
    if error.members.get("policy"):
        problem["ways_out"] = context.frame().ways_out(UUID(error.members["workspace"]), error.members["policy"])
    if wants_page():
        if isinstance(error, errors.NotSignedIn) and request.method == "GET":
            return redirect("/login?" + urlencode({"next": request.full_path.rstrip("?")}), 303)
        return _page(error, problem), error.status, headers
    body = json.dumps(problem, default=str, ensure_ascii=False)
    return Response(body, error.status, headers, content_type="application/problem+json")


def _page(error: JitError, problem: dict[str, Any]) -> str:
    """The page that explains: E6 for a member who was refused, the plain one for everything else."""
    policy = error.members.get("policy")
    banner = None
    if policy:
        banner = context.frame().banner(UUID(error.members["workspace"]), policy)
    again = f"/step-up?{urlencode({'next': _here()})}" if isinstance(error, errors.StepUp) else None
    return render_template(
        "problem.html",
        problem=in_words(problem),
        denied=policy,
        workspace=banner,
        here=None,
        again=again,
        out=problem.get("ways_out"),
    )


def _challenge(error: JitError) -> str:
    """What a program must bring instead (RFC 9470, section 3)."""
    wanted = {name: error.members[name] for name in ("max_age", "acr_values") if error.members.get(name)}
    said = {"error": "insufficient_user_authentication", "error_description": "A more recent sign-in is needed."}
    return "Bearer " + ", ".join(
        f'{name}="{str(value).translate(_UNQUOTED)}"' for name, value in (said | wanted).items()
    )


def _here() -> str:
    """The page to come back to: this one, or that of the form which led here."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    parts = urlsplit(request.referrer or "")
    return f"{parts.path}?{parts.query}".rstrip("?") if parts.netloc == request.host else "/"


def in_words(problem: dict[str, Any]) -> dict[str, Any]:
    """The problem in the reader's language where its words are fixed; programs always get the English ones."""
    return problem | {name: gettext(problem[name]) for name in ("title", "detail") if problem[name]}


def install(app: Flask) -> None:
    """Turn every error into its problem; what nobody foresaw is logged with its trace id and shown without detail."""

    @app.errorhandler(JitError)
    def ours(error: JitError) -> ResponseReturnValue:
        return respond(error)

    @app.errorhandler(HTTPException)
    def theirs(error: HTTPException) -> ResponseReturnValue:
        if error.code is not None and error.code < HTTPStatus.BAD_REQUEST:
            return error.get_response()
        return respond(_OF_STATUS.get(error.code or 500, errors.Malformed)())

    @app.errorhandler(Exception)
    def unforeseen(error: Exception) -> ResponseReturnValue:
        known = problem_of(error)
        if known is None:
            known = JitError("The server made a mistake. It is on record; nothing was changed.")
            g.trace_id = secrets.token_hex(8)
            log.error("unforeseen", trace_id=g.trace_id, path=request.path, exc_info=error)
        return respond(known)

    def problem_page(slug: str) -> ResponseReturnValue:
        """What a problem's `type` links to."""
        kind = KNOWN.get(slug)
        if kind is None:
            raise errors.NotFound
        error = kind(inspect.cleandoc(kind.__doc__ or kind.title))
        if wants_page():
            return pages.show("problem.html", problem=in_words(error.problem()), denied=None, again=None, out=None)
        return Response(json.dumps(error.problem()), content_type="application/json")

    app.add_url_rule(
        "/problems/<slug>", "problem_page", declare(problem_page, public("explains errors; names nothing of a case"))
    )
