"""Shapes of the room: what is declared of an exhibit before its bytes travel, and what is read of it."""

from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from jit_server.access import Gate, Handling
from jit_server.evidence import names
from jit_server.evidence.lifecycle import State
from jit_server.evidence.malware.models import Verdict
from jit_server.evidence.markings import Accuracy, Reliability
from jit_server.evidence.nature.models import NatureOut

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


def keepable(text: str) -> str:
    """A line that can be kept and read as it was written.

    Raises:
        ValueError: it holds control characters or half a surrogate pair.
    """
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


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(keepable)]
LegalBasis = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), AfterValidator(keepable)
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


Conditions = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]

_OPTIONAL = frozenset(
    {
        *("handling", "scheme", "code", "source_reliability", "information_accuracy", "conditions_text"),
        *("compartment_id", "declared_sha256", "media_type"),
    }
)


class Derived(StrEnum):
    """How an exhibit was made from another one (MISSION D12)."""

    REDACTED_COPY = "redacted_copy"
    CLIP = "clip"
    DECRYPTED_COPY = "decrypted_copy"
    TRANSLATION = "translation"
    OTHER = "other"


class NewDerivation(BaseModel):
    """From which exhibit this one was made, how, and with which tool."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parent: UUID = Field(description="The exhibit it was made from; its own, unchanged, stays what it is.")
    kind: Derived
    tool: Line | None = Field(default=None, description="The program or person that made it.")
    version: Line | None = None
    description: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)] | None = None


class NewUpload(BaseModel):
    """An item of evidence, declared before its bytes travel.

    `collected_at` says the moment at the place of collection: with an offset, or as the clock on the wall showed it in
    `zone`. `client_id` is made by the sender: the same one again never makes a second upload. `scheme` and `code` name
    a line of `policies/handling.csv` (SIENA, TLP, a State's own codes); `handling` alone is a SIENA code. What is made
    from another exhibit names it in `derived_from`: it is marked at least as strictly, and stays its originator's.
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
    scheme: Annotated[str, StringConstraints(max_length=20)] | None = None
    code: Annotated[str, StringConstraints(max_length=40)] | None = None
    source_reliability: Reliability | None = None
    information_accuracy: Accuracy | None = None
    conditions_text: Conditions | None = Field(
        default=None, description="What else its originator asks; needed with H3."
    )
    compartment_id: UUID | None = Field(default=None, description="Only for the parties of this compartment.")
    declared_sha256: Sha256 | None = None
    file_name: FileName
    media_type: MediaType = "application/octet-stream"
    size: Annotated[int, Field(ge=1, le=SIZE_LIMIT, strict=True, description="Bytes; an empty file proves nothing.")]
    client_id: ClientId = Field(default_factory=lambda: uuid4().hex)
    derived_from: NewDerivation | None = None

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
    sha512: str | None = Field(description="Null until it was read back.")
    declared_sha256: str | None
    seal: str = Field(description="How its bytes are encrypted in the vault; `none` before there were keys.")
    stored_sha256: str | None = Field(description="Of the encrypted bytes as they lie in the vault, once read back.")
    read_back_at: datetime | None = Field(
        description="When the store first gave back what it was given; from then on the exhibit may be cited."
    )
    vault: str
    legal_basis: str
    method: Method
    collector: str
    place: str
    collected_at: datetime
    zone: str
    handling: Handling
    marking: str
    scheme: str
    code: str
    source_reliability: Reliability | None
    information_accuracy: Accuracy | None
    conditions_text: str | None
    gate: Gate
    scan: Verdict = Field(description="What a virus scanner said of its bytes.")
    malware: str | None = Field(description="What was found, by the scanner's name for it.")
    nature: NatureOut | None = Field(description="What its bytes are by their own look. Null until somebody looked.")
    compartment: str | None
    state: str
    party_id: UUID
    agency: str
    registered_by: str
    registered_at: datetime
    position: int


class RelatedOut(BaseModel):
    """An exhibit that another one was made from, or that was made from it, and how."""

    id: UUID
    number: str
    title: str
    sha256: str = Field(description="Of the related exhibit.")
    kind: Derived
    tool: str | None
    version: str | None
    description: str | None
    made_by: str
    made_at: datetime
    erased: bool


class KinOut(BaseModel):
    """What an exhibit was made from and what was made from it, as far as the reader may know of it."""

    parent: RelatedOut | None
    children: list[RelatedOut]


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
    marking: str
    scheme: str
    code: str
    gate: Gate
    scan: Verdict
    compartment: str | None
    registered_at: datetime
