"""People whom partners know by function alone: their name goes to their own party, and to nobody else."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection


class Alias(NamedTuple):
    """How somebody is known outside their own party."""

    party_id: UUID | None
    words: str


Aliases = Callable[[Connection, list[UUID]], Mapping[UUID, Mapping[UUID, Alias]]]
"""Who is hidden from partners in these workspaces, by person; given by the room that knows agreements."""


def seen_by(party_id: UUID | None, payload: Any, hidden: Mapping[UUID, Alias]) -> Any:
    """What an event shows to one party: wherever it names somebody of another who is hidden, their function."""
    if isinstance(payload, list):
        return [seen_by(party_id, one, hidden) for one in payload]
    if not isinstance(payload, dict):
        return payload
    seen = {name: seen_by(party_id, value, hidden) for name, value in payload.items()}
    alias = hidden.get(_person(payload)) if "name" in payload else None
    if alias is not None and (party_id is None or alias.party_id != party_id):
        seen["name"] = alias.words
    return seen


def _person(payload: Mapping[str, Any]) -> UUID:
    """Whom a part of an event is about; nobody's id if nobody is."""
    try:
        return UUID(str(payload.get("person_id") or payload.get("id")))
    except ValueError:
        return UUID(int=0)
