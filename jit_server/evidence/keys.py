"""Keys of what is kept: one a workspace, wrapped by the server's key-encryption key; one an object, wrapped by it.

Rows are only ever added. A workspace's newest row is the one that counts, so that a rotation re-wraps a few bytes a
workspace and touches no object. One row is ever deleted, and its key with it: that of an object whose key is said to be
destroyed (`DestroyedKey`), by the database itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from sqlalchemy import CheckConstraint, LargeBinary, Text, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col

from jit_server.core import keyring
from jit_server.core.database import UtcDateTime
from jit_server.core.errors import KeyGone, VaultDown
from jit_server.core.keyring import Keyring, Wrapped
from jit_server.core.vault import SealedVault, new_data_key, new_key
from jit_server.evidence.erasure.models import Erasure
from jit_server.evidence.models import UNSEALED, EvidenceItem
from jit_server.evidence.tus.lying import JoinedVault, Readable, lumps_of_all
from jit_server.evidence.tus.models import JOINED
from jit_server.work import UnitOfWork
from jit_server.workspaces.compartments import inside

_TOGETHER = 500
"""Keys fetched with one query; as many as `uow.every` gives at once."""


class WorkspaceKey(SQLModel, table=True):
    """A workspace's key as wrapped at one time; `turn` counts the wrappings."""

    __tablename__ = "workspace_key"
    __table_args__ = (
        CheckConstraint("turn > 0", name="turn"),
        CheckConstraint("length(kek) BETWEEN 1 AND 100", name="kek"),
        CheckConstraint("octet_length(wrapped) BETWEEN 32 AND 4096", name="wrapped"),
    )

    workspace_id: UUID = Field(primary_key=True, foreign_key="workspace.id")
    turn: int = Field(primary_key=True)
    key_id: UUID
    kek: str = Field(sa_type=Text)
    wrapped: bytes = Field(sa_type=LargeBinary)
    wrapped_at: datetime = Field(sa_type=UtcDateTime)


class ObjectKey(SQLModel, table=True):
    """An object's data key, wrapped by its workspace's. It is there before the object is."""

    __tablename__ = "object_key"
    __table_args__ = (inside(), CheckConstraint("octet_length(wrapped) BETWEEN 32 AND 4096", name="wrapped"))

    object_id: UUID = Field(primary_key=True)
    workspace_id: UUID = Field(foreign_key="workspace.id")
    compartment_id: UUID | None = None
    key_id: UUID
    wrapped: bytes = Field(sa_type=LargeBinary)
    made_at: datetime = Field(sa_type=UtcDateTime)


class DestroyedKey(SQLModel, table=True):
    """An object whose key is no more. Adding the row destroys it: the database deletes the key and takes none anew."""

    __tablename__ = "destroyed_key"
    __table_args__ = (inside(),)

    object_id: UUID = Field(primary_key=True)
    item_id: UUID = Field(foreign_key="upload.id")  # the exhibit's too; a rejected upload became none
    workspace_id: UUID = Field(foreign_key="workspace.id")
    compartment_id: UUID | None = None
    destroyed_at: datetime = Field(sa_type=UtcDateTime)


@dataclass(frozen=True)
class Place:
    """Where a new object goes: its name in the vault, and the vault as its key sees it."""

    key: str
    vault: SealedVault


@dataclass(frozen=True)
class _Opened:
    key_id: UUID
    key: bytes


def new_place(uow: UnitOfWork, workspace_id: UUID, compartment_id: UUID | None) -> Place:
    """A name and a key for a new object. The wrapped key commits before any byte is encrypted with it."""
    of_workspace = _workspace_key(uow, workspace_id)
    name, data_key = new_key(workspace_id), new_data_key()
    object_id = object_of(name)
    uow.add(
        ObjectKey(
            object_id=object_id,
            workspace_id=workspace_id,
            compartment_id=compartment_id,
            key_id=of_workspace.key_id,
            wrapped=keyring.wrap(of_workspace.key, data_key, _of_object(workspace_id, object_id)),
            made_at=uow.now,
        )
    )
    return Place(name, SealedVault(uow.vault, data_key))


def vault_at(uow: UnitOfWork, workspace_id: UUID, name: str) -> SealedVault:
    """The vault as the key that was made with this name sees it; for the pieces of one exhibit. Raises `KeyGone`."""
    newest, row = _newest(uow, workspace_id), uow.find(ObjectKey, object_id=object_of(name))
    if newest is None or row is None or row.key_id != newest.key_id:
        raise KeyGone
    return SealedVault(uow.vault, _data_key(_unwrapped(keyring.of(uow.house.settings), newest), row))


def vault_of(uow: UnitOfWork, item: EvidenceItem) -> Readable:
    """The vault as this exhibit's key sees it, or the plain one where it was taken in before there were keys.

    Raises:
        KeyGone: its key, or its workspace's, was destroyed.
        VaultDown: the key-encryption key is missing.
    """
    return vaults_of(uow, [item])[item.id]


