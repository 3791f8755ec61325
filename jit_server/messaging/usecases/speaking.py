"""To say something, to correct it, to withdraw it. What was said first stays in every case."""

from typing import Any
from uuid import UUID

from sqlalchemy import text as sql
from sqlmodel import col

from jit_server import audit
from jit_server.access import Action, Decision, Handling, Refusal
from jit_server.core.errors import Conflict, Invalid, NotFound, Outdated
from jit_server.messaging import markdown
from jit_server.messaging.models import (
    ChangeKind,
    Channel,
    Correction,
    Message,
    MessageChange,
    NewMessage,
    Withdrawal,
)
from jit_server.work import UnitOfWork

# Asked for every message, in one go. What was sent is no draft any more; other words begun meanwhile stay.
_KEPT = sql(
    "WITH sent AS (DELETE FROM draft"
    " WHERE person_id = :author AND channel_id = :channel AND topic = :topic AND text = :words)"
    " SELECT id FROM message WHERE author_id = :author AND client_id = :client"
)

_CHANNELS = 10_000
_channels: dict[UUID, Channel] = {}
"""Channels as they are for good: the app's role can add them and cannot change them. Never part of a session."""


def post(uow: UnitOfWork, new: NewMessage) -> Message:
    """Say something in a channel. The same `client_id` again gives the message that was kept the first time.

    Raises:
        Conflict: the `client_id` was used for other words.
        Invalid: it answers a message that is not in this channel.
    """
    channel = _channel(uow, new.channel_id)
    said = {"channel": channel.id, "topic": new.topic, "words": new.text, "client": new.client_id}
    kept = uow.connection.scalar(_KEPT, {"author": uow.actor.person_id, **said})
    if kept is not None:
        return _the_same(uow.get(Message, kept, to=Action.MESSAGE_READ), new)
    standing = uow.standing(channel.workspace_id)
    if standing is None or uow.actor.person_id is None or uow.actor.agency_id is None:
        raise NotFound
    if new.reply_to is not None:
        _answered(uow, new.reply_to, channel)
    salt = audit.new_salt()
    message = Message(
        workspace_id=channel.workspace_id,
        channel_id=channel.id,
        compartment_id=channel.compartment_id,
        party_id=standing.party_id,
        handling=Handling(new.handling or standing.default_handling),
        author_id=uow.actor.person_id,
        agency_id=uow.actor.agency_id,
        client_id=new.client_id,
        topic=new.topic,
        text=new.text,
        html=markdown.render(new.text),
        salt=salt,
        reply_to=new.reply_to,
        at=uow.now,
    )
    uow.require(Action.MESSAGE_POST, message, standing)
    uow.add(message)
    uow.record("message:posted", message, channel=channel.id, **_facts(new.text, salt))
    return message


def edit(uow: UnitOfWork, message_id: UUID, correction: Correction) -> tuple[Message, MessageChange | None]:
    """Correct a message of one's own; no change when the words are the same.

    Raises:
        Outdated: somebody (the author, elsewhere) changed it since the version the correction was written against.
        Conflict: it has been withdrawn.
    """
    message, latest = _own(uow, message_id, Action.MESSAGE_EDIT)
    version = latest.version if latest else 1
    text = latest.text if latest else message.text
    if correction.version is not None and correction.version != version:
        raise Outdated("It was changed since you read it.", current={"version": version, "text": text})
    if correction.text == text:
        return message, latest
    change = _change(uow, message, version + 1, ChangeKind.EDIT, text=correction.text)
    uow.record("message:edited", message, version=change.version, **_facts(correction.text, change.salt))
    return message, change


def withdraw(uow: UnitOfWork, message_id: UUID, withdrawal: Withdrawal) -> tuple[Message, MessageChange]:
    """Withdraw a message of one's own, with the reason, which everybody sees in its place.

    Raises:
        Conflict: it has been withdrawn already.
    """
    message, latest = _own(uow, message_id, Action.MESSAGE_WITHDRAW)
    version = (latest.version if latest else 1) + 1
    change = _change(uow, message, version, ChangeKind.WITHDRAWAL, reason=withdrawal.reason)
    uow.record("message:withdrawn", message, version=version, **_facts(withdrawal.reason, change.salt))
    return message, change


def version_of(uow: UnitOfWork, message_id: UUID) -> int:
    """The version of one's own message, for a caller that must say which one it corrects."""
    _, latest = _own(uow, message_id, Action.MESSAGE_EDIT)
    return latest.version if latest else 1


def latest_change(uow: UnitOfWork, message: Message) -> MessageChange | None:
    """The last thing that happened to a message the actor may read."""
    changes = uow.select(MessageChange, to=Action.MESSAGE_READ, within=message.workspace_id)
    mine = changes.where(col(MessageChange.message_id) == message.id)
    return uow.first(mine.order_by(col(MessageChange.version).desc()).limit(1))


def _channel(uow: UnitOfWork, channel_id: UUID) -> Channel:
    """The channel, if the actor may know of it; its row is asked for once, the actor's standing every time."""
    known = _channels.get(channel_id)
    if known is not None:
        if not uow.permits(Action.CHANNEL_READ, known):
            raise NotFound
        return known
    row = uow.get(Channel, channel_id, to=Action.CHANNEL_READ)
    if len(_channels) >= _CHANNELS:
        _channels.clear()
    _channels[channel_id] = Channel(**row.model_dump())
    return row


def _own(uow: UnitOfWork, message_id: UUID, to: Action) -> tuple[Message, MessageChange | None]:
    message = uow.get(Message, message_id, to=to)
    if message.author_id != uow.actor.person_id:
        standing = uow.standing(message.workspace_id)
        if standing is None:
            raise NotFound
        only = Decision(allowed=False, clause="", reason="Only who wrote a message may correct or withdraw it.")
        raise Refusal(to, message, standing, only)
    latest = latest_change(uow, message)
    if latest is not None and latest.kind == ChangeKind.WITHDRAWAL:
        raise Conflict("This message has been withdrawn.")
    return message, latest


def _change(
    uow: UnitOfWork, message: Message, version: int, kind: ChangeKind, *, text: str = "", reason: str = ""
) -> MessageChange:
    return uow.add(
        MessageChange(
            workspace_id=message.workspace_id,
            message_id=message.id,
            compartment_id=message.compartment_id,
            version=version,
            kind=kind,
            text=text,
            html=markdown.render(text) if text else "",
            reason=reason,
            salt=audit.new_salt(),
            author_id=message.author_id,
            at=uow.now,
        )
    )


def _the_same(kept: Message, new: NewMessage) -> Message:
    if (kept.channel_id, kept.topic, kept.text) != (new.channel_id, new.topic, new.text):
        raise Conflict("This client_id was used for another message: take a new one for other words.")
    return kept


def _answered(uow: UnitOfWork, reply_to: UUID, channel: Channel) -> None:
    visible = uow.select(Message, to=Action.MESSAGE_READ, within=channel.workspace_id)
    here = visible.where(col(Message.id) == reply_to, col(Message.channel_id) == channel.id)
    if uow.first(here) is None:
        raise Invalid.field("reply_to", "is no message of this channel", "Answer a message of the same channel.")


def _facts(text: str, salt: bytes) -> dict[str, Any]:
    """What the log says of words: how many, and a commitment to them; never the words (MISSION 2, finding 3)."""
    return {"characters": len(text), "digest": audit.commit(text, salt)}
