"""Reading an encrypted exhibit from the middle: any chunk alone proves its key, its place and its length.

The library that encrypts reads from the beginning only, so the few lines of the format that reading needs stand here
(https://c2sp.org/chunked-encryption): key, first nonce and commitment are expanded from the data key, the salt in the
head and the context; a chunk's nonce is the first one with the chunk's place in it; the last chunk is shorter than the
others. `tests/contracts/test_middle.py` holds them to the library's own text.
"""

import hmac
from collections.abc import Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from jit_server.core.errors import Altered
from jit_server.core.vault.base import Body
from jit_server.core.vault.offload import off

HEAD, CHUNK, TAG = 56, 2**14, 16
SEALED_CHUNK: Final = CHUNK + TAG

_SALT, _KEY, _NONCE, _COMMITMENT = 24, 32, 12, 32
_INFO: Final = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"


def altered() -> Altered:
    """What is said where a chunk does not carry the tag of this key, place and length."""
    return Altered("The stored bytes are not those that were encrypted here.")


def stored_part(part: range) -> range:
    """Where the chunks lie that hold these plain bytes. The last chunk of all is shorter than said here."""
    first, last = part.start // CHUNK, (part.stop - 1) // CHUNK
    return range(HEAD + first * SEALED_CHUNK, HEAD + (last + 1) * SEALED_CHUNK)


class Chunks:
    """Opens chunks of one text, whichever they are."""

    def __init__(self, data_key: bytes, context: bytes, head: bytes) -> None:
        """Raises `Altered` unless the head was made under this key, for this context."""
        salt, commitment = head[:_SALT], head[_SALT:]
        length = _KEY + _NONCE + _COMMITMENT
        made = HKDFExpand(SHA512(), length, _INFO + salt + context).derive(data_key)
        if len(head) != HEAD or not hmac.compare_digest(made[_KEY + _NONCE :], commitment):
            raise altered()
        self._cipher, self._nonce = AESGCM(made[:_KEY]), int.from_bytes(made[_KEY : _KEY + _NONCE])

    def open(self, sealed: memoryview, first: int) -> bytes:
        """The plain bytes of chunks that follow each other, `first` being the place of the first one."""
        opened = []
        try:
            for place, start in enumerate(range(0, len(sealed), SEALED_CHUNK), first):
                nonce = (self._nonce ^ place).to_bytes(_NONCE)
                opened.append(self._cipher.decrypt(nonce, sealed[start : start + SEALED_CHUNK], None))
        except InvalidTag as fault:
            raise altered() from fault
        return b"".join(opened)


class PartBody:
    """Some of the plain bytes; each chunk is proved before any of it is given out."""

    def __init__(self, stored: Body, chunks: Chunks, part: range) -> None:
        self._stored, self._chunks, self._part = stored, chunks, part
        self.size = len(part)

    def __iter__(self) -> Iterator[bytes]:
        skip, left = self._part.start % CHUNK, self.size
        for opened in self._opened():
            block = opened[skip : skip + left]
            skip, left = max(0, skip - len(opened)), left - len(block)
            if block:
                yield block
        if left:
            raise altered()

    def _opened(self) -> Iterator[bytes]:
        place, held = self._part.start // CHUNK, bytearray()
        for block in self._stored:
            held += block
            whole = len(held) - len(held) % SEALED_CHUNK
            if whole:
                sealed = memoryview(bytes(held[:whole]))
                del held[:whole]
                yield off(self._chunks.open, sealed, place)
                place += whole // SEALED_CHUNK
        if held:
            yield self._chunks.open(memoryview(bytes(held)), place)

    def close(self) -> None:
        """Give back the file or connection."""
        self._stored.close()
