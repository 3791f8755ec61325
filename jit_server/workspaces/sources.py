"""Things said in one room that another keeps as evidence: each room registers how its own are told, and never meets."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jit_server.access import Handling
from jit_server.work import UnitOfWork


@dataclass(frozen=True)
class Source:
    """One thing, as it may be kept: its canonical record, always the same bytes for the same state of it."""

    id: UUID
    workspace_id: UUID
    compartment_id: UUID | None
    handling: Handling
    version: int
    withdrawn: bool
    at: datetime
    position: int
    title: str
    place: str
    supplied_by: str
    leaf_hash: str
    text: str
    record: bytes


Tell = Callable[[UnitOfWork, UUID, UUID], Source]
"""Workspace and id -> the thing, for whoever may keep it; NotFound and NotPermitted as everywhere."""

_tells: dict[str, Tell] = {}


def register(kind: str, tell: Tell) -> None:
    """Let things of this kind be kept as evidence."""
    _tells[kind] = tell


def told(uow: UnitOfWork, kind: str, workspace_id: UUID, key: UUID) -> Source:
    """The thing as it stands now.

    Raises:
        NotFound: no such thing, or none that the actor may know of.
        NotPermitted: the actor may take in no evidence, or not this: it is for the party that supplied it.
    """
    return _tells[kind](uow, workspace_id, key)
