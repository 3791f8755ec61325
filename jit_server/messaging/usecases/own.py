"""What is one person's own: how far they have read, and words they have begun. Neither is on the record."""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, false, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from jit_server.access import Action
from jit_server.messaging.models import Channel, Draft, Mark, Message, NewDraft, ReadMark
from jit_server.messaging.shapes import DraftOut, MarkOut
from jit_server.work import UnitOfWork


def mark_read(uow: UnitOfWork, channel_id: UUID, mark: Mark) -> MarkOut:
    """Remember how far one has read; a mark only moves forward, and not beyond the last message one may read."""
    channel = uow.get(Channel, channel_id, to=Action.MESSAGE_MARK_READ)
    last = select(func.coalesce(func.max(col(Message.position)), 0)).where(
        _readable(uow, channel.workspace_id), col(Message.channel_id) == channel.id, col(Message.topic) == mark.topic
    )
    position = func.least(mark.position, last.scalar_subquery())
    statement = insert(ReadMark).values(
        person_id=uow.actor.person_id,
        channel_id=channel.id,
        topic=mark.topic,
        workspace_id=channel.workspace_id,
        position=position,
        at=uow.now,
    )
    kept = uow.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["person_id", "channel_id", "topic"],
            set_={
                "position": func.greatest(statement.excluded.position, col(ReadMark.position)),
                "at": statement.excluded.at,
            },
        ).returning(col(ReadMark.position))
    ).scalar_one()
    return MarkOut(channel_id=channel.id, topic=mark.topic, position=kept)


def _readable(uow: UnitOfWork, workspace_id: UUID) -> ColumnElement[bool]:
    """The answer to a mark must not tell that something hidden was said."""
    standing = uow.standing(workspace_id)
    return false() if standing is None else uow.policy(standing).visible(Message, standing, Action.MESSAGE_READ)


def keep_draft(uow: UnitOfWork, channel_id: UUID, new: NewDraft) -> DraftOut | None:
    """Keep words not yet sent, one draft a topic; an empty text forgets them (None)."""
    channel = uow.get(Channel, channel_id, to=Action.MESSAGE_POST)
    if not new.text.strip():
        uow.connection.execute(delete(Draft).where(_where(uow, channel.id, new.topic)))
        return None
    statement = insert(Draft).values(
        person_id=uow.actor.person_id,
        channel_id=channel.id,
        topic=new.topic,
        workspace_id=channel.workspace_id,
        text=new.text,
        handling=new.handling,
        at=uow.now,
    )
    uow.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["person_id", "channel_id", "topic"],
            set_={name: statement.excluded[name] for name in ("text", "handling", "at")},
        )
    )
    return DraftOut(channel_id=channel.id, topic=new.topic, text=new.text, handling=new.handling, saved_at=uow.now)


def draft(uow: UnitOfWork, channel_id: UUID, topic: str) -> DraftOut | None:
    """One's draft in a topic."""
    channel = uow.get(Channel, channel_id, to=Action.MESSAGE_POST)
    found = uow.find(Draft, person_id=uow.actor.person_id, channel_id=channel.id, topic=topic)
    return _out(found) if found else None


def drafts(uow: UnitOfWork, workspace_id: UUID) -> list[DraftOut]:
    """All one's drafts in a workspace, the latest first."""
    rows = uow.all(
        uow.select(Draft, to=Action.MESSAGE_POST, within=workspace_id)
        .where(col(Draft.person_id) == uow.actor.person_id)
        .order_by(col(Draft.at).desc())
        .limit(500)
    )
    return [_out(row) for row in rows]


def _where(uow: UnitOfWork, channel_id: UUID, topic: str) -> ColumnElement[bool]:
    return and_(
        col(Draft.person_id) == uow.actor.person_id, col(Draft.channel_id) == channel_id, col(Draft.topic) == topic
    )


def _out(row: Draft) -> DraftOut:
    return DraftOut(channel_id=row.channel_id, topic=row.topic, text=row.text, handling=row.handling, saved_at=row.at)
