"""The conversation of a workspace: channels and topics, messages that are never altered, reading marks and drafts."""

from jit_server.messaging.models import (
    Channel,
    Correction,
    Draft,
    Mark,
    Message,
    MessageChange,
    NewChannel,
    NewDraft,
    NewMessage,
    Withdrawal,
)
from jit_server.messaging.rows import as_kept
from jit_server.messaging.shapes import ChannelOut, DraftOut, MarkOut, MessageOut, TopicOut, VersionOut
from jit_server.messaging.usecases.own import draft, drafts, keep_draft, mark_read
from jit_server.messaging.usecases.reading import (
    Page,
    channels,
    create_channel,
    history,
    list_channels,
    read_page,
    unread,
)
from jit_server.messaging.usecases.speaking import edit, post, version_of, withdraw

__all__ = [
    "Channel",
    "ChannelOut",
    "Correction",
    "Draft",
    "DraftOut",
    "Mark",
    "MarkOut",
    "Message",
    "MessageChange",
    "MessageOut",
    "NewChannel",
    "NewDraft",
    "NewMessage",
    "Page",
    "TopicOut",
    "VersionOut",
    "Withdrawal",
    "as_kept",
    "channels",
    "create_channel",
    "draft",
    "drafts",
    "edit",
    "history",
    "keep_draft",
    "list_channels",
    "mark_read",
    "post",
    "read_page",
    "unread",
    "version_of",
    "withdraw",
]
