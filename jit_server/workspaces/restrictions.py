"""Nouns of a party's own rules: restrictions a party lays on its own people, and the versions of a policy."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import Field
from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field as Column

from jit_server.access import Action, Handling, Origin, Phase, Role
from jit_server.core.database import Row, UtcDateTime, Word
from jit_server.workspaces.models import Long, Short, Stated


class Cause(StrEnum):
    """What made a new version of a workspace's policy."""

    AGREEMENT = "agreement"
    """The agreement came into force, or its amendment did."""
    NARROWED = "narrowed"
    """A party laid a restriction on its own people."""
    LOOSENED = "loosened"
    """A party lifted one, by two persons."""


class PartyRule(Row, table=True):
    """A restriction that a party lays on its own people in one team: it only ever denies, and only to them."""

    __tablename__ = "party_rule"
    __known_by__: ClassVar[Action] = Action.POLICY_PROPOSE
    __table_args__ = (
        UniqueConstraint("workspace_id", "clause_id", name="uq_party_rule_workspace_id_clause_id"),
        CheckConstraint("length(sentence) BETWEEN 1 AND 1000", name="sentence"),
        CheckConstraint("ended_by IS NULL OR ended_by <> end_proposed_by", name="two_people"),
        Index("ix_party_rule_party_id", "party_id"),
    )

    workspace_id: UUID = Column(foreign_key="workspace.id")
    party_id: UUID = Column(foreign_key="party.id")
    clause_id: str = Column(sa_type=Text)
    sentence: str = Column(sa_type=Text)
    kinds: dict[str, Any] = Column(sa_type=JSONB)
    proposed_by: UUID = Column(foreign_key="person.id")
    proposed_at: datetime = Column(sa_type=UtcDateTime)
    applied_by: UUID | None = Column(default=None, foreign_key="person.id", nullable=True)
    applied_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)
    end_proposed_by: UUID | None = Column(default=None, foreign_key="person.id", nullable=True)
    end_proposed_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)
    end_reason: str | None = Column(default=None, sa_type=Text, nullable=True)
    ended_by: UUID | None = Column(default=None, foreign_key="person.id", nullable=True)
    ended_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)


class PolicyVersion(Row, table=True):
    """Who put which rules in force and when; the lines themselves stand in `policy_line` under the same number."""

    __tablename__ = "policy_version"
    __table_args__ = (UniqueConstraint("workspace_id", "version", name="uq_policy_version_workspace_id_version"),)

    workspace_id: UUID = Column(foreign_key="workspace.id")
    version: int
    agreement_id: UUID = Column(foreign_key="agreement.id")
    party_rule_id: UUID | None = Column(default=None, foreign_key="party_rule.id", nullable=True)
    cause: Cause = Column(sa_type=Word(Cause))
    made_by: UUID | None = Column(default=None, foreign_key="person.id", nullable=True)
    made_at: datetime = Column(sa_type=UtcDateTime)


class NewPartyRule(Stated):
    """A restriction as a party states it; what is left empty means every one of its kind."""

    sentence: Long = Field(max_length=1000, description="The restriction in words, shown to whom it stops.")
    actions: tuple[Action, ...] = Field(min_length=1)
    roles: tuple[Role, ...] = ()
    origins: tuple[Origin, ...] = ()
    handlings: tuple[Handling, ...] = ()
    phases: tuple[Phase, ...] = ()
    compartments: tuple[Short, ...] = Field(default=(), max_length=40)


class EndRule(Stated):
    """Why a restriction should end."""

    reason: Short