def vaults_of(uow: UnitOfWork, items: Sequence[EvidenceItem]) -> dict[UUID, Readable]:
    """The same for several exhibits of one workspace, by their ids."""
    _none_is_erased(uow, items)
    found: dict[UUID, Readable] = {item.id: uow.vault for item in items if item.seal == UNSEALED}
    rest = [item for item in items if item.id not in found]
    newest = _newest(uow, rest[0].workspace_id) if rest else None
    by = _unwrapped(keyring.of(uow.house.settings), newest) if newest else b""
    joined = lumps_of_all(uow, [item for item in rest if item.seal == JOINED])
    for start in range(0, len(rest), _TOGETHER):
        some = rest[start : start + _TOGETHER]
        names = [object_of(item.vault_key) for item in some]
        kept = {row.object_id: row for row in uow.every(ObjectKey, col(ObjectKey.object_id).in_(names))}
        for item, name in zip(some, names, strict=True):
            row = kept.get(name)
            if row is None or newest is None or row.key_id != newest.key_id:
                raise KeyGone(f"{item.number} can no longer be read: its key was destroyed.")
            vault = SealedVault(uow.vault, _data_key(by, row))
            found[item.id] = JoinedVault(vault, joined[item.id]) if item.id in joined else vault
    return found


def is_destroyed(uow: UnitOfWork, item: EvidenceItem) -> bool:
    """Whether its key is gone because somebody decided so, not by a fault."""
    return any(uow.find(fact, item_id=item.id) is not None for fact in (DestroyedKey, Erasure))


def _none_is_erased(uow: UnitOfWork, items: Sequence[EvidenceItem]) -> None:
    numbers = {item.id: item.number for item in items}
    gone = uow.session.scalars(select(Erasure).where(col(Erasure.item_id).in_(numbers)).limit(1)).first()
    if gone is not None:
        words = f"{numbers[gone.item_id]} was erased on {gone.ordered_at:%Y-%m-%d}. Its signed receipt says how."
        raise KeyGone(words, receipt=f"/api/v1/evidence/{gone.item_id}/erasure", erased_at=gone.ordered_at.isoformat())


def _data_key(by: bytes, row: ObjectKey) -> bytes:
    try:
        return keyring.unwrap(by, row.wrapped, _of_object(row.workspace_id, row.object_id))
    except InvalidTag as fault:
        raise VaultDown("An exhibit's key was changed in the database. The operator must restore it.") from fault


def rewrap(uow: UnitOfWork, workspace_id: UUID) -> bool:
    """Wrap a workspace's key with the present key-encryption key; say whether that was needed."""
    ring, old = keyring.of(uow.house.settings), _newest(uow, workspace_id)
    present = ring.ids()[-1]
    if old is None or old.kek == present:
        return False
    wrapped = ring.wrap(_unwrapped(ring, old), _of_workspace(workspace_id, old.key_id))
    uow.add(_row(uow, workspace_id, old.key_id, wrapped, old.turn + 1))
    uow.record("workspace:key_rewrapped", workspace_id=workspace_id, key=str(old.key_id), before=old.kek, now=present)
    return True


def object_of(name: str) -> UUID:
    """The object that a name in the vault stands for."""
    return UUID(name.partition("/")[2])


def _workspace_key(uow: UnitOfWork, workspace_id: UUID) -> _Opened:
    """The workspace's key, made at its first object; of several that make it at once, one does."""
    newest = _newest(uow, workspace_id)
    if newest is None:
        key_id = uuid4()
        wrapped = keyring.of(uow.house.settings).wrap(new_data_key(), _of_workspace(workspace_id, key_id))
        made = _row(uow, workspace_id, key_id, wrapped, 1).model_dump()
        uow.connection.execute(insert(WorkspaceKey).values(made).on_conflict_do_nothing())
        newest = _newest(uow, workspace_id)
    if newest is None:
        raise KeyGone
    return _Opened(newest.key_id, _unwrapped(keyring.of(uow.house.settings), newest))


def _row(uow: UnitOfWork, workspace_id: UUID, key_id: UUID, wrapped: Wrapped, turn: int) -> WorkspaceKey:
    return WorkspaceKey(
        workspace_id=workspace_id, turn=turn, key_id=key_id, kek=wrapped.kek, wrapped=wrapped.blob, wrapped_at=uow.now
    )


def _newest(uow: UnitOfWork, workspace_id: UUID) -> WorkspaceKey | None:
    wanted = select(WorkspaceKey).where(col(WorkspaceKey.workspace_id) == workspace_id)
    return uow.session.scalars(wanted.order_by(col(WorkspaceKey.turn).desc()).limit(1)).first()


def _unwrapped(ring: Keyring, row: WorkspaceKey) -> bytes:
    return ring.unwrap(Wrapped(row.kek, row.wrapped), _of_workspace(row.workspace_id, row.key_id))


def _of_workspace(workspace_id: UUID, key_id: UUID) -> bytes:
    return f"jit workspace key|{workspace_id}|{key_id}".encode()


def _of_object(workspace_id: UUID, object_id: UUID) -> bytes:
    return f"jit object key|{workspace_id}|{object_id}".encode()
