"""To read: channels with what is new in them, a page of a conversation, the history of one message.

Each request is one entry of consultation on the log, however many messages it shows (LED Art. 25(1)).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Row, Uuid, and_, case, func, literal, select
from sqlmodel import col

from jit_server.access import Action, Handling, Origin
from jit_server.core.errors import Conflict, Invalid, NotFound
from jit_server.messaging.models import ChangeKind, Channel, Message, MessageChange, NewChannel, ReadMark
from jit_server.messaging.rows import CURRENT, out
from jit_server.messaging.shapes import ChannelOut, MessageOut, TopicOut, VersionOut
from jit_server.work import UnitOfWork
from jit_server.workspaces import Workspace, compartments, sources
from jit_server.workspaces.aliases import functions
from jit_server.workspaces.glances import counted

PAGE = 50
LONGEST_PAGE = 200


class Page(NamedTuple):
    """Messages in order of position. `older` is where earlier ones begin, None when there are none."""

    messages: list[MessageOut]
    older: int | None


def create_channel(uow: UnitOfWork, workspace_id: UUID, new: NewChannel) -> Channel:
    """Open a channel, for the whole team or for a compartment that the actor's party belongs to.

    Raises:
        Conflict: there is a channel of this name already.
        Invalid: no such compartment, or none that the actor may know of.
    """
    uow.get(Workspace, workspace_id, to=Action.CHANNEL_CREATE)
    if new.compartment_id is not None and new.compartment_id not in dict(compartments(uow, workspace_id)):
        raise Invalid.field("compartment_id", "is no compartment of yours", "Choose one of your compartments.")
    if uow.find(Channel, workspace_id=workspace_id, name=new.name, compartment_id=new.compartment_id) is not None:
        raise Conflict("There is a channel of this name already.")
    if uow.actor.person_id is None:
        raise NotFound
    channel = uow.add(
        Channel(
            workspace_id=workspace_id,
            compartment_id=new.compartment_id,
            name=new.name,
            purpose=new.purpose,
            created_by=uow.actor.person_id,
            created_at=uow.now,
        )
    )
    uow.record("channel:created", channel)
    return channel


def list_channels(uow: UnitOfWork, workspace_id: UUID) -> list[ChannelOut]:
    """The workspace's channels with topics and unread counts; the look is on the record."""
    found = channels(uow, workspace_id)
    uow.record("channel:listed", workspace_id=workspace_id, count=len(found))
    return found


def channels(uow: UnitOfWork, workspace_id: UUID) -> list[ChannelOut]:
    """The same without an entry of its own, for a use-case that records a larger look."""
    rows = uow.all(uow.select(Channel, to=Action.CHANNEL_READ, within=workspace_id).order_by(col(Channel.name)))
    topics, rooms = _topics(uow, workspace_id), dict(compartments(uow, workspace_id))
    return [
        ChannelOut(
            id=row.id,
            workspace_id=workspace_id,
            compartment=rooms.get(row.compartment_id) if row.compartment_id else None,
            name=row.name,
            purpose=row.purpose,
            unread=sum(topic.unread for topic in topics.get(row.id, [])),
            topics=topics.get(row.id, []),
        )
        for row in rows
    ]


def read_page(
    uow: UnitOfWork,
    channel_id: UUID,
    *,
    topic: str | None = None,
    before: int | None = None,
    after: int | None = None,
    limit: int = PAGE,
) -> Page:
    """A page of a channel: the latest messages, those before a position, or those after one.

    Args:
        uow: the unit of work.
        channel_id: the channel.
        topic: only this topic.
        before: only earlier than this position, the latest of them.
        after: only later than this position, the earliest of them.
        limit: messages at most, up to 200.
    """
    channel = uow.get(Channel, channel_id, to=Action.CHANNEL_READ)
    visible = uow.scope(Message, to=Action.MESSAGE_READ, within=channel.workspace_id)
    statement = CURRENT.where(visible, col(Message.channel_id) == channel.id)
    if topic is not None:
        statement = statement.where(col(Message.topic) == topic)
    if before is not None:
        statement = statement.where(col(Message.position) < before)
    if after is not None:
        statement = statement.where(col(Message.position) > after)
    position = col(Message.position)
    limit = min(limit, LONGEST_PAGE)
    rows = uow.connection.execute(
        statement.order_by(position.desc() if after is None else position.asc()).limit(limit + 1)
    ).all()
    hidden = functions(uow, channel.workspace_id) if rows else {}
    page = _page(rows, limit, hidden, newest_first=after is None)
    shown = page.messages
    kept = sources.kept_as(uow, "message", channel.workspace_id, [one.id for one in shown])
    for one in shown:
        one.kept_as = kept.get(one.id, [])
    facts: dict[str, Any] = {"first": shown[0].position, "last": shown[-1].position} if shown else {}
    uow.record("message:read", channel, count=len(shown), **facts)
    return page


