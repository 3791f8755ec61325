"""Whom an entry of the log concerns on their day: each room says it of its events; nothing of the thing is told.

What is presented to a workspace's own pages (`present`) reaches whoever may look at the thing. Here the question is who
has something to do, or to know, because of it: whoever may act on it, and people by name.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Uuid, any_, bindparam, select

from jit_server.access import Action, Gate
from jit_server.web.sockets.present import WHOLE_TEAM, Whose


class Concern(NamedTuple):
    """Whoever may do `to` to a thing of this kind, and these people if they belong to the team."""

    to: Action | None = None
    whose: Whose = WHOLE_TEAM
    people: frozenset[UUID] = frozenset()


TEAM = Concern(Action.WORKSPACE_READ)
"""Everybody in the team."""

Find = Callable[[Connection, list[UUID]], Mapping[UUID, Iterable[Concern]]]
"""Whom these subjects concern now, by id, in a query or two."""

_finders: dict[str, Find] = {}


def concerns(*events: str, find: Find) -> None:
    """Announce that these events change what waits for people.

    Args:
        events: names as recorded, past tense.
        find: see `Find`.
    """
    for event in events:
        _finders[event] = find


def concerning() -> list[str]:
    """The events that change somebody's day."""
    return sorted(_finders)


def always(concern: Concern) -> Find:
    """For events that concern the same people whatever their subject."""
    return lambda _connection, ids: dict.fromkeys(ids, (concern,))


def whoever_may(to: Action, table: type[Any], *, by: str = "id", gate: Gate | None = None) -> Find:
    """For events that concern whoever may do this to the rows of `table` that bear the subject's id.

    Args:
        to: what they may do.
        table: has `party_id`, `handling`, `compartment_id` and `gate` where its rows have them.
        by: its column with the subject's id.
        gate: behind which the rows stood for those people; as they stand now if None.
    """
    columns = table.metadata.tables[table.__tablename__].c
    ours = {name: columns[column] for name, column in _WHOSE.items() if column in columns}
    rows = select(columns[by].label("subject"), *(column.label(name) for name, column in ours.items()))
    statement = rows.where(columns[by] == any_(bindparam("ids", type_=ARRAY(Uuid))))

    def find(connection: Connection, ids: list[UUID]) -> dict[UUID, list[Concern]]:
        found: dict[UUID, list[Concern]] = {}
        for row in connection.execute(statement, {"ids": ids}).mappings():
            whose = Whose(**{name: row[name] for name in ours})
            found.setdefault(row["subject"], []).append(Concern(to, whose._replace(gate=gate) if gate else whose))
        return found

    return find


_WHOSE = {"party_id": "party_id", "handling": "handling", "compartment": "compartment_id", "gate": "gate"}
"""What the policy asks of a row, and the column that says it."""


class News(NamedTuple):
    """What a follower's worker needs to know of an entry."""

    workspace_id: UUID
    event: str
    subject_id: UUID


def concerned(connection: Connection, news: Iterable[News]) -> dict[UUID, set[Concern]]:
    """Whom these entries concern, by workspace. One question for each kind of subject among them."""
    wanted: dict[Find, set[UUID]] = {}
    known = [(one, find) for one in news if (find := _finders.get(one.event)) is not None]
    for one, find in known:
        wanted.setdefault(find, set()).add(one.subject_id)
    answers = {find: find(connection, sorted(ids)) for find, ids in wanted.items()}
    found: dict[UUID, set[Concern]] = {}
    for one, find in known:
        found.setdefault(one.workspace_id, set()).update(answers[find].get(one.subject_id, ()))
    return found
