"""The door of programs: client credentials against an access token (RFC 6749, sections 4.4 and 5; RFC 7523, 2.2)."""

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from jit_server.access import SYSTEM
from jit_server.core.errors import Invalid
from jit_server.identity.programs import bearers
from jit_server.identity.programs.assertions import KIND
from jit_server.web.context import house
from jit_server.web.declared import declare, machine

pages = Blueprint("programs", __name__)
DOOR = "/oauth/token"


def token() -> ResponseReturnValue:
    """Issue an access token to a program that proves itself: by its secret, in header or form, or by an assertion."""
    fields = request.form
    if request.args or any(len(values) != 1 for values in fields.listvalues()):
        return _refused("invalid_request")
    if fields.get("grant_type") != "client_credentials":
        return _refused("unsupported_grant_type" if fields.get("grant_type") else "invalid_request")
    proof = _proof()
    if proof is None:
        return _refused("invalid_request")
    try:
        with house().work(SYSTEM) as uow:
            issued = bearers.issue_token(uow, proof, fields.get("scope", "").split())
    except Invalid:
        return _refused("invalid_scope")
    if issued is None:
        answer = _refused("invalid_client", 401)
        answer.headers["WWW-Authenticate"] = 'Basic realm="jit"'
        return answer
    value, scopes = issued
    life = int(bearers.TOKEN_LIFE.total_seconds())
    return jsonify(access_token=value, token_type="Bearer", expires_in=life, scope=" ".join(scopes))  # noqa: S106 - a name


def _proof() -> bearers.Secret | bearers.Assertion | None:
    """How the program proves itself; None where it tries more than one way (RFC 6749, 2.3), or one unknown here."""
    basic, form = request.authorization, request.form
    asserts = form.get("client_assertion_type", ""), form.get("client_assertion", "")
    named = basic is not None and basic.type == "basic"
    if any(asserts):
        if named or "client_secret" in form or asserts[0] != KIND:
            return None
        return bearers.Assertion(asserts[1], form.get("client_id", ""), audiences())
    if basic is not None and named:
        return bearers.Secret(basic.username or "", basic.password or "")
    return bearers.Secret(form.get("client_id", ""), form.get("client_secret", ""))


def audiences() -> tuple[str, str]:
    """For whom an assertion is made out: this server, or its door for tokens."""
    base = house().settings.base_url.rstrip("/")
    return base, f"{base}{DOOR}"


def _refused(error: str, status: int = 400) -> Response:
    answer = jsonify(error=error)
    answer.status_code = status
    return answer


pages.add_url_rule(
    DOOR,
    "token",
    declare(token, machine("a program proves itself by its secret or its key")),
    methods=["POST"],
)
