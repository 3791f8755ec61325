"""Every door says what it is for: an action of the policy, a signed-in person's own affairs, or public with its reason.

A route, event or command without a declaration keeps the app from starting (test A0).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from flask import Flask

from jit_server.access import Action

ViewT = TypeVar("ViewT", bound=Callable[..., Any])


@dataclass(frozen=True)
class Declaration:
    """What a door is for. `why` is given for doors that no action of the policy guards."""

    kind: Literal["action", "own", "administers", "public"]
    action: Action | None = None
    why: str = ""
    machine: bool = False
    """Another server calls it and proves itself by what it sends; no cookie is looked at, so none can be abused."""


def declare(view: ViewT, declaration: Declaration) -> ViewT:
    """Write the declaration on the view."""
    view.__declared__ = declaration  # type: ignore[attr-defined]
    return view


def guards(to: Action) -> Declaration:
    """A door whose use-case asks the policy for this action."""
    return Declaration("action", action=to)


def own(why: str) -> Declaration:
    """A door to a signed-in person's own affairs (my day, my sessions)."""
    return Declaration("own", why=why)


def administers(why: str) -> Declaration:
    """A door for whoever looks after their own agency; its use-case asks `administered_agency` or `seen_agency`."""
    return Declaration("administers", why=why)


def public(why: str) -> Declaration:
    """A door for anybody."""
    return Declaration("public", why=why)


def machine(why: str) -> Declaration:
    """A door for another server that proves itself by what it sends, never by a cookie."""
    return Declaration("public", why=why, machine=True)


def declaration_of(view: Any) -> Declaration | None:
    """What a view declares, seen through wrappers."""
    while view is not None:
        found = getattr(view, "__declared__", None)
        if found is not None:
            return found  # type: ignore[no-any-return]
        view = getattr(view, "__wrapped__", None)
    return None


def undeclared(app: Flask) -> list[str]:
    """The rules of the app whose view declares nothing."""
    return sorted(
        str(rule) for rule in app.url_map.iter_rules() if declaration_of(app.view_functions[rule.endpoint]) is None
    )


def insist(app: Flask) -> None:
    """Refuse to start with a door that declares nothing."""
    bare = undeclared(app)
    if bare:
        msg = f"routes without a declared action: {', '.join(bare)}"
        raise RuntimeError(msg)
