"""Nouns of the room: what is declared, the upload that brings its bytes, and the exhibit it becomes.

An exhibit is never altered: the database's role has no right to. An upload is what may still fail on the way there; the
exhibit it becomes bears the same id, so that one custody timeline holds every attempt.
"""

from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, model_validator
from pydantic import Field as Bound
from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from jit_server.access import Action, Gate, Handling
from jit_server.core.database import Row, UtcDateTime, Word
from jit_server.evidence import names
from jit_server.evidence.lifecycle import State
from jit_server.workspaces.compartments import inside

SIZE_LIMIT = 2**53 - 1
"""The largest size a browser counts exactly."""


class Method(StrEnum):
    """How the item was obtained: collection and acquisition of ISO/IEC 27037, and the ways between authorities."""

    SEIZURE = "seizure"
    FORENSIC_IMAGE = "forensic_image"
    LOGICAL_EXTRACTION = "logical_extraction"
    PRODUCTION_ORDER = "production_order"
    INTERCEPTION = "interception"
    SURVEILLANCE = "surveillance"
    VOLUNTARY_DISCLOSURE = "voluntary_disclosure"
    OPEN_SOURCE = "open_source"
    INTERVIEW = "interview"
    EXPERT_REPORT = "expert_report"
    OTHER = "other"


def _keepable(text: str) -> str:
    if any((letter < " " and letter != "\t") or letter == "\x7f" or "\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("holds a character that cannot be kept: write it on one line, without control characters")
    return text


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("is no time zone of the IANA list: write it as in Europe/Paris")
    return name


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_keepable)]
LegalBasis = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), AfterValidator(_keepable)
]
FileName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=names.LIMIT),
    BeforeValidator(lambda name: names.storable(name) if isinstance(name, str) else name),
]
Zone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)]
Sha256 = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[0-9a-fA-F]{64}$")]
MediaType = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,48}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,48}$")
]
ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]


_OPTIONAL = frozenset({"handling", "declared_sha256", "media_type"})


