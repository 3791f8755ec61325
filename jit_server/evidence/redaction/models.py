"""Nouns of redaction: the order, and what came of each try. Rows are only ever added."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from jit_server.core.database import Row, UtcDateTime


class Redaction(Row, table=True):
    """Somebody's order of a redacted copy of an exhibit."""

    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(title) BETWEEN 1 AND 200", name="title"),
        CheckConstraint("jsonb_array_length(areas) BETWEEN 1 AND 100", name="areas"),
        Index("ix_redaction_item_id", "item_id", "ordered_by", "ordered_at"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    item_id: UUID = Field(foreign_key="evidence_item.id")
    title: str = Field(sa_type=Text)
    areas: list[dict[str, Any]] = Field(sa_type=JSONB)
    ordered_by: UUID = Field(foreign_key="person.id")
    ordered_at: datetime = Field(sa_type=UtcDateTime)


class RedactionTry(Row, table=True):
    """A try at the copy: the upload that it goes through, or why there is none."""

    __tablename__ = "redaction_try"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("num_nonnulls(upload_id, refused) = 1", name="one"),
        CheckConstraint("refused ~ '^[a-z_]{3,30}$'", name="refused"),
        Index("ix_redaction_try_redaction_id", "redaction_id"),
        Index("uq_redaction_try_upload_id", "upload_id", unique=True),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    redaction_id: UUID = Field(foreign_key="redaction.id")
    upload_id: UUID | None = Field(default=None, foreign_key="upload.id")
    refused: str | None = Field(default=None, sa_type=Text, nullable=True)
    tried_at: datetime = Field(sa_type=UtcDateTime)
