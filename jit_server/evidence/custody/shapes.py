"""Shapes of custody: what is said of a hand-over on either side, and what is read of it (ISO/IEC 27037; MISSION D9)."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from jit_server.evidence.outside import Reason, Stated
from jit_server.evidence.shapes import Line

MOST_SEALS = 20
Remark = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Seals = Annotated[tuple[Line, ...], Field(max_length=MOST_SEALS)]


class Verb(StrEnum):
    """What somebody did with an exhibit."""

    HAND_OVER = "hand_over"
    ACCEPT = "accept"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    DESCRIBE = "describe"
    COLLECT = "collect"
    ACQUIRE = "acquire"
    ANNOTATE = "annotate"
    PHOTOGRAPH = "photograph"
    SEAL = "seal"
    UNSEAL = "unseal"
    STORE = "store"
    NUMBER = "number"
    FLAG = "flag"
    TRANSMIT = "transmit"
    PRE_JIT = "pre_jit"
    OUTSIDE = "outside"
    HOLD = "hold"
    LIFT_HOLD = "lift_hold"
    RESTRICT = "restrict"
    LIFT_RESTRICTION = "lift_restriction"
    REQUIRE_RETURN = "require_return"
    GIVE_BACK = "give_back"
    DESTROY = "destroy"
    AUTHORIZE = "authorize"
    END_BASIS = "end_basis"
    DERIVE = "derive"
    CREATE_FROM = "create_from"


class NewHandOver(Stated):
    """One's own side of a hand-over: to whom, where or through which system, in what condition, under which seals."""

    to_party_id: UUID
    to_person_id: UUID | None = Field(default=None, description="Left out, anybody of that party may take it over.")
    place: Line = Field(description="The place, or the system through which it goes.")
    condition: Line
    seals: Seals = ()
    remarks: Remark | None = None
    due_at: AwareDatetime | None = Field(default=None, description="Until when it should be answered.")


class Answer(Stated):
    """The other side of a hand-over; or, by the side that began it, its withdrawal."""

    answer: Literal[Verb.ACCEPT, Verb.REFUSE, Verb.WITHDRAW]
    place: Line | None = None
    condition: Line | None = Field(default=None, description="As found; needed to take it over.")
    seals: Seals = ()
    reason: Reason | None = Field(default=None, description="Needed to refuse it and to take it back.")


class ActOut(BaseModel):
    """An act on an exhibit as those see it who see its chain of custody."""

    id: UUID
    verb: Verb
    said: dict[str, Any]
    person: str
    state: str
    agency: str
    acted_at: datetime


class HandOverOut(ActOut):
    """A hand-over with its answer; `stands` is open, overdue, accepted, refused or withdrawn."""

    item_id: UUID
    to_party_id: UUID
    to_state: str
    to_agency: str
    to_person: str | None
    due_at: datetime | None
    stands: Literal["open", "overdue", "accepted", "refused", "withdrawn"]
    answer: ActOut | None
    mine: Literal["answer", "withdraw"] | None = Field(description="What the reader may do about it now.")
