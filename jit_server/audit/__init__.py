"""The audit log: one Merkle tree a workspace (RFC 6962), appended with the rows it is about, and checked by anybody."""

from jit_server.audit import bundle, notes
from jit_server.audit.checkpoints import LogDamaged, checkpoint, origin, verifier
from jit_server.audit.entry import SERVER_LOG, Entry, Kept, Unfit, What, Who, Why, commit, new_salt
from jit_server.audit.export import export
from jit_server.audit.log import Head, NoSuchEntry, append, consistency, head, inclusion, inclusions, lock, read
from jit_server.audit.notes import BadNote, Checkpoint, VerifierKey
from jit_server.audit.scan import Finding
from jit_server.audit.seals import Seal
from jit_server.audit.verbs import UnknownEvent, Verb, verb_of
from jit_server.audit.verification import Report, verify

__all__ = [
    "SERVER_LOG",
    "BadNote",
    "Checkpoint",
    "Entry",
    "Finding",
    "Head",
    "Kept",
    "LogDamaged",
    "NoSuchEntry",
    "Report",
    "Seal",
    "Unfit",
    "UnknownEvent",
    "Verb",
    "VerifierKey",
    "What",
    "Who",
    "Why",
    "append",
    "bundle",
    "checkpoint",
    "commit",
    "consistency",
    "export",
    "head",
    "inclusion",
    "inclusions",
    "lock",
    "new_salt",
    "notes",
    "origin",
    "read",
    "verb_of",
    "verifier",
    "verify",
]
