"""The noun of a derivation: which exhibit another one was made from, how, and with what. Rows are only ever added."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text
from sqlmodel import Field

from jit_server.core.database import Row, UtcDateTime, Word
from jit_server.evidence.shapes import Derived


class Derivation(Row, table=True):
    """What an upload, and the exhibit of the same id, was made from; `parent_sha256` as it was at that moment."""

    __table_args__: ClassVar[Any] = (
        Index("uq_derivation_upload_id", "upload_id", unique=True),
        Index("ix_derivation_parent_id", "parent_id", "made_at"),
        CheckConstraint("upload_id <> parent_id", name="another"),
        CheckConstraint("parent_sha256 ~ '^[0-9a-f]{64}$'", name="parent_sha256"),
        CheckConstraint("kind ~ '^[a-z_]{3,30}$'", name="kind"),
        CheckConstraint("length(tool) BETWEEN 1 AND 200", name="tool"),
        CheckConstraint("length(version) BETWEEN 1 AND 200", name="version"),
        CheckConstraint("length(description) BETWEEN 1 AND 2000", name="description"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    upload_id: UUID = Field(foreign_key="upload.id")
    parent_id: UUID = Field(foreign_key="evidence_item.id")
    parent_sha256: str = Field(sa_type=Text)
    kind: Derived = Field(sa_type=Word(Derived))
    tool: str | None = Field(default=None, sa_type=Text, nullable=True)
    version: str | None = Field(default=None, sa_type=Text, nullable=True)
    description: str | None = Field(default=None, sa_type=Text, nullable=True)
    made_by: UUID = Field(foreign_key="person.id")
    made_at: datetime = Field(sa_type=UtcDateTime)
