"""What damage looks like to people: the verdict on an exhibit's page, lines of my day, figures for the operator."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask_babel import gettext

from jit_server import evidence
from jit_server.access import Role
from jit_server.audit import Kept
from jit_server.web import ops
from jit_server.work import UnitOfWork
from jit_server.workspaces import glances

TOLD = frozenset({Role.SPACE_ADMIN, Role.LEADER})


def verdict(checked: Kept | None) -> dict[str, Any] | None:
    """What the last check found, in words."""
    if checked is None:
        return None
    fine = checked.content["result"] == "ok"
    if fine:
        words = gettext("The stored bytes have the SHA-256 that was registered, and the log proves the registration.")
    elif checked.event == "evidence:verified":
        words = gettext("The stored bytes are unchanged, but the log does not prove the registration.")
    elif checked.content["facts"].get("how") == evidence.Condition.MISSING:
        words = gettext("The vault does not hold these bytes any more. The operator has been told.")
    else:
        words = gettext("The stored bytes are NOT those that were registered. The operator has been told.")
    return {"ok": fine, "at": checked.at, "words": words}


@glances.waits
def damaged_exhibits(uow: UnitOfWork, workspaces: Mapping[UUID, str]) -> list[dict[str, Any]]:
    """What of a team's exhibits is damaged, for those who answer for the space or for a party."""
    return [
        {
            "kind": "notice",
            "title": gettext("Exhibit %(n)s is damaged in the vault", n=item.number),
            "sub": workspaces[item.workspace_id],
            "url": f"/w/{item.workspace_id}/evidence/{item.number}",
            "at": None,
        }
        for item in evidence.damaged(uow, workspaces)
        if (standing := uow.standing(item.workspace_id)) is not None and standing.role in TOLD
    ]


@ops.measures
def figures(uow: UnitOfWork) -> list[ops.Figure]:
    """How the scrub stands."""
    found = evidence.scrub_figures(uow)
    return [
        ops.Figure("jit_evidence_damaged", "Exhibits whose stored bytes are altered or gone", found["damaged"]),
        ops.Figure("jit_scrub_oldest_seconds", "Since when the longest unread exhibit waits", found["oldest_seconds"]),
    ]
