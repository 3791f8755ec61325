"""Key-encryption keys: they wrap the key of each workspace, which wraps the key of each of its objects (ADR 29).

They stay behind a small interface, because a large installation keeps them where no process can read them: the transit
engine of Vault and PKCS#11 tokens speak the same verbs.
"""

import os
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes
from tempfile import mkstemp
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jit_server.core.errors import VaultDown
from jit_server.core.settings import Settings

KEY_BYTES: Final = 32
_NONCE = 12
_FORM: Final = "KEK"


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A key that only the key-encryption key of this id opens."""

    kek: str
    blob: bytes = field(repr=False)


class Keyring(Protocol):
    """Whoever holds the key-encryption keys, which never leave it."""

    def ids(self) -> list[str]:
        """Which keys it holds; the last one is the one it wraps with."""

    def wrap(self, key: bytes, context: bytes) -> Wrapped:
        """Wrap a key, bound to what it is for."""

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        """The key again. Raises `VaultDown` where its key-encryption key is not held, or does not fit."""

    def rotate(self) -> str:
        """Make a new key to wrap with, and give its id; the others stay to unwrap with."""


def of(settings: Settings) -> "KeyFile":
    """The keyring that these settings name."""
    return KeyFile(settings.kek)


def wrap(by: bytes, key: bytes, context: bytes) -> bytes:
    """Wrap one key by another: AES-256-GCM under a random nonce, which stands in front."""
    nonce = token_bytes(_NONCE)
    return nonce + AESGCM(by).encrypt(nonce, key, context)


def unwrap(by: bytes, blob: bytes, context: bytes) -> bytes:
    """The wrapped key. Raises `InvalidTag` unless it was wrapped by this key and for this."""
    return AESGCM(by).decrypt(blob[:_NONCE], blob[_NONCE:], context)


class KeyFile:
    """Keys in one file of mode 0600, a line each, `KEK+<id>+<base64>`; the last line wraps.

    It is read anew each time: a key made by another process is seen at once, and nothing secret stays in memory.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def prepare(self) -> None:
        """Make the first key where there is no file yet; of several processes that start at once one makes it."""
        if not self._path.exists():
            try:
                self._write([token_bytes(KEY_BYTES)], over=False)
            except FileExistsError:
                return

    def ids(self) -> list[str]:
        """See `Keyring.ids`."""
        return list(self._keys())

    def wrap(self, key: bytes, context: bytes) -> Wrapped:
        """See `Keyring.wrap`."""
        name, by = list(self._keys().items())[-1]
        return Wrapped(name, wrap(by, key, context))

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        """See `Keyring.unwrap`."""
        by = self._keys().get(wrapped.kek)
        if by is None:
            detail = (
                f"The key-encryption key {wrapped.kek} is missing. The operator must put it back into the key file."
            )
            raise VaultDown(detail)
        try:
            return unwrap(by, wrapped.blob, context)
        except InvalidTag as fault:
            detail = f"A key wrapped by {wrapped.kek} was changed in the database. The operator must restore it."
            raise VaultDown(detail) from fault

    def rotate(self) -> str:
        """See `Keyring.rotate`."""
        made = token_bytes(KEY_BYTES)
        self._write([*self._keys().values(), made], over=True)
        return _id(made)

    def _keys(self) -> dict[str, bytes]:
        try:
            lines = self._path.read_text().split()
            keys = {name: b64decode(key, validate=True) for _, name, key in (line.split("+", 2) for line in lines)}
        except (OSError, ValueError) as fault:
            detail = f"The key file of the evidence store cannot be read ({type(fault).__name__})."
            raise VaultDown(f"{detail} The operator must restore it, or run `jit-server init` once.") from fault
        if not keys or any(_id(key) != name for name, key in keys.items()):
            detail = "The key file of the evidence store is damaged. The operator must restore it."
            raise VaultDown(detail)
        return keys

    def _write(self, keys: list[bytes], *, over: bool) -> None:
        """Whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, draft = mkstemp(dir=self._path.parent, prefix=".kek-")  # mode 0600 from the start
        try:
            with os.fdopen(descriptor, "w") as file:
                file.writelines(f"{_FORM}+{_id(key)}+{b64encode(key).decode()}\n" for key in keys)
                file.flush()
                os.fsync(file.fileno())
            if over:
                os.replace(draft, self._path)  # noqa: PTH105 - beside `os.link`, which refuses what this allows
            else:
                os.link(draft, self._path)
        finally:
            Path(draft).unlink(missing_ok=True)


def _id(key: bytes) -> str:
    """Names a key without giving it away, and tells a damaged one."""
    return sha256(b"jit key-encryption key\0" + key).hexdigest()[:16]
