"""Nouns of the room: workspaces, agreements with their clauses and signatures, parties and members."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field as Column

from jit_server.access import Handling, PartyClass, Phase, Role
from jit_server.core.database import Row, UtcDateTime, Word
from jit_server.workspaces.document import (
    SIGNS,
    Long,
    NewAgreement,
    NewClause,
    NewLeader,
    NewParty,
    RetentionProfile,
    Short,
    Stated,
)

__all__ = [
    "SIGNS",
    "Agreement",
    "AgreementDraft",
    "AgreementOut",
    "AgreementSignature",
    "End",
    "Long",
    "Member",
    "MemberOut",
    "MemberStatus",
    "NewAgreement",
    "NewClause",
    "NewLeader",
    "NewMember",
    "NewParty",
    "Party",
    "PhaseChange",
    "PolicyLine",
    "RetentionProfile",
    "Short",
    "SignatureOut",
    "Signing",
    "Stated",
    "VersionKind",
    "VersionState",
    "Workspace",
    "WorkspaceOut",
]


class MemberStatus(StrEnum):
    """Where a membership stands."""

    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REMOVED = "removed"


class NewMember(Stated):
    """Somebody who is given access."""

    person_id: UUID
    role: Role
    expires_at: AwareDatetime | None = None


class End(Stated):
    """Why an access ends."""

    reason: Short


class PhaseChange(Stated):
    """The next phase and its reason."""

    phase: Phase
    reason: Short


class Signing(Stated):
    """A signature: the digest says which text is signed."""

    digest: Short
    qualified: Short | None = Field(
        default=None, description="Where a qualified electronic signature of the same text is kept, if there is one."
    )


class Workspace(Row, table=True):
    """The space of one joint investigation team. `epoch` goes up with every change of members or phase."""

    __workspace__: ClassVar[bool] = True
    __table_args__ = (
        UniqueConstraint("reference", name="uq_workspace_reference"),
        CheckConstraint("period_to >= period_from", name="period"),
        CheckConstraint("length(name) BETWEEN 1 AND 200", name="name"),
    )

    reference: str = Column(sa_type=Text)
    name: str = Column(sa_type=Text)
    purpose: str = Column(sa_type=Text)
    legal_basis: str = Column(sa_type=Text)
    phase: Phase = Column(default=Phase.PROPOSED, sa_type=Word(Phase))
    default_handling: Handling = Column(sa_type=Word(Handling))
    retention_profile: RetentionProfile = Column(sa_type=Word(RetentionProfile))
    period_from: date
    period_to: date
    epoch: int = Column(default=1, sa_type=BigInteger)
    policy_version: int = 0
    version: int = 1
    created_at: datetime = Column(sa_type=UtcDateTime)


class Party(Row, table=True):
    """An agency that is party to the agreement."""

    __table_args__ = (UniqueConstraint("workspace_id", "agency_id", name="uq_party_workspace_id_agency_id"),)

    workspace_id: UUID = Column(foreign_key="workspace.id")
    agency_id: UUID = Column(foreign_key="agency.id")
    state: str = Column(sa_type=Text)
    party_class: PartyClass = Column(sa_type=Word(PartyClass))
    authority: str = Column(sa_type=Text)
    signatory: str = Column(sa_type=Text)
    left_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)


class VersionKind(StrEnum):
    """How a version comes into force: signed by every party, or by one party's notice (A4, A11)."""

    AGREEMENT = "agreement"
    MEMBERS = "members"
    LEAVING = "leaving"


