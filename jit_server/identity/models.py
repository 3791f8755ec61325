"""Nouns of the room: States, agencies and their issuers, people, invitations, sign-ins under way and sessions.

A person is the pair (issuer, subject). An e-mail address is never a key: it is at most what an invitation waits for,
and only from the issuer of the agency that sent the invitation.
"""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy import ARRAY, CheckConstraint, Index, LargeBinary, String, text
from sqlmodel import Field, SQLModel

from jit_server.core.database import Row, UtcDateTime, Word

ALGORITHMS = ("ES256", "PS256", "EdDSA", "RS256")
SLUG = "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
LANGUAGE = "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


def _among(column: str, values: Any) -> CheckConstraint:
    """A CHECK that a column holds one of an enum's values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


class StateKind(StrEnum):
    """What may send an agency: a State, or a body of the Union or of international law."""

    STATE = "state"
    BODY = "body"


class AuthMethod(StrEnum):
    """How this server proves itself at an issuer's token endpoint (OpenID Connect Core, section 9)."""

    CLIENT_SECRET = "client_secret_basic"  # noqa: S105 - the method's registered name
    PRIVATE_KEY_JWT = "private_key_jwt"


class Theme(StrEnum):
    """Colours of the pages: as the system says, or fixed."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


class SendKey(StrEnum):
    """What sends a message while it is typed."""

    ENTER = "enter"
    CTRL_ENTER = "ctrl_enter"


class Claim(StrEnum):
    """The claim of the ID token by which an invitation knows its person."""

    EMAIL = "email"
    SUB = "sub"


class State(SQLModel, table=True):
    """A State (ISO 3166-1 alpha-2, user-assigned XK included) or a body such as EPPO; seeded by the migration.

    `name_key` is the CLDR territory code for a State (the reader's language names it), the proper name for a body.
    """

    __table_args__ = (_among("kind", StateKind),)

    code: str = Field(primary_key=True, max_length=12)
    kind: StateKind = Field(sa_type=Word(StateKind, 8))
    name_key: str = Field(sa_type=String(120))


class Agency(Row, table=True):
    """An authority whose people work here. `not_before` ends every session begun before that moment."""

    __table_args__ = (CheckConstraint(f"slug ~ '{SLUG}'", name="slug"),)

    state: str = Field(sa_type=String(12), foreign_key="state.code", index=True)
    name: str = Field(sa_type=String(120))
    own_name: str = Field(sa_type=String(120))
    language: str = Field(sa_type=String(35), default="en")
    slug: str = Field(sa_type=String(40), unique=True)
    enabled: bool = True
    not_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Issuer(Row, table=True):
    """The identity provider that may assert one agency's people, and no other's.

    An issuer's URL belongs to one agency for ever: the people known under it must not change hands. Replacing it by
    another URL retires the row (its people no longer sign in) and makes a new one.
    """

    __table_args__ = (
        _among("auth_method", AuthMethod),
        CheckConstraint(
            "cardinality(algorithms) > 0 AND algorithms <@ ARRAY["
            + ", ".join(f"'{name}'" for name in ALGORITHMS)
            + "]::varchar[]",
            name="algorithms",
        ),
        CheckConstraint("jwks_ttl BETWEEN 60 AND 86400", name="jwks_ttl"),
        Index("uq_issuer_current", "agency_id", unique=True, postgresql_where=text("retired_at IS NULL")),
    )

    agency_id: UUID = Field(foreign_key="agency.id")
    url: str = Field(sa_type=String(255), unique=True)
    client_id: str = Field(sa_type=String(255))
    auth_method: AuthMethod = Field(sa_type=Word(AuthMethod, 24))
    credential_file: str = Field(sa_type=String(500))
    algorithms: list[str] = Field(sa_type=ARRAY(String(8)))
    acr_accepted: list[str] = Field(sa_type=ARRAY(String(255)))
    jwks_ttl: int = 3600
    created_at: datetime = Field(sa_type=UtcDateTime)
    retired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Person(Row, table=True):
    """Somebody an agency's issuer asserts. `epoch` goes up when every session of the person must end."""

    __table_args__ = (
        Index("uq_person_issuer_id_sub", "issuer_id", "sub", unique=True),
        _among("theme", Theme),
        _among("send_key", SendKey),
    )

    issuer_id: UUID = Field(foreign_key="issuer.id")
    sub: str = Field(sa_type=String(255))
    agency_id: UUID = Field(foreign_key="agency.id", index=True)
    name: str = Field(sa_type=String(120))
    language: str = Field(default="en", sa_type=String(35))
    zone: str = Field(default="UTC", sa_type=String(64))
    theme: Theme = Field(default=Theme.AUTO, sa_type=Word(Theme, 8))
    send_key: SendKey = Field(default=SendKey.CTRL_ENTER, sa_type=Word(SendKey, 12))
    shortcuts: bool = True
    created_at: datetime = Field(sa_type=UtcDateTime)
    disabled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    epoch: int = 0


class Invitation(Row, table=True):
    """An agency expects somebody whose ID token holds `claim` = `value`; taken once, before `expires_at`."""

    __table_args__ = (
        _among("claim", Claim),
        Index("ix_invitation_open", "agency_id", "claim", "value", postgresql_where=text("accepted_at IS NULL")),
    )

    agency_id: UUID = Field(foreign_key="agency.id")
    claim: Claim = Field(sa_type=Word(Claim, 8))
    value: str = Field(sa_type=String(255))
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    accepted_by: UUID | None = Field(default=None, foreign_key="person.id")
    accepted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class LoginTransaction(SQLModel, table=True):
    """A sign-in between the redirect and the callback. Deleted by the first callback, whatever comes of it."""

    __tablename__ = "login_transaction"

    state_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    browser_hash: bytes = Field(sa_type=LargeBinary)
    issuer_id: UUID = Field(foreign_key="issuer.id")
    nonce: str = Field(sa_type=String(64))
    verifier: str = Field(sa_type=String(128))
    next_path: str = Field(sa_type=String(2000))
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class LoginSession(Row, table=True):
    """A signed-in browser. The cookie is 256 random bits; only its SHA-256 is kept, so rows alone sign nobody in."""

    __tablename__ = "login_session"
    __table_args__ = (
        Index("uq_login_session_token_hash", "token_hash", unique=True),
        Index("ix_login_session_live", "person_id", postgresql_where=text("ended_at IS NULL")),
        Index("ix_login_session_sid", "issuer_id", "sid", postgresql_where=text("ended_at IS NULL")),
    )

    token_hash: bytes = Field(sa_type=LargeBinary)
    person_id: UUID = Field(foreign_key="person.id")
    agency_id: UUID = Field(foreign_key="agency.id")
    issuer_id: UUID = Field(foreign_key="issuer.id")
    sid: str | None = Field(default=None, sa_type=String(255))
    epoch: int
    issued_at: datetime = Field(sa_type=UtcDateTime)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)
    auth_time: datetime | None = Field(default=None, sa_type=UtcDateTime)
    acr: str | None = Field(default=None, sa_type=String(255))
    agent_hash: bytes = Field(sa_type=LargeBinary)
    browser: str = Field(default="", sa_type=String(60))
    not_after: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


