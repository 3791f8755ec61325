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
from jit_server.identity.scim.offer import SERVICE
from jit_server.identity.scim.people import People
from jit_server.identity.scim.tokens import agency_of
from jit_server.web.context import house
from jit_server.web.declared import declare, machine

pages = Blueprint("scim", __name__)
ROOT = "/scim/v2"


def serve(path: str = "") -> ResponseReturnValue:
    """Serve one request of a directory; everything that goes wrong is a SCIM error."""
    try:
        agency = _agency()
        asked = _asked(path)
        with house().work(Actor("system", agency_id=agency.id, agency_name=agency.name)) as uow:
            return _answer(ScimHandler(SERVICE, People(uow, agency)).handle(asked))
    except SCIMException as error:
        return _answer(SERVICE.error_response(error))
    except RequestEntityTooLarge:
        return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large.")
    except Conflict as error:
        return _refused(HTTPStatus.CONFLICT, error.detail, "uniqueness")
    except JitError as error:
        return _refused(HTTPStatus(error.status), error.detail)


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


def _refused(status: HTTPStatus, detail: str, kind: str | None = None) -> Response:
    error = Error(status=status.value, detail=detail, scim_type=kind)
    return _answer(ScimResponse(status, error.model_dump(mode="json", by_alias=True, exclude_none=True)))


_DOOR = declare(serve, machine("an agency's directory proves itself by the agency's token"))
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
pages.add_url_rule(ROOT, "root", _DOOR, methods=_METHODS)
pages.add_url_rule(f"{ROOT}/<path:path>", "serve", _DOOR, methods=_METHODS)
