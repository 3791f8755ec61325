"""`@on`: what a client may say. Each event declares its action; its sender is asked for anew every time (F8).

A handler takes one parsed shape and answers with the acknowledgement. Whatever goes wrong is acknowledged as
`{"problem": RFC 9457}`, the same that HTTP shows.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog
from flask import g
from pydantic import BaseModel

from jit_server.access import Action, Actor
from jit_server.core.database import problem_of
from jit_server.core.errors import JitError, Malformed, NotSignedIn
from jit_server.web import context
from jit_server.web.api import check, dump
from jit_server.web.declared import Declaration, declare, guards
from jit_server.web.sockets.floors import Guest
from jit_server.web.sockets.send import cut

HandlerT = TypeVar("HandlerT", bound=Callable[..., Any])

_FAULTS: Final = frozenset({400, 404, 413, 422})
_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Handler:
    """What is done about one event."""

    event: str
    shape: type[BaseModel]
    call: Callable[..., Any]
    declaration: Declaration


_handlers: dict[str, Handler] = {}


def on(event: str, *, to: Action | Declaration) -> Callable[[HandlerT], HandlerT]:
    """Answer an event that clients send.

    Args:
        event: imperative, as an action is: `message:post`.
        to: the action that the use-case asks the policy for.
    """
    declaration = guards(to) if isinstance(to, Action) else to

    def wrap(handler: HandlerT) -> HandlerT:
        shape = next(iter(inspect.signature(handler, eval_str=True).parameters.values())).annotation
        if not (isinstance(shape, type) and issubclass(shape, BaseModel)):
            msg = f"{event}: the handler takes one shape, a pydantic model"
            raise TypeError(msg)
        if event in _handlers:
            msg = f"{event} is answered already"
            raise ValueError(msg)
        _handlers[event] = Handler(event, shape, handler, declaration)
        return declare(handler, declaration)

    return wrap


def handlers() -> list[Handler]:
    """Everything that clients may say, by name."""
    return [_handlers[event] for event in sorted(_handlers)]


def acknowledge(handler: Handler, guest: Guest, actor: Actor, data: tuple[Any, ...]) -> Any:
    """Do what an event asks and answer with its acknowledgement; runs in an application context of its own."""
    try:
        g.actor, g.guest = actor, guest
        return _do(handler, guest, data) or {}
    except JitError as error:
        return refused(guest, error)
    except Exception as error:  # the last resort (ASVS 16.5.4): a client never sees a traceback
        known = problem_of(error)
        if known is None:
            _logger.exception("event.failed", event_name=handler.event)
            known = JitError()
        return refused(guest, known)


def refused(guest: Guest, error: JitError) -> dict[str, Any]:
    """The acknowledgement of a refusal. Who keeps making mistakes is cut off."""
    if error.status in _FAULTS and guest.faults.take() > 0:
        cut(guest.environ)
    return {"problem": error.problem()}


def _do(handler: Handler, guest: Guest, data: tuple[Any, ...]) -> Any:
    if context.signed_in().person_id != guest.actor.person_id:
        raise NotSignedIn
    if len(data) != 1 or not isinstance(data[0], dict):
        raise Malformed("send one JSON object")
    return dump(handler.call(check(handler.shape, data[0])))
