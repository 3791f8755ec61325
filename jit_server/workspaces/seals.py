"""What stands beside a signature: a statement of who signed what and how they had signed in, sealed by the server.

Anybody who holds the server's public key (the one that signs the log's checkpoints) can check a seal without it.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from jit_server.access import Actor
from jit_server.core.keys import SigningKey
from jit_server.workspaces.clauses import canonical_bytes

CONTEXT = "jit agreement signature v1\n"
"""Put before what is sealed, so that a seal is never taken for a checkpoint's signature."""


def stated(
    actor: Actor, *, digest: str, workspace_id: UUID, version: int, party: str, at: datetime, qualified: str | None
) -> dict[str, Any]:
    """What a signature states, as JSON values; no name, so that it may be kept for as long as the log."""
    return {
        "digest": digest,
        "workspace": str(workspace_id),
        "version": version,
        "party": party,
        "person": str(actor.person_id),
        "acr": actor.acr,
        "auth_time": actor.auth_time.isoformat() if actor.auth_time else None,
        "at": at.isoformat(),
        "qualified": qualified,
    }


def seal(key: SigningKey, statement: Mapping[str, Any]) -> str:
    """The server's Ed25519 signature over the statement, in base64."""
    return b64encode(key.sign(_sealed(statement))).decode()


def holds(public_key: bytes, statement: Mapping[str, Any], signature: str) -> bool:
    """Whether the seal is this key's over exactly this statement."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(b64decode(signature, validate=True), _sealed(statement))
    except (InvalidSignature, NotBase64):
        return False
    return True


def _sealed(statement: Mapping[str, Any]) -> bytes:
    return CONTEXT.encode() + canonical_bytes(dict(statement))
