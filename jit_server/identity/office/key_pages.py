"""HTML doors of an agency's keys (A6): which programs act for it, within what, until when."""

from datetime import datetime
from itertools import groupby
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid, JitError
from jit_server.identity import programs
from jit_server.identity.office.frame import frame, pages
from jit_server.identity.programs import ClientOut, NewClient, NewKeys
from jit_server.web.api import check
from jit_server.web.context import house, work
from jit_server.web.declared import administers
from jit_server.web.pages import go, show
from jit_server.web.problems import in_words

OWN = administers("the programs of one's own agency")


@pages.shows("/agency/keys", to=OWN)
def keys() -> ResponseReturnValue:
    """The agency's programs and their keys (A6)."""
    return _keys()


@pages.takes("/agency/keys", to=OWN)
def new_key() -> ResponseReturnValue:
    """Make a key; it is shown by this answer and never again."""
    typed = request.form
    stated = {"name": typed.get("name", ""), "days": typed.get("days", ""), "scopes": typed.getlist("scopes")}
    if jwks := typed.get("jwks", "").strip():
        stated["jwks"] = jwks
    try:
        with work() as uow:
            made = programs.create_client(uow, check(NewClient, stated))
    except (Invalid, Conflict) as error:
        return _keys(error)
    return _shown(made.client.id, made.secret)


@pages.takes("/agency/keys/<uuid:client_id>/rotate", to=OWN)
def rotate_key(client_id: UUID) -> ResponseReturnValue:
    """Give a program a new secret; the old one ends now."""
    with work() as uow:
        made = programs.rotate_secret(uow, client_id)
    return _shown(made.client.id, made.secret)


@pages.shows("/agency/keys/<uuid:client_id>", to=OWN)
def key(client_id: UUID) -> ResponseReturnValue:
    """By what a program proves itself, and which keys it should prove itself by from now on."""
    return _shown(client_id)


@pages.takes("/agency/keys/<uuid:client_id>", to=OWN)
def replace_keys(client_id: UUID) -> ResponseReturnValue:
    """Let a program prove itself by other keys; what it had ends now."""
    try:
        with work() as uow:
            made = programs.replace_keys(uow, client_id, check(NewKeys, {"jwks": request.form.get("jwks", "")}))
    except (Invalid, Conflict) as error:
        return _shown(client_id, problem=error)
    return go(f"/agency/keys/{client_id}", gettext("%(name)s proves itself by this now.", name=made.name))


@pages.takes("/agency/keys/<uuid:client_id>/revoke", to=OWN)
def revoke_key(client_id: UUID) -> ResponseReturnValue:
    """End a program's access for good."""
    with work() as uow:
        ended = programs.revoke_client(uow, client_id)
    return go("/agency/keys", gettext("The key of %(name)s is revoked; its tokens have ended.", name=ended.name))


def _keys(problem: JitError | None = None) -> ResponseReturnValue:
    with work() as uow:
        values = frame(uow, "keys", loosens=True)
        found = programs.list_clients(uow)
        now = uow.now
    live = [one for one in found if _is_live(one, now)]
    errors, said = _wrong(problem)
    values |= {
        "live": live,
        "ended": [one for one in found if one not in live],
        "scopes": _nouns(),
        "typed": {
            "name": request.form.get("name", ""),
            "days": request.form.get("days", "90"),
            "scopes": request.form.getlist("scopes"),
            "jwks": request.form.get("jwks", ""),
        },
        "errors": errors,
        "problem": said,
    }
    return show("agency/keys.html", problem.status if problem else 200, **values)


def _shown(client_id: UUID, secret: str = "", problem: JitError | None = None) -> ResponseReturnValue:
    with work() as uow:
        values = frame(uow, "keys", loosens=True)
        client = programs.client_of(uow, client_id)
        live = _is_live(client, uow.now)
    errors, said = _wrong(problem)
    base = house().settings.base_url.rstrip("/")
    values |= {"client": client, "live": live, "secret": secret, "address": f"{base}/oauth/token", "audience": base}
    values |= {"typed": request.form.get("jwks", "") if problem else "", "errors": errors, "problem": said}
    return show("agency/key.html", problem.status if problem else 200, **values)


def _is_live(one: ClientOut, now: datetime) -> bool:
    return one.revoked_at is None and one.expires_at > now


def _wrong(problem: JitError | None) -> tuple[list[dict[str, str]], str | None]:
    """What is wrong with fields, or in a sentence with the whole."""
    errors = problem.members.get("errors", []) if problem else []
    said = in_words(problem.problem())["detail"] if problem and not errors else None
    return [one | {"field": one["field"].split(".")[0]} for one in errors], said


def _nouns() -> list[tuple[str, list[str]]]:
    """What a program may be given, by the noun it is about."""
    actions = sorted(str(action) for action in Action)
    return [(noun, list(found)) for noun, found in groupby(actions, key=lambda action: action.partition(":")[0])]
