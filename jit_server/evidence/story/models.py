"""Nouns: an event somebody put on the timeline, the exhibits it names, and its withdrawal. Rows are only added."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

from jit_server.access import Action, Handling
from jit_server.core.database import Row, UtcDateTime
from jit_server.workspaces.compartments import inside


class TimelineEvent(Row, table=True):
    """Something that happened in the case. `at` is the moment in `zone`; of a day alone it is that day's noon there.

    `position` is its place in the workspace's log, which commits to its words under `salt`.
    """

    __tablename__ = "timeline_event"
    __known_by__: ClassVar = Action.EVIDENCE_LIST
    __table_args__: ClassVar[Any] = (
        inside(),
        CheckConstraint("handling IN ('H0','H1','H2','H3')", name="handling"),
        CheckConstraint("length(title) BETWEEN 1 AND 200", name="title"),
        CheckConstraint("length(text) <= 4000 AND length(place) <= 200", name="text"),
        CheckConstraint("octet_length(salt) = 32", name="salt"),
        CheckConstraint("position > 0", name="position"),
        Index("ix_timeline_event_at", "workspace_id", "at", "position"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    party_id: UUID = Field(foreign_key="party.id")
    compartment_id: UUID | None = None
    handling: Handling = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    title: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    place: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcDateTime)
    zone: str = Field(sa_type=Text)
    day_only: bool = False
    salt: bytes = Field(sa_type=LargeBinary)
    written_by: UUID = Field(foreign_key="person.id")
    written_at: datetime = Field(sa_type=UtcDateTime)
    position: int | None = Field(default=None, sa_type=BigInteger, nullable=False)


class TimelineLink(SQLModel, table=True):
    """An exhibit that an event names."""

    __tablename__ = "timeline_link"
    __table_args__: ClassVar[Any] = (Index("ix_timeline_link_item_id", "item_id"),)

    event_id: UUID = Field(foreign_key="timeline_event.id", primary_key=True)
    item_id: UUID = Field(foreign_key="evidence_item.id", primary_key=True)
    workspace_id: UUID = Field(foreign_key="workspace.id")


class TimelineWithdrawal(Row, table=True):
    """An event was taken back: it stays on the timeline as such, with the reason."""

    __tablename__ = "timeline_withdrawal"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(reason) BETWEEN 1 AND 1000", name="reason"),
        Index("uq_timeline_withdrawal_event_id", "event_id", unique=True),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    event_id: UUID = Field(foreign_key="timeline_event.id")
    reason: str = Field(sa_type=Text)
    withdrawn_by: UUID = Field(foreign_key="person.id")
    withdrawn_at: datetime = Field(sa_type=UtcDateTime)
