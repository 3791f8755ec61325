"""An exhibit's bytes as something that can be sliced, read from the vault as they are needed: no copy lies anywhere."""

from collections import OrderedDict
from contextlib import closing
from threading import Lock
from typing import Final

from jit_server.core.vault import BLOCK
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.tus.lying import Readable

_PIECE: Final = 8 * BLOCK
_KEPT: Final = 3
"""Pieces in memory: one that is read, the one before it, and the list at the end."""


class Window:
    """`len` and slices of the plain bytes, each chunk proved on its way. Several threads may read."""

    def __init__(self, vault: Readable, item: EvidenceItem) -> None:
        self._vault, self._key, self._version, self._size = vault, item.vault_key, item.version_id, item.size
        self._pieces: OrderedDict[int, bytes] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._size)
        found = bytearray()
        while start < stop:
            number, offset = divmod(start, _PIECE)
            some = self._piece(number)[offset : offset + stop - start]
            found += some
            start += len(some)
        return bytes(found)

    def _piece(self, number: int) -> bytes:
        with self._lock:
            if number not in self._pieces:
                wanted = range(number * _PIECE, min((number + 1) * _PIECE, self._size))
                with closing(self._vault.open_part(self._key, self._version, wanted)) as body:
                    self._pieces[number] = b"".join(body)
            self._pieces.move_to_end(number)
            while len(self._pieces) > _KEPT:
                self._pieces.popitem(last=False)
            return self._pieces[number]
