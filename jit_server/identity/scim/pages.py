"""The door of an agency's directory: SCIM 2.0 (RFC 7644) under /scim/v2, by the agency's own bearer token."""

import json
from http import HTTPStatus

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from scim2_models import Error, SCIMException, UnauthorizedException
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from werkzeug.exceptions import RequestEntityTooLarge

from jit_server.access import SYSTEM, Actor
from jit_server.core.errors import Conflict, JitError
from jit_server.identity.models import Agency
from jit_server.identity.scim import runs
from jit_server.identity.scim.offer import SERVICE
from jit_server.identity.scim.people import People
from jit_server.identity.scim.runs import Tally
from jit_server.identity.scim.tokens import agency_of
from jit_server.web.context import house
from jit_server.web.declared import declare, machine

pages = Blueprint("scim", __name__)
ROOT = "/scim/v2"
NO_GROUPS = (
    "Groups are not taken here: what somebody is in their agency follows the groups that its sign-in service asserts,"
    " and what they are in a team follows its agreement. Assign people, and switch off the provisioning of groups."
)
TOLD = frozenset({400, 403, 409, 413, 422, 501})
"""Refusals that an administrator should read of; that somebody is not here, or has changed meanwhile, is daily work."""


def serve(path: str = "") -> ResponseReturnValue:
    """Serve one request of a directory; everything that goes wrong is a SCIM error."""
    try:
        agency = _agency()
    except SCIMException as error:
        return _answer(SERVICE.error_response(error))
    response = _served(path, agency)
    if response.status.value in TOLD:
        _note(agency, response)
    return _answer(response)


def _served(path: str, agency: Agency) -> ScimResponse:
    try:
        if path.partition("/")[0].lower() == "groups":
            return _refused(HTTPStatus.NOT_IMPLEMENTED, NO_GROUPS)
        asked = _asked(path)
        with house().work(_directory(agency)) as uow:
            people = People(uow, agency)
            response = ScimHandler(SERVICE, people).handle(asked)
            if response.status.value < HTTPStatus.BAD_REQUEST:
                runs.note(uow, agency, people.tally)
            return response
    except SCIMException as error:
        return SERVICE.error_response(error)
    except RequestEntityTooLarge:
        return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large.")
    except Conflict as error:
        return _refused(HTTPStatus.CONFLICT, error.detail, "uniqueness")
    except JitError as error:
        return _refused(HTTPStatus(error.status), error.detail)


def _note(agency: Agency, response: ScimResponse) -> None:
    """Put a refusal on the run, by itself: what was asked for is undone already."""
    told = response.body.get("detail") if isinstance(response.body, dict) else None
    tally = Tally(refused=1, error=f"{response.status.value}: {told or response.status.phrase}")
    with house().work(_directory(agency)) as uow:
        runs.note(uow, agency, tally)


def _directory(agency: Agency) -> Actor:
    return Actor("system", agency_id=agency.id, agency_name=agency.name)


def _agency() -> Agency:
    """The agency whose directory asks.

    Raises:
        UnauthorizedException: no token, or none that counts.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        with house().work(SYSTEM) as uow:
            found = agency_of(uow, token.strip())
        if found is not None:
            return found
    raise UnauthorizedException(detail="A token of the agency is needed.")


def _asked(path: str) -> ScimRequest:
    return ScimRequest(
        method=request.method,
        base_url=house().settings.base_url.rstrip("/") + ROOT,
        path=f"/{path}",
        query=request.args.to_dict(),
        headers=list(request.headers.items()),
        body=request.get_data(cache=False),
    )


def _answer(response: ScimResponse) -> Response:
    body = b"" if response.body is None else json.dumps(response.body).encode()
    return Response(body, response.status.value, response.headers)


def _refused(status: HTTPStatus, detail: str, kind: str | None = None) -> ScimResponse:
    error = Error(status=status.value, detail=detail, scim_type=kind)
    return ScimResponse(status, error.model_dump(mode="json", by_alias=True, exclude_none=True))


_DOOR = declare(serve, machine("an agency's directory proves itself by the agency's token"))
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
pages.add_url_rule(ROOT, "root", _DOOR, methods=_METHODS)
pages.add_url_rule(f"{ROOT}/<path:path>", "serve", _DOOR, methods=_METHODS)
