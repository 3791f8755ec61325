"""The workspace's log as its members may read it, and the proofs that it is whole."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Table, Text, and_, cast, func, literal, or_, select
from sqlmodel import SQLModel

from jit_server import audit
from jit_server.access import Action, Gate, Standing, known_by
from jit_server.audit import verbs
from jit_server.audit.log import root_at
from jit_server.audit.models import audit_entry
from jit_server.core.errors import Invalid
from jit_server.identity.models import Agency, Person
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces.aliases import functions
from jit_server.workspaces.models import Workspace
from jit_server.workspaces.usecases.reading import standing_of

MOST = 200
LOOKS = [event for event, verb in verbs.EVENTS.items() if verb is verbs.Verb.CONSULTATION]
"""Events that only looked; a list of what has changed leaves them out."""


class EntryOut(BaseModel):
    """An entry as people and programs read it; `canonical` lies behind the proof, not here."""

    position: int
    id: UUID
    event: str
    verb: str | None
    at: datetime
    tz: str
    actor: dict[str, Any]
    subject: dict[str, Any]
    why: dict[str, str] | None
    clause: str | None
    recipients: list[Any]
    result: str
    facts: dict[str, Any]


class ProofOut(BaseModel):
    """Hashes in lowercase hex, lowest sibling first (RFC 6962, section 2.1)."""

    log: UUID
    size: int
    root: str
    hashes: list[str]
    leaf_hash: str | None = None
    canonical: str | None = None


def readable(uow: UnitOfWork, standing: Standing) -> ColumnElement[bool]:
    """Which entries of the log this person may know: those about hidden things are hidden with them.

    A thing counts as it stands now: what lies in quarantine or was marked higher takes its earlier entries along.
    """
    columns, policy = audit_entry.c, uow.policy(standing)
    unmarked: Any = SimpleNamespace(workspace_id=columns.log_id, compartment_id=columns.compartment_id)
    parts = [and_(columns.handling.is_(None), policy.within(unmarked, standing))]
    for table in _marked():
        action = known_by(table.name)
        if action is not None:
            view: Any = SimpleNamespace(
                workspace_id=columns.log_id,
                compartment_id=columns.compartment_id,
                party_id=columns.party_id,
                handling=_as_now(table, "handling", columns.handling),
                gate=_gate_now(table),
            )
            parts.append(and_(columns.subject_kind == table.name, policy.visible(view, standing, action)))
    return and_(columns.log_id == standing.workspace_id, or_(*parts))


def _as_now(table: Table, name: str, otherwise: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column of the entry's subject as it stands now; `otherwise` where the subject has none or is gone."""
    if name not in table.c:
        return otherwise
    return func.coalesce(
        select(cast(table.c[name], Text)).where(table.c.id == audit_entry.c.subject_id).scalar_subquery(), otherwise
    )


def _gate_now(table: Table) -> ColumnElement[Any]:
    """The gate before the subject now; a row that the second wall does not show is not let in."""
    if "gate" not in table.c:
        return literal(Gate.OPEN.value)
    return _as_now(table, "gate", literal(Gate.REFUSED.value))


@cache
def _marked() -> tuple[Table, ...]:
    """The tables of things that carry a handling code."""
    tables = SQLModel.metadata.tables.items()
    return tuple(table for name, table in tables if "handling" in table.c and name != audit_entry.name)


