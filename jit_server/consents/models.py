"""Nouns of the room: asks for consent, emergencies, acts of two people, and notices to one person."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints
from sqlalchemy import ARRAY, CheckConstraint, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from jit_server.access import Action, Handling, Phase
from jit_server.access.purposes import known
from jit_server.consents.lifecycle import ApprovalState, ConsentState, Review
from jit_server.core.database import Row, UtcDateTime, Word
from jit_server.workspaces.compartments import inside
from jit_server.workspaces.models import Stated

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Purpose = Annotated[str, AfterValidator(known)]
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,39}$")]
Clause = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
Actions = Annotated[frozenset[Action], Field(min_length=1, max_length=10)]


class Emergency(StrEnum):
    """Why somebody opens a restricted thing without waiting for consent."""

    LIFE = "life"
    VICTIM = "victim"
    FLIGHT = "flight"
    EVIDENCE_LOSS = "evidence_loss"


class Grantee(StrEnum):
    """Whom a consent is given to."""

    PERSON = "person"
    PARTY = "party"


class NewAsk(Stated):
    """What somebody asks the originator for."""

    subject_kind: Kind
    subject_id: UUID
    actions: Actions
    purpose: Purpose
    purpose_text: Words
    days: int = Field(default=14, ge=1, le=366, description="How long it is needed, in days.")


class Granting(Stated):
    """The originator's yes: to whom, for what, until when, under which clause."""

    to: Grantee
    actions: Actions
    expires_at: AwareDatetime
    clause: Clause
    reason: Words | None = None


class Because(Stated):
    """The reason of a no, of a withdrawal or of a revocation."""

    reason: Words


class NewEmergency(Stated):
    """Break-glass: what is opened at once, and why it cannot wait."""

    subject_kind: Kind
    subject_id: UUID
    actions: Actions
    reason: Emergency
    reason_text: Words
    minutes: int = Field(default=60, ge=5, le=60)


class Reviewing(Stated):
    """The originator's word on an emergency."""

    review: Literal[Review.CONFIRMED, Review.OBJECTED]
    text: Words


class Closing(Stated):
    """A phase that closes something for good."""

    phase: Phase
    reason: Words


class Deciding(Stated):
    """The second person's answer; the digest says which act is meant."""

    approve: bool
    digest: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
    reason: Words | None = None


class _About(SQLModel):
    """What a row about a thing carries, so that it is known to exactly those who may know of the thing."""

    workspace_id: UUID = Column(foreign_key="workspace.id")
    party_id: UUID = Column(foreign_key="party.id")
    handling: Handling = Column(sa_type=Word(Handling))
    compartment_id: UUID | None = Column(default=None, nullable=True)
    subject_kind: str = Column(sa_type=Text)
    subject_id: UUID
    actions: list[str] = Column(sa_type=ARRAY(Text))


class Consent(Row, _About, table=True):
    """An ask to the originator (`party_id`) of a thing, and its answer. What was asked is never altered."""

    __known_by__: ClassVar = Action.EVIDENCE_LIST
    __dealings__: ClassVar = True
    __table_args__ = (
        inside(),
        CheckConstraint("days BETWEEN 1 AND 366", name="days"),
        CheckConstraint("due_at > asked_at", name="due"),
        CheckConstraint("party_id <> asked_party", name="of_another"),
        CheckConstraint("cardinality(actions) > 0", name="actions"),
        Index("ix_consent_workspace_id_state", "workspace_id", "state"),
        Index("uq_consent_open", "asked_by", "subject_id", unique=True, postgresql_where="state = 'asked'"),
    )

    asked_by: UUID = Column(foreign_key="person.id")
    asked_party: UUID = Column(foreign_key="party.id")
    purpose_code: str = Column(sa_type=Text)
    purpose_text: str = Column(sa_type=Text)
    days: int
    asked_at: datetime = Column(sa_type=UtcDateTime)
    due_at: datetime = Column(sa_type=UtcDateTime)
    state: ConsentState = Column(default=ConsentState.ASKED, sa_type=Word(ConsentState))
    decided_by: UUID | None = Column(default=None, foreign_key="person.id", nullable=True)
    decided_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)
    reason: str | None = Column(default=None, sa_type=Text, nullable=True)
    clause_id: str | None = Column(default=None, sa_type=Text, nullable=True)
    granted_to: str | None = Column(default=None, sa_type=Text, nullable=True)
    granted_actions: list[str] | None = Column(default=None, sa_type=ARRAY(Text), nullable=True)
    expires_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)


