"""A new key-encryption key: every workspace's key is wrapped anew, and no object is touched."""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from jit_server.core.keyring import Keyring
from jit_server.evidence.keys import WorkspaceKey, rewrap
from jit_server.evidence.usecases.uploads import Begin

_TOGETHER = 200


def rewrap_all(begin: Begin) -> int:
    """Wrap the keys of all workspaces with the present key-encryption key, each in a transaction of its own.

    Interrupted, it can be run again: what is done is not done twice. Says how many needed it.
    """
    count = 0
    for workspace_id in _with_keys(begin):
        with begin() as uow:
            count += rewrap(uow, workspace_id)
    return count


def unused(begin: Begin, ring: Keyring) -> list[str]:
    """The key-encryption keys that no workspace's newest row needs, but the present one."""
    *older, _present = ring.ids()
    held = needed(begin)
    return [name for name in older if name not in held]


def needed(begin: Begin) -> set[str]:
    """The key-encryption keys without which some workspace's exhibits cannot be read."""
    newest = select(col(WorkspaceKey.workspace_id), func.max(col(WorkspaceKey.turn))).group_by(
        col(WorkspaceKey.workspace_id)
    )
    places = newest.subquery()
    wanted = select(col(WorkspaceKey.kek)).join(
        places, (col(WorkspaceKey.workspace_id) == places.c[0]) & (col(WorkspaceKey.turn) == places.c[1])
    )
    with begin() as uow:
        return set(uow.session.scalars(wanted.distinct()))


def _with_keys(begin: Begin) -> Iterator[UUID]:
    """Every workspace that has a key."""
    name, last = col(WorkspaceKey.workspace_id), UUID(int=0)
    while True:
        with begin() as uow:
            wanted = select(name).where(name > last).distinct().order_by(name).limit(_TOGETHER)
            found = uow.session.scalars(wanted).all()
        yield from found
        if len(found) < _TOGETHER:
            return
        last = found[-1]
