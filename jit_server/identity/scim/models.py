"""Nouns: an agency's SCIM tokens, and what its directory says of a person."""

from datetime import datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Bound
from sqlalchemy import CheckConstraint, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from jit_server.core.database import Row, UtcDateTime


class ScimToken(Row, table=True):
    """The bearer token by which an agency's directory is known; only its digest is kept."""

    __tablename__ = "scim_token"
    __table_args__ = (
        UniqueConstraint("token_hash", name="uq_scim_token_token_hash"),
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
        Index("ix_scim_token_agency_id", "agency_id"),
    )

    agency_id: UUID = Field(foreign_key="agency.id")
    token_hash: bytes = Field(sa_type=LargeBinary)
    created_by: UUID | None = Field(default=None, foreign_key="person.id", nullable=True)
    """Nobody: the operator, in the terminal."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)


class ScimUser(SQLModel, table=True):
    """What the directory says of a person. `switched_off`: the directory, and nobody here, ended their access.

    `user_name` is in lower case, as it is compared. A deleted one keeps its row without anything in it, so that the
    directory can bring back whom it took away, and only them.
    """

    __tablename__ = "scim_user"
    __table_args__ = (
        Index(
            "uq_scim_user_user_name", "agency_id", "user_name", unique=True, postgresql_where=text("deleted_at IS NULL")
        ),
        Index("ix_scim_user_external_id", "agency_id", "external_id"),
        Index("ix_scim_user_page", "agency_id", "created_at", "person_id", postgresql_where=text("deleted_at IS NULL")),
    )

    person_id: UUID = Field(primary_key=True, foreign_key="person.id")
    agency_id: UUID = Field(foreign_key="agency.id")
    user_name: str = Field(sa_type=String(255))
    external_id: str | None = Field(default=None, sa_type=String(255), nullable=True)
    document: dict[str, Any] = Field(sa_type=JSONB)
    switched_off: bool = False
    version: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)


class ScimRun(SQLModel, table=True):
    """The last run of an agency's directory (`runs`)."""

    __tablename__ = "scim_run"
    __table_args__ = (
        CheckConstraint("least(created, changed, deactivated, refused) >= 0", name="counts"),
        CheckConstraint("begun_at <= last_at", name="moments"),
    )

    agency_id: UUID = Field(primary_key=True, foreign_key="agency.id")
    begun_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)
    created: int = 0
    changed: int = 0
    deactivated: int = 0
    refused: int = 0
    error: str | None = Field(default=None, sa_type=String(300), nullable=True)


class NewToken(BaseModel):
    """How long a token is good."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[int, Bound(ge=1, le=365)] = 180


class Shown(NamedTuple):
    """A token's row, and the token itself, which is shown this once and kept nowhere."""

    row: ScimToken
    token: str


class TokenOut(BaseModel):
    """A token as the agency's administrators see it."""

    id: UUID
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