class BreakGlass(Row, _About, table=True):
    """A restricted thing opened in an emergency for an hour at most, and what its originator says of that."""

    __tablename__ = "break_glass"
    __known_by__: ClassVar = Action.EVIDENCE_LIST
    __dealings__: ClassVar = True
    __table_args__ = (
        inside(),
        CheckConstraint("expires_at <= opened_at + interval '60 minutes'", name="short"),
        CheckConstraint("party_id <> opened_party", name="of_another"),
        CheckConstraint("cardinality(actions) > 0", name="actions"),
        Index("ix_break_glass_workspace_id", "workspace_id"),
    )

    opened_by: UUID = Column(foreign_key="person.id")
    opened_party: UUID = Column(foreign_key="party.id")
    reason_code: str = Column(sa_type=Text)
    reason_text: str = Column(sa_type=Text)
    opened_at: datetime = Column(sa_type=UtcDateTime)
    expires_at: datetime = Column(sa_type=UtcDateTime)
    review: Review = Column(default=Review.OPEN, sa_type=Word(Review))
    reviewed_by: UUID | None = Column(default=None, foreign_key="person.id", nullable=True)
    reviewed_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)
    review_text: str | None = Column(default=None, sa_type=Text, nullable=True)


class Approval(Row, table=True):
    """An act that one person proposed and another must approve before anything happens."""

    __table_args__ = (
        CheckConstraint("state <> 'approved' OR decided_by <> proposed_by", name="two_people"),
        CheckConstraint("expires_at > proposed_at", name="ends"),
        Index("ix_approval_workspace_id_state", "workspace_id", "state"),
        Index(
            "uq_approval_waiting",
            "workspace_id",
            "kind",
            "subject_id",
            unique=True,
            postgresql_where="state = 'waiting'",
        ),
    )

    workspace_id: UUID = Column(foreign_key="workspace.id")
    kind: str = Column(sa_type=Text)
    subject_kind: str = Column(sa_type=Text)
    subject_id: UUID
    payload: dict[str, Any] = Column(sa_type=JSONB)
    digest: str = Column(sa_type=Text)
    proposed_by: UUID = Column(foreign_key="person.id")
    proposed_party: UUID = Column(foreign_key="party.id")
    reason: str = Column(sa_type=Text)
    proposed_at: datetime = Column(sa_type=UtcDateTime)
    expires_at: datetime = Column(sa_type=UtcDateTime)
    state: ApprovalState = Column(default=ApprovalState.WAITING, sa_type=Word(ApprovalState))
    decided_by: UUID | None = Column(default=None, foreign_key="person.id", nullable=True)
    decided_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)
    decision: str | None = Column(default=None, sa_type=Text, nullable=True)


class NoticeKind(StrEnum):
    """What one person is told on their day until they have seen it."""

    GLASS_BROKEN = "glass_broken"
    GLASS_REVIEWED = "glass_reviewed"
    ANSWERED = "answered"
    MEMBERSHIP_ENDS = "membership_ends"
    TERM_ENDS = "term_ends"


class Notice(Row, table=True):
    """Something one person must be told once. `mark` tells repetitions apart (60, 30, 7 days)."""

    __table_args__ = (
        UniqueConstraint("person_id", "kind", "subject_id", "mark", name="uq_notice_once"),
        Index("ix_notice_unseen", "person_id", postgresql_where="seen_at IS NULL"),
    )

    workspace_id: UUID = Column(foreign_key="workspace.id")
    person_id: UUID = Column(foreign_key="person.id")
    kind: NoticeKind = Column(sa_type=Word(NoticeKind))
    subject_kind: str = Column(sa_type=Text)
    subject_id: UUID
    mark: str = Column(sa_type=Text)
    made_at: datetime = Column(sa_type=UtcDateTime)
    ends_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)
    seen_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)
