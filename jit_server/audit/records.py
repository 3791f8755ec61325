"""What a use-case puts on the record before the entry has its place: event, subject, reason, facts."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from jit_server.audit.entry import SERVER_LOG, Entry, What, Who, Why


@dataclass(slots=True)
class Record:
    """An entry that waits for its place in a log."""

    log_id: UUID
    event: str
    subject: Any
    facts: dict[str, Any] = field(default_factory=dict)
    why: dict[str, str] | None = None
    clause: str | None = None
    recipients: tuple[str, ...] = ()
    result: Literal["ok", "denied", "error"] = "ok"


def log_of(row: Any) -> UUID:
    """The log a row's events belong to: its workspace's, or the server's."""
    if getattr(type(row), "__workspace__", False):
        return row.id  # type: ignore[no-any-return]
    return getattr(row, "workspace_id", None) or SERVER_LOG


def refused(error: Any) -> Record:
    """The record of a refusal: what was asked, of what, and the clause that stood against it."""
    policy = error.members["policy"]
    facts, clause = {"action": policy["action"]}, policy["clause"] or None
    return Record(error.workspace_id, "access:refused", error.subject, facts, clause=clause, result="denied")


def entry_of(record: Record, actor: Any, now: datetime) -> Entry:
    """The entry that a record becomes: whose the subject is and how it is marked comes from its row."""
    return Entry(
        log=record.log_id,
        event=record.event,
        at=now,
        who=Who(
            kind=actor.kind, agency=actor.agency_id, person=actor.person_id, session=actor.session_id, acr=actor.acr
        ),
        what=_what(record),
        tz=actor.preferences.get("zone", "UTC"),
        why=Why(**record.why) if record.why else None,
        clause=record.clause,
        recipients=record.recipients,
        result=record.result,
        facts=record.facts,
    )


def _what(record: Record) -> What:
    subject = record.subject
    if subject is None:
        return What("server" if record.log_id == SERVER_LOG else "workspace", None)
    handling = getattr(subject, "handling", None)
    return What(
        subject.__tablename__,
        subject.id,
        getattr(subject, "party_id", None),
        str(handling) if handling else None,
        getattr(subject, "compartment_id", None),
    )