Text120 = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Text255 = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


class _Stated(BaseModel):
    """What a caller states: nothing unknown, nothing coerced away."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewAgency(_Stated):
    """An agency as the operator states it."""

    state: Annotated[str, StringConstraints(to_upper=True, min_length=2, max_length=12)]
    name: Text120
    own_name: Text120
    language: Annotated[str, StringConstraints(pattern=LANGUAGE, max_length=35)] = "en"
    slug: Annotated[str, StringConstraints(pattern=SLUG)]


class NewIssuer(_Stated):
    """An identity provider as the operator states it."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#@]+$", max_length=255)]
    client_id: Text255
    auth_method: AuthMethod
    credential_file: Path
    algorithms: Annotated[tuple[str, ...], Field(min_length=1)] = ("ES256", "PS256", "RS256")
    acr_accepted: tuple[Text255, ...] = ()
    jwks_ttl: Annotated[int, Field(ge=60, le=86400)] = 3600


class NewInvitation(_Stated):
    """Whom an agency expects."""

    claim: Claim
    value: Text255
    days: Annotated[int, Field(ge=1, le=90)] = 14


class Preferences(_Stated):
    """What a person may change about their own pages (screen E5)."""

    language: Annotated[str, StringConstraints(pattern=LANGUAGE, max_length=35)]
    zone: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    theme: Theme
    send_key: SendKey
    shortcuts: bool = False


class NewPerson(_Stated):
    """Somebody enrolled before their first sign-in, by the subject their issuer will assert."""

    sub: Text255
    name: Text120
    language: Annotated[str, StringConstraints(pattern=LANGUAGE, max_length=35)] = "en"
    zone: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "UTC"
