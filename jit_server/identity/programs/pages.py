"""The door of programs: client credentials against an access token (RFC 6749, sections 4.4 and 5)."""

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from jit_server.access import SYSTEM
from jit_server.core.errors import Invalid
from jit_server.identity.programs import usecases
from jit_server.web.context import house
from jit_server.web.declared import declare, machine

pages = Blueprint("programs", __name__)


def token() -> ResponseReturnValue:
    """Issue an access token to a program that proves itself by its secret, in the header or in the form."""
    fields = request.form
    if request.args or any(len(values) != 1 for values in fields.listvalues()):
        return _refused("invalid_request")
    if fields.get("grant_type") != "client_credentials":
        return _refused("unsupported_grant_type" if fields.get("grant_type") else "invalid_request")
    client_id, secret = _credentials()
    try:
        with house().work(SYSTEM) as uow:
            issued = usecases.issue_token(uow, client_id, secret, fields.get("scope", "").split())
    except Invalid:
        return _refused("invalid_scope")
    if issued is None:
        answer = _refused("invalid_client", 401)
        answer.headers["WWW-Authenticate"] = 'Basic realm="jit"'
        return answer
    value, scopes = issued
    life = int(usecases.TOKEN_LIFE.total_seconds())
    return jsonify(access_token=value, token_type="Bearer", expires_in=life, scope=" ".join(scopes))  # noqa: S106 - a name


def _credentials() -> tuple[str, str]:
    basic = request.authorization
    if basic is not None and basic.type == "basic":
        return basic.username or "", basic.password or ""
    return request.form.get("client_id", ""), request.form.get("client_secret", "")


def _refused(error: str, status: int = 400) -> Response:
    answer = jsonify(error=error)
    answer.status_code = status
    return answer


pages.add_url_rule(
    "/oauth/token",
    "token",
    declare(token, machine("a program proves itself by its secret")),
    methods=["POST"],
)
