"""Rows that say which message an exhibit is the record of: only ever added."""

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from jit_server.core.database import Row


class Promotion(Row, table=True):
    """Which state of which message an upload, and the exhibit of the same id, holds."""

    __table_args__: ClassVar[Any] = (
        CheckConstraint("version BETWEEN 1 AND 10000", name="version"),
        Index("uq_promotion_upload_id", "upload_id", unique=True),
        Index("ix_promotion_message_id", "message_id", "version"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    upload_id: UUID = Field(foreign_key="upload.id")
    message_id: UUID = Field(foreign_key="message.id")
    version: int
