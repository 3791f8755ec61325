"""How much evidence a workspace and an agency may keep, and the refusal before the first byte is read.

What counts is what is kept, what is being sent at this moment and what waits half sent; a declaration alone takes no
room. The figure of a workspace counts exhibits that a member may know nothing of: it is for its administrators, and no
refusal tells it.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from jit_server.access import Action
from jit_server.core.errors import QuotaFull
from jit_server.work import UnitOfWork
from jit_server.workspaces import Workspace

BEAT_SECONDS = 15
SILENT = timedelta(seconds=4 * BEAT_SECONDS)
"""A transfer without a sign of life for so long belongs to a process that is gone."""

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 6))")
_OF_WORKSPACE = text(
    "SELECT (SELECT coalesce(sum(bytes), 0) FROM evidence_usage WHERE workspace_id = :workspace),"
    " (SELECT coalesce(sum(size), 0) FROM upload"
    "   WHERE workspace_id = :workspace AND (state = 'received'"
    "     OR state = 'uploading' AND (beat_at > :live OR expires_at > now())))"
)
_OF_AGENCY = text("SELECT kept, coming FROM jit_agency_evidence(:live)")


@dataclass(frozen=True)
class Room:
    """What is kept, what is on its way, and what may be kept at most, in bytes."""

    kept: int
    coming: int
    most: int


def of_workspace(uow: UnitOfWork, workspace_id: UUID) -> Room:
    """The workspace's room, for those who look after it and for the decision itself."""
    found = uow.connection.execute(_OF_WORKSPACE, {"workspace": workspace_id, "live": uow.now - SILENT}).one()
    return Room(int(found[0]), int(found[1]), uow.house.settings.quota_workspace_bytes)


def shown(uow: UnitOfWork, workspace_id: UUID) -> Room:
    """The workspace's room for whoever may look after its members.

    Raises:
        NotPermitted: any other member; how much others keep is none of their business.
    """
    uow.get(Workspace, workspace_id, to=Action.MEMBER_INVITE)
    return of_workspace(uow, workspace_id)


def of_agency(uow: UnitOfWork) -> Room:
    """The room of the asking person's own agency, over all its workspaces."""
    found = uow.connection.execute(_OF_AGENCY, {"live": uow.now - SILENT}).one()
    return Room(found.kept, found.coming, uow.house.settings.quota_agency_bytes)


def require(uow: UnitOfWork, workspace_id: UUID, size: int, *, hold: bool) -> None:
    """Refuse, on the record, what there is no room for.

    Args:
        uow: of whoever sends.
        workspace_id: where to.
        size: bytes announced.
        hold: the transfer begins now: two that begin at once must not both take the last room.

    Raises:
        QuotaFull: the workspace or the agency keeps as much as it may.
    """
    if hold:
        for key in (str(workspace_id), str(uow.actor.agency_id)):
            uow.connection.execute(_ONE_AT_A_TIME, {"key": key})
    with uow.as_system():  # what is being sent into a compartment of others takes room too
        whole = of_workspace(uow, workspace_id)
    rooms = {
        "workspace": (whole, "Ask its administrators, or the operator for more room."),
        "agency": (of_agency(uow), "Ask your agency's administrators, or the operator for more room."),
    }
    for whose, (room, remedy) in rooms.items():
        if room.kept + room.coming + size > room.most:
            words = f"There is no room for {size} bytes: the {whose} may keep {room.most} in all. {remedy}"
            error = QuotaFull(words, whose=whose, size=size, max_bytes=room.most, remedy=remedy)
            uow.refuse(error, "evidence:over_quota", workspace_id=workspace_id, whose=whose, size=size)
