"""Nouns of a hand-over: the receipt a recipient leaves by naming the digest of what it took."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field

from jit_server.core.database import Row, UtcDateTime


class ReleaseReceipt(Row, table=True):
    """That a recipient took all the bytes and named their digest; one for each recipient, signed by the server."""

    __tablename__ = "release_receipt"
    __table_args__ = (
        UniqueConstraint("recipient_id", name="uq_release_receipt_recipient_id"),
        CheckConstraint("octet_length(signature) = 64", name="signature"),
        CheckConstraint("length(statement) BETWEEN 2 AND 10000", name="statement"),
        Index("ix_release_receipt_item_id", "item_id"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    item_id: UUID = Field(foreign_key="evidence_item.id")
    recipient_id: UUID = Field(foreign_key="release_recipient.id")
    person_id: UUID = Field(foreign_key="person.id")
    received_at: datetime = Field(sa_type=UtcDateTime)
    statement: str = Field(sa_type=Text)
    signature: bytes = Field(sa_type=LargeBinary)
