"""Rows of what the bytes are: one an exhibit, never changed."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final
from uuid import UUID

from pydantic import BaseModel
from pydantic import Field as Shown
from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from jit_server.core.database import Row, UtcDateTime, Word

FACTS: Final = (
    "width", "height", "taken", "position", "make", "model", "title", "author", "by", "created", "modified", "software",
    "producer", "pages", "entries", "oldest", "newest", "encrypted",
)  # fmt: skip
"""What bytes may say of themselves, in the order in which people read it."""


class Outcome(StrEnum):
    """How the look ended. `damaged`: the kind may be known, the rest could not be read; `unread`: no byte could."""

    RECOGNISED = "recognised"
    UNKNOWN = "unknown"
    DAMAGED = "damaged"
    UNREAD = "unread"


class EvidenceNature(Row, table=True):
    """What an exhibit's bytes are. `named`: the ending of its name, where that promises something else."""

    __tablename__ = "evidence_nature"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("outcome IN ('recognised','unknown','damaged','unread')", name="outcome"),
        CheckConstraint("length(kind) <= 20 AND length(media_type) <= 200 AND length(named) <= 20", name="words"),
        UniqueConstraint("item_id", name="uq_evidence_nature_item_id"),
        Index("ix_evidence_nature_kind", "workspace_id", "kind", "item_id"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    item_id: UUID = Field(foreign_key="evidence_item.id")
    outcome: Outcome = Field(sa_type=Word(Outcome))
    kind: str | None = Field(default=None, sa_type=Text, nullable=True)
    media_type: str | None = Field(default=None, sa_type=Text, nullable=True)
    named: str | None = Field(default=None, sa_type=Text, nullable=True)
    facts: dict[str, str] = Field(sa_type=JSONB)
    found_at: datetime = Field(sa_type=UtcDateTime)


class NatureOut(BaseModel):
    """What an exhibit's bytes are by their own look."""

    outcome: Outcome
    kind: str | None = Shown(description="A short name of the kind of file, if it is one that is told for certain.")
    media_type: str | None
    named: str | None = Shown(description="The ending of the file's name, where it contradicts the content.")
    facts: dict[str, str] = Shown(description="What the file says of itself. Nobody vouches for it.")
    found_at: datetime
