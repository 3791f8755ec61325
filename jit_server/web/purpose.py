"""Why a restricted thing is used (Directive (EU) 2016/680, Art. 25(1)): read from the request, asked once, remembered.

Programs say it in the header `Jit-Purpose: <code>; <text>`, and `Jit-Conditions: acknowledged` for a thing whose
conditions (H3) have to be read. People are asked by a page; for half an hour the answer holds for session and thing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from flask import request
from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlmodel import Field, SQLModel

from jit_server.access.purposes import purposes
from jit_server.core.database import UtcDateTime
from jit_server.core.errors import Invalid, PurposeRequired
from jit_server.web import context
from jit_server.work import UnitOfWork

HEADER, CONDITIONS, READ = "Jit-Purpose", "Jit-Conditions", "acknowledged"
REMEMBERED = timedelta(minutes=30)
SHORTEST, LONGEST = 3, 300

_REMEMBER = sa.text(
    "INSERT INTO stated_purpose (session_id, subject_id, workspace_id, code, text, acknowledged, stated_at)"
    " VALUES (:session, :subject, :workspace, :code, :text, :acknowledged, :now)"
    " ON CONFLICT (session_id, subject_id) DO UPDATE SET code = :code, text = :text, acknowledged = :acknowledged,"
    " stated_at = :now"
)
_FORGET = sa.text("DELETE FROM stated_purpose WHERE stated_at < :since AND workspace_id = :workspace")


class StatedPurpose(SQLModel, table=True):
    """What a session said of its purpose with one thing."""

    __tablename__ = "stated_purpose"

    session_id: UUID = Field(primary_key=True)
    subject_id: UUID = Field(primary_key=True)
    workspace_id: UUID = Field(foreign_key="workspace.id")
    code: str = Field(sa_type=sa.Text)
    text: str = Field(sa_type=sa.Text)
    acknowledged: bool
    stated_at: datetime = Field(sa_type=UtcDateTime)


class PurposeForm(BaseModel):
    """The answer to the page that asks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=SHORTEST, max_length=LONGEST)]
    acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class Purpose:
    """A purpose as stated."""

    code: str
    text: str
    acknowledged: bool = False

    def on(self, uow: UnitOfWork) -> UnitOfWork:
        """The unit of work, knowing the purpose."""
        uow.purpose = {"code": self.code, "text": self.text}
        uow.acknowledged = self.acknowledged
        return uow


def checked(code: str, text: str, *, acknowledged: bool, field: str = "code", words: str = "text") -> Purpose:
    """A purpose whose code is known and whose text says something.

    Raises:
        Invalid: unknown code, or a text too short, too long, or with characters that cannot be kept.
    """
    if code not in purposes():
        raise Invalid.field(field, f"{code[:40]!r} is no purpose known here", f"Choose one of {', '.join(purposes())}.")
    if not SHORTEST <= len(text) <= LONGEST or not text.isprintable():
        hint = f"Say in {SHORTEST} to {LONGEST} characters on one line what it is for."
        raise Invalid.field(words, "does not say why", hint)
    return Purpose(code, text, acknowledged)


def stated() -> Purpose | None:
    """What this request's headers say; None where they say nothing.

    Raises:
        Invalid: not `<code>; <text>`, or an unknown code.
    """
    raw = request.headers.get(HEADER)
    if raw is None:
        return None
    code, _, text = _as_utf8(raw).partition(";")
    read = request.headers.get(CONDITIONS, "").strip().lower() == READ
    return checked(code.strip().lower(), text.strip(), acknowledged=read, field=HEADER, words=HEADER)


def _as_utf8(raw: str) -> str:
    """A header's bytes are handed on as Latin-1; whoever writes other letters sends UTF-8."""
    try:
        return raw.encode("latin-1").decode()
    except UnicodeError:
        return raw


def of(subject_id: UUID) -> Purpose | None:
    """Why this request uses the thing: as its header says, or as its session said within the last half hour."""
    said = stated()
    session_id = context.actor().session_id
    if said is not None or session_id is None:
        return said
    with context.work() as uow:
        kept = uow.find(StatedPurpose, session_id=session_id, subject_id=subject_id)
        if kept is None or kept.stated_at <= uow.now - REMEMBERED:
            return None
        return Purpose(kept.code, kept.text, kept.acknowledged)


def work(subject_id: UUID) -> UnitOfWork:
    """The unit of work of this request, knowing why the thing is used."""
    purpose = of(subject_id)
    return purpose.on(context.work()) if purpose else context.work()


def remember(uow: UnitOfWork, workspace_id: UUID, subject_id: UUID, purpose: Purpose) -> None:
    """Keep the answer for this session and thing; what is older than half an hour goes."""
    answer = {"code": purpose.code, "text": purpose.text, "acknowledged": purpose.acknowledged, "now": uow.now}
    of_whom = {"session": uow.actor.session_id, "subject": subject_id, "workspace": workspace_id}
    uow.connection.execute(_FORGET, {"since": uow.now - REMEMBERED, "workspace": workspace_id})
    uow.connection.execute(_REMEMBER, answer | of_whom)


def explain(error: PurposeRequired) -> dict[str, Any]:
    """What the problem tells a program: the headers, and the codes to choose from."""
    known = [{"code": code, "sentence": sentence} for code, sentence in purposes().items()]
    members: dict[str, Any] = {
        "header": HEADER,
        "example": f"{HEADER}: investigation; account movements",
        "codes": known,
    }
    if "conditions" in error.members:
        members["acknowledge"] = f"{CONDITIONS}: {READ}"
    return members
