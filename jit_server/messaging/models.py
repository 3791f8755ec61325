"""Nouns of the room: channels, messages, what was changed about them, reading marks and drafts.

A message is never altered: a correction or a withdrawal is a `MessageChange` beside it, and the earlier text stays.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from pydantic import Field as Bound
from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from jit_server.access import Action, Handling
from jit_server.core.database import Row, UtcDateTime
from jit_server.workspaces.compartments import inside

TEXT_LIMIT = 20_000
"""Characters of one message; the database holds to it as well."""
TOPIC_LIMIT = 120
NAME_LIMIT = 80
REASON_LIMIT = 500
POSITION_LIMIT = 2**53 - 1
"""The largest position a browser counts exactly."""


def _keepable(text: str) -> str:
    """Refuse what PostgreSQL or a screen cannot show: NUL, other control characters and halves of characters."""
    for character in text:
        if (character < " " and character not in "\n\t\r") or character == "\x7f" or "\ud800" <= character <= "\udfff":
            message = f"holds a character that cannot be kept (U+{ord(character):04X}): remove it"
            raise ValueError(message)
    return text


def _one_line(text: str) -> str:
    if any(character in text for character in "\n\r\t\u2028\u2029"):
        message = "must stand on one line"
        raise ValueError(message)
    return text


def _said(text: str) -> str:
    if not text.strip():
        message = "is empty: write something first"
        raise ValueError(message)
    return text


Kept = AfterValidator(_keepable)
MessageText = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_LIMIT), Kept, AfterValidator(_said)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), Kept, AfterValidator(_one_line)]
Topic = Annotated[Line, StringConstraints(max_length=TOPIC_LIMIT)]
Name = Annotated[Line, StringConstraints(max_length=NAME_LIMIT)]
Reason = Annotated[Line, StringConstraints(max_length=REASON_LIMIT)]
ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Position = Annotated[int, Bound(ge=0, le=POSITION_LIMIT, strict=True)]


class Stated(BaseModel):
    """What a caller may state: nothing beside the fields named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewChannel(Stated):
    """A channel to open, for the whole team or for one compartment of it."""

    name: Name
    compartment_id: UUID | None = None
    purpose: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), Kept] = ""


class NewMessage(Stated):
    """Something to say. `client_id` is made by the sender: the same one again never makes a second message."""

    channel_id: UUID
    topic: Topic
    text: MessageText
    handling: Handling | None = None
    client_id: ClientId
    reply_to: UUID | None = None


class Correction(Stated):
    """The text that takes the place of an earlier one. `version` is the one it was written against, if known."""

    text: MessageText
    version: Annotated[int, Bound(ge=1, le=10_000, strict=True)] | None = None


class Withdrawal(Stated):
    """Why a message is withdrawn."""

    reason: Reason


class NewDraft(Stated):
    """Words not yet sent; an empty text forgets the draft."""

    topic: Topic
    text: Annotated[str, StringConstraints(max_length=TEXT_LIMIT), Kept] = ""
    handling: Handling | None = None


class Mark(Stated):
    """How far a topic has been read."""

    topic: Topic
    position: Position


class ChangeKind(StrEnum):
    """What became of a message after it was posted."""

    EDIT = "edit"
    WITHDRAWAL = "withdrawal"


