"""What is said of a message to keep it as evidence, and what an exhibit shows of the message it comes from."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from jit_server.evidence.shapes import LegalBasis, Line


class NewPromotion(BaseModel):
    """On what basis a message becomes evidence, and under which title; without one, under its topic."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    legal_basis: LegalBasis
    title: Line | None = None


class PromotedOut(BaseModel):
    """The message an exhibit is the record of, for whoever may read it."""

    message_id: UUID
    version: int
    name: str
    url: str
