"""HTML doors: server-rendered pages and the forms on them, over the same use-cases as the JSON doors."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Blueprint, flash, g, get_flashed_messages, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as BaseResponse

from jit_server.access import Action
from jit_server.core.errors import JitError
from jit_server.web import context, csrf
from jit_server.web.api import check
from jit_server.web.declared import Declaration, declare, guards

ShapeT = TypeVar("ShapeT", bound=BaseModel)
View = Callable[..., ResponseReturnValue]


class Pages(Blueprint):
    """A room's pages. A page without a session leads to the sign-in and back."""

    def __init__(self, name: str, import_name: str) -> None:
        super().__init__(f"{name}_pages", import_name, template_folder="templates")

    def _page(self, method: str, rule: str, to: Action | Declaration) -> Callable[[View], View]:
        declaration = guards(to) if isinstance(to, Action) else to

        def wrap(view: View) -> View:
            @wraps(view)
            def door(**arguments: Any) -> ResponseReturnValue:
                if declaration.kind != "public":
                    context.signed_in()
                return view(**arguments)

            self.add_url_rule(rule, f"{view.__name__}", declare(door, declaration), methods=[method])
            return view

        return wrap

    def shows(self, rule: str, *, to: Action | Declaration) -> Callable[[View], View]:
        """GET."""
        return self._page("GET", rule, to)

    def takes(self, rule: str, *, to: Action | Declaration) -> Callable[[View], View]:
        """POST of a form."""
        return self._page("POST", rule, to)


def show(template: str, status: int = 200, **values: Any) -> tuple[str, int]:
    """Render a page."""
    return render_template(template, **values), status


def form(shape: type[ShapeT]) -> ShapeT:
    """The posted form in this shape; empty fields count as absent, the token is not a field.

    Raises:
        Invalid: with the fields named; the page shows them beside what was typed.
    """
    fields = {name: value for name, value in request.form.items() if name != "csrf" and value != ""}
    return check(shape, fields)


def go(address: str, notice: str = "", kind: str = "success") -> BaseResponse:
    """Lead on to another page after a form, with a notice shown once."""
    if notice:
        flash(notice, kind)
    return redirect(address, 303)


def csrf_token() -> str:
    """The form token of this session, or empty without one."""
    raw = context.cookie()
    return csrf.token(raw) if raw else ""


def page_values() -> dict[str, Any]:
    """What every template may use beside its own values."""
    if "page_values" not in g:
        flashed: list[tuple[str, str]] = get_flashed_messages(with_categories=True)  # type: ignore[assignment]
        notices = [{"kind": kind, "text": text} for kind, text in flashed]
        try:
            more = context.frame().page_context()
        except (JitError, SQLAlchemyError):  # an error page must render even when the database is down
            more = {"me": None, "my_workspaces": []}
        g.page_values = {"csrf_token": csrf_token, "notices": notices, **more}
    return dict(g.page_values)
