"""The chain of custody as a picture, a lane for each authority, and who has seen an exhibit: out of its entries."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from jit_server.audit.verbs import verb_of

MOST: Final = 150
"""The latest entries that are drawn; the list below holds them all."""
SEEN: Final = {
    "evidence:read": "looked",
    "evidence:streamed": "looked",
    "evidence:downloaded": "taken",
    "evidence:exported": "taken",
}
_HANDS: Final = frozenset({"custody:handed_over", "custody:accepted"})

Line = Mapping[str, Any]


def drawn(lines: Sequence[Line]) -> dict[str, Any]:
    """Lanes in the order in which authorities first acted, and their points from left to right in the log's order."""
    shown = lines[-MOST:]
    lanes: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for place, one in enumerate(shown):
        who = one["actor"] or {}
        lane = lanes.setdefault((who.get("state") or "", who.get("agency") or ""), [])
        lane.append({"place": place, "kind": _kind(one), "position": one["position"], "event": one["event"]})
    return {
        "lanes": [{"state": state, "agency": agency, "points": points} for (state, agency), points in lanes.items()],
        "across": max(len(shown), 36),
        "cut": len(lines) > MOST,
    }


def _kind(one: Line) -> str:
    """How a point is drawn: what went from hand to hand and what was refused stands out."""
    if one["result"] != "ok":
        return "refused"
    if one["event"] in _HANDS:
        return "handed"
    verb = verb_of(one["event"])
    return str(verb) if verb is not None else "other"


def viewers(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Who has seen or taken it, how often and when last; the latest first."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for one in lines:
        did, who = SEEN.get(one["event"]), one["actor"]
        if did is None or who is None or one["result"] != "ok":
            continue
        key = (who["name"], who.get("agency") or "", who.get("state") or "")
        row = found.setdefault(key, {"actor": who, "looked": 0, "taken": 0})
        row[did] += 1
        row["last"] = one["at"]
    return sorted(found.values(), key=lambda row: row["last"], reverse=True)
