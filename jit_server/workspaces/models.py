"""Nouns of the room: workspaces, agreements with their clauses and signatures, parties and members."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field as Column

from jit_server.access import Action, Handling, Origin, PartyClass, Phase, Role
from jit_server.core.database import Row, UtcDateTime, Word

Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Long = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
ClauseId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.\-]{0,19}$")]


SIGNS = frozenset(
    {PartyClass.MS_AUTHORITY, PartyClass.EPPO, PartyClass.THIRD_COUNTRY, PartyClass.INTL_JUDICIAL_AUTHORITY}
)
"""Who signs an agreement. Union bodies and the secretariat take part under it and sign nothing (Arts. 14(3) and 16)."""


class RetentionProfile(StrEnum):
    """Whether content passes through (erased once every addressee has it) or is kept for the case."""

    TRANSIT = "transit"
    REPOSITORY = "repository"


class MemberStatus(StrEnum):
    """Where a membership stands."""

    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REMOVED = "removed"


class Stated(BaseModel):
    """What a caller may state: nothing unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewParty(Stated):
    """A party as the agreement names it."""

    agency: Short = Field(description="Slug of the agency.")
    party_class: PartyClass = PartyClass.MS_AUTHORITY
    signatory: Short = Field(description="Name and office of whoever signs for the party.")


class NewLeader(Stated):
    """A leader whom the agreement names; signs for the party and, as space administrator, runs the space."""

    agency: Short
    person_id: UUID
    space_admin: bool = False


class NewClause(Stated):
    """A clause of the agreement about access, which compiles to policy lines."""

    id: ClauseId
    text: Long = Field(description="The clause in words; it is what people are shown when it decides.")
    effect: Literal["allow", "deny"]
    actions: tuple[Action, ...] = Field(min_length=1)
    roles: tuple[Role, ...] = ()
    party_classes: tuple[PartyClass, ...] = ()
    origins: tuple[Origin, ...] = ()
    handlings: tuple[Handling, ...] = ()
    phases: tuple[Phase, ...] = ()


class NewAgreement(Stated):
    """A JIT agreement in the structure of the model agreement (2017/C 18/01), as far as this server acts on it."""

    reference: Short
    name: Short
    purpose: Long
    legal_basis: Short
    period_from: date
    period_to: date
    platform_use: Literal[True] = Field(description="The agreement provides for the platform (Art. 13(1)).")
    parties: tuple[NewParty, ...] = Field(min_length=2, max_length=40)
    leaders: tuple[NewLeader, ...] = Field(min_length=2, max_length=80)
    clauses: tuple[NewClause, ...] = Field(default=(), max_length=200)
    default_handling: Handling = Handling.H1
    retention_profile: RetentionProfile = RetentionProfile.TRANSIT

    @model_validator(mode="after")
    def _holds_together(self) -> "NewAgreement":
        agencies = [party.agency for party in self.parties]
        ids = [clause.id for clause in self.clauses]
        led = {leader.agency for leader in self.leaders}
        if self.period_to < self.period_from:
            raise ValueError("period_to lies before period_from: a team has a term")
        if len(set(agencies)) != len(agencies):
            raise ValueError("parties: an agency is named twice")
        if led != {party.agency for party in self.parties if party.party_class in SIGNS}:
            raise ValueError("leaders: each party that signs needs at least one, and nobody else has any")
        if not any(leader.space_admin for leader in self.leaders):
            raise ValueError("leaders: at least one must be space administrator (Art. 14(1))")
        if len(set(ids)) != len(ids):
            raise ValueError("clauses: two have the same id")
        return self


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


class Agreement(Row, table=True):
    """One version of the agreement; its digest is what the parties sign."""

    __table_args__ = (UniqueConstraint("workspace_id", "version", name="uq_agreement_workspace_id_version"),)

    workspace_id: UUID = Column(foreign_key="workspace.id")
    version: int
    document: dict[str, Any] = Column(sa_type=JSONB)
    digest: str = Column(sa_type=Text)
    created_by: UUID = Column(foreign_key="person.id")
    created_at: datetime = Column(sa_type=UtcDateTime)


class AgreementSignature(Row, table=True):
    """A party's signature under one version."""

    __tablename__ = "agreement_signature"
    __table_args__ = (
        UniqueConstraint("agreement_id", "party_id", name="uq_agreement_signature_agreement_id_party_id"),
    )

    workspace_id: UUID = Column(foreign_key="workspace.id")
    agreement_id: UUID = Column(foreign_key="agreement.id")
    party_id: UUID = Column(foreign_key="party.id")
    person_id: UUID = Column(foreign_key="person.id")
    digest: str = Column(sa_type=Text)
    signed_at: datetime = Column(sa_type=UtcDateTime)


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


class SignatureOut(BaseModel):
    """Who signed for which party, and when."""

    party_id: UUID
    state: str
    authority: str
    party_class: PartyClass
    signatory: str
    signed_by: str | None
    signed_at: datetime | None


class AgreementOut(BaseModel):
    """The agreement in force or under signature."""

    id: UUID
    version: int
    digest: str
    document: dict[str, Any]
    created_at: datetime
    parties: list[SignatureOut]
    complete: bool