class Channel(Row, table=True):
    """A place in a workspace where people talk, divided into topics."""

    __known_by__: ClassVar = Action.CHANNEL_READ
    __table_args__ = (
        UniqueConstraint("id", "workspace_id"),
        inside(),
        CheckConstraint(f"length(name) BETWEEN 1 AND {NAME_LIMIT}", name="name"),
        CheckConstraint("length(purpose) <= 300", name="purpose"),
        Index(
            "uq_channel_workspace_id_compartment_id_name",
            "workspace_id",
            "compartment_id",
            "name",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    compartment_id: UUID | None = None
    name: str = Field(sa_type=Text)
    purpose: str = Field(default="", sa_type=Text)
    created_by: UUID = Field(foreign_key="person.id")
    created_at: datetime = Field(sa_type=UtcDateTime)


class Message(Row, table=True):
    """What somebody said, as it was said. `position` is its place in the workspace's log, given at the commit.

    `salt` keys the digest that the log holds: once the row is erased nobody can guess the text from the log.
    """

    __known_by__: ClassVar = Action.MESSAGE_READ
    __table_args__ = (
        inside(),
        UniqueConstraint("author_id", "client_id"),
        UniqueConstraint("id", "channel_id"),
        ForeignKeyConstraint(["channel_id", "workspace_id"], ["channel.id", "channel.workspace_id"]),
        ForeignKeyConstraint(["reply_to", "channel_id"], ["message.id", "message.channel_id"]),
        Index("uq_message_workspace_id_position", "workspace_id", "position", unique=True),
        Index("ix_message_channel_id_position", "channel_id", "position"),
        Index("ix_message_channel_id_topic_position", "channel_id", "topic", "position"),
        CheckConstraint("position > 0", name="position"),
        CheckConstraint(f"length(text) BETWEEN 1 AND {TEXT_LIMIT}", name="text"),
        CheckConstraint(f"length(topic) BETWEEN 1 AND {TOPIC_LIMIT}", name="topic"),
        CheckConstraint("handling IN ('H0','H1','H2','H3')", name="handling"),
        CheckConstraint("client_id ~ '^[A-Za-z0-9_-]{8,64}$'", name="client_id"),
        CheckConstraint("octet_length(salt) = 32", name="salt"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    channel_id: UUID
    compartment_id: UUID | None = None
    party_id: UUID = Field(foreign_key="party.id")
    handling: Handling = Field(sa_type=Text)
    author_id: UUID = Field(foreign_key="person.id")
    agency_id: UUID = Field(foreign_key="agency.id")
    client_id: str = Field(sa_type=Text)
    topic: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    html: str = Field(sa_type=Text)
    salt: bytes = Field(sa_type=LargeBinary)
    reply_to: UUID | None = None
    at: datetime = Field(sa_type=UtcDateTime)
    position: int | None = Field(default=None, sa_type=BigInteger, nullable=False)


class MessageChange(Row, table=True):
    """A correction or a withdrawal. Versions count from 2: the message itself is version 1."""

    __tablename__ = "message_change"
    __table_args__ = (
        inside(),
        UniqueConstraint("message_id", "version"),
        CheckConstraint("kind IN ('edit','withdrawal')", name="kind"),
        CheckConstraint("version BETWEEN 2 AND 10000", name="version"),
        CheckConstraint(f"length(text) <= {TEXT_LIMIT}", name="text"),
        CheckConstraint(f"length(reason) <= {REASON_LIMIT}", name="reason"),
        CheckConstraint("(kind = 'edit') = (length(text) > 0)", name="edit_has_text"),
        CheckConstraint("(kind = 'withdrawal') = (length(reason) > 0)", name="withdrawal_has_reason"),
        CheckConstraint("octet_length(salt) = 32", name="salt"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    message_id: UUID = Field(foreign_key="message.id")
    compartment_id: UUID | None = None
    version: int
    kind: ChangeKind = Field(sa_type=Text)
    text: str = Field(default="", sa_type=Text)
    html: str = Field(default="", sa_type=Text)
    reason: str = Field(default="", sa_type=Text)
    salt: bytes = Field(sa_type=LargeBinary)
    author_id: UUID = Field(foreign_key="person.id")
    at: datetime = Field(sa_type=UtcDateTime)


class ReadMark(SQLModel, table=True):
    """How far one person has read one topic; theirs alone, and not on the record."""

    __tablename__ = "read_mark"
    __table_args__ = (
        ForeignKeyConstraint(["channel_id", "workspace_id"], ["channel.id", "channel.workspace_id"]),
        CheckConstraint("position >= 0", name="position"),
    )

    person_id: UUID = Field(foreign_key="person.id", primary_key=True)
    channel_id: UUID = Field(primary_key=True)
    topic: str = Field(primary_key=True, sa_type=Text)
    workspace_id: UUID = Field(foreign_key="workspace.id")
    position: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=UtcDateTime)


class Draft(SQLModel, table=True):
    """Words somebody has begun and not sent, kept so that they are there on the next device."""

    __table_args__ = (
        ForeignKeyConstraint(["channel_id", "workspace_id"], ["channel.id", "channel.workspace_id"]),
        CheckConstraint(f"length(text) BETWEEN 1 AND {TEXT_LIMIT}", name="text"),
        CheckConstraint(f"length(topic) BETWEEN 1 AND {TOPIC_LIMIT}", name="topic"),
        CheckConstraint("handling IN ('H0','H1','H2','H3')", name="handling"),
    )

    person_id: UUID = Field(foreign_key="person.id", primary_key=True)
    channel_id: UUID = Field(primary_key=True)
    topic: str = Field(sa_type=Text, primary_key=True)
    workspace_id: UUID = Field(foreign_key="workspace.id")
    text: str = Field(sa_type=Text)
    handling: Handling | None = Field(default=None, sa_type=Text)
    at: datetime = Field(sa_type=UtcDateTime)
