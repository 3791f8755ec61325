"""What the conversation's page shows (W2), worked out from the room's use-cases; the template states the shape."""

from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

from jit_server import audit, messaging
from jit_server.access import Standing
from jit_server.messaging.shapes import ChannelOut
from jit_server.work import UnitOfWork
from jit_server.workspaces import compartments, standing_of, views

FIRST_TOPIC = "general"


def address(workspace_id: UUID, channel_id: UUID, topic: str | None = None) -> str:
    """The page of a channel, or of one of its topics."""
    channel = f"/w/{workspace_id}/c/{channel_id}"
    return f"{channel}/{quote(topic, safe='')}" if topic else channel


def conversation(
    uow: UnitOfWork, workspace_id: UUID, channel_id: UUID | None, topic: str | None, before: int | None
) -> dict[str, Any]:
    """The page of a topic. The position is read first: whatever comes while the page is made is caught up later."""
    standing = standing_of(uow, workspace_id)
    position = audit.head(uow.connection, workspace_id).size
    known = messaging.channels(uow, workspace_id)
    channel = _chosen(known, channel_id)
    values = _frame(uow, standing, position)
    if channel is None:
        return values | {"channels": [], "channel": None, "topic": "", "messages": []}
    topic = topic or (channel.topics[0].name if channel.topics else FIRST_TOPIC)
    page = messaging.read_page(uow, channel.id, topic=topic, before=before, limit=200)
    own = messaging.draft(uow, channel.id, topic) if "message:post" in values["may"] else None
    here = address(workspace_id, channel.id, topic)
    return values | {
        "channels": [_side(one, workspace_id, channel, topic) for one in known],
        "channel": {"id": channel.id, "name": channel.name, "compartment": channel.compartment},
        "topic": topic,
        "messages": [one.model_dump() for one in page.messages],
        "read_position": next((one.read_position for one in channel.topics if one.name == topic), 0),
        "older_url": f"{here}?before={page.older}" if page.older else None,
        "draft": own.model_dump() if own else None,
        "post_url": here,
    }


def _frame(uow: UnitOfWork, standing: Standing, position: int) -> dict[str, Any]:
    return {
        "workspace": views.banner(uow, standing.workspace_id),
        "may": views.may(uow, standing),
        "position": position,
        "read_position": 0,
        "older_url": None,
        "draft": None,
        "post_url": "",
        "people": [],
        "compartments": [(str(key), name) for key, name in compartments(uow, standing.workspace_id)],
        "me_id": uow.actor.person_id,
        "zone": uow.actor.preferences.get("zone", "UTC"),
        "client_id": str(uuid4()),
        "default_handling": str(standing.default_handling),
        "errors": [],
    }


def _chosen(known: list[ChannelOut], channel_id: UUID | None) -> ChannelOut | None:
    """The channel asked for, else the one in which something was said last."""
    if channel_id is not None:
        return next((one for one in known if one.id == channel_id), None)
    return max(known, key=lambda one: one.topics[0].last_position if one.topics else 0, default=None)


def _side(one: ChannelOut, workspace_id: UUID, current: ChannelOut, topic: str) -> dict[str, Any]:
    topics = [
        {
            "name": each.name,
            "url": address(workspace_id, one.id, each.name),
            "unread": each.unread,
            "current": one.id == current.id and each.name == topic,
        }
        for each in one.topics
    ]
    if one.id == current.id and not any(each["current"] for each in topics):
        topics.append({"name": topic, "url": address(workspace_id, one.id, topic), "unread": 0, "current": True})
    return {
        "id": one.id,
        "name": one.name,
        "compartment": one.compartment,
        "url": address(workspace_id, one.id),
        "unread": one.unread,
        "current": one.id == current.id,
        "topics": topics,
    }
