"""Receipts: statements the server signs with its log's key, which anybody checks without it.

What is signed is a fixed first line and the statement in canonical JSON (RFC 8785), so that a receipt is never taken
for a checkpoint. The file holds statement, signature (Ed25519, RFC 8032) and the log's public key as its notes name it.
"""

from base64 import b64encode
from typing import Any
from uuid import UUID

from jit_server import audit
from jit_server.audit.entry import canonical
from jit_server.work import UnitOfWork

FIRST_LINE = b"jit-server receipt v1\n"


def signed(uow: UnitOfWork, statement: dict[str, Any]) -> tuple[str, bytes]:
    """A statement in its canonical form, and the server's signature."""
    text = canonical(statement)
    return text.decode(), uow.house.key.sign(FIRST_LINE + text)


def file_of(uow: UnitOfWork, workspace_id: UUID, statement: str, signature: bytes) -> dict[str, str]:
    """A receipt as its holder keeps it: the statement to the byte, as text."""
    return {
        "format": "jit-receipt/1",
        "statement": statement,
        "signature": b64encode(signature).decode(),
        "key": str(audit.verifier(uow.house.key, workspace_id)),
    }
