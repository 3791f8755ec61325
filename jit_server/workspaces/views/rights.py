"""What a person may do here and why, in four groups: the card on W1 and each member's page."""

from typing import Any

from flask_babel import gettext

from jit_server.access import Action, Gate, Origin, Standing, source_of
from jit_server.work import UnitOfWork
from jit_server.workspaces.usecases import explaining
from jit_server.workspaces.views.frame import action_words

ABOUT_THINGS = frozenset(
    {
        Action.MESSAGE_READ,
        Action.EVIDENCE_LIST,
        Action.EVIDENCE_READ,
        Action.EVIDENCE_DOWNLOAD,
        Action.EVIDENCE_EXPORT,
        Action.CUSTODY_READ,
    }
)
"""Actions on what somebody supplied: only for these it matters whose a thing is."""

ON_OTHERS = {
    Action.ACCESS_ASK: Gate.OPEN,
    Action.ACCESS_BREAK_GLASS: Gate.OPEN,
    Action.EVIDENCE_VERIFY_INBOUND: Gate.PENDING,
}
"""Actions that only make sense on what another party supplied, and behind which gate."""


def rights(uow: UnitOfWork, standing: Standing) -> list[dict[str, Any]]:
    """The groups, each with its lines: what is open, and what each rule closes."""
    lines = _lines(uow, standing)
    found: list[dict[str, Any]] = []
    for title, kinds in _groups():
        mine = [line for line in lines if line["action"].split(":")[0] in kinds]
        if mine:
            mine.sort(key=lambda line: not line["allowed"])
            found.append({"title": title, "lines": mine, "allowed": sum(line["allowed"] for line in mine)})
    return found


def _groups() -> list[tuple[str, frozenset[str]]]:
    return [
        (gettext("Conversation"), frozenset({"channel", "message", "presence"})),
        (gettext("Evidence"), frozenset({"evidence", "custody", "access"})),
        (gettext("Team and agreement"), frozenset({"workspace", "agreement", "member", "approval"})),
        (gettext("Rules and record"), frozenset({"policy", "log"})),
    ]


def _lines(uow: UnitOfWork, standing: Standing) -> list[dict[str, Any]]:
    """One line an action that is open, one more for each rule that closes it for some things."""
    found: dict[str, dict[str, Any]] = {}
    policy = uow.policy(standing)
    for action, origin, handling, general in explaining.rights(uow, standing):
        decision = general
        if action in ON_OTHERS:
            decision = policy.judge(standing, action, origin=Origin.PARTNER, gate=ON_OTHERS[action])
        elif origin == Origin.PARTNER and action not in ABOUT_THINGS:
            continue
        words = action_words(action)
        if not decision.allowed and policy.permits(standing, action):
            words = gettext("%(what)s of partners marked %(code)s", what=words, code=str(handling))
        source = source_of(decision.clause)
        clause = decision.clause if source == "agreement" else None
        reason = decision.reason and (decision.reason if source in {"agreement", "own"} else gettext(decision.reason))
        sentence = reason or gettext("No rule gives this to your role in this phase.")
        line = {"action": str(action), "words": words, "allowed": decision.allowed, "clause_id": clause}
        found.setdefault(words, line | {"sentence": sentence})
    return list(found.values())
