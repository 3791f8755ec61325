"""What one request knows: the house it runs in, the actor of its session, and the unit of work."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from flask import current_app, g, request

from jit_server.access import ANONYMOUS, SYSTEM, Actor
from jit_server.core import clock
from jit_server.core.errors import NotSignedIn
from jit_server.work import House, UnitOfWork

API = "/api/v1/"
Loader = Callable[..., Actor | None]
"""(session, cookie, user agent, now, touch=) -> the signed-in person, or None. Given by the room that knows people."""

BY_ITSELF = "Jit-Live"
"""Header of what an open page asks by itself: it keeps no session awake."""


@dataclass
class Frame:
    """What `app.py` gives the web: the house, who loads sessions, and what every page shows."""

    house: House
    load_actor: Loader
    page_context: Callable[[], dict[str, Any]] = field(default=dict)
    banner: Callable[[UUID, dict[str, Any]], dict[str, Any] | None] = field(default=lambda _workspace, _policy: None)
    ways_out: Callable[[UUID, dict[str, Any]], dict[str, Any] | None] = field(default=lambda _workspace, _policy: None)
    load_bearer: Callable[[Any, str, Any, Any], Actor | None] = field(
        default=lambda _session, _token, _now, _begun: None
    )
    """(session, access token, now, when the request began) -> the program it belongs to, or None."""


def frame() -> Frame:
    """The frame of the running app."""
    return cast("Frame", current_app.extensions["jit"])


def house() -> House:
    """What this process holds."""
    return frame().house


def cookie() -> str:
    """The value of the session cookie, or an empty string."""
    return request.cookies.get(house().settings.cookie, "")


def load_actor(raw: str, user_agent: str, *, touch: bool = True) -> Actor:
    """Who a session cookie belongs to, asked of the database each time so that an ended session ends now."""
    if not raw:
        return ANONYMOUS
    with house().work(SYSTEM) as uow:
        found = frame().load_actor(uow.session, raw, user_agent, uow.now, touch=touch)
    return found or ANONYMOUS


def actor() -> Actor:
    """Who asks; loaded once a request."""
    if "actor" not in g:
        token, own = bearer(), BY_ITSELF not in request.headers
        agent = request.headers.get("User-Agent", "")
        g.actor = load_actor(cookie(), agent, touch=own) if token is None else _program(token)
    return cast("Actor", g.actor)


def bearer() -> str | None:
    """The access token of a program (RFC 6750, section 2.1), on the API alone; a token in an address is never read."""
    stated = request.authorization
    if stated is None or stated.type != "bearer" or not request.path.startswith(API):
        return None
    return stated.token or ""


def _program(token: str, begun: datetime | None = None) -> Actor:
    with house().work(SYSTEM) as uow:
        found = frame().load_bearer(uow.session, token, uow.now, begun or uow.now)
    return found or ANONYMOUS


def again() -> Callable[[], Actor]:
    """What finds out anew who asks, for a transfer that takes longer than a request should.

    An ended session or a key that was revoked, rotated or has run out ends it. A program's token need only have been
    good at the start: its ten minutes are for presenting it, and a disk image takes longer.
    """
    token, begun = bearer(), clock.now()
    if token is not None:
        return lambda: _program(token, begun)
    raw, agent = cookie(), request.headers.get("User-Agent", "")
    return lambda: load_actor(raw, agent)


def signed_in() -> Actor:
    """Who asks, or a refusal.

    Raises:
        NotSignedIn: no session, or one that has ended.
    """
    who = actor()
    if who.kind != "person":
        raise NotSignedIn
    return who


def work() -> UnitOfWork:
    """The unit of work of this request's actor; doors open it with `with`."""
    g.uow = house().work(actor())
    return cast("UnitOfWork", g.uow)
