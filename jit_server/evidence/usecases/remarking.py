"""Originator control: only the party that supplied an exhibit relaxes or tightens its marking (MISSION 4.5)."""

from typing import Any
from uuid import UUID

from sqlmodel import col

from jit_server.access import Action, Handling
from jit_server.core.errors import Conflict, Invalid, NotSignedIn
from jit_server.evidence.markings import code_of
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.outside import Marking, MarkingOut, NewMarking
from jit_server.evidence.usecases.following import screens_follow
from jit_server.evidence.usecases.uploads import facts_of
from jit_server.work import UnitOfWork
from jit_server.workspaces.aliases import shown

SAID = ("handling", "scheme", "code", "source_reliability", "information_accuracy", "conditions_text")


def remark(uow: UnitOfWork, item_id: UUID, new: NewMarking) -> EvidenceItem:
    """Mark an exhibit anew; the earlier marking stays in its history, and everybody's screens follow.

    Raises:
        StepUp: the sign-in is not recent.
        Invalid: an unknown code, or H3 without its conditions.
        Conflict: it is marked so already.
    """
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_REMARK)
    uow.require_fresh_sign_in()
    if uow.actor.person_id is None:
        raise NotSignedIn
    said = _said(new)
    if all(getattr(item, name) == value for name, value in said.items()):
        raise Conflict("It is marked so already.")
    before = str(item.handling)
    uow.add(
        Marking(
            **said,
            workspace_id=item.workspace_id,
            item_id=item.id,
            party_id=item.party_id,
            reason=new.reason,
            set_by=uow.actor.person_id,
            set_at=uow.now,
        )
    )
    screens_follow(uow, item)
    uow.record("evidence:remarked", item, why={"code": "marking", "text": new.reason}, before=before, **facts_of(item))
    return item


def _said(new: NewMarking) -> dict[str, Any]:
    code = code_of(new.scheme, new.code)
    if code.level == Handling.H3 and not new.conditions_text:
        raise Invalid.field(
            "conditions_text",
            "H3 is another restriction, and its words are missing",
            "Write what it asks of the reader.",
        )
    return new.model_dump(include=set(SAID)) | {"handling": code.level}


def markings_of(uow: UnitOfWork, item: EvidenceItem) -> list[MarkingOut]:
    """How an exhibit that the actor may read was marked, newest first."""
    statement = uow.select(Marking, to=Action.WORKSPACE_READ, within=item.workspace_id)
    rows = uow.all(statement.where(col(Marking.item_id) == item.id).order_by(col(Marking.set_at).desc()).limit(100))
    people = shown(uow, item.workspace_id, {row.set_by for row in rows})
    return [
        MarkingOut(**{name: getattr(row, name) for name in (*SAID, "reason", "set_at")}, set_by=people[row.set_by])
        for row in rows
    ]
