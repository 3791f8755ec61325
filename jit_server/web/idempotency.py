"""`Idempotency-Key`: a POST sent again is answered again, not done again. The kept answer commits with the work."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Response, g, request
from flask.typing import ResponseReturnValue
from sqlmodel import Field, SQLModel

from jit_server.core.database import UtcDateTime
from jit_server.core.errors import Conflict, Invalid
from jit_server.web import context

LONGEST = 255


class KeptAnswer(SQLModel, table=True):
    """The answer once given to a person's key."""

    __tablename__ = "kept_answer"
    __table_args__ = (sa.CheckConstraint("length(key) BETWEEN 1 AND 255", name="key"),)

    person_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, sa_type=sa.Text)
    fingerprint: str = Field(sa_type=sa.Text)
    status: int
    body: str = Field(sa_type=sa.Text)
    location: str | None = Field(default=None, sa_type=sa.Text, nullable=True)
    kept_at: datetime = Field(sa_type=UtcDateTime)


def once(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """Answer a repeated key from what was kept."""

    @wraps(view)
    def door(**arguments: Any) -> ResponseReturnValue:
        key = request.headers.get("Idempotency-Key")
        person = context.actor().person_id
        if key is None or person is None:
            return view(**arguments)
        if not 1 <= len(key) <= LONGEST or not key.isprintable():
            raise Invalid.field("Idempotency-Key", "must have 1 to 255 printable characters", "Use a UUID.")
        fingerprint = _fingerprint()
        with context.work() as uow:
            kept = uow.find(KeptAnswer, person_id=person, key=key)
        if kept is None:
            g.idempotency = (key, fingerprint)
            return view(**arguments)
        if kept.fingerprint != fingerprint:
            msg = "this Idempotency-Key was used for another request: take a new one"
            raise Conflict(msg)
        return _again(kept)

    return door


def _fingerprint() -> str:
    body = request.get_data(cache=True)
    return hashlib.sha256(f"{request.method} {request.full_path}\n".encode() + body).hexdigest()


def _again(kept: KeptAnswer) -> Response:
    response = Response(kept.body, kept.status, mimetype="application/json")
    response.headers["Idempotent-Replayed"] = "true"
    if kept.location:
        response.headers["Location"] = kept.location
    return response


def keep(response: Response) -> None:
    """Keep this answer with the unit of work that made it; the same key at the same moment loses at the commit."""
    key, fingerprint = g.idempotency
    uow = g.uow
    uow.add(
        KeptAnswer(
            person_id=uow.actor.person_id,
            key=key,
            fingerprint=fingerprint,
            status=response.status_code,
            body=response.get_data(as_text=True),
            location=response.headers.get("Location"),
            kept_at=uow.now,
        )
    )
