"""Shapes of events: what is written, and what those read who may know of it."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from jit_server.access import Handling
from jit_server.evidence.outside import Reason
from jit_server.evidence.shapes import Line, Zone

Story = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000, pattern="^[^\\x00]*$")]


class NewEvent(BaseModel):
    """An event of the case. `at` is a moment with an offset, or as the clock on the wall of `zone` showed it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Line
    at: datetime
    zone: Zone
    day_only: bool = Field(default=False, description="Only the day is known.")
    place: Line | None = None
    text: Story = ""
    handling: Handling | None = Field(default=None, description="The workspace's default, if left out.")
    compartment_id: UUID | None = None
    items: tuple[UUID, ...] = Field(default=(), max_length=50, description="Exhibits it names.")

    @model_validator(mode="after")
    def _on_the_wall(self) -> "NewEvent":
        if self.at.tzinfo is None:
            object.__setattr__(self, "at", self.at.replace(tzinfo=ZoneInfo(self.zone)))
        if not datetime(1900, 1, 1, tzinfo=UTC) <= self.at.astimezone(UTC) <= datetime(2200, 1, 1, tzinfo=UTC):
            raise ValueError("at lies before 1900 or after 2200: correct the moment")
        return self


class EventWithdrawal(BaseModel):
    """Why an event is taken back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Reason


class NamedOut(BaseModel):
    """An exhibit that an event names, of those that the reader may know of."""

    id: UUID
    number: str
    title: str


class EventOut(BaseModel):
    """An event as those see it who may know of it."""

    id: UUID
    title: str
    text: str
    at: datetime
    zone: str
    day_only: bool
    place: str
    state: str
    handling: Handling
    compartment: str | None
    written_by: str
    written_at: datetime
    items: list[NamedOut]
    withdrawn: str | None = Field(description="Why it was taken back.")
    mine: bool
