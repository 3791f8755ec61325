"""Messages as they stand now, read in one query: the row, its latest change, and who spoke for whom."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, select, true
from sqlmodel import col

from jit_server.access import Actor, Handling
from jit_server.identity.models import Agency, Person
from jit_server.messaging.models import ChangeKind, Message, MessageChange
from jit_server.messaging.shapes import AuthorOut, MessageOut

_NOBODY: Final[Mapping[UUID, str]] = MappingProxyType({})
_latest = (
    select(
        col(MessageChange.version),
        col(MessageChange.kind),
        col(MessageChange.text),
        col(MessageChange.html),
        col(MessageChange.reason),
    )
    .where(col(MessageChange.message_id) == col(Message.id))
    .order_by(col(MessageChange.version).desc())
    .limit(1)
    .lateral("latest")
)
CURRENT: Select[*tuple[Any, ...]] = (
    select(
        col(Message.id),
        col(Message.position),
        col(Message.client_id),
        col(Message.channel_id),
        col(Message.topic),
        col(Message.text),
        col(Message.html),
        col(Message.handling),
        col(Message.party_id),
        col(Message.compartment_id),
        col(Message.author_id),
        col(Message.at),
        col(Message.reply_to),
        col(Person.name).label("author_name"),
        col(Agency.own_name).label("agency_name"),
        col(Agency.state).label("state"),
        _latest.c.version,
        _latest.c.kind,
        _latest.c.text.label("new_text"),
        _latest.c.html.label("new_html"),
        _latest.c.reason,
    )
    .join(Person, col(Person.id) == col(Message.author_id))
    .join(Agency, col(Agency.id) == col(Message.agency_id))
    .outerjoin(_latest, true())
)
"""Every message as it stands; narrow it by what the reader may see."""


def out(row: Row[Any], functions: Mapping[UUID, str] = _NOBODY) -> MessageOut:
    """A row of `CURRENT` as it is shown; who is among `functions` by function instead of name."""
    withdrawn = row.kind == ChangeKind.WITHDRAWAL
    changed = row.version is not None
    return MessageOut.model_construct(
        id=row.id,
        position=row.position,
        client_id=row.client_id,
        channel_id=row.channel_id,
        topic=row.topic,
        text="" if withdrawn else row.new_text if changed else row.text,
        html="" if withdrawn else row.new_html if changed else row.html,
        handling=Handling(row.handling),
        author=AuthorOut.model_construct(
            id=row.author_id,
            name=functions.get(row.author_id, row.author_name),
            agency=row.agency_name,
            state=row.state,
        ),
        at=row.at,
        version=row.version or 1,
        withdrawn=withdrawn,
        reason=row.reason if withdrawn else None,
        reply_to=row.reply_to,
    )


def as_kept(message: Message, actor: Actor, change: MessageChange | None = None) -> MessageOut:
    """The actor's own message as it was just kept or changed."""
    withdrawn = change is not None and change.kind == ChangeKind.WITHDRAWAL
    newest = change or message
    return MessageOut(
        id=message.id,
        position=message.position or 0,
        client_id=message.client_id,
        channel_id=message.channel_id,
        topic=message.topic,
        text="" if withdrawn else newest.text,
        html="" if withdrawn else newest.html,
        handling=message.handling,
        author=AuthorOut(id=message.author_id, name=actor.name, agency=actor.agency_name, state=actor.state or ""),
        at=message.at,
        version=change.version if change else 1,
        withdrawn=withdrawn,
        reason=change.reason if change and withdrawn else None,
        reply_to=message.reply_to,
    )
