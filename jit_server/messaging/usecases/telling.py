"""A message as evidence: its canonical record, with every version and the log's entries about them."""

from typing import Any
from uuid import UUID

from sqlmodel import col

from jit_server import audit
from jit_server.access import Action, Handling
from jit_server.audit.entry import canonical
from jit_server.core.errors import NotFound
from jit_server.identity.models import Agency
from jit_server.messaging.models import ChangeKind, Channel, Message, MessageChange
from jit_server.work import UnitOfWork
from jit_server.workspaces.sources import Source

FORMAT = "jit-message-record/1"
_SAYING = ("message:posted", "message:edited", "message:withdrawn")
_MOST = 10_000


def tell(uow: UnitOfWork, workspace_id: UUID, message_id: UUID) -> Source:
    """A message for whoever may read it and take in evidence of its party."""
    message = uow.get(Message, message_id, to=Action.MESSAGE_READ, within=workspace_id)
    uow.require(Action.EVIDENCE_REGISTER, message)
    channel, agency = uow.find(Channel, id=message.channel_id), uow.find(Agency, id=message.agency_id)
    if channel is None or agency is None:
        raise NotFound
    wanted = uow.select(MessageChange, to=Action.MESSAGE_READ, within=workspace_id)
    changes = list(
        uow.all(wanted.where(col(MessageChange.message_id) == message.id).order_by(col(MessageChange.version)))
    )
    entries = audit.read(uow.connection, workspace_id, 0, _MOST, subject=message.id, events=_SAYING)
    spoken: list[Message | MessageChange] = [message, *changes]
    said = [_version(one, entry) for one, entry in zip(spoken, entries, strict=True)]
    return Source(
        id=message.id,
        workspace_id=workspace_id,
        compartment_id=message.compartment_id,
        handling=Handling(message.handling),
        version=len(said),
        withdrawn=any(change.kind == ChangeKind.WITHDRAWAL for change in changes),
        at=message.at,
        position=message.position or 0,
        title=message.topic,
        place=f"# {channel.name} > {message.topic}"[:200],
        supplied_by=agency.own_name[:200],
        leaf_hash=entries[0].leaf_hash.hex(),
        text=spoken[-1].text,
        record=canonical(_record(message, channel, agency, said)),
    )


def _record(message: Message, channel: Channel, agency: Agency, said: list[dict[str, Any]]) -> dict[str, Any]:
    """Persons by their id only: whoever serves under a function instead of a name does so here too."""
    return {
        "format": FORMAT,
        "workspace_id": str(message.workspace_id),
        "message_id": str(message.id),
        "channel": {"id": str(channel.id), "name": channel.name},
        "topic": message.topic,
        "compartment_id": str(message.compartment_id) if message.compartment_id else None,
        "handling": str(message.handling),
        "party_id": str(message.party_id),
        "author": {"person_id": str(message.author_id), "agency": agency.own_name, "state": agency.state},
        "reply_to": str(message.reply_to) if message.reply_to else None,
        "versions": said,
    }


def _version(said: Message | MessageChange, entry: audit.Kept) -> dict[str, Any]:
    """What was said, and the entry that proves it: the entry's digest is keyed by the salt."""
    return {
        "version": getattr(said, "version", 1),
        "kind": str(getattr(said, "kind", "post")),
        "at": said.at.isoformat(),
        "author_id": str(said.author_id),
        "text": said.text,
        "reason": getattr(said, "reason", ""),
        "salt": said.salt.hex(),
        "log": {"position": entry.position, "leaf_hash": entry.leaf_hash.hex()},
    }
