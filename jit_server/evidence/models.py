"""Nouns of the room: the upload that brings an exhibit's bytes, and the exhibit it becomes.

An exhibit is never altered: the database's role has no right to. Its marking and gate follow from rows that are only
ever added (`outside.py`), by the database's own hand. An upload is what may still fail on the way there; the
exhibit it becomes bears the same id, so that one custody timeline holds every attempt.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from jit_server.access import Action, Gate, Handling
from jit_server.core.database import Row, UtcDateTime, Word
from jit_server.evidence.lifecycle import State
from jit_server.evidence.markings import SIENA, Code
from jit_server.evidence.shapes import SIZE_LIMIT, Method
from jit_server.workspaces.compartments import inside

UNSEALED = "none"
"""The seal of what was taken in before there were keys: its bytes lie in the vault as they are."""


class _Declared(SQLModel):
    """What was declared, in the form both tables keep it."""

    workspace_id: UUID = Field(foreign_key="workspace.id")
    party_id: UUID = Field(foreign_key="party.id")
    agency_id: UUID = Field(foreign_key="agency.id")
    compartment_id: UUID | None = None
    gate: Gate = Field(default=Gate.OPEN, sa_type=Word(Gate), sa_column_kwargs={"server_default": "open"})
    handling: Handling = Field(sa_type=Text)
    scheme: str = Field(default=SIENA, sa_type=Text, sa_column_kwargs={"server_default": SIENA})
    code: str = Field(sa_type=Text)
    source_reliability: str | None = Field(default=None, sa_type=Text, nullable=True)
    information_accuracy: str | None = Field(default=None, sa_type=Text, nullable=True)
    conditions_text: str | None = Field(default=None, sa_type=Text, nullable=True)
    title: str = Field(sa_type=Text)
    legal_basis: str = Field(sa_type=Text)
    method: Method = Field(sa_type=Text)
    collector: str = Field(sa_type=Text)
    place: str = Field(sa_type=Text)
    collected_at: datetime = Field(sa_type=UtcDateTime)
    zone: str = Field(sa_type=Text)
    file_name: str = Field(sa_type=Text)
    media_type: str = Field(sa_type=Text)
    size: int = Field(sa_type=BigInteger)
    declared_sha256: str | None = Field(default=None, sa_type=Text, nullable=True)

    @classmethod
    def declared_names(cls) -> tuple[str, ...]:
        """The names of what was declared, to carry it from the upload to the exhibit."""
        return tuple(_Declared.model_fields)


def _checks() -> tuple[CheckConstraint, ...]:
    """What the database holds to by itself, for both tables."""
    methods = ",".join(f"'{method}'" for method in Method)
    return (
        CheckConstraint("gate IN ('open','pending','refused')", name="gate"),
        CheckConstraint("handling IN ('H0','H1','H2','H3')", name="handling"),
        CheckConstraint("length(scheme) BETWEEN 1 AND 20 AND length(code) BETWEEN 1 AND 40", name="code"),
        CheckConstraint("source_reliability IN ('A','B','C','X')", name="source_reliability"),
        CheckConstraint("information_accuracy IN ('1','2','3','4')", name="information_accuracy"),
        CheckConstraint("length(conditions_text) BETWEEN 1 AND 2000", name="conditions_text"),
        CheckConstraint("length(title) BETWEEN 1 AND 200", name="title"),
        CheckConstraint("length(legal_basis) BETWEEN 1 AND 300", name="legal_basis"),
        CheckConstraint(f"method IN ({methods})", name="method"),
        CheckConstraint("length(collector) BETWEEN 1 AND 200", name="collector"),
        CheckConstraint("length(place) BETWEEN 1 AND 200", name="place"),
        CheckConstraint("length(file_name) BETWEEN 1 AND 1000", name="file_name"),
        CheckConstraint("length(media_type) BETWEEN 3 AND 100", name="media_type"),
        CheckConstraint(f"size BETWEEN 1 AND {SIZE_LIMIT}", name="size"),
        CheckConstraint("declared_sha256 ~ '^[0-9a-f]{64}$'", name="declared_sha256"),
    )


class Upload(Row, _Declared, table=True):
    """Bytes on their way. `attempt` counts the transfers, `beat_at` is the last sign of life of the present one.

    One that is sent in parts has a name for its key from the first part on (`vault_key`), and a day when it ends.
    """

    __known_by__: ClassVar = Action.EVIDENCE_LIST
    __table_args__ = (
        *_checks(),
        inside(),
        UniqueConstraint("declared_by", "client_id"),
        CheckConstraint(f"state IN ({','.join(repr(str(one)) for one in State)})", name="state"),
        CheckConstraint("client_id ~ '^[A-Za-z0-9_-]{8,64}$'", name="client_id"),
        CheckConstraint("attempt BETWEEN 0 AND 10000", name="attempt"),
        Index("ix_upload_workspace_id_state", "workspace_id", "state"),
        Index("ix_upload_coming", "agency_id", postgresql_where=text("state IN ('uploading','received')")),
    )

    declared_by: UUID = Field(foreign_key="person.id")
    declared_at: datetime = Field(sa_type=UtcDateTime)
    client_id: str = Field(sa_type=Text)
    state: State = Field(default=State.DECLARED, sa_type=Text)
    attempt: int = 0
    beat_at: datetime = Field(sa_type=UtcDateTime)
    vault_key: str | None = Field(default=None, sa_type=Text, nullable=True)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)


class EvidenceItem(_Declared, table=True):
    """An exhibit: what it is, where its bytes lie, and their digest as computed here.

    `sha256` is that of the bytes themselves; `seal` says how they are encrypted in the store, `none` for what was taken
    in before there were keys. The digests of what the store gave back stand in the row of its check (`stored.py`).

    `position` is its place in the workspace's log. `salt` keys the log's commitment to the description, so that a court
    can check the words against the log and nobody can guess them from it.
    """

    __tablename__ = "evidence_item"
    __known_by__: ClassVar = Action.EVIDENCE_LIST
    __grantable__: ClassVar = True
    __table_args__ = (
        *_checks(),
        inside(),
        Index("ix_evidence_item_gated", "workspace_id", postgresql_where=text("gate <> 'open'")),
        UniqueConstraint("workspace_id", "state", "serial"),
        CheckConstraint("serial BETWEEN 1 AND 9999999", name="serial"),
        CheckConstraint("position > 0", name="position"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint("octet_length(salt) = 32", name="salt"),
        CheckConstraint("seal IN ('none','cobblestone-256','cobblestone-256/joined')", name="seal"),
        CheckConstraint("declared_sha256 IS NULL OR declared_sha256 = sha256", name="digests_agree"),
        Index("ix_evidence_item_collected", "workspace_id", "collected_at", "position"),
        Index("ix_evidence_item_handling", "workspace_id", "handling", "position"),
        Index("ix_evidence_item_state", "workspace_id", "state", "position"),
        Index("uq_evidence_item_workspace_id_position", "workspace_id", "position", unique=True),
    )

    id: UUID = Field(primary_key=True, foreign_key="upload.id")
    state: str = Field(sa_type=Text)
    serial: int
    sha256: str = Field(sa_type=Text)
    seal: str = Field(default=UNSEALED, sa_type=Text, sa_column_kwargs={"server_default": UNSEALED})
    vault: str = Field(sa_type=Text)
    vault_key: str = Field(sa_type=Text)
    version_id: str = Field(sa_type=Text)
    salt: bytes = Field(sa_type=LargeBinary)
    registered_by: UUID = Field(foreign_key="person.id")
    registered_at: datetime = Field(sa_type=UtcDateTime)
    position: int | None = Field(default=None, sa_type=BigInteger, nullable=False)

    @property
    def marking(self) -> str:
        """The code it bears, as people write it."""
        return Code(self.scheme, self.code, Handling(self.handling), "").words

    @property
    def number(self) -> str:
        """The number it bears in court: the State that supplied it, and its place in that State's row."""
        return f"{self.state}-{self.serial:04}"


class EvidenceUsage(SQLModel, table=True):
    """How many bytes an agency keeps in a workspace; written by the database's own hand (migration 0021)."""

    __tablename__ = "evidence_usage"
    __table_args__ = (
        CheckConstraint("bytes > 0", name="bytes"),
        Index("ix_evidence_usage_agency_id", "agency_id"),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id", primary_key=True)
    agency_id: UUID = Field(foreign_key="agency.id", primary_key=True)
    bytes: int = Field(sa_type=BigInteger)


class ExhibitCounter(SQLModel, table=True):
    """The last number given out to a State in a workspace."""

    __tablename__ = "exhibit_counter"

    workspace_id: UUID = Field(foreign_key="workspace.id", primary_key=True)
    state: str = Field(sa_type=Text, primary_key=True)
    last: int
