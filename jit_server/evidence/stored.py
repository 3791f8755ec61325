"""How each exhibit's bytes were found when the server read them back and, later, again: a row beside the exhibit."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, text
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
    """One for each exhibit, made by the database with it. `retry_at`: not before then, the store could not read it.

    `read_back_at`: when the store first gave back what it was given; from then on the exhibit may be cited. With it
    come the SHA-512 of the bytes and the SHA-256 of what lies there, encrypted, which need no key to be compared.
    """

    __tablename__ = "stored_check"
    __table_args__ = (
        CheckConstraint("condition IN ('whole','altered','missing')", name="condition"),
        CheckConstraint("sha512 ~ '^[0-9a-f]{128}$'", name="sha512"),
        CheckConstraint("stored_sha256 ~ '^[0-9a-f]{64}$'", name="stored_sha256"),
        CheckConstraint("num_nulls(sha512, stored_sha256, read_back_at) IN (0, 3)", name="read_back"),
        Index("ix_stored_check_checked_at", "checked_at"),
        Index("ix_stored_check_damaged", "workspace_id", postgresql_where=text("condition <> 'whole'")),
    )

    item_id: UUID = Field(primary_key=True, foreign_key="evidence_item.id")
    workspace_id: UUID = Field(foreign_key="workspace.id")
    checked_at: datetime = Field(sa_type=UtcDateTime)
    retry_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)
    condition: Condition = Field(default=Condition.WHOLE, sa_type=Word(Condition))
    sha512: str | None = Field(default=None, sa_type=Text, nullable=True)
    stored_sha256: str | None = Field(default=None, sa_type=Text, nullable=True)
    read_back_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)


def note(uow: UnitOfWork, item_id: UUID, condition: Condition) -> bool:
    """Keep what was found, with the server's own hand; whether it is news."""
    with uow.as_system():
        row = uow.find(StoredCheck, item_id=item_id)
        if row is None:
            return False
        news = row.condition is not condition
        row.checked_at, row.retry_at, row.condition = uow.now, None, condition
    return news
