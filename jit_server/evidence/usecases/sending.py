"""A package on its way out: written while it is sent, in memory that does not grow with what it holds."""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from jit_server import audit
from jit_server.access import Action
from jit_server.audit import bundle
from jit_server.audit.entry import canonical
from jit_server.core.archive import Archive
from jit_server.core.errors import NotFound
from jit_server.evidence.court import asic
from jit_server.evidence.court.asic import DataObject
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.usecases.content import LOOK_AGAIN_SECONDS, checked
from jit_server.evidence.usecases.histories import Survey, histories, report
from jit_server.evidence.usecases.uploads import Begin

if TYPE_CHECKING:
    import hashlib

EXPORTED = "evidence:exported"


@dataclass(frozen=True)
class Package:
    """What is known and on record before the first byte leaves.

    `files` holds where each exhibit's bytes lie, empty for references only; `texts` begins with the file whose digest
    is on the log; None stands for the custody report, which is made again while it is sent.
    """

    items: Sequence[EvidenceItem]
    files: Mapping[UUID, str]
    at: datetime
    position: int
    texts: Mapping[str, bytes | None]
    seen: Survey
    digest: str


def pieces(begin: Begin, package: Package, opened: Generator[bytes, None, None] | None) -> Generator[bytes, None, None]:
    """The container, piece by piece; `opened` are the bytes of the first exhibit, already asked for."""
    archive, objects = Archive(package.at.astimezone(UTC)), list[DataObject]()
    try:
        yield archive.whole(asic.MIMETYPE, asic.MIME.encode())
        for name, data in package.texts.items():
            digest = package.seen.sha256 if data is None else sha256(data).hexdigest()
            objects.append(DataObject(name, asic.text_type(name), digest))
            yield from archive.flowing(name, _custody(begin, package)) if data is None else [archive.whole(name, data)]
        yield from _proof(begin, package, archive, objects)
        yield from _contents(begin, package, archive, objects, opened)
        yield _sealed(begin, package, archive, objects) + archive.end()
    finally:
        if opened is not None:
            opened.close()


def _proof(begin: Begin, package: Package, archive: Archive, objects: list[DataObject]) -> Iterator[bytes]:
    """The signed head, and the entries of the histories and of this export, each with its proof."""
    log_id = package.items[0].workspace_id
    with begin() as uow:
        note = audit.checkpoint(uow.connection, log_id, uow.house.key)
        signer = audit.verifier(uow.house.key, log_id)
    for name, data in bundle.head(note, signer).items():
        objects.append(DataObject(name, asic.text_type(name), sha256(data).hexdigest()))
        yield archive.whole(name, data)
    digest = sha256()
    yield from archive.flowing(bundle.LINES, _hashed(_entries(begin, package, int(note.splitlines()[1])), digest))
    objects.append(DataObject(bundle.LINES, asic.text_type(bundle.LINES), digest.hexdigest()))


def _custody(begin: Begin, package: Package) -> Iterator[bytes]:
    """The custody report once more; whoever may not read the log any more gets no shorter one."""
    digest = sha256()
    yield from _hashed(report(begin, package.items, package.position, package.seen), digest)
    if digest.hexdigest() != package.seen.sha256:
        raise NotFound


def _hashed(made: Iterable[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    for piece in made:
        digest.update(piece)
        yield piece


def _entries(begin: Begin, package: Package, size: int) -> Iterator[bytes]:
    log_id = package.items[0].workspace_id
    for entries in _wanted(begin, package, size):
        with begin() as uow:
            proofs = audit.inclusions(uow.connection, log_id, [entry.position for entry in entries], size)
        proved = zip(entries, proofs, strict=True)
        yield b"".join(canonical(bundle.proved_entry(entry, path)) + b"\n" for entry, path in proved)


def _wanted(begin: Begin, package: Package, size: int) -> Iterator[list[audit.Kept]]:
    yield from histories(begin, package.items, package.position)
    for later in histories(begin, package.items, size, after=package.position, events=[EXPORTED]):
        own = [entry for entry in later if entry.content["facts"].get("manifest") == package.digest]
        if own:
            yield own


def _contents(
    begin: Begin,
    package: Package,
    archive: Archive,
    objects: list[DataObject],
    opened: Generator[bytes, None, None] | None,
) -> Iterator[bytes]:
    """The exhibits' bytes, as long as whoever takes them may."""
    watch = _Watch(begin, package.items)
    for item in package.items if package.files else ():
        name = package.files[item.id]
        blocks = opened or checked(begin, watch.vault, item)
        opened = None
        try:
            yield from archive.flowing(name, watch.over(item, blocks))
        finally:
            blocks.close()
        objects.append(DataObject(name, item.media_type, item.sha256))


class _Watch:
    """Asks every second whether whoever takes the package may still have what has not left yet."""

    def __init__(self, begin: Begin, items: Sequence[EvidenceItem]) -> None:
        self._begin, self._rest, self._last = begin, {item.id: item for item in items}, time.monotonic()
        with begin() as uow:
            self.vault = uow.vault

    def over(self, item: EvidenceItem, blocks: Iterable[bytes]) -> Iterator[bytes]:
        for block in blocks:
            if time.monotonic() - self._last > LOOK_AGAIN_SECONDS:
                self._ask(item.workspace_id)
            yield block
        del self._rest[item.id]

    def _ask(self, workspace_id: UUID) -> None:
        with self._begin() as uow:
            scope = uow.scope(EvidenceItem, to=Action.EVIDENCE_EXPORT, within=workspace_id)
            may = select(col(EvidenceItem.id)).where(scope, col(EvidenceItem.id).in_(set(self._rest)))
            for missing in self._rest.keys() - set(uow.session.execute(may).scalars()):
                uow.get(EvidenceItem, missing, to=Action.EVIDENCE_EXPORT, within=workspace_id)
        self._last = time.monotonic()


def _sealed(begin: Begin, package: Package, archive: Archive, objects: list[DataObject]) -> bytes:
    """The container's manifest and the server's seal on it."""
    with begin() as uow:
        seal = audit.Seal.of(uow.house.key)
    manifest = asic.manifest(objects)
    return archive.whole(asic.MANIFEST, manifest) + archive.whole(asic.SIGNATURE, seal.sign(manifest, package.at))
