"""HTML doors of an agency's keys (A6): which programs act for it, within what, until when."""

from itertools import groupby
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid, JitError
from jit_server.identity import programs
from jit_server.identity.office.frame import frame, pages
from jit_server.identity.programs import NewClient, Shown
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
    try:
        with work() as uow:
            made = programs.create_client(uow, check(NewClient, stated))
    except (Invalid, Conflict) as error:
        return _keys(error)
    return _shown(made)


@pages.takes("/agency/keys/<uuid:client_id>/rotate", to=OWN)
def rotate_key(client_id: UUID) -> ResponseReturnValue:
    """Give a program a new secret; the old one ends now."""
    with work() as uow:
        made = programs.rotate_secret(uow, client_id)
    return _shown(made)


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
    live = [one for one in found if one.revoked_at is None and one.expires_at > now]
    errors = problem.members.get("errors", []) if problem else []
    values |= {
        "live": live,
        "ended": [one for one in found if one not in live],
        "scopes": _nouns(),
        "typed": {
            "name": request.form.get("name", ""),
            "days": request.form.get("days", "90"),
            "scopes": request.form.getlist("scopes"),
        },
        "errors": [one | {"field": one["field"].split(".")[0]} for one in errors],
        "problem": in_words(problem.problem())["detail"] if problem and not errors else None,
    }
    return show("agency/keys.html", problem.status if problem else 200, **values)


def _shown(made: Shown) -> ResponseReturnValue:
    with work() as uow:
        values = frame(uow, "keys")
    address = f"{house().settings.base_url.rstrip('/')}/oauth/token"
    return show("agency/key.html", client=made.client, secret=made.secret, address=address, **values)


def _nouns() -> list[tuple[str, list[str]]]:
    """What a program may be given, by the noun it is about."""
    actions = sorted(str(action) for action in Action)
    return [(noun, list(found)) for noun, found in groupby(actions, key=lambda action: action.partition(":")[0])]