def history(uow: UnitOfWork, message_id: UUID) -> list[VersionOut]:
    """Every state of a message. Once it is withdrawn, only its own party still sees what it said."""
    message = uow.get(Message, message_id, to=Action.MESSAGE_READ)
    changes = uow.all(
        uow.select(MessageChange, to=Action.MESSAGE_READ, within=message.workspace_id)
        .where(col(MessageChange.message_id) == message.id)
        .order_by(col(MessageChange.version))
    )
    standing = uow.standing(message.workspace_id)
    withdrawn = any(change.kind == ChangeKind.WITHDRAWAL for change in changes)
    hidden = withdrawn and (standing is None or standing.party_id != message.party_id)
    uow.record("message:read", message, versions=len(changes) + 1)
    first = _version(1, None, message, hidden=hidden)
    return [first, *(_version(change.version, change.kind, change, hidden=hidden) for change in changes)]


def unread(uow: UnitOfWork, workspace_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many messages of others are new to the actor, by workspace; counted to 1,000, and only what they may see."""
    new_ones, new = select(col(Message.id)).outerjoin(ReadMark, _my_mark(uow)), _is_new(uow)
    spaces = select(func.unnest(literal(list(workspace_ids), ARRAY(Uuid))).label("id")).subquery()
    here = new_ones.where(col(Message.workspace_id) == spaces.c.id, new).correlate(spaces)
    busy = uow.connection.scalars(select(spaces.c.id).where(here.exists())).all()  # most teams are silent most days
    visible = uow.scopes(Message, to=Action.MESSAGE_READ, within=busy)
    counts = counted(uow, ((key, new_ones.where(one, new)) for key, one in visible.items()))
    return {key: counts.get(key, 0) for key in workspace_ids if uow.standing(key) is not None}


def _is_new(uow: UnitOfWork) -> ColumnElement[bool]:
    return and_(
        col(Message.position) > func.coalesce(col(ReadMark.position), 0),
        col(Message.author_id) != uow.actor.person_id,
    )


def _my_mark(uow: UnitOfWork) -> ColumnElement[bool]:
    return and_(
        col(ReadMark.channel_id) == col(Message.channel_id),
        col(ReadMark.topic) == col(Message.topic),
        col(ReadMark.person_id) == uow.actor.person_id,
    )


def _version(version: int, kind: ChangeKind | None, said: Message | MessageChange, *, hidden: bool) -> VersionOut:
    silent = hidden or kind == ChangeKind.WITHDRAWAL
    return VersionOut(
        version=version,
        kind=kind,
        at=said.at,
        text=None if silent else said.text,
        html=None if silent else said.html,
        reason=getattr(said, "reason", None) or None,
    )


def _page(rows: Any, limit: int, hidden: dict[UUID, str], *, newest_first: bool) -> Page:
    more = len(rows) > limit
    kept: list[Row[Any]] = list(rows[:limit])
    if newest_first:
        kept.reverse()
    return Page([out(row, hidden) for row in kept], kept[0].position if more and newest_first else None)


def _reads_any(uow: UnitOfWork, workspace_id: UUID) -> bool:
    """Whether some message could be open to the actor; who sees channels only is not refused for looking at them."""
    standing = uow.standing(workspace_id)
    if standing is None:
        return False
    policy = uow.policy(standing)
    return any(
        policy.permits(standing, Action.MESSAGE_READ, origin=origin, handling=handling)
        for origin in Origin
        for handling in Handling
    )


def _topics(uow: UnitOfWork, workspace_id: UUID) -> dict[UUID, list[TopicOut]]:
    """Topics by channel, the latest first; counts are of what the actor may read."""
    if not _reads_any(uow, workspace_id):
        return {}
    visible = uow.scope(Message, to=Action.MESSAGE_READ, within=workspace_id)
    rows = uow.connection.execute(
        select(
            col(Message.channel_id),
            col(Message.topic),
            func.count().label("messages"),
            func.count(case((_is_new(uow), 1))).label("unread"),
            func.max(col(Message.position)).label("last_position"),
            func.max(col(Message.at)).label("last_at"),
            func.coalesce(func.max(col(ReadMark.position)), 0).label("read_position"),
        )
        .outerjoin(ReadMark, _my_mark(uow))
        .where(visible)
        .group_by(col(Message.channel_id), col(Message.topic))
        .order_by(func.max(col(Message.position)).desc())
    )
    found: dict[UUID, list[TopicOut]] = {}
    for row in rows:
        topic = TopicOut(
            name=row.topic,
            messages=row.messages,
            unread=row.unread,
            last_position=row.last_position,
            last_at=row.last_at,
            read_position=row.read_position,
        )
        found.setdefault(row.channel_id, []).append(topic)
    return found
