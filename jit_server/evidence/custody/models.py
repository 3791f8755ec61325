"""The noun of custody: an act, one row for each thing somebody did with an exhibit and said about it.

Rows are only ever added. What holds now (with whom an exhibit is, which hand-over is open) follows from them: an act
that answers another one names it, and no act is answered twice.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from jit_server.core.database import Row, UtcDateTime, Word
from jit_server.evidence.custody.shapes import Verb


class CustodyAct(Row, table=True):
    """Something done with an exhibit.

    `party_id` is the party whose person did it, `said` its words, to which the log commits under `salt`. A hand-over
    names whom it goes to, and until when that side is expected to answer.
    """

    __tablename__ = "custody_act"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("answers", name="uq_custody_act_answers"),
        CheckConstraint("verb ~ '^[a-z_]{3,30}$'", name="verb"),
        CheckConstraint("octet_length(salt) = 32", name="salt"),
        CheckConstraint("octet_length(said::text) <= 20000", name="said"),
        CheckConstraint("(verb = 'hand_over') = (to_party_id IS NOT NULL)", name="to_party"),
        CheckConstraint("to_person_id IS NULL OR to_party_id IS NOT NULL", name="to_person"),
        CheckConstraint("answers IS NOT NULL OR verb NOT IN ('accept', 'refuse', 'withdraw')", name="answers"),
        Index("ix_custody_act_item_id", "item_id", "acted_at"),
        Index("ix_custody_act_handed", "workspace_id", "to_party_id", postgresql_where=text("verb = 'hand_over'")),
    )

    workspace_id: UUID = Field(foreign_key="workspace.id")
    item_id: UUID = Field(foreign_key="evidence_item.id")
    party_id: UUID = Field(foreign_key="party.id")
    person_id: UUID = Field(foreign_key="person.id")
    verb: Verb = Field(sa_type=Word(Verb))
    said: dict[str, Any] = Field(sa_type=JSONB)
    salt: bytes = Field(sa_type=LargeBinary)
    acted_at: datetime = Field(sa_type=UtcDateTime)
    answers: UUID | None = Field(default=None, foreign_key="custody_act.id")
    to_party_id: UUID | None = Field(default=None, foreign_key="party.id")
    to_person_id: UUID | None = Field(default=None, foreign_key="person.id")
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)

    @property
    def event(self) -> str:
        """How the log names it."""
        return EVENTS[Verb(self.verb)]


EVENTS = {
    Verb.HAND_OVER: "custody:handed_over",
    Verb.ACCEPT: "custody:accepted",
    Verb.REFUSE: "custody:refused",
    Verb.WITHDRAW: "custody:withdrawn",
    Verb.DESCRIBE: "custody:described",
    Verb.COLLECT: "custody:collected",
    Verb.ACQUIRE: "custody:acquired",
    Verb.ANNOTATE: "custody:annotated",
    Verb.PHOTOGRAPH: "custody:photographed",
    Verb.SEAL: "custody:sealed",
    Verb.UNSEAL: "custody:unsealed",
    Verb.STORE: "custody:stored",
    Verb.NUMBER: "custody:numbered",
    Verb.FLAG: "custody:flagged",
    Verb.TRANSMIT: "custody:transmitted",
    Verb.PRE_JIT: "custody:set_apart",
    Verb.OUTSIDE: "custody:conditioned",
    Verb.HOLD: "custody:held",
    Verb.LIFT_HOLD: "custody:hold_lifted",
    Verb.RESTRICT: "custody:restricted",
    Verb.LIFT_RESTRICTION: "custody:restriction_lifted",
    Verb.REQUIRE_RETURN: "custody:return_required",
    Verb.GIVE_BACK: "custody:returned",
    Verb.DESTROY: "custody:destroyed",
    Verb.AUTHORIZE: "custody:authorized",
    Verb.END_BASIS: "custody:basis_ended",
    Verb.DERIVE: "custody:derived",
    Verb.CREATE_FROM: "custody:created_from",
}
