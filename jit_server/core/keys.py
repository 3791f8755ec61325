"""The server's Ed25519 key, which signs the checkpoints of its logs."""

import os
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ED25519 = b"\x01"
"""Signature type of C2SP signed-note for plain Ed25519."""


class BadKeyFile(ValueError):
    """The key file does not hold a key in the form `PRIVATE+KEY+<name>+<id>+<base64>`."""


def key_id(name: str, public_key: bytes) -> bytes:
    """Name a key in four bytes, as C2SP signed-note recommends."""
    return sha256(name.encode() + b"\n" + ED25519 + public_key).digest()[:4]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 private key and the name under which the server signs, such as `jit.example`.

    On disk it is one line in the form the note tools of the transparency world use:
    `PRIVATE+KEY+<name>+<key id>+<base64 of 0x01 and the 32-byte seed>`. The name stays with the key, so that a log
    keeps its identity when the server's address changes.
    """

    name: str
    _private: Ed25519PrivateKey = field(repr=False)

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of the public key (RFC 8032)."""
        return self._private.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """Sign: 64 bytes, the same for the same data."""
        return self._private.sign(data)

    def derive(self, purpose: bytes, length: int) -> bytes:
        """Secret bytes for another purpose (HKDF, RFC 5869): they tell nothing of this key or of each other."""
        return HKDF(hashes.SHA256(), length, salt=None, info=purpose).derive(self._private.private_bytes_raw())

    def other(self, purpose: bytes, name: str) -> "SigningKey":
        """An Ed25519 key for another purpose, under a name of its own; always the same for the same key."""
        return type(self)(_checked(name), Ed25519PrivateKey.from_private_bytes(self.derive(purpose, 32)))

    def elliptic(self, purpose: bytes) -> ec.EllipticCurvePrivateKey:
        """A P-256 key for another purpose; always the same for the same key and purpose (FIPS 186-5, A.2.1)."""
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        number = int.from_bytes(self.derive(purpose, 48)) % (order - 1) + 1
        return ec.derive_private_key(number, ec.SECP256R1())

    @classmethod
    def generate(cls, name: str) -> "SigningKey":
        """Make a new key that is kept nowhere yet."""
        return cls(_checked(name), Ed25519PrivateKey.generate())

    @classmethod
    def create(cls, path: Path, name: str) -> "SigningKey":
        """Make a new key and keep it in a new file that only the server's account can read.

        Raises:
            FileExistsError: a key is there already; keys are never overwritten.
        """
        key = cls.generate(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, draft = mkstemp(dir=path.parent, prefix=".key-")  # mode 0600 from the start
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(key.text() + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)  # whole or not at all, and never over another
        finally:
            Path(draft).unlink()
        return key

    @classmethod
    def load(cls, path: Path) -> "SigningKey":
        """Read the key from its file.

        Raises:
            FileNotFoundError: there is none.
            BadKeyFile: it is damaged or something else.
        """
        parts = path.read_text().strip().split("+", 4)
        if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:  # noqa: PLR2004 - the form's five parts
            raise BadKeyFile(f"{path} holds no signing key")
        try:
            seed = b64decode(parts[4], validate=True)
            key = cls(_checked(parts[2]), Ed25519PrivateKey.from_private_bytes(seed[1:]))
        except ValueError as error:
            raise BadKeyFile(f"{path} holds a damaged signing key") from error
        if seed[:1] != ED25519 or key_id(key.name, key.public_key).hex() != parts[3]:
            raise BadKeyFile(f"{path} holds a damaged signing key")
        return key

    @classmethod
    def load_or_create(cls, path: Path, name: str) -> "SigningKey":
        """Read the key, or make it at the first start; of several processes that start at once one makes it."""
        try:
            return cls.create(path, name) if not path.exists() else cls.load(path)
        except FileExistsError:
            return cls.load(path)

    def text(self) -> str:
        """The secret line that the key file holds."""
        secret = b64encode(ED25519 + self._private.private_bytes_raw()).decode()
        return f"PRIVATE+KEY+{self.name}+{key_id(self.name, self.public_key).hex()}+{secret}"


def _checked(name: str) -> str:
    """C2SP: a key's name is not empty and holds neither spaces nor plus."""
    if not name or "+" in name or any(letter.isspace() or ord(letter) < ord(" ") for letter in name):
        raise ValueError(f"{name!r} cannot name a key")
    return name
