"""The bundle of an exhibit: its bytes, its history and the proofs, for a court's expert without this server.

The format is docs/bundle-format.md. The manifest goes on the log before anything leaves; after that commit the log's
head is signed, so that the bundle holds the entry of its own export. The ZIP is written while it is sent: a bundle
whose bytes turn out to be altered never gets its end.
"""

import zipfile
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from jit_server import audit, witnesses
from jit_server.access import Action
from jit_server.audit import bundle
from jit_server.evidence import names
from jit_server.evidence.keys import vault_of
from jit_server.evidence.malware.verdicts import guard
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.usecases.content import Permitted, checked, with_first
from jit_server.evidence.usecases.describing import agencies_of, description
from jit_server.evidence.usecases.histories import statements
from jit_server.evidence.usecases.reading import about
from jit_server.evidence.usecases.reading_back import checks_of, read_back
from jit_server.evidence.usecases.sending import EXPORTED
from jit_server.evidence.usecases.uploads import Begin
from jit_server.evidence.usecases.uses import used
from jit_server.identity.models import Agency
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces.aliases import shown


@dataclass(frozen=True)
class _Bundle:
    """What is known before the first byte leaves: the exhibit, the manifest, and the texts it lists."""

    item: EvidenceItem
    file: str
    manifest: bytes
    texts: Mapping[str, bytes]
    positions: list[int]


def export(begin: Begin, item_id: UUID) -> tuple[EvidenceItem, Permitted]:
    """An exhibit with everything that proves it, as the pieces of a ZIP; the export is on record before the first.

    Raises:
        PurposeRequired: it is restricted, and nobody said what for.
        StepUp: malware was found in it, and the sign-in is not a recent one.
        VaultDown: the vault does not answer; nothing is on record as given out.
        KeyGone: its key was destroyed.
        NoQuorum: too few witnesses have cosigned the log; nothing is on record as given out.
        Altered: the bytes have changed.
    """
    with begin() as uow:
        item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_EXPORT)
        used(uow, item, Action.EVIDENCE_EXPORT)
        guard(uow, item.id)
        vault, house = vault_of(uow, item), uow.house
    witnesses.insist(house, item.workspace_id)
    read_back(begin, item)
    content = checked(begin, vault, item)
    first = next(content)
    try:
        with begin() as uow:
            made = _prepare(uow, item_id)
            digest = bundle.digest(made.manifest)
            said = used(uow, made.item, Action.EVIDENCE_EXPORT)
            uow.record(EXPORTED, made.item, manifest=digest, sha256=item.sha256, size=item.size, **said)
        with begin() as uow:
            note = audit.checkpoint(uow.connection, item.workspace_id, house.key)
        note = witnesses.cosigned(house, item.workspace_id, note)
        with begin() as uow:
            proof = _prove(uow, made, digest, note)
    except BaseException:
        content.close()
        raise
    members = {bundle.MANIFEST: made.manifest, **made.texts, **proof}
    zipped = _zip(made, members, with_first(first, content))
    return item, Permitted(begin, item_id, Action.EVIDENCE_EXPORT, zipped)


def _prepare(uow: UnitOfWork, item_id: UUID) -> _Bundle:
    """The manifest over the history so far, with the names and words that the log only commits to."""
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_EXPORT)
    history = about(uow, item)
    signer = audit.verifier(uow.house.key, item.workspace_id)
    opening = bundle.Opening(item.position or 0, "description", item.salt, description(item))
    texts = {
        bundle.OPENINGS: bundle.openings(_names(uow, item, history), [opening, *_said_of(uow, history)]),
        bundle.INSTRUCTIONS: bundle.instructions(signer, f"exhibit {item.number}"),
    }
    file = f"content/{names.saved_as(item.file_name)}"
    positions = [entry.position for entry in history]
    longer = checks_of(uow, [item])[item.id].sha512
    there, said = [bundle.Content(file, item.sha256, item.size, longer)], _said(uow, item) | {"sha512": longer}
    manifest = bundle.manifest(item.workspace_id, item.id, positions, said, there, texts)
    return _Bundle(item, file, manifest, texts, positions)


def _said_of(uow: UnitOfWork, history: list[audit.Kept]) -> Iterator[bundle.Opening]:
    """What people said of it, to which the log commits."""
    for one in statements(uow, history).values():
        yield bundle.Opening(one.position, "statement", one.salt, one.value)


def _said(uow: UnitOfWork, item: EvidenceItem) -> dict[str, object]:
    fields = ("number", "title", "file_name", "media_type", "legal_basis", "method", "collector", "place", "zone")
    return {name: str(getattr(item, name)) for name in fields} | {
        "collected_at": item.collected_at.isoformat(),
        "registered_at": item.registered_at.isoformat(),
        "state": item.state,
        "agency": agencies_of(uow, [item])[item.agency_id],
        "handling": str(item.handling),
        "size": item.size,
        "sha256": item.sha256,
        "declared_sha256": item.declared_sha256,
    }


def _names(uow: UnitOfWork, item: EvidenceItem, history: list[audit.Kept]) -> dict[UUID, str]:
    """The people and agencies of the history, and whoever exports, by id."""
    people = {UUID(entry.content["actor"]["person"]) for entry in history if entry.content["actor"]["person"]}
    agencies = {UUID(entry.content["actor"]["agency"]) for entry in history if entry.content["actor"]["agency"]}
    people |= {uow.actor.person_id} if uow.actor.person_id else set()
    agencies |= {uow.actor.agency_id} if uow.actor.agency_id else set()
    named = {key: row.own_name for key, row in rows_by_id(uow, Agency, agencies).items()}
    return shown(uow, item.workspace_id, people) | named


def _prove(uow: UnitOfWork, made: _Bundle, digest: str, note: str) -> dict[str, bytes]:
    """The entries of the manifest and the one of this export, each with its proof, under the signed head `note`."""
    log_id = made.item.workspace_id
    wanted = set(made.positions)
    entries = [
        entry
        for entry in about(uow, made.item)
        if entry.position in wanted or entry.content["facts"].get("manifest") == digest
    ]
    size = int(note.splitlines()[1])
    proofs = audit.inclusions(uow.connection, log_id, [entry.position for entry in entries], size)
    return bundle.proof(entries, proofs, size, note, audit.verifier(uow.house.key, log_id))


class _Sink:
    """What `zipfile` writes into and the sender takes out of: it cannot seek, so sizes follow the bytes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _zip(
    made: _Bundle, members: Mapping[str, bytes], content: Generator[bytes, None, None]
) -> Generator[bytes, None, None]:
    """The ZIP, piece by piece: proofs first, then the bytes, stored as they are."""
    sink = _Sink()
    try:
        with zipfile.ZipFile(sink, "w") as file:  # type: ignore[call-overload]
            for name, data in members.items():
                file.writestr(_info(made.item, name), data)
            yield sink.taken()
            with file.open(_info(made.item, made.file), "w", force_zip64=True) as member:
                for block in content:
                    member.write(block)
                    yield sink.taken()
        yield sink.taken()
    finally:
        content.close()


def _info(item: EvidenceItem, name: str) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, item.registered_at.timetuple()[:6])
    made.external_attr = 0o600 << 16
    return made
