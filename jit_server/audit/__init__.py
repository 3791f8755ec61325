"""The audit log: one Merkle tree a workspace (RFC 6962), appended with the rows it is about, and checked by anybody."""

from jit_server.audit.checkpoints import LogDamaged, checkpoint, origin, verifier
from jit_server.audit.entry import SERVER_LOG, Entry, Kept, Unfit, What, Who, Why, commit, new_salt
from jit_server.audit.log import Head, NoSuchEntry, append, consistency, head, inclusion, inclusions, lock, read
from jit_server.audit.verbs import UnknownEvent, Verb, verb_of

__all__ = [
    "SERVER_LOG",
    "Entry",
    "Head",
    "Kept",
    "LogDamaged",
    "NoSuchEntry",
    "Unfit",
    "UnknownEvent",
    "Verb",
    "What",
    "Who",
    "Why",
    "append",
    "checkpoint",
    "commit",
    "consistency",
    "head",
    "inclusion",
    "inclusions",
    "lock",
    "new_salt",
    "origin",
    "read",
    "verb_of",
    "verifier",
]
