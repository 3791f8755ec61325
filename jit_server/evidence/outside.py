"""Nouns about what comes in from, and goes out to, third countries and international courts; and changed markings.

Reg. (EU) 2023/969, Articles 17 and 18: nothing of theirs is seen before a space administrator verified it, nothing of
ours goes to them before whoever supplied it asserted that it may. Rows here are only ever added: an exhibit's marking
and gate follow from them by the database's own hand, so neither changes without a row that says who and why.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints
from pydantic import Field as Bound
from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint
from sqlmodel import Field

from jit_server.access import Gate, Handling
from jit_server.core.database import Row, UtcDateTime, Word
from jit_server.evidence.markings import Accuracy, Reliability
from jit_server.evidence.shapes import Conditions, Line

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=1000)]


class TransferBasis(StrEnum):
    """On what personal data may go to a third country (Directive (EU) 2016/680, Arts. 36 to 38)."""

    ADEQUACY = "adequacy"
    SAFEGUARDS = "safeguards"
    DEROGATION = "derogation"


class Mode(StrEnum):
    """What a release gives: sight of what is recorded, the bytes as often as wanted, or the bytes once and in time."""

    REFERENCE = "reference"
    COPY = "copy"
    TICKET = "ticket"


SHORTEST_WINDOW, LONGEST_WINDOW = 10, 45
"""Days in which what is delivered by a ticket is fetched."""


class Stated(BaseModel):
    """What a caller may state: nothing unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewMarking(Stated):
    """Another marking for an exhibit of one's own party, and why."""

    scheme: Annotated[str, StringConstraints(max_length=20)]
    code: Annotated[str, StringConstraints(max_length=40)]
    source_reliability: Reliability | None = None
    information_accuracy: Accuracy | None = None
    conditions_text: Conditions | None = None
    reason: Reason


class Inbound(Stated):
    """Whether something in quarantine is let in, and why."""

    verified: bool
    reason: Reason


class NewRecipient(Stated):
    """Another party of the team, or one person of it.

    A third country or an international court needs a basis of the transfer; left out, it is the agreement's.
    """

    party_id: UUID
    person_id: UUID | None = Bound(default=None, description="Only this person of the party.")
    basis: TransferBasis | None = None
    article: Line | None = None
    document: Line | None = None


class NewRelease(Stated):
    """The two assertions of Article 17(2), to whom, in which way, for what, and until when."""

    necessary: bool = Bound(default=False, description="The transfer is necessary for the purposes of the agreement.")
    compliant: bool = Bound(default=False, description="The transfer complies with the agreement.")
    recipients: tuple[NewRecipient, ...] = Bound(min_length=1, max_length=20)
    mode: Mode = Mode.COPY
    window_days: int | None = Bound(
        default=None, ge=SHORTEST_WINDOW, le=LONGEST_WINDOW, description="Days in which a ticket is used; 10 if unsaid."
    )
    reason: Reason
    expires_at: AwareDatetime


