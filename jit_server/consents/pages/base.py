"""What the room's pages share: the blueprint, forms with ticked actions, and a form shown once more."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict

from jit_server import consents
from jit_server.consents import day
from jit_server.core.errors import Conflict, Invalid, NotFound
from jit_server.identity.usecases import approvals as waiting
from jit_server.web.api import check
from jit_server.web.context import work
from jit_server.web.declared import own
from jit_server.web.pages import Pages, show
from jit_server.workspaces import glances

pages = Pages("consents", "jit_server.consents")
ShapeT = TypeVar("ShapeT", bound=BaseModel)
MINE = own("only what the person asked, or what is asked of their party")
glances.waits(day.lines)
waiting.waits(day.approvals)


class About(BaseModel):
    """Which thing a form is about."""

    model_config = ConfigDict(extra="forbid")

    kind: consents.Kind
    subject: UUID


def ticked(shape: type[ShapeT]) -> ShapeT:
    """The posted form with all the actions that were ticked."""
    fields: dict[str, Any] = {name: value for name, value in request.form.items() if name != "csrf" and value != ""}
    return check(shape, fields | {"actions": request.form.getlist("actions")})


def again(
    template: str, error: Invalid | Conflict, look: Callable[..., dict[str, Any]], *where: Any
) -> ResponseReturnValue:
    """The form once more, with what was typed and what is wrong."""
    with work() as uow:
        values = look(uow, *where)
    errors = error.members.get("errors") or [{"field": "form", "message": error.detail, "remedy": ""}]
    return show(template, error.status, **values, typed=typed(), errors=errors)


def typed() -> dict[str, Any]:
    """What was typed, to be shown again."""
    return request.form.to_dict() | {"actions": request.form.getlist("actions")}


def subject() -> tuple[str, UUID]:
    """What a refused form was about, if that much can be read."""
    try:
        return request.form["subject_kind"], UUID(request.form["subject_id"])
    except (KeyError, ValueError):
        raise NotFound from None
