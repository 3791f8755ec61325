"""Rows of an opened package: who asked, what the check gave, which exhibit each of its exhibits became. Only added."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from jit_server.core.database import UtcDateTime


class PackageOpening(SQLModel, table=True):
    """Somebody asked to open an exhibit that is a package; it is opened in their name."""

    __tablename__ = "package_opening"

    item_id: UUID = Field(primary_key=True, foreign_key="evidence_item.id")
    workspace_id: UUID = Field(foreign_key="workspace.id")
    asked_by: UUID = Field(foreign_key="person.id")
    asked_at: datetime = Field(sa_type=UtcDateTime)


class PackageVerdict(SQLModel, table=True):
    """What the verifier found. What the package says of itself stands here as it says it, and is believed if `ok`.

    `seal` is the SHA-256 of the sealing certificate and `key` the log's public key: who trusts the sender compares one
    of them with what the sender publishes, for a package cannot vouch for its own key.
    """

    __tablename__ = "package_verdict"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("ok = (findings = '')", name="findings"),
        CheckConstraint("exhibits >= 0", name="exhibits"),
    )

    item_id: UUID = Field(primary_key=True, foreign_key="evidence_item.id")
    workspace_id: UUID = Field(foreign_key="workspace.id")
    ok: bool
    findings: str = Field(sa_type=Text)
    server: str = Field(default="", sa_type=Text)
    reference: str = Field(default="", sa_type=Text)
    made_by: str = Field(default="", sa_type=Text)
    made_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)
    key: str = Field(default="", sa_type=Text)
    seal: str = Field(default="", sa_type=Text)
    exhibits: int = 0
    checked_at: datetime = Field(sa_type=UtcDateTime)


class ArrivedExhibit(SQLModel, table=True):
    """An exhibit that came out of a package, and what it was where it came from."""

    __tablename__ = "arrived_exhibit"
    __table_args__: ClassVar[Any] = (UniqueConstraint("package_id", "number"),)

    item_id: UUID = Field(primary_key=True, foreign_key="evidence_item.id")
    package_id: UUID = Field(foreign_key="evidence_item.id")
    workspace_id: UUID = Field(foreign_key="workspace.id")
    number: str = Field(sa_type=Text)
    agency: str = Field(sa_type=Text)
    registered_at: str = Field(sa_type=Text)
    arrived_at: datetime = Field(sa_type=UtcDateTime)
