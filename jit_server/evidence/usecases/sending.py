"""A package on its way out: written while it is sent, in memory that does not grow with what it holds."""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Self
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from jit_server import audit, witnesses
from jit_server.access import Action
from jit_server.audit import bundle
from jit_server.audit.entry import canonical
from jit_server.core import stamps
from jit_server.core.archive import Archive
from jit_server.core.errors import Altered, NotFound
from jit_server.core.vault import ahead
from jit_server.evidence.court import asic
from jit_server.evidence.court.asic import DataObject
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.tus.lying import Readable
from jit_server.evidence.usecases.content import LOOK_AGAIN_SECONDS, raise_alarm, stored
from jit_server.evidence.usecases.histories import AGAIN, Survey, histories
from jit_server.evidence.usecases.uploads import Begin

if TYPE_CHECKING:
    import hashlib

    from jit_server.core.settings import Settings

EXPORTED = "evidence:exported"
CHECKPOINT_STAMP = "log/checkpoint.tst"


@dataclass(frozen=True)
class Package:
    """What is known and on record before the first byte leaves.

    `files` holds where each exhibit's bytes lie, empty for references only; `texts` begins with the file whose digest
    is on the log; None stands for what may have to be made again while it is sent (`AGAIN`). `vaults` is the vault as
    each exhibit's key sees it.
    """

    items: Sequence[EvidenceItem]
    files: Mapping[UUID, str]
    at: datetime
    position: int
    texts: Mapping[str, bytes | None]
    seen: Survey
    digest: str
    vaults: Mapping[UUID, Readable]
    seal: audit.Seal
    settings: "Settings"


