"""What the room shows: the same shapes over JSON, over sockets and in pages."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from jit_server.access import Handling
from jit_server.messaging.models import ChangeKind
from jit_server.workspaces.sources import KeptAs


class AuthorOut(BaseModel):
    """Who speaks: the person, and the authority and State they spoke for at that time."""

    id: UUID
    name: str
    agency: str
    state: str


class MessageOut(BaseModel):
    """A message as it stands now. Once withdrawn its words are gone from here; who withdrew it and why stays."""

    id: UUID
    position: int
    client_id: str
    channel_id: UUID
    topic: str
    text: str
    html: str
    handling: Handling
    author: AuthorOut
    at: datetime
    version: int
    withdrawn: bool
    reason: str | None = None
    reply_to: UUID | None = None
    kept_as: list[KeptAs] = Field(default=[], description="Exhibits that are its record, where you may read them.")


class VersionOut(BaseModel):
    """One state of a message. `text` is None where it may no longer be shown."""

    version: int
    kind: ChangeKind | None
    at: datetime
    text: str | None
    html: str | None
    reason: str | None


class TopicOut(BaseModel):
    """A topic and how much of it is new to the reader; only what the reader may see is counted."""

    name: str
    messages: int
    unread: int
    last_position: int
    last_at: datetime
    read_position: int = 0


class ChannelOut(BaseModel):
    """A channel with its topics, the latest first."""

    id: UUID
    workspace_id: UUID
    compartment: str | None = None
    """The name of the compartment it lies in; None for the whole team."""
    name: str
    purpose: str
    unread: int = 0
    topics: list[TopicOut] = []


class DraftOut(BaseModel):
    """Words not yet sent."""

    channel_id: UUID
    topic: str
    text: str
    handling: Handling | None
    saved_at: datetime


class MarkOut(BaseModel):
    """How far the topic has been read."""

    channel_id: UUID
    topic: str
    position: int
