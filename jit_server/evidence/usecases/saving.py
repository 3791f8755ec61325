"""One's own views: keep filters under a name, list them, forget one."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col

from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid, NotFound, NotSignedIn
from jit_server.evidence.saved.models import Place, SavedView
from jit_server.work import UnitOfWork
from jit_server.workspaces import Workspace

MOST: Final = 50
LONGEST: Final = 80


def views(uow: UnitOfWork, workspace_id: UUID, place: Place) -> Sequence[SavedView]:
    """One's own, by name."""
    mine = (
        SavedView.workspace_id == workspace_id, SavedView.person_id == uow.actor.person_id, SavedView.place == place,
    )  # fmt: skip
    return sorted(uow.every(SavedView, *mine, limit=MOST), key=lambda one: one.name.casefold())


def save_view(uow: UnitOfWork, workspace_id: UUID, place: Place, name: str, filters: dict[str, str]) -> SavedView:
    """Keep these filters under a name.

    Raises:
        Invalid: no name, or a longer one than is shown, or nothing is filtered.
        Conflict: there is one of that name, or there are too many.
    """
    uow.get(Workspace, workspace_id, to=Action.EVIDENCE_LIST)
    if uow.actor.person_id is None:
        raise NotSignedIn
    name = name.strip()
    if not name or len(name) > LONGEST:
        raise Invalid.field("name", f"has 1 to {LONGEST} letters", "Name the view.")
    if not filters:
        raise Invalid.field("name", "stands for no filter yet", "Choose a filter first, then save the view.")
    known = views(uow, workspace_id, place)
    if any(one.name == name for one in known):
        raise Conflict("There is a view of that name. Choose another name, or forget that one.")
    if len(known) >= MOST:
        raise Conflict(f"There are {MOST} views. Forget one first.")
    person = uow.actor.person_id
    row = SavedView(
        workspace_id=workspace_id, person_id=person, place=place, name=name, filters=filters, saved_at=uow.now
    )
    return uow.add(row)


def forget_view(uow: UnitOfWork, workspace_id: UUID, view_id: UUID) -> None:
    """Forget one of one's own. Raises `NotFound`."""
    uow.get(Workspace, workspace_id, to=Action.EVIDENCE_LIST)
    mine = (
        col(SavedView.id) == view_id, col(SavedView.workspace_id) == workspace_id,
        col(SavedView.person_id) == uow.actor.person_id,
    )  # fmt: skip
    if not uow.connection.execute(delete(SavedView).where(*mine)).rowcount:
        raise NotFound