class NewUpload(BaseModel):
    """An item of evidence, declared before its bytes travel.

    `collected_at` says the moment at the place of collection: with an offset, or as the clock on the wall showed it in
    `zone`. `client_id` is made by the sender: the same one again never makes a second upload.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Line
    legal_basis: LegalBasis
    method: Method
    collector: Line
    place: Line
    collected_at: datetime
    zone: Zone
    handling: Handling | None = None
    declared_sha256: Sha256 | None = None
    file_name: FileName
    media_type: MediaType = "application/octet-stream"
    size: Annotated[int, Bound(ge=1, le=SIZE_LIMIT, strict=True, description="Bytes; an empty file proves nothing.")]
    client_id: ClientId = Field(default_factory=lambda: uuid4().hex)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, data: Any) -> Any:
        """A form sends what was left open as an empty text."""
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value != "" or key not in _OPTIONAL}
        return data

    @model_validator(mode="after")
    def _on_the_wall(self) -> "NewUpload":
        if self.collected_at.tzinfo is None:
            local = self.collected_at.replace(tzinfo=ZoneInfo(self.zone))
            object.__setattr__(self, "collected_at", local)
        if not datetime(1900, 1, 1, tzinfo=UTC) <= self.collected_at.astimezone(UTC):
            raise ValueError("collected_at lies before 1900: correct the moment of collection")
        return self


class _Declared(SQLModel):
    """What was declared, in the form both tables keep it."""

    workspace_id: UUID = Field(foreign_key="workspace.id")
    party_id: UUID = Field(foreign_key="party.id")
    agency_id: UUID = Field(foreign_key="agency.id")
    compartment_id: UUID | None = None
    handling: Handling = Field(sa_type=Text)
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
        CheckConstraint("handling IN ('H0','H1','H2','H3')", name="handling"),
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
    """Bytes on their way. `attempt` counts the transfers, `beat_at` is the last sign of life of the present one."""

    __known_by__: ClassVar = Action.EVIDENCE_LIST
    __table_args__ = (
        *_checks(),
        inside(),
        UniqueConstraint("declared_by", "client_id"),
        CheckConstraint(f"state IN ({','.join(repr(str(one)) for one in State)})", name="state"),
        CheckConstraint("client_id ~ '^[A-Za-z0-9_-]{8,64}$'", name="client_id"),
        CheckConstraint("attempt BETWEEN 0 AND 10000", name="attempt"),
        Index("ix_upload_workspace_id_state", "workspace_id", "state"),
    )

    declared_by: UUID = Field(foreign_key="person.id")
    declared_at: datetime = Field(sa_type=UtcDateTime)
    client_id: str = Field(sa_type=Text)
    state: State = Field(default=State.DECLARED, sa_type=Text)
    attempt: int = 0
    beat_at: datetime = Field(sa_type=UtcDateTime)


class EvidenceItem(_Declared, table=True):
    """An exhibit: what it is, where its bytes lie, and their digest as computed here.

    `position` is its place in the workspace's log. `salt` keys the log's commitment to the description, so that a court
    can check the words against the log and nobody can guess them from it.
    """

    __tablename__ = "evidence_item"
    __known_by__: ClassVar = Action.EVIDENCE_LIST
    __grantable__: ClassVar = True
    __table_args__ = (
        *_checks(),
        inside(),
        CheckConstraint("gate IN ('open','pending','refused')", name="gate"),
        Index("ix_evidence_item_gated", "workspace_id", postgresql_where=text("gate <> 'open'")),
        UniqueConstraint("workspace_id", "state", "serial"),
        CheckConstraint("serial BETWEEN 1 AND 9999999", name="serial"),
        CheckConstraint("position > 0", name="position"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint("octet_length(salt) = 32", name="salt"),
        CheckConstraint("declared_sha256 IS NULL OR declared_sha256 = sha256", name="digests_agree"),
        Index("uq_evidence_item_workspace_id_position", "workspace_id", "position", unique=True),
    )

    id: UUID = Field(primary_key=True, foreign_key="upload.id")
    gate: Gate = Field(default=Gate.OPEN, sa_type=Word(Gate), sa_column_kwargs={"server_default": "open"})
    state: str = Field(sa_type=Text)
    serial: int
    sha256: str = Field(sa_type=Text)
    vault: str = Field(sa_type=Text)
    vault_key: str = Field(sa_type=Text)
    version_id: str = Field(sa_type=Text)
    salt: bytes = Field(sa_type=LargeBinary)
    registered_by: UUID = Field(foreign_key="person.id")
    registered_at: datetime = Field(sa_type=UtcDateTime)
    position: int | None = Field(default=None, sa_type=BigInteger, nullable=False)

    @property
    def number(self) -> str:
        """The number it bears in court: the State that supplied it, and its place in that State's row."""
        return f"{self.state}-{self.serial:04}"


class ExhibitCounter(SQLModel, table=True):
    """The last number given out to a State in a workspace."""

    __tablename__ = "exhibit_counter"

    workspace_id: UUID = Field(foreign_key="workspace.id", primary_key=True)
    state: str = Field(sa_type=Text, primary_key=True)
    last: int


class UploadOut(BaseModel):
    """An upload as its sender sees it."""

    id: UUID
    state: State
    size: int
    declared_sha256: str | None
    handling: Handling
    file_name: str


class ItemOut(BaseModel):
    """An exhibit as those see it who may read it. `file_name` is made harmless for display."""

    id: UUID
    workspace_id: UUID
    number: str
    title: str
    file_name: str
    kind: str
    size: int
    sha256: str
    declared_sha256: str | None
    vault: str
    legal_basis: str
    method: Method
    collector: str
    place: str
    collected_at: datetime
    zone: str
    handling: Handling
    state: str
    party_id: UUID
    agency: str
    registered_by: str
    registered_at: datetime
    position: int


class LineOut(BaseModel):
    """An exhibit as it stands in the register."""

    id: UUID
    number: str
    title: str
    kind: str
    size: int
    sha256: str
    collector: str
    place: str
    collected_at: datetime
    zone: str
    state: str
    agency: str
    handling: Handling
    registered_at: datetime
