"""Nouns of resumable upload: a part that a client sends piece by piece, its pieces, and those an exhibit consists of.

Each piece is an object of its own in the vault, encrypted under the exhibit's one data key. A part's pieces lie side by
side from its first byte on; an exhibit's lie in the order of the parts it was joined from. Nothing is ever copied.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from jit_server.core.database import Row, UtcDateTime
from jit_server.workspaces.compartments import inside

JOINED = "cobblestone-256/joined"
"""The seal of an exhibit that lies in the vault in several encrypted objects."""


class UploadPart(Row, table=True):
    """What tus calls an upload: the whole file, or one of several parts that are joined at the end.

    `taken_by` names the request that may append now; a later one takes over, and the earlier finds itself replaced.
    `place` counts the parts from 0 in the order of the file, once all of them are here and the worker joins them.
    """

    __tablename__ = "upload_part"
    __table_args__ = (
        inside(),
        CheckConstraint("length > 0", name="length"),
        CheckConstraint("place >= 0", name="place"),
        Index("ix_upload_part_upload", "upload_id"),
    )

    upload_id: UUID = Field(foreign_key="upload.id")
    workspace_id: UUID = Field(foreign_key="workspace.id")
    compartment_id: UUID | None = None
    length: int = Field(sa_type=BigInteger)
    partial: bool
    made_at: datetime = Field(sa_type=UtcDateTime)
    taken_by: UUID | None = None
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)
    place: int | None = None


class _Piece(SQLModel):
    """Where a piece lies: how many bytes it brings, how many it has in the store, and their SHA-256 there."""

    workspace_id: UUID = Field(foreign_key="workspace.id")
    compartment_id: UUID | None = None
    size: int = Field(sa_type=BigInteger)
    stored_size: int = Field(sa_type=BigInteger)
    stored_sha256: str = Field(sa_type=Text)


def _checks() -> tuple[CheckConstraint, ...]:
    return (
        CheckConstraint("size > 0 AND stored_size >= size", name="size"),
        CheckConstraint("stored_sha256 ~ '^[0-9a-f]{64}$'", name="stored_sha256"),
    )


class UploadPiece(_Piece, table=True):
    """A piece that has arrived: `place` is its first byte within its part, `handle` the vault's name for it."""

    __tablename__ = "upload_piece"
    __table_args__ = (
        inside(), *_checks(), UniqueConstraint("part_id", "place"), CheckConstraint("place >= 0", name="place"),
    )  # fmt: skip

    object_id: UUID = Field(primary_key=True)
    part_id: UUID = Field(foreign_key="upload_part.id")
    place: int = Field(sa_type=BigInteger)
    handle: str = Field(sa_type=Text)


class EvidencePiece(_Piece, table=True):
    """A piece of an exhibit, counted from 0. Like the exhibit it is never altered."""

    __tablename__ = "evidence_piece"
    __table_args__ = (inside(), *_checks(), CheckConstraint("number >= 0", name="number"))

    item_id: UUID = Field(primary_key=True, foreign_key="upload.id")  # the exhibit's too; its row is written last
    number: int = Field(primary_key=True)
    object_id: UUID = Field(unique=True)
    version_id: str = Field(sa_type=Text)
