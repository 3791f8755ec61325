"""Signed tree heads of a log, and the promise that each continues the one before."""

from uuid import UUID

from sqlalchemy import select, text

from jit_server.audit import notes, tree
from jit_server.audit.log import Executes, consistency, head
from jit_server.audit.models import audit_checkpoint
from jit_server.audit.notes import Checkpoint, VerifierKey
from jit_server.core.errors import JitError
from jit_server.core.keys import SigningKey


class LogDamaged(JitError):
    """The log does not continue the head that was last signed: entries were changed, cut or put back from a copy.

    No further checkpoint is signed. `jit-server audit verify` names the entry or the missing range.
    """

    slug, status, title = "log-damaged", 500, "The log does not agree with its last checkpoint"


def origin(key: SigningKey, log_id: UUID) -> str:
    """Name a log for the world: the server's name and the log's id."""
    return f"{key.name}/log/{log_id}"


def verifier(key: SigningKey, log_id: UUID) -> VerifierKey:
    """Give the public key under the log's own name, which is what checkpoints of this log are checked with."""
    return VerifierKey(origin(key, log_id), key.public_key)


def checkpoint(session: Executes, log_id: UUID, key: SigningKey) -> str:
    """Sign the log's present head as a C2SP checkpoint and keep it; the same head gives the same note.

    Raises:
        LogDamaged: the head does not continue the last checkpoint that this key signed.
    """
    signer, now = verifier(key, log_id), head(session, log_id)
    last = latest(session, log_id, signer)
    if last is not None and not _continues(session, log_id, last, Checkpoint(signer.name, now.size, now.root)):
        raise LogDamaged(
            f"the log {log_id} does not continue the checkpoint signed at {last.size} entries", size=last.size
        )
    note = notes.sign(str(Checkpoint(signer.name, now.size, now.root)), signer.name, key)
    session.execute(
        text("SELECT audit_keep(:log, :size, :root, :key, :note)"),
        {"log": log_id, "size": now.size, "root": now.root, "key": str(signer), "note": note},
    )
    return note


def latest(session: Executes, log_id: UUID, signer: VerifierKey) -> Checkpoint | None:
    """Give the largest checkpoint that is kept under this key, if its signature holds."""
    kept = audit_checkpoint.c
    note = session.execute(
        select(kept.note).where(kept.log_id == log_id, kept.key == str(signer)).order_by(kept.size.desc()).limit(1)
    ).scalar_one_or_none()
    return None if note is None else notes.checkpoint(note, [signer])


def _continues(session: Executes, log_id: UUID, old: Checkpoint, new: Checkpoint) -> bool:
    if old.size > new.size:
        return False
    proof = consistency(session, log_id, old.size, new.size)
    return tree.extends(old.size, new.size, old.root, new.root, proof)
