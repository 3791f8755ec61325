"""C2SP cosignatures: a witness states when it saw a tree head, and never states it of two that contradict. Pure.

See c2sp.org/tlog-cosignature (Ed25519, `cosignature/v1`) and c2sp.org/tlog-witness.
"""

import struct
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from jit_server.audit.notes import DASH, HASH_BYTES, BadNote, signature_of, unbased
from jit_server.core.keys import SigningKey

COSIGNED: Final = b"\x04"
"""Signature type of a timestamped Ed25519 cosignature."""
_LENGTH: Final = 4 + 8 + 64


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness's name and public key; as text the line `<name>+<key id>+<base64>`."""

    name: str
    public_key: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that stand before its cosignatures."""
        return sha256(self.name.encode() + b"\n" + COSIGNED + self.public_key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(COSIGNED + self.public_key).decode()}"

    @classmethod
    def parse(cls, text: str) -> "WitnessKey":
        """Read the text form. Raises `BadNote`."""
        name, _, rest = text.strip().partition("+")
        wanted, _, encoded = rest.partition("+")
        data = unbased(encoded)
        key = cls(name, data[1:])
        if not name or data[:1] != COSIGNED or len(key.public_key) != HASH_BYTES or key.id.hex() != wanted:
            raise BadNote("not a witness's key of the form <name>+<key id>+<base64 of 0x04 and 32 bytes>")
        return key

    def saw(self, text: str, line: str) -> datetime:
        """When this witness saw the checkpoint with this text, by one signature line. Raises `BadNote`."""
        name, signature = signature_of(line)
        if name != self.name or signature[:4] != self.id or len(signature) != _LENGTH:
            raise BadNote(f"the line is no cosignature of {self.name}")
        (moment,) = struct.unpack(">Q", signature[4:12])
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature[12:], _message(text, moment))
            return datetime.fromtimestamp(moment, UTC)
        except (InvalidSignature, ValueError, OverflowError) as error:
            raise BadNote(f"the cosignature of {self.name} does not hold") from error


def cosign(text: str, key: SigningKey, at: datetime) -> str:
    """The signature line of a witness under a checkpoint's text, without its newline."""
    moment, signer = int(at.timestamp()), WitnessKey(key.name, key.public_key)
    signature = signer.id + struct.pack(">Q", moment) + key.sign(_message(text, moment))
    return f"{DASH} {key.name} {b64encode(signature).decode()}"


def lines_by(key: WitnessKey, text: str, lines: Iterable[str]) -> list[str]:
    """Those of the lines that are this witness's and hold."""
    found = []
    for line in lines:
        try:
            key.saw(text, line)
        except BadNote:
            continue
        found.append(line)
    return found


def _message(text: str, moment: int) -> bytes:
    return f"cosignature/v1\ntime {moment}\n{text}".encode()
