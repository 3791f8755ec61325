"""The noun: a view, one person's own, which row-level security shows to nobody else."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from jit_server.core.database import Row, UtcDateTime, Word


class Place(StrEnum):
    """What is viewed."""

    REGISTER = "register"
    TIMELINE = "timeline"


class SavedView(Row, table=True):
    """Filters under a name. Nobody's data but its owner's: it is on no log, as drafts are on none."""

    __tablename__ = "saved_view"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("person_id", "workspace_id", "place", "name", name="uq_saved_view_name"),
        CheckConstraint("length(name) BETWEEN 1 AND 80", name="name"),
        CheckConstraint("place IN ('register','timeline')", name="place"),
        CheckConstraint("octet_length(filters::text) <= 2000", name="filters"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    person_id: UUID = Field(foreign_key="person.id")
    place: Place = Field(sa_type=Word(Place))
    name: str = Field(sa_type=Text)
    filters: dict[str, str] = Field(sa_type=JSONB)
    saved_at: datetime = Field(sa_type=UtcDateTime)