class Marking(Row, table=True):
    """How an exhibit was marked from a moment on; the newest row is in force."""

    __table_args__ = (
        CheckConstraint("handling IN ('H0','H1','H2','H3')", name="handling"),
        CheckConstraint("source_reliability IN ('A','B','C','X')", name="source_reliability"),
        CheckConstraint("information_accuracy IN ('1','2','3','4')", name="information_accuracy"),
        CheckConstraint("length(conditions_text) BETWEEN 1 AND 2000", name="conditions_text"),
        CheckConstraint("length(reason) <= 1000", name="reason"),
        Index("ix_marking_item_id", "item_id"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    item_id: UUID = Field(foreign_key="evidence_item.id")
    party_id: UUID = Field(foreign_key="party.id")
    handling: Handling = Field(sa_type=Text)
    scheme: str = Field(sa_type=Text)
    code: str = Field(sa_type=Text)
    source_reliability: str | None = Field(default=None, sa_type=Text, nullable=True)
    information_accuracy: str | None = Field(default=None, sa_type=Text, nullable=True)
    conditions_text: str | None = Field(default=None, sa_type=Text, nullable=True)
    reason: str = Field(default="", sa_type=Text)
    set_by: UUID = Field(foreign_key="person.id")
    set_at: datetime = Field(sa_type=UtcDateTime)


class InboundDecision(Row, table=True):
    """What a space administrator found about an exhibit in quarantine; one for each exhibit, and final."""

    __tablename__ = "inbound_decision"
    __table_args__ = (
        UniqueConstraint("item_id", name="uq_inbound_decision_item_id"),
        CheckConstraint("gate IN ('open','refused')", name="gate"),
        CheckConstraint("length(reason) BETWEEN 3 AND 1000", name="reason"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    item_id: UUID = Field(foreign_key="evidence_item.id")
    gate: Gate = Field(sa_type=Word(Gate))
    reason: str = Field(sa_type=Text)
    decided_by: UUID = Field(foreign_key="person.id")
    decided_at: datetime = Field(sa_type=UtcDateTime)


class ReleaseCheck(Row, table=True):
    """The check by whoever supplied an exhibit before it goes out; both assertions, or there is no row."""

    __tablename__ = "release_check"
    __table_args__ = (
        CheckConstraint("necessary AND compliant", name="asserted"),
        CheckConstraint("expires_at > made_at", name="ends"),
        CheckConstraint("length(reason) BETWEEN 3 AND 1000", name="reason"),
        CheckConstraint("mode IN ('reference','copy','ticket')", name="mode"),
        CheckConstraint("(mode = 'ticket') = (window_days IS NOT NULL)", name="window"),
        CheckConstraint("window_days BETWEEN 10 AND 45", name="window_days"),
        Index("ix_release_check_item_id", "item_id"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    item_id: UUID = Field(foreign_key="evidence_item.id")
    party_id: UUID = Field(foreign_key="party.id")
    necessary: bool
    compliant: bool
    reason: str = Field(sa_type=Text)
    made_by: UUID = Field(foreign_key="person.id")
    made_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    mode: Mode = Field(default=Mode.COPY, sa_type=Word(Mode), sa_column_kwargs={"server_default": "copy"})
    window_days: int | None = None


class ReleaseRecipient(Row, table=True):
    """One recipient of a release, a party or one person of it, with the basis of a transfer outside.

    `gate` is pending while an international court's release waits for the space administrator (Art. 18(2)).
    """

    __tablename__ = "release_recipient"
    __known_by__: ClassVar = None
    __table_args__ = (
        UniqueConstraint("check_id", "party_id", name="uq_release_recipient_check_id_party_id"),
        CheckConstraint("gate IN ('open','pending','refused')", name="gate"),
        CheckConstraint("basis IN ('adequacy','safeguards','derogation')", name="basis"),
        CheckConstraint("length(article) BETWEEN 1 AND 200", name="article"),
        CheckConstraint("length(document) BETWEEN 1 AND 200", name="document"),
        CheckConstraint("num_nulls(basis, article, document) IN (0, 3)", name="whole_basis"),
        Index("ix_release_recipient_item_id", "item_id"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    check_id: UUID = Field(foreign_key="release_check.id")
    item_id: UUID = Field(foreign_key="evidence_item.id")
    party_id: UUID = Field(foreign_key="party.id")
    person_id: UUID | None = Field(default=None, foreign_key="person.id")
    compartment_id: UUID | None = None
    basis: TransferBasis | None = Field(default=None, sa_type=Word(TransferBasis), nullable=True)
    article: str | None = Field(default=None, sa_type=Text, nullable=True)
    document: str | None = Field(default=None, sa_type=Text, nullable=True)
    gate: Gate = Field(sa_type=Word(Gate))
    decided_by: UUID | None = Field(default=None, foreign_key="person.id")
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)
    decision_reason: str | None = Field(default=None, sa_type=Text, nullable=True)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)


class MarkingOut(BaseModel):
    """One line of an exhibit's history of markings."""

    scheme: str
    code: str
    handling: Handling
    source_reliability: Reliability | None
    information_accuracy: Accuracy | None
    conditions_text: str | None
    reason: str
    set_by: str
    set_at: datetime


class RecipientOut(BaseModel):
    """A recipient of a release and where it stands: `in_force`, `waiting`, `refused`, `withdrawn` or `expired`.

    `download` counts what was taken whole and acknowledged by its digest: `notified`, `downloaded` or `window_expired`.
    """

    id: UUID
    party_id: UUID
    person: str | None
    state: str
    authority: str
    basis: TransferBasis | None
    article: str | None
    document: str | None
    stands: str
    download: str | None
    window_until: datetime | None
    received_at: datetime | None
    decision_reason: str | None


class ReleaseOut(BaseModel):
    """A release check with its recipients."""

    id: UUID
    item_id: UUID
    reason: str
    mode: Mode
    made_by: str
    made_at: datetime
    expires_at: datetime
    recipients: list[RecipientOut]


class InboundOut(BaseModel):
    """Something in quarantine as whoever verifies it sees it: what was declared, by whom, and its digest."""

    id: UUID
    number: str
    title: str
    file_name: str
    kind: str
    size: int
    sha256: str
    legal_basis: str
    method: str
    collector: str
    place: str
    collected_at: datetime
    zone: str
    handling: Handling
    conditions_text: str | None
    state: str
    agency: str
    registered_at: datetime
