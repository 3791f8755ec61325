"""Shapes of what one side alone does with an exhibit: for each verb the words it takes, who may, and how strictly."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID, uuid4

from pydantic import AfterValidator, Field

from jit_server.access import Action, Handling
from jit_server.evidence.custody.shapes import MOST_SEALS, Remark, Seals, Verb
from jit_server.evidence.outside import Reason, Stated
from jit_server.evidence.shapes import SIZE_LIMIT, Conditions, LegalBasis, Line, Method, Sha256, Zone


class Admissibility(StrEnum):
    """What a court or a party said of an exhibit as evidence."""

    CHALLENGED = "challenged"
    EXCLUDED = "excluded"
    LIMITED = "limited"
    ADMITTED = "admitted"


class BasisKind(StrEnum):
    """What a lawful basis is (CASE `Authorization`)."""

    WARRANT = "warrant"
    ORDER = "order"
    REQUEST = "request"
    CLAUSE = "clause"
    CONSENT = "consent"
    OTHER = "other"


Moment = Annotated[datetime, AfterValidator(lambda at: at if at.tzinfo else at.replace(tzinfo=UTC))]
"""A moment; without a zone it is UTC."""
SomeSeals = Annotated[tuple[Line, ...], Field(min_length=1, max_length=MOST_SEALS)]


class Collected(Stated):
    """It was collected: when, where, by whom, in what state it was found (ISO/IEC 27037)."""

    verb: Literal[Verb.COLLECT] = Verb.COLLECT
    at: Moment
    place: Line
    collector: Line
    found: Remark


class Acquired(Stated):
    """A copy of a source was made: with which tool, in which version and configuration."""

    verb: Literal[Verb.ACQUIRE] = Verb.ACQUIRE
    at: Moment
    source: Line
    tool: Line
    version: Line
    configuration: Sha256 | None = Field(default=None, description="SHA-256 of the tool's configuration.")
    write_blocker: Line | None = None
    remarks: Remark | None = None


class Note(Stated):
    """A note."""

    verb: Literal[Verb.ANNOTATE] = Verb.ANNOTATE
    text: Remark


class Photographed(Stated):
    """A photo of it, which is an exhibit itself."""

    verb: Literal[Verb.PHOTOGRAPH] = Verb.PHOTOGRAPH
    photo: UUID = Field(description="The photo's id in the register.")


class Sealed(Stated):
    """Seals were put on."""

    verb: Literal[Verb.SEAL] = Verb.SEAL
    seals: SomeSeals
    place: Line | None = None
    remarks: Remark | None = None


class Unsealed(Stated):
    """Seals were broken, and why."""

    verb: Literal[Verb.UNSEAL] = Verb.UNSEAL
    seals: SomeSeals
    reason: Reason
    place: Line | None = None


class Stored(Stated):
    """It was put somewhere."""

    verb: Literal[Verb.STORE] = Verb.STORE
    place: Line
    remarks: Remark | None = None


class Numbered(Stated):
    """The number it bears before a court or authority."""

    verb: Literal[Verb.NUMBER] = Verb.NUMBER
    forum: Line
    number: Line


class Flagged(Stated):
    """What was said or ruled of its admissibility, by whom and where."""

    verb: Literal[Verb.FLAG] = Verb.FLAG
    flag: Admissibility
    forum: Line
    by: Line
    on: date
    ruling: Line = Field(description="Reference of the ruling or of the motion.")
    remarks: Remark | None = None


class Transmitted(Stated):
    """It was sent by another way than this server (Impl. Reg. (EU) 2025/1550, Annex 3.3.1 and 3.3.2)."""

    verb: Literal[Verb.TRANSMIT] = Verb.TRANSMIT
    reference: Line
    at: Moment
    sender: Line
    recipient: Line
    means: Line
    file_name: Line
    size: Annotated[int, Field(ge=1, le=SIZE_LIMIT)]


class PreJit(Stated):
    """It was obtained before the team was set up, and is kept apart in the list annexed to the agreement."""

    verb: Literal[Verb.PRE_JIT] = Verb.PRE_JIT
    on: date
    annex: Line


class Outside(Stated):
    """It comes from a State outside the team, under that State's conditions (JFD 2002/465, Art. 1(8))."""

    verb: Literal[Verb.OUTSIDE] = Verb.OUTSIDE
    source: Line
    conditions: Remark


class Held(Stated):
    """It must not be erased: by whose order and why."""

    verb: Literal[Verb.HOLD] = Verb.HOLD
    reason: Reason
    authority: Line
    reference: Line


class HoldLifted(Stated):
    """The hold ends."""

    verb: Literal[Verb.LIFT_HOLD] = Verb.LIFT_HOLD
    reason: Reason
    authority: Line


class Restricted(Stated):
    """Its processing is restricted (LED Art. 16(3))."""

    verb: Literal[Verb.RESTRICT] = Verb.RESTRICT
    reason: Reason
    authority: Line
    reference: Line


