"""JSON doors of the room: channels, messages, marks and drafts."""

from uuid import UUID

from flask import Response, g
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from jit_server import messaging
from jit_server.access import Action, Handling
from jit_server.core.errors import Invalid
from jit_server.messaging.events import kept_once
from jit_server.messaging.models import (
    POSITION_LIMIT,
    ClientId,
    Correction,
    Mark,
    MessageText,
    NewChannel,
    NewDraft,
    NewMessage,
    Stated,
    Topic,
    Withdrawal,
)
from jit_server.web import cursor
from jit_server.web.api import Routes, answer, created, if_match, page
from jit_server.web.context import actor, work

routes = Routes("messaging")


class NewMessageHere(Stated):
    """Something to say in the channel of the address."""

    topic: Topic
    text: MessageText
    handling: Handling | None = None
    client_id: ClientId
    reply_to: UUID | None = None


class PageQuery(BaseModel):
    """Which part of the channel: from the latest backwards by `cursor`, or onwards from a position by `after`."""

    model_config = ConfigDict(extra="forbid")

    topic: str | None = Field(default=None, max_length=120)
    cursor: str | None = Field(default=None, max_length=200)
    after: int | None = Field(default=None, ge=0, le=2**53 - 1)
    limit: int = Field(default=50, ge=1, le=200)


class DraftQuery(BaseModel):
    """Which draft."""

    model_config = ConfigDict(extra="forbid")

    topic: str = Field(min_length=1, max_length=120)


@routes.reads("/workspaces/<uuid:workspace_id>/channels", to=Action.CHANNEL_READ, answers={200: [messaging.ChannelOut]})
def list_channels(workspace_id: UUID) -> ResponseReturnValue:
    """List channels and topics with what is new in them."""
    with work() as uow:
        return page([one.model_dump(mode="json") for one in messaging.list_channels(uow, workspace_id)], None)


@routes.posts(
    "/workspaces/<uuid:workspace_id>/channels",
    to=Action.CHANNEL_CREATE,
    body=NewChannel,
    answers={201: messaging.ChannelOut},
)
def create_channel(workspace_id: UUID, body: NewChannel) -> ResponseReturnValue:
    """Open a channel."""
    with work() as uow:
        channel = messaging.create_channel(uow, workspace_id, body)
        shown = messaging.ChannelOut(
            id=channel.id, workspace_id=workspace_id, name=channel.name, purpose=channel.purpose
        )
        return created(shown, location=f"/api/v1/channels/{channel.id}/messages")


@routes.reads(
    "/channels/<uuid:channel_id>/messages",
    to=Action.MESSAGE_READ,
    query=PageQuery,
    answers={200: [messaging.MessageOut]},
)
def read(channel_id: UUID, query: PageQuery) -> ResponseReturnValue:
    """Read a page of a channel, in order of position."""
    before = _position(query.cursor)
    with work() as uow:
        found = messaging.read_page(
            uow, channel_id, topic=query.topic, before=before, after=query.after, limit=query.limit
        )
        following = cursor.encode(found.older) if found.older is not None else None
        return page([one.model_dump(mode="json") for one in found.messages], following)


@routes.posts(
    "/channels/<uuid:channel_id>/messages",
    to=Action.MESSAGE_POST,
    body=NewMessageHere,
    answers={201: messaging.MessageOut},
)
def post(channel_id: UUID, body: NewMessageHere) -> ResponseReturnValue:
    """Say something; the same `client_id` again answers with the message kept the first time."""
    g.pop("idempotency", None)  # `client_id` is that already, and the position is known only after the commit
    kept = kept_once(NewMessage(channel_id=channel_id, **body.model_dump()))
    return _said(kept, 201)


@routes.patches(
    "/messages/<uuid:message_id>", to=Action.MESSAGE_EDIT, body=Correction, answers={200: messaging.MessageOut}
)
def edit(message_id: UUID, body: Correction) -> ResponseReturnValue:
    """Correct a message of one's own, against the version named by `If-Match` or `version`."""
    with work() as uow:
        if body.version is None:
            if_match(messaging.version_of(uow, message_id))
        message, change = messaging.edit(uow, message_id, body)
    return _said(messaging.as_kept(message, actor(), change), 200)


@routes.posts(
    "/messages/<uuid:message_id>/withdraw",
    to=Action.MESSAGE_WITHDRAW,
    body=Withdrawal,
    answers={200: messaging.MessageOut},
)
def withdraw(message_id: UUID, body: Withdrawal) -> ResponseReturnValue:
    """Withdraw a message of one's own."""
    with work() as uow:
        message, change = messaging.withdraw(uow, message_id, body)
        return _said(messaging.as_kept(message, actor(), change), 200)


@routes.reads("/messages/<uuid:message_id>/history", to=Action.MESSAGE_READ, answers={200: [messaging.VersionOut]})
def history(message_id: UUID) -> ResponseReturnValue:
    """Every state of a message, the first one first."""
    with work() as uow:
        return page([one.model_dump(mode="json") for one in messaging.history(uow, message_id)], None)


@routes.puts(
    "/channels/<uuid:channel_id>/read", to=Action.MESSAGE_MARK_READ, body=Mark, answers={200: messaging.MarkOut}
)
def mark_read(channel_id: UUID, body: Mark) -> ResponseReturnValue:
    """Remember how far one has read."""
    with work() as uow:
        return answer(messaging.mark_read(uow, channel_id, body))


@routes.reads(
    "/channels/<uuid:channel_id>/draft", to=Action.MESSAGE_POST, query=DraftQuery, answers={200: messaging.DraftOut}
)
def draft(channel_id: UUID, query: DraftQuery) -> ResponseReturnValue:
    """One's draft in a topic; 204 when there is none."""
    with work() as uow:
        found = messaging.draft(uow, channel_id, query.topic)
    return answer(found) if found else Response(status=204)


@routes.puts(
    "/channels/<uuid:channel_id>/draft", to=Action.MESSAGE_POST, body=NewDraft, answers={200: messaging.DraftOut}
)
def keep_draft(channel_id: UUID, body: NewDraft) -> ResponseReturnValue:
    """Keep words not yet sent; an empty text forgets them (204)."""
    with work() as uow:
        kept = messaging.keep_draft(uow, channel_id, body)
    return answer(kept) if kept else Response(status=204)


@routes.reads("/workspaces/<uuid:workspace_id>/drafts", to=Action.MESSAGE_POST, answers={200: [messaging.DraftOut]})
def drafts(workspace_id: UUID) -> ResponseReturnValue:
    """List one's drafts in a workspace, the latest first."""
    with work() as uow:
        return page([one.model_dump(mode="json") for one in messaging.drafts(uow, workspace_id)], None)


def _position(text: str | None) -> int | None:
    if text is None:
        return None
    (key,) = cursor.decode(text, 1)
    if not key.isdecimal() or int(key) > POSITION_LIMIT:
        raise Invalid.field("cursor", "is not a cursor of this list", "Use `next` as the server gave it.")
    return int(key)


def _said(message: messaging.MessageOut, status: int) -> Response:
    return answer(message, status, version=message.version, location=f"/api/v1/messages/{message.id}/history")
