"""A log in PostgreSQL: lock, append, read, prove. Works on the session or connection it is handed and never commits."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Connection, Integer, Select, Uuid, any_, bindparam, select, text
from sqlalchemy.orm import Session

from jit_server.audit import tree
from jit_server.audit.entry import Entry, Kept
from jit_server.audit.models import audit_entry, audit_head
from jit_server.core.database import call
from jit_server.core.errors import NotFound

MOST_READ = 1000


Executes = Session | Connection
"""Whatever can run a statement inside a transaction."""


class NoSuchEntry(NotFound):
    """The log has no such position, or not so many entries."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far a log has come: number of entries, and the root over them."""

    log_id: UUID
    size: int
    root: bytes


# These run in every transaction that changes anything, one of them under the log's lock.
_LOCK = "SELECT audit_lock(%s)"
_APPEND = "SELECT audit_append(%s, %s, %b, %b)"
_APPEND_ONE = "SELECT audit_append(%s, %s, ARRAY[%b], ARRAY[%b])"
"""Nearly every act has one entry; the server puts it into an array in a fifth of the driver's time."""


def _call(session: Executes, statement: str, *values: Any) -> int:
    connection = session.connection() if isinstance(session, Session) else session
    return int(call(connection, statement, values))


def lock(session: Executes, log_id: UUID) -> int:
    """Take the log for the rest of the transaction and tell its size: the next entry gets the position after it.

    Take it as late as possible, and several logs in the order of their ids, so that nobody waits in a ring.
    """
    return _call(session, _LOCK, log_id)


def append(session: Executes, log_id: UUID, entries: Sequence[Entry], *, after: int | None = None) -> int:
    """Append entries in one call and give the new size; they commit, or do not, with the caller's transaction.

    The log is locked until then: append as late as possible. The entries got the last positions up to the new size.

    Args:
        session: the transaction that also holds the rows which the entries are about.
        log_id: workspace, or `SERVER_LOG`.
        entries: in order.
        after: the size that `lock` told, if the caller asked before.

    Raises:
        sqlalchemy.exc.OperationalError: the log has another size than `after` (a gap or a second writer).
    """
    if any(entry.log != log_id for entry in entries):
        raise ValueError("an entry belongs to another log")
    halves = [entry.halves() for entry in entries]
    if len(halves) == 1:
        return _call(session, _APPEND_ONE, log_id, after, *halves[0])
    return _call(session, _APPEND, log_id, after, [before for before, _ in halves], [rest for _, rest in halves])


def head(session: Executes, log_id: UUID) -> Head:
    """Tell size and root of a log as it stands; a log without entries has size 0."""
    row = session.execute(
        select(audit_head.c.size, audit_head.c.frontier).where(audit_head.c.log_id == log_id)
    ).one_or_none()
    if row is None:
        return Head(log_id, 0, tree.EMPTY_ROOT)
    return Head(log_id, row.size, tree.fold([bytes(node) for node in reversed(row.frontier) if node is not None]))


def read(
    session: Executes,
    log_id: UUID,
    after: int = 0,
    limit: int = 100,
    *,
    before: int | None = None,
    latest: bool = False,
    subject: UUID | None = None,
    subjects: Collection[UUID] | None = None,
    events: Iterable[str] = (),
    actor: UUID | None = None,
    agency: UUID | None = None,
    result: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Kept]:
    """Read entries by position, oldest first, those after the cursor `after`; with `latest`, newest first.

    The filters narrow by subject (one, or any of several), event names, actor, agency, result and moment (`since`
    included, `until` not).
    """
    rows = audit_entry.c
    wanted: Select[Any] = select(rows.position, rows.canonical, rows.leaf_hash).where(
        rows.log_id == log_id, rows.position > after
    )
    exact = {"subject_id": subject, "actor_id": actor, "agency_id": agency, "result": result}
    wanted = wanted.where(*(rows[name] == value for name, value in exact.items() if value is not None))
    if before is not None:
        wanted = wanted.where(rows.position < before)
    if subjects is not None:
        wanted = wanted.where(rows.subject_id == any_(bindparam("subjects", list(subjects), type_=ARRAY(Uuid))))
    if names := list(events):
        wanted = wanted.where(rows.event.in_(names))
    if since is not None:
        wanted = wanted.where(rows.at >= since)
    if until is not None:
        wanted = wanted.where(rows.at < until)
    wanted = wanted.order_by(rows.position.desc() if latest else rows.position).limit(min(limit, MOST_READ))
    return [Kept(log_id, place, bytes(data), bytes(leaf)) for place, data, leaf in session.execute(wanted)]


def inclusion(session: Executes, log_id: UUID, position: int, size: int) -> list[bytes]:
    """Prove that the entry at `position` is in the log as it stood with `size` entries (lowest sibling first).

    Raises:
        NoSuchEntry: the log is shorter, or `position` is not within `size`.
    """
    return inclusions(session, log_id, [position], size)[0]


def inclusions(session: Executes, log_id: UUID, positions: Sequence[int], size: int) -> list[list[bytes]]:
    """Prove several entries with one reading of the tree; the proofs stand in the order of `positions`."""
    if any(not 1 <= position <= size for position in positions):
        raise NoSuchEntry(f"the log has no such entry among its first {size}")
    return _prove(session, log_id, tree.inclusions_spans([position - 1 for position in positions], size))


def consistency(session: Executes, log_id: UUID, old: int, new: int) -> list[bytes]:
    """Prove that the log of `new` entries continues the log of `old` entries.

    Raises:
        NoSuchEntry: the log is shorter than `new`, or `old` is larger than `new`.
    """
    if not 0 <= old <= new:
        raise NoSuchEntry(f"a log of {new} entries never had {old}")
    return _prove(session, log_id, [tree.consistency_spans(old, new)])[0]


def root_at(session: Executes, log_id: UUID, size: int) -> bytes:
    """Tell the root that the log had with `size` entries."""
    return _prove(session, log_id, [[tree.Span(0, size)]])[0][0]


def _prove(session: Executes, log_id: UUID, proofs: list[list[tree.Span]]) -> list[list[bytes]]:
    """Fill proofs in with one query."""
    return tree.prove(proofs, lambda nodes: _nodes(session, log_id, nodes))


_NODES = text(
    "SELECT w.level, w.position,"
    " CASE WHEN w.level = 0 THEN e.leaf_hash ELSE substring(e.nodes, w.level * 32 - 31, 32) END"
    " FROM unnest(:levels, :positions) AS w(level, position)"
    " JOIN audit_entry e ON e.log_id = :log AND e.position = w.position"
).bindparams(bindparam("levels", type_=ARRAY(Integer)), bindparam("positions", type_=ARRAY(BigInteger)))


def _nodes(session: Executes, log_id: UUID, nodes: Sequence[tree.Node]) -> dict[tree.Node, bytes]:
    """Read complete subtrees: each lies in the row of the entry that closed it."""
    if not nodes:
        return {}
    places = [(node.number + 1) << node.level for node in nodes]
    found = session.execute(_NODES, {"log": log_id, "levels": [node.level for node in nodes], "positions": places})
    hashes = {tree.Node(level, (place >> level) - 1): bytes(value) for level, place, value in found.all()}
    if any(len(hashes.get(node, b"")) != len(tree.EMPTY_ROOT) for node in nodes):
        raise NoSuchEntry(f"the log {log_id} does not reach that far, or is damaged: run `jit-server audit verify`")
    return hashes
