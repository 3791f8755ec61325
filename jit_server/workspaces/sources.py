"""Things said in one room that another keeps as evidence: each room registers how its own are told, and never meets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

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


class KeptAs(BaseModel):
    """An exhibit that is the record of a thing: its number, and the address of its page."""

    number: str
    url: str


Find = Callable[[UnitOfWork, UUID, Sequence[UUID]], dict[UUID, list[KeptAs]]]
"""Workspace and ids -> the exhibits of these things, of those that the actor may read."""

_tells: dict[str, Tell] = {}

_finds: dict[str, Find] = {}


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


def register_kept(kind: str, find: Find) -> None:
    """Let things of this kind show as what they were kept."""
    _finds[kind] = find


def kept_as(uow: UnitOfWork, kind: str, workspace_id: UUID, keys: Sequence[UUID]) -> dict[UUID, list[KeptAs]]:
    """The exhibits that are the records of these things, of those that the actor may read; one query for all."""
    find = _finds.get(kind)
    return find(uow, workspace_id, keys) if find and keys else {}
