"""What the record says of a use of an exhibit: for what purpose, under which grant, with which conditions read."""

from typing import Any

from jit_server import access
from jit_server.access import Action, Handling, kinds_of
from jit_server.core.errors import NotFound, PurposeRequired
from jit_server.evidence.markings import code_of
from jit_server.evidence.models import EvidenceItem
from jit_server.work import UnitOfWork

VERIFICATION = {"code": "verification", "text": "verify what a third country or an international court supplied"}


def used(uow: UnitOfWork, item: EvidenceItem, action: Action) -> dict[str, Any]:
    """Why the exhibit is used, and the grant's clause where only a grant allows it; for `uow.record`.

    Raises:
        PurposeRequired: it is restricted and nobody said what for (LED Art. 25(1)), or its conditions (H3) were not
            acknowledged; the problem carries them.
    """
    if action is Action.EVIDENCE_VERIFY_INBOUND:
        return {"why": VERIFICATION}
    said: dict[str, Any] = {}
    if item.handling == Handling.H3:
        if uow.purpose is None or not uow.acknowledged:
            words = "Marked H3: read its conditions, acknowledge them, and say for what purpose you use it."
            raise PurposeRequired(words, conditions=conditions_of(item))
        said["conditions"] = "acknowledged"
    why = uow.require_purpose(item)
    if why is not None:
        said["why"] = why
    clause = clause_of_grant(uow, item, action)
    if clause is not None:
        said["clause"] = clause
    return said


def conditions_of(item: EvidenceItem) -> str:
    """What its originator asks of whoever uses the exhibit."""
    return item.conditions_text or code_of(item.scheme, item.code).sentence


def clause_of_grant(uow: UnitOfWork, item: EvidenceItem, action: Action) -> str | None:
    """The clause of the grant under which the actor does this; None where the rules allow it anyway."""
    standing = uow.standing(item.workspace_id)
    if standing is None:
        raise NotFound
    if uow.policy(standing).judge(standing, action, **kinds_of(item, standing)).allowed:
        return None
    return access.live_grant(uow.connection, standing, action, item.id)