class Agreement(Row, table=True):
    """One version of the agreement; its digest is what the parties sign. The text is never altered."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "version", name="uq_agreement_workspace_id_version"),
        CheckConstraint("in_force_at IS NULL OR withdrawn_at IS NULL", name="one_end"),
        Index(
            "ix_agreement_open", "workspace_id", postgresql_where=text("in_force_at IS NULL AND withdrawn_at IS NULL")
        ),
    )

    workspace_id: UUID = Column(foreign_key="workspace.id")
    version: int
    document: dict[str, Any] = Column(sa_type=JSONB)
    digest: str = Column(sa_type=Text)
    created_by: UUID = Column(foreign_key="person.id")
    created_at: datetime = Column(sa_type=UtcDateTime)
    kind: VersionKind = Column(default=VersionKind.AGREEMENT, sa_type=Word(VersionKind))
    base_version: int | None = None
    in_force_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)
    withdrawn_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)
    withdrawn_by: UUID | None = Column(default=None, foreign_key="person.id")


class AgreementDraft(Row, table=True):
    """A text being written: a first agreement's belongs to its author, an amendment's to the workspace."""

    __tablename__ = "agreement_draft"
    __table_args__ = (
        Index("uq_agreement_draft_live", "workspace_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("ix_agreement_draft_created_by", "created_by"),
    )

    workspace_id: UUID | None = Column(default=None, foreign_key="workspace.id")
    base_version: int | None = None
    document: dict[str, Any] = Column(sa_type=JSONB)
    version: int = 1
    created_by: UUID = Column(foreign_key="person.id")
    created_at: datetime = Column(sa_type=UtcDateTime)
    updated_by: UUID = Column(foreign_key="person.id")
    updated_at: datetime = Column(sa_type=UtcDateTime)
    closed_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)


class AgreementSignature(Row, table=True):
    """A party's signature under one version: what was stated, and the server's Ed25519 seal over it."""

    __tablename__ = "agreement_signature"
    __table_args__ = (
        UniqueConstraint("agreement_id", "agency_id", name="uq_agreement_signature_agreement_id_agency_id"),
        CheckConstraint("(statement IS NULL) = (seal IS NULL)", name="sealed"),
    )

    workspace_id: UUID = Column(foreign_key="workspace.id")
    agreement_id: UUID = Column(foreign_key="agreement.id")
    agency_id: UUID = Column(foreign_key="agency.id")
    person_id: UUID = Column(foreign_key="person.id")
    digest: str = Column(sa_type=Text)
    signed_at: datetime = Column(sa_type=UtcDateTime)
    statement: dict[str, Any] | None = Column(default=None, sa_type=JSONB, nullable=True)
    seal: str | None = Column(default=None, sa_type=Text, nullable=True)


class PolicyLine(Row, table=True):
    """A clause compiled into a rule, for one version of the workspace's policy."""

    __tablename__ = "policy_line"
    __table_args__ = (
        UniqueConstraint(
            "workspace_id", "policy_version", "clause_id", name="uq_policy_line_workspace_id_policy_version_clause_id"
        ),
    )

    workspace_id: UUID = Column(foreign_key="workspace.id")
    policy_version: int
    clause_id: str = Column(sa_type=Text)
    effect: str = Column(sa_type=Text)
    rule: dict[str, Any] = Column(sa_type=JSONB)
    reason: str = Column(sa_type=Text)


class Member(Row, table=True):
    """A person's place in a team: role, party, and how long."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "person_id", name="uq_member_workspace_id_person_id"),
        Index("ix_member_person_id", "person_id"),
    )

    workspace_id: UUID = Column(foreign_key="workspace.id")
    person_id: UUID = Column(foreign_key="person.id")
    party_id: UUID = Column(foreign_key="party.id")
    role: Role = Column(sa_type=Word(Role))
    status: MemberStatus = Column(default=MemberStatus.ACTIVE, sa_type=Word(MemberStatus))
    since: datetime = Column(sa_type=UtcDateTime)
    expires_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)
    ended_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)
    end_reason: str | None = Column(default=None, sa_type=Text, nullable=True)


class WorkspaceOut(BaseModel):
    """A workspace as its members see it."""

    id: UUID
    reference: str
    name: str
    purpose: str
    legal_basis: str
    phase: Phase
    default_handling: Handling
    retention_profile: RetentionProfile
    period_from: date
    period_to: date
    states: list[str]
    my_role: Role
    version: int


class MemberOut(BaseModel):
    """A member as the team sees it."""

    id: UUID
    person_id: UUID
    name: str
    agency: str
    state: str
    party_id: UUID
    role: Role
    status: MemberStatus
    since: datetime
    expires_at: datetime | None


class VersionState(StrEnum):
    """Where a version of the agreement stands."""

    OFFERED = "offered"
    IN_FORCE = "in_force"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    """Not every party signed in time."""


class SignatureOut(BaseModel):
    """Who signed for which party, and when. A party that only joins by this version has no id yet."""

    party_id: UUID | None
    slug: str
    state: str
    authority: str
    party_class: PartyClass
    signatory: str
    signs: bool
    signed_by: str | None
    signed_at: datetime | None
    statement: dict[str, Any] | None = None
    seal: str | None = None
    sealed: bool | None = Field(default=None, description="Whether the seal holds; None for one made before seals.")


class AgreementOut(BaseModel):
    """A version of the agreement: in force, under signature, or past."""

    id: UUID
    version: int
    kind: VersionKind
    state: VersionState
    base_version: int | None
    in_force_at: datetime | None
    digest: str
    document: dict[str, Any]
    created_at: datetime
    parties: list[SignatureOut]
    complete: bool
