"""My day (E2): what waits for me, then my workspaces."""

from typing import Any

from flask_babel import ngettext

from jit_server.access import Phase
from jit_server.work import UnitOfWork
from jit_server.workspaces import glances
from jit_server.workspaces.models import WorkspaceOut
from jit_server.workspaces.views.frame import days_left

SOON = 30
ORDER = ("emergency", "enter", "sign", "ask", "approval", "hand_over", "unread")


def my_day(uow: UnitOfWork, mine: list[WorkspaceOut]) -> dict[str, Any]:
    """E2: what waits for me, most pressing first, then my workspaces."""
    counts = glances.counts(uow, [one.id for one in mine])
    needs = [need for one in mine for need in _needs(one, counts[one.id].get("unread", 0))]
    rows = [
        {
            "id": one.id,
            "name": one.name,
            "states": one.states,
            "phase": str(one.phase),
            "handling": str(one.default_handling),
            "days_left": days_left(one),
            "unread": counts[one.id].get("unread", 0),
            "latest": None,
        }
        for one in mine
    ]
    needs += glances.lines(uow, {one.id: one.name for one in mine})
    order = {kind: place for place, kind in enumerate(ORDER)}
    return {
        "read_at": uow.now,
        "needs": sorted(needs, key=lambda need: order.get(need["kind"], len(order))),
        "workspaces": sorted(rows, key=lambda row: (-row["unread"], row["name"])),
    }


def _needs(one: WorkspaceOut, unread: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if unread:
        words = ngettext("%(num)s unread message", "%(num)s unread messages", unread)
        found.append(_need("unread", words, one, f"/w/{one.id}/c"))
    if one.phase in {Phase.OPERATIONAL, Phase.EXPIRING} and days_left(one) <= SOON:
        words = ngettext("Ends in %(num)s day", "Ends in %(num)s days", max(days_left(one), 0))
        found.append(_need("expiring", words, one, f"/w/{one.id}"))
    return found


def _need(kind: str, title: str, one: WorkspaceOut, url: str) -> dict[str, Any]:
    return {"kind": kind, "title": title, "sub": one.name, "url": url, "at": None}
