"""The trust anchors: for each State, whose word counts about the identity providers of its agencies."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import ARRAY, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field as Column

from jit_server.core.database import Row, UtcDateTime

MarkType = Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#@]+$", max_length=255)]


class TrustAnchor(Row, table=True):
    """An entity on whose signed word agencies of one State are believed; its keys came by another way than the web.

    A retired one stays on record: sessions that began under it did so for a reason.
    """

    __tablename__ = "trust_anchor"
    __table_args__ = (
        Index("uq_trust_anchor_live", "state", "entity_id", unique=True, postgresql_where=text("retired_at IS NULL")),
    )

    state: str = Column(sa_type=String(12), foreign_key="state.code")
    entity_id: str = Column(sa_type=String(255))
    jwks: dict[str, Any] = Column(sa_type=JSONB)
    marks: list[str] = Column(default_factory=list, sa_type=ARRAY(String(255)))
    """Types of the trust marks that identity providers must show to be believed on its word."""
    added_at: datetime = Column(sa_type=UtcDateTime)
    retired_at: datetime | None = Column(default=None, sa_type=UtcDateTime, nullable=True)


class NewAnchor(BaseModel):
    """A trust anchor as the operator states it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Annotated[str, StringConstraints(to_upper=True, min_length=2, max_length=12)]
    entity_id: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#@]+$", max_length=255)]
    jwks: dict[str, Any] = Field(description="The anchor's federation keys as a JWK set, received out of band.")
    marks: Annotated[tuple[MarkType, ...], Field(max_length=5)] = ()
