"""What is read of an opened package, and of an exhibit that came out of one."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel


class Stage(StrEnum):
    """How far a package has come."""

    ASKED = "asked"
    """The worker will check it."""
    REFUSED = "refused"
    """Something in it does not hold: nothing was taken from it."""
    OPENED = "opened"
    """It holds; its exhibits are here, or on their way."""


class ArrivedOut(BaseModel):
    """An exhibit here, and what it was where it came from."""

    id: UUID
    number: str
    title: str
    origin_number: str
    origin_agency: str
    origin_registered_at: str


class OpeningOut(BaseModel):
    """An opened package. `exhibits` counts those in it with their bytes; `arrived` lists those that one may know of."""

    stage: Stage
    findings: list[str] = []
    server: str = ""
    reference: str = ""
    made_by: str = ""
    made_at: datetime | None = None
    key: str = ""
    seal: str = ""
    exhibits: int = 0
    arrived: list[ArrivedOut] = []


class OriginOut(BaseModel):
    """Where an exhibit came from. `package` is the number of the package here, if one may know of it."""

    package: str | None
    number: str
    agency: str
    registered_at: str
    server: str
    seal: str
