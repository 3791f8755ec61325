"""What the doors of the room answer: asks, emergencies and acts of two people, with names in place of ids."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from jit_server.access import Action, Handling
from jit_server.consents.lifecycle import ApprovalState, ConsentState, Review
from jit_server.consents.models import Emergency, Grantee


class SubjectOut(BaseModel):
    """The thing an ask or an emergency is about, as whoever may know of it sees it."""

    kind: str
    id: UUID
    name: str
    address: str


class WhoOut(BaseModel):
    """Somebody of a party."""

    name: str
    agency: str
    state: str


class AskOut(BaseModel):
    """An ask and its answer. `live` says whether a consent opens the thing at this moment."""

    id: UUID
    workspace_id: UUID
    subject: SubjectOut
    handling: Handling
    originator: str
    originator_state: str
    asked_by: WhoOut
    actions: list[Action]
    purpose: str
    purpose_text: str
    days: int
    asked_at: datetime
    due_at: datetime
    state: ConsentState
    decided_by: WhoOut | None
    decided_at: datetime | None
    reason: str | None
    clause: str | None
    granted_to: Grantee | None
    granted_actions: list[Action]
    expires_at: datetime | None
    live: bool
    mine: bool
    may_decide: bool


class EmergencyOut(BaseModel):
    """An emergency as the parties concerned see it."""

    id: UUID
    workspace_id: UUID
    subject: SubjectOut
    handling: Handling
    originator: str
    originator_state: str
    opened_by: WhoOut
    actions: list[Action]
    reason: Emergency
    reason_text: str
    opened_at: datetime
    expires_at: datetime
    review: Review
    reviewed_by: WhoOut | None
    reviewed_at: datetime | None
    review_text: str | None
    live: bool
    may_review: bool


class ApprovalOut(BaseModel):
    """An act of two people: what is meant, who proposed it and what came of it."""

    id: UUID
    workspace_id: UUID
    kind: str
    payload: dict[str, Any]
    digest: str
    proposed_by: WhoOut
    reason: str
    proposed_at: datetime
    expires_at: datetime
    state: ApprovalState
    decided_by: WhoOut | None
    decided_at: datetime | None
    decision: str | None
    mine: bool
    may_decide: bool
