"""Shapes of a hand-over: what a recipient acknowledges, how a window is made longer, what a receipt is."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from jit_server.evidence.outside import LONGEST_WINDOW, SHORTEST_WINDOW, Mode, Reason, Stated
from jit_server.evidence.shapes import Sha256


class NewReceipt(Stated):
    """The SHA-256 of what was taken, as the recipient computed it from its own copy."""

    sha256: Sha256


class NewWindow(Stated):
    """How many days a ticket is open in all, counted from when it was opened, and why."""

    days: int = Field(ge=SHORTEST_WINDOW, le=LONGEST_WINDOW)
    reason: Reason


class ReceiptFile(BaseModel):
    """A receipt as its holder keeps it; `statement` is what is signed, after the line `jit-server receipt v1`."""

    format: str
    statement: str
    signature: str
    key: str


class MineOut(BaseModel):
    """A release to the reader's own party or to the reader, and where its hand-over stands."""

    id: UUID
    mode: Mode
    reason: str
    released_at: datetime
    expires_at: datetime
    download: str | None
    window_until: datetime | None
    received_at: datetime | None
