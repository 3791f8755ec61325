"""How each exhibit's bytes were found when the server last read them again: a row beside the exhibit, for the scrub."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from jit_server.core.database import UtcDateTime, Word
from jit_server.core.errors import Altered
from jit_server.work import UnitOfWork


class Condition(StrEnum):
    """What lies in the vault, held against what was taken in."""

    WHOLE = "whole"
    ALTERED = "altered"
    MISSING = "missing"

    @classmethod
    def of(cls, found: Altered) -> "Condition":
        """The condition that a failed reading means."""
        return cls.MISSING if found.members.get("missing") else cls.ALTERED


class StoredCheck(SQLModel, table=True):
    """One for each exhibit, made by the database with it. `retry_at`: not before then, the store could not read it."""

    __tablename__ = "stored_check"
    __table_args__ = (
        CheckConstraint("condition IN ('whole','altered','missing')", name="condition"),
        Index("ix_stored_check_checked_at", "checked_at"),
        Index("ix_stored_check_damaged", "workspace_id", postgresql_where=text("condition <> 'whole'")),
    )

    item_id: UUID = Field(primary_key=True, foreign_key="evidence_item.id")
    workspace_id: UUID = Field(foreign_key="workspace.id")
    checked_at: datetime = Field(sa_type=UtcDateTime)
    retry_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)
    condition: Condition = Field(default=Condition.WHOLE, sa_type=Word(Condition))


def note(uow: UnitOfWork, item_id: UUID, condition: Condition) -> bool:
    """Keep what was found, with the server's own hand; whether it is news."""
    with uow.as_system():
        row = uow.find(StoredCheck, item_id=item_id)
        if row is None:
            return False
        news = row.condition is not condition
        row.checked_at, row.retry_at, row.condition = uow.now, None, condition
    return news
