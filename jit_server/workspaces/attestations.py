"""What people undertake and show before their first look: confidentiality, and training in data protection.

The duty of confidence has no end: it outlives the membership (Reg. (EU) 2023/969, Art. 7(11)).
"""

import hashlib
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints, field_validator
from sqlalchemy import CheckConstraint, Text, UniqueConstraint
from sqlmodel import Field

from jit_server.core.database import Row, UtcDateTime, Word
from jit_server.core.errors import N_
from jit_server.workspaces.models import Stated

UNDERTAKING = N_(
    "I keep secret what I learn in this workspace, use it only for the purposes that its agreement names, and pass it "
    "on only as the agreement allows. This duty does not end when my access ends."
)
"""The text that everybody accepts, unless the agreement brings its own."""

VERSION = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class AttestationKind(StrEnum):
    """What is attested."""

    CONFIDENTIALITY = "confidentiality"
    TRAINING = "training"


class Entry(Stated):
    """What somebody attests on the way in. `undertaking` is the version of the text that was read."""

    undertaking: VERSION
    accepted: Literal[True]
    training_on: date
    training_version: VERSION

    @field_validator("accepted", mode="before")
    @classmethod
    def _ticked(cls, value: object) -> object:
        return True if value == "on" else value


class Attestation(Row, table=True):
    """One statement of one person for one workspace; never altered."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "person_id", "kind", "version", name="uq_attestation_once"),
        CheckConstraint("kind <> 'confidentiality' OR ends_at IS NULL", name="outlives_membership"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    person_id: UUID = Field(foreign_key="person.id")
    kind: AttestationKind = Field(sa_type=Word(AttestationKind))
    version: str = Field(sa_type=Text)
    given_on: date
    at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)


def version_of(text: str) -> str:
    """The version of an undertaking: the beginning of its digest, so that another text is another version."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
