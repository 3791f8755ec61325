"""C2SP signed notes and tlog checkpoints: a tree head as text that a key has signed. Pure; no database.

See c2sp.org/signed-note and c2sp.org/tlog-checkpoint. Signatures are plain Ed25519 (type 0x01).
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from jit_server.core.keys import ED25519, SigningKey, key_id

DASH = "\N{EM DASH}"
MOST_SIGNATURES = 64
HASH_BYTES = 32


class BadNote(ValueError):
    """The note is malformed, or no key that we trust has signed it."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key and the name under which it signs; as text the line `<name>+<key id>+<base64>`."""

    name: str
    public_key: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that stand before the key's signatures."""
        return key_id(self.name, self.public_key)

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(ED25519 + self.public_key).decode()}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read the text form.

        Raises:
            BadNote: it is not one, or its key id does not fit.
        """
        name, _, rest = text.strip().partition("+")
        wanted, _, encoded = rest.partition("+")
        data = unbased(encoded)
        key = cls(name, data[1:])
        if not name or data[:1] != ED25519 or len(key.public_key) != HASH_BYTES or key.id.hex() != wanted:
            raise BadNote("not a verifier key of the form <name>+<key id>+<base64>")
        return key

    def verifies(self, text: str, signature: bytes) -> bool:
        """Tell whether this key made the signature over the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: the log's name, how many entries it has, and the root over them."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read the text of a note as a checkpoint; extension lines are passed over.

        Raises:
            BadNote: it is none.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):  # noqa: PLR2004 - three lines, each with its end
            raise BadNote("a checkpoint has three lines: origin, size, root")
        origin, size, root = lines[0], lines[1], unbased(lines[2])
        if not (size.isascii() and size.isdigit()) or str(int(size)) != size or len(root) != HASH_BYTES:
            raise BadNote("the checkpoint's size or root is malformed")
        return cls(origin, int(size), root)


def sign(text: str, name: str, key: SigningKey) -> str:
    """Sign a text that ends in a newline; the result is a signed note. Deterministic."""
    if not text.endswith("\n"):
        raise ValueError("the text of a note ends in a newline")
    signature = b64encode(key_id(name, key.public_key) + key.sign(text.encode())).decode()
    return f"{text}\n{DASH} {name} {signature}\n"


def read(note: str, keys: Iterable[VerifierKey]) -> str:
    """Give the text of a note that at least one of the keys has signed.

    Signatures by other keys are passed over; a wrong signature by one of ours spoils the note, as C2SP advises.

    Raises:
        BadNote: malformed, not signed by any of the keys, or wrongly signed by one.
    """
    text, separator, block = note.rpartition("\n\n")
    lines = block.split("\n")
    if not separator or len(lines) < 2 or lines[-1] or len(lines) > MOST_SIGNATURES:  # noqa: PLR2004 - a line and its end
        raise BadNote("a signed note is a text, an empty line and signatures")
    if any(ord(letter) < ord(" ") and letter != "\n" for letter in note):
        raise BadNote("a signed note has no control characters")
    text += "\n"
    known = {(key.name, key.id): key for key in keys}
    signed = False
    for line in lines[:-1]:
        name, signature = signature_of(line)
        key = known.get((name, signature[:4]))
        if key is not None and not key.verifies(text, signature[4:]):
            raise BadNote(f"the signature of {name} is wrong")
        signed = signed or key is not None
    if not signed:
        raise BadNote("no key that is trusted here has signed this note")
    return text


def checkpoint(note: str, keys: Iterable[VerifierKey]) -> Checkpoint:
    """Read a signed note as a checkpoint, whose signature holds."""
    return Checkpoint.parse(read(note, keys))


def signature_of(line: str) -> tuple[str, bytes]:
    """Name and bytes of one signature line. Raises `BadNote`."""
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    signature = unbased(encoded)
    if dash != DASH or not name or "+" in name or len(signature) < 5:  # noqa: PLR2004 - key id and something
        raise BadNote("malformed signature line")
    return name, signature


def based(data: bytes) -> str:
    """In base64."""
    return b64encode(data).decode()


def unbased(encoded: str) -> bytes:
    """Decode base64, only in its one canonical spelling: so no changed bit passes unseen."""
    try:
        data = b64decode(encoded, validate=True)
    except ValueError as error:
        raise BadNote("malformed base64") from error
    if b64encode(data).decode() != encoded:
        raise BadNote("malformed base64")
    return data
