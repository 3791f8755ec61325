"""What rooms above tell this one's pages (unread messages, exhibits): they register, nobody looks up."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from uuid import UUID

from jit_server.work import UnitOfWork

Glance = Callable[[UnitOfWork, Sequence[UUID]], dict[UUID, dict[str, int]]]
"""Counts by workspace, such as {workspace: {"unread": 3}}; only of what the actor may see, and bounded in cost."""

MOST = 1000
"""Nobody needs to know how many more there are; counting stops here so that no page grows with its table."""

_glances: list[Glance] = []


def register(glance: Glance) -> Glance:
    """Take in a room's counts."""
    if glance not in _glances:
        _glances.append(glance)
    return glance


def counts(uow: UnitOfWork, workspaces: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """All counts of these workspaces."""
    found: dict[UUID, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for glance in _glances if workspaces else ():
        for workspace_id, numbers in glance(uow, workspaces).items():
            found[workspace_id].update(numbers)
    return found
