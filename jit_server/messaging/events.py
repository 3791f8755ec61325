"""Socket doors of the room: what clients say, and how its entries of the log are shown to those who may hear."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ARRAY, Connection, Uuid, any_, bindparam, select
from sqlmodel import col

from jit_server import messaging
from jit_server.access import Action, Handling
from jit_server.core.errors import Conflict
from jit_server.messaging.models import Channel, Correction, Mark, Message, NewMessage, Stated, Topic, Withdrawal
from jit_server.messaging.rows import CURRENT, out
from jit_server.web import sockets
from jit_server.web.context import actor, work
from jit_server.web.sockets import Shown, Whose, on


class EditMessage(Correction):
    """Which message, and its new words."""

    message_id: UUID


class WithdrawMessage(Withdrawal):
    """Which message, and why."""

    message_id: UUID


class MarkRead(Mark):
    """Which topic of which channel, and how far."""

    channel_id: UUID


class Typing(Stated):
    """Where somebody is writing."""

    channel_id: UUID
    topic: Topic


@on("message:post", to=Action.MESSAGE_POST)
def post(new: NewMessage) -> messaging.MessageOut:
    """Say something; the acknowledgement carries the message as kept."""
    return kept_once(new)


@on("message:edit", to=Action.MESSAGE_EDIT)
def edit(wish: EditMessage) -> messaging.MessageOut:
    """Correct a message of one's own."""
    with work() as uow:
        message, change = messaging.edit(uow, wish.message_id, Correction(text=wish.text, version=wish.version))
    return messaging.as_kept(message, actor(), change)


@on("message:withdraw", to=Action.MESSAGE_WITHDRAW)
def withdraw(wish: WithdrawMessage) -> messaging.MessageOut:
    """Withdraw a message of one's own."""
    with work() as uow:
        message, change = messaging.withdraw(uow, wish.message_id, Withdrawal(reason=wish.reason))
    return messaging.as_kept(message, actor(), change)


@on("message:mark_read", to=Action.MESSAGE_MARK_READ)
def mark_read(wish: MarkRead) -> BaseModel:
    """Remember how far one has read."""
    with work() as uow:
        return messaging.mark_read(uow, wish.channel_id, Mark(topic=wish.topic, position=wish.position))


@on("presence:typing", to=Action.MESSAGE_POST)
def typing(wish: Typing) -> dict[str, Any]:
    """Tell those who are here that one is writing; kept for seconds, recorded nowhere."""
    with work() as uow:
        channel = uow.get(Channel, wish.channel_id, to=Action.MESSAGE_POST)
    person = actor().person_id
    if person is not None:
        sockets.running().presence.types(
            channel.workspace_id,
            person,
            channel_id=channel.id,
            topic=wish.topic,
            compartment=channel.compartment_id,
        )
    return {}


def kept_once(new: NewMessage) -> messaging.MessageOut:
    """Post a message. The same send twice at once loses a race for its `client_id`: the second look finds the first."""
    try:
        with work() as uow:
            message = messaging.post(uow, new)
    except Conflict:
        with work() as uow:
            message = messaging.post(uow, new)
    return messaging.as_kept(message, actor())


_IDS = any_(bindparam("ids", type_=ARRAY(Uuid)))
_MESSAGES = CURRENT.where(col(Message.id) == _IDS)
_CHANNELS = select(col(Channel.id), col(Channel.name), col(Channel.purpose), col(Channel.compartment_id)).where(
    col(Channel.id) == _IDS
)


def load_messages(connection: Connection, ids: list[UUID]) -> dict[UUID, Shown]:
    """Messages as they stand now: whose, how marked, and what is shown."""
    rows = connection.execute(_MESSAGES, {"ids": ids})
    return {
        row.id: Shown(Whose(row.party_id, Handling(row.handling), row.compartment_id), out(row).model_dump(mode="json"))
        for row in rows
    }


def load_channels(connection: Connection, ids: list[UUID]) -> dict[UUID, Shown]:
    """Channels that were opened."""
    rows = connection.execute(_CHANNELS, {"ids": ids})
    return {
        row.id: Shown(
            Whose(compartment=row.compartment_id), {"id": str(row.id), "name": row.name, "purpose": row.purpose}
        )
        for row in rows
    }


sockets.presents(
    "message:posted", "message:edited", "message:withdrawn", kind="message", to=Action.MESSAGE_READ, load=load_messages
)
sockets.presents("channel:created", kind="channel", to=Action.CHANNEL_READ, load=load_channels)
sockets.concerns("message:posted", "message:withdrawn", find=sockets.whoever_may(Action.MESSAGE_READ, Message))