class Shipment:
    """The container on its way out, piece by piece, as long as whoever takes it may have all that has not left yet.

    `opened` are the bytes of the first exhibit, already asked for.
    """

    def __init__(self, begin: Begin, package: Package, opened: Generator[bytes, None, None] | None) -> None:
        self._begin, self._package, self._opened = begin, package, opened
        self._archive, self._objects = Archive(package.at.astimezone(UTC)), list[DataObject]()
        self._log_id = package.items[0].workspace_id
        self._rest, self._asked = {item.id for item in package.items}, time.monotonic()
        self._pieces, self._reading = self._made(), package.items[0]

    def __iter__(self) -> Self:
        """Itself: each piece is given once."""
        return self

    def __next__(self) -> bytes:
        """The next piece, for one who may take it now."""
        piece = next(self._pieces)
        self.look()
        return piece

    def look(self) -> None:
        """Ask whether the taker still may, unless that was asked a moment ago.

        Raises:
            NotFound, NotPermitted: what is still to leave is not for them any more, or their session has ended.
        """
        if time.monotonic() - self._asked <= LOOK_AGAIN_SECONDS:
            return
        with self._begin() as uow:
            scope = uow.scope(EvidenceItem, to=Action.EVIDENCE_EXPORT, within=self._log_id)
            may = select(col(EvidenceItem.id)).where(scope, col(EvidenceItem.id).in_(self._rest))
            for missing in self._rest - set(uow.session.execute(may).scalars()):
                uow.get(EvidenceItem, missing, to=Action.EVIDENCE_EXPORT, within=self._log_id)
        self._asked = time.monotonic()

    def close(self) -> None:
        """Let go of what the bytes come from."""
        self._pieces.close()
        if self._opened is not None:
            self._opened.close()

    def _made(self) -> Generator[bytes, None, None]:
        yield self._archive.whole(asic.MIMETYPE, asic.MIME.encode())
        for name, data in self._package.texts.items():
            if data is None:
                self._list(name, self._package.seen.made[name].sha256)
                yield from self._archive.flowing(name, self._again(name))
            else:
                yield self._text(name, data)
        yield from self._proof()
        yield from self._contents()
        yield from self._sealed()
        yield self._archive.end()

    def _list(self, name: str, digest: str, kind: str = "") -> None:
        self._objects.append(DataObject(name, kind or asic.text_type(name), digest))

    def _text(self, name: str, data: bytes) -> bytes:
        self._list(name, sha256(data).hexdigest())
        return self._archive.whole(name, data)

    def _again(self, name: str) -> Iterator[bytes]:
        """What was made and hashed before; whoever may not read the log any more gets no shorter one."""
        digest, package = sha256(), self._package
        kept = package.seen.made[name].kept()
        made = AGAIN[name](self._begin, package.items, package.position, package.seen) if kept is None else kept
        yield from _hashed(made, digest)
        if digest.hexdigest() != package.seen.made[name].sha256:
            raise NotFound

    def _proof(self) -> Iterator[bytes]:
        """The signed head, and the entries of the histories and of this export, each with its proof."""
        with self._begin() as uow:
            note = audit.checkpoint(uow.connection, self._log_id, uow.house.key)
            signer, house = audit.verifier(uow.house.key, self._log_id), uow.house
        note = witnesses.cosigned(house, self._log_id, note)
        for name, data in bundle.head(note, signer).items():
            yield self._text(name, data)
        if (stamp := stamps.token(self._package.settings, note.encode())) is not None:
            yield self._text(CHECKPOINT_STAMP, stamp)
        digest, size = sha256(), int(note.splitlines()[1])
        yield from self._archive.flowing(bundle.LINES, _hashed(self._entries(size), digest))
        self._list(bundle.LINES, digest.hexdigest())

    def _entries(self, size: int) -> Iterator[bytes]:
        for entries in self._wanted(size):
            with self._begin() as uow:
                proofs = audit.inclusions(uow.connection, self._log_id, [entry.position for entry in entries], size)
            proved = zip(entries, proofs, strict=True)
            yield b"".join(canonical(bundle.proved_entry(entry, path)) + b"\n" for entry, path in proved)

    def _wanted(self, size: int) -> Iterator[list[audit.Kept]]:
        items, position = self._package.items, self._package.position
        yield from histories(self._begin, items, position)
        for later in histories(self._begin, items, size, after=position, events=[EXPORTED]):
            yield [entry for entry in later if entry.content["facts"].get("manifest") == self._package.digest]

    def _contents(self) -> Iterator[bytes]:
        """The bytes of the exhibits, read and proved while earlier ones are on their way out.

        What has left is not asked about any more.
        """
        with closing(ahead(self._read())) as read:
            try:
                for item, blocks in groupby(read, itemgetter(0)):
                    name = self._package.files[item.id]
                    yield from self._archive.flowing(name, map(itemgetter(1), blocks))
                    self._rest.discard(item.id)
                    self._list(name, item.sha256, item.media_type)
            except Altered as found:
                raise_alarm(self._begin, self._reading, found)
                raise

    def _read(self) -> Iterator[tuple[EvidenceItem, bytes]]:
        """Every block of each exhibit; beside the request, so it opens no unit of work."""
        for item in (item for item in self._package.items if item.id in self._package.files):
            self._reading, blocks, self._opened = item, self._opened, None
            with closing(blocks or stored(self._package.vaults[item.id], item)) as opened:
                yield from ((item, block) for block in opened)

    def _sealed(self) -> Iterator[bytes]:
        """The container's manifest, the server's seal on it, and the time stamp over both where there is one."""
        manifest = asic.manifest(self._objects)
        signature = self._package.seal.sign(manifest, self._package.at)
        yield self._archive.whole(asic.MANIFEST, manifest) + self._archive.whole(asic.SIGNATURE, signature)
        stamped = asic.to_stamp(manifest, signature)
        if (stamp := stamps.token(self._package.settings, stamped)) is not None:
            yield self._archive.whole(asic.STAMPED, stamped) + self._archive.whole(asic.STAMP, stamp)


def _hashed(made: Iterable[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    for piece in made:
        digest.update(piece)
        yield piece
