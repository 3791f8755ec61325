"""Shapes of redaction: areas of a page and why they are blacked out, and what came of the order."""

import math
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from jit_server.evidence.outside import Stated
from jit_server.evidence.shapes import Line

MOST_AREAS = 100
"""Their words all stand in one act on the chain of custody."""
GRAIN, SLACK = 10_000, 1e-6
Part = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Ground(StrEnum):
    """Why something is blacked out."""

    PERSONAL_DATA = "personal_data"
    WITNESS = "witness"
    SOURCE = "source"
    PRIVILEGE = "privilege"
    OTHER_PROCEEDINGS = "other_proceedings"
    SECURITY = "security"
    BEYOND_THE_ORDER = "beyond_the_order"


class Refusal(StrEnum):
    """Why there is no copy."""

    ENCRYPTED = "encrypted"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    TOO_MANY_PAGES = "too_many_pages"
    SEVERAL_FRAMES = "several_frames"
    NO_SUCH_PAGE = "no_such_page"
    FAILED = "failed"
    NOT_ALLOWED = "not_allowed"


class Area(Stated):
    """A rectangle of a page as it is displayed, from its top left corner, in parts of its width and height."""

    page: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 1
    x: Part
    y: Part
    width: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
    height: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
    reason: Ground

    @model_validator(mode="after")
    def _on_the_page(self) -> "Area":
        """Kept in ten-thousandths, as it is said in the chain of custody: never smaller than it was stated."""
        for start, length in (("x", "width"), ("y", "height")):
            first, last = getattr(self, start), getattr(self, start) + getattr(self, length)
            if last > 1 + SLACK:
                raise ValueError(f"reaches beyond the page: {start} and {length} are at most 1 together")
            low, high = math.floor(first * GRAIN + SLACK), min(math.ceil(last * GRAIN - SLACK), GRAIN)
            object.__setattr__(self, start, low / GRAIN)
            object.__setattr__(self, length, (high - low) / GRAIN)
        return self

    @property
    def words(self) -> str:
        """As an act says it: page, left, top, width, height, why."""
        return f"{self.page}: {self.x:.4f} {self.y:.4f} {self.width:.4f} {self.height:.4f} {self.reason}"


class NewRedaction(Stated):
    """What is to be blacked out on a copy of an exhibit."""

    title: Line = Field(description="Of the copy, as it will stand in the register.")
    areas: Annotated[tuple[Area, ...], Field(min_length=1, max_length=MOST_AREAS)]


class Stage(StrEnum):
    """How far it has come."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"


class RedactionOut(BaseModel):
    """An order of one's own and what came of it."""

    id: UUID
    title: str
    areas: list[Area]
    ordered_at: datetime
    stage: Stage
    refused: Refusal | None
    exhibit_id: UUID | None
    number: str | None
