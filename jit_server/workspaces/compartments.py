"""Compartments: subsets of the parties that work on something among themselves; and grants, exceptions for one thing.

The agreement names the compartments. For a party outside, a compartment and all that lies in it does not exist.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from jit_server.core.database import Row, UtcDateTime, Word


def inside() -> ForeignKeyConstraint:
    """The constraint of a table whose rows may lie in a compartment of their workspace."""
    return ForeignKeyConstraint(["compartment_id", "workspace_id"], ["compartment.id", "compartment.workspace_id"])


class Compartment(Row, table=True):
    """A compartment of one workspace; rules name it by `key`."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "key", name="uq_compartment_workspace_id_key"),
        UniqueConstraint("id", "workspace_id", name="uq_compartment_id_workspace_id"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    key: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)


class CompartmentParty(SQLModel, table=True):
    """A party's place in a compartment."""

    __tablename__ = "compartment_party"
    __table_args__ = (
        ForeignKeyConstraint(["compartment_id", "workspace_id"], ["compartment.id", "compartment.workspace_id"]),
        Index("ix_compartment_party_party_id", "party_id"),
    )

    compartment_id: UUID = Field(primary_key=True)
    party_id: UUID = Field(primary_key=True, foreign_key="party.id")
    workspace_id: UUID


class GrantKind(StrEnum):
    """Where a grant comes from."""

    CONSENT = "consent"
    OUTBOUND = "outbound"
    BREAK_GLASS = "break_glass"


class AccessGrant(Row, table=True):
    """An exception to a refusal: these actions on one thing, for one party or one person, until a moment.

    `clause_id` is what it stands on; `source_id` the consent, the verified release or the emergency it comes from.
    """

    __tablename__ = "access_grant"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("(party_id IS NULL) <> (person_id IS NULL)", name="one_grantee"),
        CheckConstraint("expires_at > granted_at", name="ends"),
        CheckConstraint("cardinality(actions) > 0", name="actions"),
        Index("ix_access_grant_workspace_id_subject_id", "workspace_id", "subject_id"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    subject_kind: str = Field(sa_type=Text)
    subject_id: UUID
    party_id: UUID | None = Field(default=None, foreign_key="party.id")
    person_id: UUID | None = Field(default=None, foreign_key="person.id")
    actions: list[str] = Field(sa_type=ARRAY(Text))
    kind: GrantKind = Field(sa_type=Word(GrantKind))
    clause_id: str = Field(sa_type=Text)
    source_id: UUID
    granted_by: UUID = Field(foreign_key="person.id")
    granted_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)
