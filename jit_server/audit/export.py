"""A whole log as a ZIP that leaves the server: every entry, the signed head, the key. `jit-verify.py` checks it."""

import zipfile
from collections.abc import Iterator
from typing import IO
from uuid import UUID

from jit_server.audit import bundle, notes
from jit_server.audit.checkpoints import checkpoint, verifier
from jit_server.audit.entry import Kept
from jit_server.audit.log import MOST_READ, Executes, read
from jit_server.audit.notes import Checkpoint
from jit_server.core.keys import SigningKey


def export(session: Executes, log_id: UUID, key: SigningKey, out: IO[bytes]) -> Checkpoint:
    """Write the whole log up to its present head, which is signed for it; memory stays flat.

    Raises:
        LogDamaged: the head does not continue the last checkpoint.
    """
    signer = verifier(key, log_id)
    note = checkpoint(session, log_id, key)
    head = notes.checkpoint(note, [signer])
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in bundle.head(note, signer).items():
            file.writestr(name, data)
        with file.open(bundle.WHOLE, "w", force_zip64=True) as member:
            member.writelines(bundle.lines(_entries(session, log_id, head.size)))
    return head


def _entries(session: Executes, log_id: UUID, size: int) -> Iterator[Kept]:
    last = 0
    while last < size:
        for kept in read(session, log_id, last, min(MOST_READ, size - last)):
            last = kept.position
            yield kept
