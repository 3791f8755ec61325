"""Nouns of erasure: that an exhibit is erased, and the server's signed statements of how far that has gone.

Rows are only added, one order for each exhibit. The database takes none while a hold is in force (migration 0034).
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field

from jit_server.core.database import Row, UtcDateTime, Word


class Cause(StrEnum):
    """Why an exhibit is erased."""

    TAKEN = "taken"
    """It passed through, and its last addressee has it (Reg. (EU) 2023/969, Art. 21)."""
    AGE = "age"
    """It passed through, and its longest time is over."""
    PURGING = "purging"
    """Its workspace is being emptied, as two people decided."""
    TWO_PEOPLE = "two_people"
    """One person proposed it and a second one approved."""
    RESTORED = "restored"
    """The server was put back from a backup made before, or from one without the keys of what passes through."""


class Stage(StrEnum):
    """How far an erasure has gone."""

    UNREADABLE = "unreadable"
    """The key is destroyed: what lies in the store, and every copy of it, says nothing any more."""
    REMOVED = "removed"
    """Nothing lies in the store any more: no version, no unfinished upload."""


class Erasure(Row, table=True):
    """That an exhibit is erased, from this moment and for good; what is known of it stays, with its digests."""

    __table_args__ = (
        UniqueConstraint("item_id", name="uq_erasure_item_id"),
        CheckConstraint("cause IN ('taken','age','purging','two_people','restored')", name="cause"),
        CheckConstraint("(cause = 'two_people') = (ordered_by IS NOT NULL)", name="ordered_by"),
        CheckConstraint("length(reason) <= 1000", name="reason"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    item_id: UUID = Field(foreign_key="evidence_item.id")
    cause: Cause = Field(sa_type=Word(Cause))
    reason: str = Field(default="", sa_type=Text)
    ordered_by: UUID | None = Field(default=None, foreign_key="person.id")
    ordered_at: datetime = Field(sa_type=UtcDateTime)


class ErasureReceipt(Row, table=True):
    """What the server signed when an erasure reached a stage; one for each."""

    __tablename__ = "erasure_receipt"
    __table_args__ = (
        UniqueConstraint("item_id", "stage", name="uq_erasure_receipt_item_id_stage"),
        CheckConstraint("stage IN ('unreadable','removed')", name="stage"),
        CheckConstraint("octet_length(signature) = 64", name="signature"),
        CheckConstraint("length(statement) BETWEEN 2 AND 10000", name="statement"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    item_id: UUID = Field(foreign_key="evidence_item.id")
    stage: Stage = Field(sa_type=Word(Stage))
    made_at: datetime = Field(sa_type=UtcDateTime)
    statement: str = Field(sa_type=Text)
    signature: bytes = Field(sa_type=LargeBinary)
