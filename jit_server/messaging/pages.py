"""HTML doors of the room: the conversation (W2), usable without script."""

from collections.abc import Sequence
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from jit_server import messaging
from jit_server.access import Action, Handling
from jit_server.core.errors import Conflict, Invalid, NotFound
from jit_server.messaging import views
from jit_server.messaging.events import kept_once
from jit_server.messaging.models import (
    POSITION_LIMIT,
    Channel,
    ClientId,
    Message,
    MessageText,
    Name,
    NewChannel,
    NewMessage,
    Topic,
)
from jit_server.messaging.usecases.telling import tell
from jit_server.web import sockets
from jit_server.web.context import work
from jit_server.web.pages import Pages, form, go, show
from jit_server.work import UnitOfWork
from jit_server.workspaces import glances, sources, standing_of, subjects

pages = Pages("messaging", __name__)
_topic = TypeAdapter(Topic)


class PostForm(BaseModel):
    """The composer's form."""

    model_config = ConfigDict(extra="forbid")

    text: MessageText
    handling: Handling | None = None
    client_id: ClientId


class ChannelForm(BaseModel):
    """The form for a new channel, with its first topic where one is asked for."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    compartment_id: UUID | None = None
    topic: Topic | None = None


@pages.shows("/w/<uuid:workspace_id>/c", to=Action.CHANNEL_READ)
def conversations(workspace_id: UUID) -> ResponseReturnValue:
    """The channel in which something was said last."""
    return _show(workspace_id, None, None)


@pages.shows("/w/<uuid:workspace_id>/c/<uuid:channel_id>", to=Action.MESSAGE_READ)
def channel(workspace_id: UUID, channel_id: UUID) -> ResponseReturnValue:
    """A channel's latest topic, or the one named in `?topic=`, which need not exist yet."""
    return _show(workspace_id, channel_id, request.args.get("topic"))


@pages.shows("/w/<uuid:workspace_id>/c/<uuid:channel_id>/<path:topic>", to=Action.MESSAGE_READ)
def topic(workspace_id: UUID, channel_id: UUID, topic: str) -> ResponseReturnValue:
    """One topic."""
    return _show(workspace_id, channel_id, topic)


@pages.takes("/w/<uuid:workspace_id>/c", to=Action.CHANNEL_CREATE)
def create_channel(workspace_id: UUID) -> ResponseReturnValue:
    """Open a channel."""
    try:
        wish = form(ChannelForm)
        with work() as uow:
            made = messaging.create_channel(
                uow, workspace_id, NewChannel(name=wish.name, compartment_id=wish.compartment_id)
            )
    except Invalid as error:
        return _show(workspace_id, None, None, errors=error.members.get("errors", []))
    except Conflict as error:
        return _show(workspace_id, None, None, errors=[{"field": "name", "message": error.detail, "remedy": ""}])
    return go(views.address(workspace_id, made.id, wish.topic), gettext("The channel is open."))


@pages.takes("/w/<uuid:workspace_id>/c/<uuid:channel_id>/<path:topic>", to=Action.MESSAGE_POST)
def post(workspace_id: UUID, channel_id: UUID, topic: str) -> ResponseReturnValue:
    """Say something by the plain form; what was typed comes back with the problem if it cannot be kept."""
    try:
        said = form(PostForm)
        with work() as uow:
            _here(uow, workspace_id, channel_id)
        kept_once(
            NewMessage(
                channel_id=channel_id,
                topic=_named(topic),
                text=said.text,
                handling=said.handling,
                client_id=said.client_id,
            )
        )
    except (Invalid, Conflict) as error:
        problem = [{"field": "text", "message": error.detail, "remedy": ""}]
        return _show(workspace_id, channel_id, topic, errors=error.members.get("errors", problem), typed=True)
    return go(views.address(workspace_id, channel_id, topic))


def _show(
    workspace_id: UUID,
    channel_id: UUID | None,
    topic: str | None,
    *,
    errors: Sequence[dict[str, str]] = (),
    typed: bool = False,
) -> ResponseReturnValue:
    with work() as uow:
        if channel_id is not None:
            _here(uow, workspace_id, channel_id)
        wanted = _named(topic) if topic else None
        values = views.conversation(uow, workspace_id, channel_id, wanted, _before())
        party_id = standing_of(uow, workspace_id).party_id
    values |= {"errors": list(errors), "people": sockets.running().people(workspace_id, party_id, values["may"])}
    if typed:
        values["draft"] = {
            "text": request.form.get("text", ""),
            "handling": request.form.get("handling"),
            "saved_at": None,
        }
    return show("messaging/channel.html", 422 if errors else 200, here="channels", **values)


def _here(uow: UnitOfWork, workspace_id: UUID, channel_id: UUID) -> None:
    """The channel of the address lies in the workspace of the address."""
    uow.get(messaging.Channel, channel_id, to=Action.CHANNEL_READ, within=workspace_id)


def _named(topic: str) -> str:
    try:
        return _topic.validate_python(topic)
    except ValidationError:
        raise NotFound from None


def _before() -> int | None:
    text = request.args.get("before", "")
    return int(text) if text.isdecimal() and len(text) <= len(str(POSITION_LIMIT)) else None


@glances.register
def unread(uow: UnitOfWork, workspace_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Unread messages, for my day and the workspace's page."""
    return {one: {"unread": count} for one, count in messaging.unread(uow, workspace_ids).items()}


def _channel_named(channel: Channel) -> tuple[str, str]:
    return f"# {channel.name}", views.address(channel.workspace_id, channel.id)


def _message_named(message: Message) -> tuple[str, str]:
    return message.topic, views.address(message.workspace_id, message.channel_id, message.topic)


subjects.register("channel", Channel, _channel_named)
subjects.register("message", Message, _message_named)
sources.register("message", tell)