def read_log(
    uow: UnitOfWork,
    workspace_id: UUID,
    *,
    after: int = 0,
    before: int | None = None,
    limit: int = 50,
    latest: bool = False,
    event: str | None = None,
    result: str | None = None,
    actor: UUID | None = None,
    subject: UUID | None = None,
    changes: bool = False,
    note: bool = True,
) -> list[EntryOut]:
    """Entries in order of position (newest first with `latest`); reading the log is itself on the log."""
    workspace = uow.get(Workspace, workspace_id, to=Action.LOG_READ)
    standing = standing_of(uow, workspace_id)
    columns = audit_entry.c
    statement = select(columns.position, columns.canonical).where(readable(uow, standing), columns.position > after)
    exact = {"event": event, "result": result, "actor_id": actor, "subject_id": subject}
    for name, value in exact.items():
        if value is not None:
            statement = statement.where(columns[name] == value)
    if before is not None:
        statement = statement.where(columns.position < before)
    if changes:
        statement = statement.where(columns.event.not_in(LOOKS))
    order = columns.position.desc() if latest else columns.position
    rows = uow.session.execute(statement.order_by(order).limit(min(limit, MOST))).all()
    entries = [_out(audit.Kept(workspace_id, row.position, bytes(row.canonical), b"")) for row in rows]
    if note:
        uow.record("log:read", workspace, after=after, count=len(entries))
    return entries


def _out(kept: audit.Kept) -> EntryOut:
    content = kept.content
    return EntryOut(
        position=kept.position, **{name: content[name] for name in EntryOut.model_fields if name != "position"}
    )


def names(uow: UnitOfWork, workspace_id: UUID, entries: Iterable[EntryOut]) -> dict[str, dict[str, str]]:
    """Name (or function, where the agreement says so), agency and State of everybody who acts in these entries."""
    ids = {UUID(one.actor["person"]) for one in entries if one.actor.get("person")}
    people = rows_by_id(uow, Person, ids)
    agencies = rows_by_id(uow, Agency, {person.agency_id for person in people.values()})
    hidden = functions(uow, workspace_id) if people else {}
    return {
        str(person.id): {
            "name": hidden.get(person.id, person.name),
            "agency": agencies[person.agency_id].own_name,
            "state": agencies[person.agency_id].state,
        }
        for person in people.values()
    }


def checkpoint(uow: UnitOfWork, workspace_id: UUID) -> str:
    """The signed head of the log (C2SP tlog-checkpoint)."""
    uow.get(Workspace, workspace_id, to=Action.LOG_VERIFY)
    return audit.checkpoint(uow.connection, workspace_id, uow.house.key)


def prove(
    uow: UnitOfWork, workspace_id: UUID, *, position: int | None = None, old: int | None = None, size: int | None = None
) -> ProofOut:
    """An inclusion proof for `position`, or a consistency proof from `old`, against the log of `size` entries.

    Raises:
        Invalid: neither or both were asked for.
    """
    uow.get(Workspace, workspace_id, to=Action.LOG_VERIFY)
    if (position is None) == (old is None):
        raise Invalid.field("position", "give either position or old", "One proof at a time.")
    head = audit.head(uow.connection, workspace_id)
    size = head.size if size is None else size
    if position is not None:
        hashes = audit.inclusion(uow.connection, workspace_id, position, size)
    else:
        hashes = audit.consistency(uow.connection, workspace_id, old or 0, size)
    root = root_at(uow.connection, workspace_id, size)
    proof = ProofOut(log=workspace_id, size=size, root=root.hex(), hashes=[one.hex() for one in hashes])
    if position is not None:
        _with_leaf(uow, standing_of(uow, workspace_id), position, proof)
    return proof


def _with_leaf(uow: UnitOfWork, standing: Standing, position: int, proof: ProofOut) -> None:
    """Add the entry's own bytes, where the person may read it; the hash alone tells nothing."""
    columns = audit_entry.c
    statement = select(columns.leaf_hash, columns.canonical, readable(uow, standing).label("open"))
    row = uow.session.execute(
        statement.where(columns.log_id == standing.workspace_id, columns.position == position)
    ).first()
    if row is not None:
        proof.leaf_hash = bytes(row.leaf_hash).hex()
        workspace = uow.session.get(Workspace, standing.workspace_id)
        if row.open and uow.permits(Action.LOG_READ, workspace):
            proof.canonical = bytes(row.canonical).decode()
            uow.record("log:read", workspace, position=position)
