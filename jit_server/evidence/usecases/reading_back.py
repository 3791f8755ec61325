"""The first reading of what was taken in: only what the store gave back whole may be cited.

An upload is answered as soon as its bytes and its entry are safe. The worker then reads the bytes from the store,
hashes them, and puts both digests on the record; whoever wants a bundle or a package earlier has it done first.
"""

from collections.abc import Iterable, Sequence
from contextlib import closing
from hashlib import sha256
from typing import Final
from uuid import UUID

from sqlmodel import col

from jit_server.access import SYSTEM
from jit_server.core.errors import Altered, KeyGone, NotFound
from jit_server.core.jobs import Stopping
from jit_server.core.vault import ReadBack, SealedVault, Vault, digests
from jit_server.evidence.keys import vault_of
from jit_server.evidence.models import UNSEALED, EvidenceItem
from jit_server.evidence.stored import StoredCheck
from jit_server.evidence.tus.lying import Lump, Readable, as_stored, lumps_of
from jit_server.evidence.usecases.content import raise_alarm
from jit_server.evidence.usecases.uploads import Begin
from jit_server.work import House, UnitOfWork

_TOGETHER: Final = 500


def run(house: House, _stopping: Stopping, *, item_id: UUID, **_ids: UUID) -> None:
    """The job: read one exhibit back, unless that was done or its key was destroyed meanwhile."""

    def begin() -> UnitOfWork:
        return house.work(SYSTEM)

    with begin() as uow:
        item = uow.find(EvidenceItem, id=item_id)
    if item is None:
        return
    try:
        read_back(begin, item)
    except (Altered, KeyGone):
        return  # on the record; trying again would find the same


def unread(uow: UnitOfWork, items: Sequence[EvidenceItem]) -> list[EvidenceItem]:
    """Those of the exhibits whose bytes were not read back yet; one query for hundreds of them."""
    checks = checks_of(uow, items)
    return [item for item in items if item.id not in checks or checks[item.id].read_back_at is None]


def read_back(begin: Begin, item: EvidenceItem) -> StoredCheck:
    """What the store holds of this exhibit, by its digests; read and put on the record unless that was done before.

    Raises:
        Altered: it is not what was taken in; on the record, and the operator is told.
        KeyGone: its key was destroyed.
        VaultDown: the store does not answer.
    """
    with begin() as uow:
        known = uow.find(StoredCheck, item_id=item.id)
        if known is not None and known.read_back_at is not None:
            return known
        vault, lumps = vault_of(uow, item), lumps_of(uow, item)
    try:
        found = _found(uow.vault, vault, lumps, item)
    except Altered as fault:
        raise_alarm(begin, item, fault)
        raise
    return keep(begin, item, found)


def _found(store: Vault, vault: Readable, lumps: Sequence[Lump], item: EvidenceItem) -> ReadBack:
    if isinstance(vault, SealedVault):
        found = vault.read_back(item.vault_key, item.version_id)
    else:
        found = _of_several(store, vault, lumps, item)
    if (found.size, found.sha256) != (item.size, item.sha256):
        detail = "The stored bytes have another size or SHA-256 than those taken in."
        raise Altered(detail, size=found.size, sha256=found.sha256)
    return found


def _of_several(store: Vault, vault: Readable, lumps: Sequence[Lump], item: EvidenceItem) -> ReadBack:
    """The same for what lies in several objects, or was taken in before there were keys."""
    with closing(vault.open(item.vault_key, item.version_id)) as body:
        meter, longer = digests(body)
    if item.seal == UNSEALED:
        return ReadBack(meter.size, meter.sha256, longer, meter.sha256)
    for _ in as_stored(store, lumps):
        pass
    return ReadBack(meter.size, meter.sha256, longer, digest_of(one.sha256 for one in lumps))


def digest_of(several: Iterable[str]) -> str:
    """The digest of what lies in several objects: that of their digests, one after the other."""
    return sha256(b"".join(bytes.fromhex(one) for one in several)).hexdigest()


def keep(begin: Begin, item: EvidenceItem, found: ReadBack) -> StoredCheck:
    """Put on the record what the store gave back, unless that was done before."""
    with begin() as uow, uow.as_system():
        row = uow.find(StoredCheck, item_id=item.id)
        if row is None:
            raise NotFound
        uow.session.refresh(row, with_for_update=True)  # the worker and a package may read it at the same time
        if row.read_back_at is None:
            row.read_back_at = row.checked_at = uow.now
            row.sha512, row.stored_sha256 = found.sha512, found.stored_sha256
            uow.record(
                "evidence:read_back", item, sha256=found.sha256, sha512=found.sha512, size=found.size,
                stored_sha256=found.stored_sha256,
            )  # fmt: skip
    return row


def checks_of(uow: UnitOfWork, items: Iterable[EvidenceItem]) -> dict[UUID, StoredCheck]:
    """How the bytes of these exhibits were found last, by the exhibits' ids."""
    ids = [item.id for item in items]
    found: dict[UUID, StoredCheck] = {}
    for start in range(0, len(ids), _TOGETHER):
        rows = uow.every(StoredCheck, col(StoredCheck.item_id).in_(ids[start : start + _TOGETHER]))
        found |= {row.item_id: row for row in rows}
    return found
