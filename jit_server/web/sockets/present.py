"""How an entry of the log becomes an event on the wire: each room says what its events show, and to whom.

The log is the one stream of events. An entry names its subject; the room that owns the subject loads what may be shown
of it, for many entries in one query, and says whose it is and how it is marked, so that the policy chooses who hears.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from jit_server.access import Action, Gate, Handling


class Whose(NamedTuple):
    """What the policy asks of a row before an audience hears of it."""

    party_id: UUID | None = None
    """Whose it is; None when it belongs to no party."""
    handling: Handling | None = None
    compartment: UUID | None = None
    """The compartment it lies in; None for the whole team."""
    gate: Gate = Gate.OPEN


WHOLE_TEAM = Whose()


class Shown(NamedTuple):
    """What an event shows of its subject."""

    whose: Whose
    payload: dict[str, Any]
    """JSON values."""


Load = Callable[[Connection, list[UUID]], Mapping[UUID, Shown]]
"""The present state of these subjects, by id, in one query; what cannot be shown is left out."""


@dataclass(frozen=True, slots=True)
class Presenter:
    """How one kind of subject is shown."""

    kind: str
    to: Action
    load: Load


class Entry(NamedTuple):
    """What the wire needs to know of an entry."""

    position: int
    event: str
    subject_id: UUID
    at: str


_presenters: dict[str, Presenter] = {}


def presents(*events: str, kind: str, to: Action, load: Load) -> None:
    """Announce that these events are shown to sockets.

    Args:
        events: names as recorded, past tense.
        kind: under which name the payload stands in the event.
        to: the action that a listener must be allowed to do to the subject.
        load: see `Load`.
    """
    for event in events:
        _presenters[event] = Presenter(kind, to, load)


def presented() -> list[str]:
    """The events that reach sockets."""
    return sorted(_presenters)


class Told(NamedTuple):
    """An event ready to be sent: to those who may do `to` to a thing of this kind."""

    event: str
    to: Action
    whose: Whose
    payload: dict[str, Any]


def tell(connection: Connection, workspace_id: UUID, entries: Iterable[Entry]) -> list[Told]:
    """The events of these entries, in order. One query for each kind of subject among them."""
    known = [(entry, _presenters[entry.event]) for entry in entries if entry.event in _presenters]
    wanted: dict[Load, set[UUID]] = {}
    for entry, presenter in known:
        wanted.setdefault(presenter.load, set()).add(entry.subject_id)
    loaded = {load: load(connection, sorted(ids)) for load, ids in wanted.items()}
    told = []
    for entry, presenter in known:
        shown = loaded[presenter.load].get(entry.subject_id)
        if shown is not None:
            frame = {"workspace_id": str(workspace_id), "position": entry.position, "at": entry.at}
            payload = {**frame, presenter.kind: shown.payload}
            told.append(Told(entry.event, presenter.to, shown.whose, payload))
    return told
