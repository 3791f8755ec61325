"""Nouns of witnessing: whom we ask, whom we believe, what we have seen, what others have cosigned."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from jit_server.core.database import Row, UtcDateTime


class Witness(Row, table=True):
    """A witness that this server asks, by its key and address; one that was taken out keeps its row."""

    __table_args__ = (
        CheckConstraint("length(key) BETWEEN 50 AND 500", name="key"),
        CheckConstraint("length(url) BETWEEN 8 AND 500", name="url"),
    )

    handling: ClassVar[None] = None
    key: str = Field(sa_type=Text)
    url: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=UtcDateTime)
    until: datetime | None = Field(default=None, sa_type=UtcDateTime)


class WitnessedServer(Row, table=True):
    """A server whose logs this one cosigns, by its name and key: every log of it is called `<name>/log/<id>`."""

    __tablename__ = "witnessed_server"
    __table_args__ = (CheckConstraint("length(key) BETWEEN 50 AND 500", name="key"),)

    handling: ClassVar[None] = None
    key: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=UtcDateTime)
    until: datetime | None = Field(default=None, sa_type=UtcDateTime)


class WitnessedLog(SQLModel, table=True):
    """The largest head of a log that this server has seen. The database lets it only grow (migration 0047)."""

    __tablename__ = "witnessed_log"
    __table_args__ = (CheckConstraint("octet_length(root) = 32", name="root"),)

    origin: str = Field(primary_key=True, sa_type=Text)
    size: int = Field(sa_type=BigInteger)
    root: bytes = Field(sa_type=LargeBinary)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    note: str = Field(default="", sa_type=Text)
    against: str = Field(default="", sa_type=Text)
    """Another head of this size that the log's key signed: with `note` the proof that two histories were shown."""


class Cosignature(Row, table=True):
    """What a witness answered: that it saw a head of one of our logs, and when."""

    __table_args__ = (
        UniqueConstraint("log_id", "size", "witness_id", name="uq_cosignature_log_id_size_witness_id"),
        CheckConstraint("length(line) BETWEEN 50 AND 1000", name="line"),
    )

    log_id: UUID
    size: int = Field(sa_type=BigInteger)
    witness_id: UUID = Field(foreign_key="witness.id")
    line: str = Field(sa_type=Text)
    seen_at: datetime = Field(sa_type=UtcDateTime)