class RestrictionLifted(Stated):
    """The restriction ends."""

    verb: Literal[Verb.LIFT_RESTRICTION] = Verb.LIFT_RESTRICTION
    reason: Reason
    authority: Line


class ReturnRequired(Stated):
    """It has to go back to whom it belongs, or to the authority that asks for it (MISSION D23)."""

    verb: Literal[Verb.REQUIRE_RETURN] = Verb.REQUIRE_RETURN
    to: Line
    reference: Line
    by: date | None = None


class GivenBack(Stated):
    """It went back."""

    verb: Literal[Verb.GIVE_BACK] = Verb.GIVE_BACK
    at: Moment
    to: Line
    receipt: Line
    place: Line | None = None


class Destroyed(Stated):
    """It was destroyed on somebody's decision. Stored bytes are not touched by this: they are erased on their own."""

    verb: Literal[Verb.DESTROY] = Verb.DESTROY
    at: Moment
    authority: Line
    reference: Line
    method: Line


class Authorized(Stated):
    """The lawful basis it rests on: who gave it, which, and for how long. The same `basis` on several is one record."""

    verb: Literal[Verb.AUTHORIZE] = Verb.AUTHORIZE
    kind: BasisKind
    authority: Line
    state: Line = Field(description="The State whose authority gave it.")
    identifier: Line
    valid_from: date
    valid_until: date | None = None
    basis: UUID = Field(default_factory=uuid4)


class BasisEnded(Stated):
    """A lawful basis holds no more for it: it was annulled, or recorded wrongly."""

    verb: Literal[Verb.END_BASIS] = Verb.END_BASIS
    act: UUID = Field(description="The act by which it was recorded.")
    reason: Reason


class NewBasis(Stated):
    """One lawful basis for several exhibits: stated anew, or the one that an earlier act recorded."""

    items: tuple[UUID, ...] = Field(min_length=1, max_length=200)
    basis: Authorized | None = None
    like: UUID | None = Field(default=None, description="An earlier act that recorded it.")


Did = Annotated[
    Collected | Acquired | Note | Photographed | Sealed | Unsealed | Stored | Numbered | Flagged | Transmitted
    | PreJit | Outside | Held | HoldLifted | Restricted | RestrictionLifted | ReturnRequired | GivenBack | Destroyed
    | Authorized | BasisEnded,
    Field(discriminator="verb"),
]  # fmt: skip


class NewAct(Stated):
    """Something done with an exhibit; `act.verb` says what, and which words it takes."""

    act: Did


class NewPhysical(Stated):
    """A physical exhibit: what is declared of any exhibit, what it is, how it is sealed and where it is kept."""

    title: Line
    legal_basis: LegalBasis
    method: Method
    collector: Line
    place: Line
    collected_at: datetime
    zone: Zone
    handling: Handling | None = None
    conditions_text: Conditions | None = None
    compartment_id: UUID | None = None
    description: Remark
    identifiers: Line | None = Field(default=None, description="Make, model, serial numbers.")
    quantity: Line
    seals: Seals = ()
    kept: Line = Field(description="Where it is kept.")


@dataclass(frozen=True)
class Kind:
    """How a verb is treated: its words, the action it needs, and whether it asks for a recent sign-in."""

    shape: type[Stated]
    action: Action = Action.CUSTODY_RECORD
    fresh: bool = False


_DECIDED: Final = Action.CUSTODY_DECIDE
KINDS: Final[dict[Verb, Kind]] = {
    Verb.ANNOTATE: Kind(Note),
    Verb.COLLECT: Kind(Collected),
    Verb.ACQUIRE: Kind(Acquired),
    Verb.PHOTOGRAPH: Kind(Photographed),
    Verb.SEAL: Kind(Sealed),
    Verb.UNSEAL: Kind(Unsealed),
    Verb.STORE: Kind(Stored),
    Verb.NUMBER: Kind(Numbered),
    Verb.FLAG: Kind(Flagged),
    Verb.TRANSMIT: Kind(Transmitted),
    Verb.PRE_JIT: Kind(PreJit, _DECIDED),
    Verb.OUTSIDE: Kind(Outside, _DECIDED),
    Verb.HOLD: Kind(Held, _DECIDED),
    Verb.LIFT_HOLD: Kind(HoldLifted, _DECIDED, fresh=True),
    Verb.RESTRICT: Kind(Restricted, _DECIDED),
    Verb.LIFT_RESTRICTION: Kind(RestrictionLifted, _DECIDED, fresh=True),
    Verb.REQUIRE_RETURN: Kind(ReturnRequired, _DECIDED),
    Verb.GIVE_BACK: Kind(GivenBack),
    Verb.AUTHORIZE: Kind(Authorized, _DECIDED),
    Verb.END_BASIS: Kind(BasisEnded, _DECIDED),
    Verb.DESTROY: Kind(Destroyed, _DECIDED, fresh=True),
}
"""What people record by hand; hand-overs and descriptions have doors of their own."""
