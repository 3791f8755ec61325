"""Destroying an exhibit's key: what lies in the store, and every copy of it, is unreadable from then on.

Whoever calls this has decided that the exhibit is to be erased, and may: nothing here asks who it is.
"""

from jit_server.core.errors import Altered, Conflict
from jit_server.core.vault import Locked, Vault
from jit_server.evidence.keys import DestroyedKey, object_of
from jit_server.evidence.models import UNSEALED, EvidenceItem, Upload
from jit_server.evidence.tus.lying import lumps_of
from jit_server.work import UnitOfWork


def destroy(uow: UnitOfWork, item: EvidenceItem) -> DestroyedKey:
    """Destroy an exhibit's key, on its record. Done twice, the answer is that of the first time.

    The bytes may be locked in the store until a day far off: no lock keeps anybody from forgetting a key. A hold does,
    because it says that the exhibit is still needed.

    Raises:
        Conflict: it was taken in before there were keys; only removing its bytes erases it.
        Locked: the store holds it.
        VaultDown: the store does not say whether it holds it; nothing is destroyed.
    """
    if item.seal == UNSEALED:
        raise Conflict(f"{item.number} was taken in before there were keys: only removing its bytes erases it.")
    there = uow.find(DestroyedKey, item_id=item.id)
    if there is not None:
        return there
    _not_held(uow, item)
    gone = DestroyedKey(
        object_id=object_of(item.vault_key),
        item_id=item.id,
        workspace_id=item.workspace_id,
        compartment_id=item.compartment_id,
        destroyed_at=uow.now,
    )
    uow.add(gone)
    uow.record("evidence:key_destroyed", item, object=str(gone.object_id), sha256=item.sha256, size=item.size)
    return gone


def forget(uow: UnitOfWork, rejected: Upload) -> None:
    """Destroy the key of an upload that was rejected for good, on the record.

    What has arrived may lie in the store as versions that nobody can remove before their day.
    """
    if rejected.vault_key is None:
        return
    uow.session.flush()  # the database takes it only of an upload that is rejected
    object_id = object_of(rejected.vault_key)
    gone = DestroyedKey(
        object_id=object_id, item_id=rejected.id, workspace_id=rejected.workspace_id,
        compartment_id=rejected.compartment_id, destroyed_at=uow.now,
    )  # fmt: skip
    uow.add(gone)
    uow.record("evidence:key_destroyed", rejected, object=str(object_id), size=rejected.size)


def _not_held(uow: UnitOfWork, item: EvidenceItem) -> None:
    if any(_is_held(uow.vault, one.key, one.version_id) for one in lumps_of(uow, item)):
        raise Locked(f"{item.number} is held in the evidence store. Lift the hold first, or leave the exhibit.")


def _is_held(vault: Vault, key: str, version_id: str) -> bool:
    try:
        return vault.stat(key, version_id).held
    except Altered:  # the bytes are gone already, so that nothing can hold them
        return False
