"""Nouns of the room: States, agencies and their issuers, people, invitations, sign-ins under way and sessions.

A person is the pair (issuer, subject). An e-mail address is never a key: it is at most what an invitation waits for,
and only from the issuer of the agency that sent the invitation.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Index, LargeBinary, String, false, text
from sqlalchemy.dialects.postgresql import JSONB
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


class Profile(StrEnum):
    """How strictly this server talks to an issuer."""

    OIDC = "oidc"
    """OpenID Connect Core with PKCE S256; pushed authorization requests where the issuer offers them."""
    FAPI2 = "fapi2"
    """FAPI 2.0 Security Profile: pushed requests, `iss` and private_key_jwt always, and no RSA PKCS#1 signatures."""


class Trust(StrEnum):
    """Why an issuer is believed to be its agency's."""

    MANUAL = "manual"
    """Somebody registered it here."""
    FEDERATION = "federation"
    """A trust anchor vouches for it (OpenID Federation 1.0)."""


class Theme(StrEnum):
    """Colours of the pages: as the system says, or fixed."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


class SendKey(StrEnum):
    """What sends a message while it is typed."""

    ENTER = "enter"
    CTRL_ENTER = "ctrl_enter"


class AgencyRole(StrEnum):
    """What somebody is inside their own agency. It opens no case: workspaces have roles of their own."""

    MEMBER = "member"
    ADMIN = "admin"
    """Invites, switches off, looks after sign-in and keys."""
    AUDITOR = "auditor"
    """Reads what an administrator sees, and changes nothing."""


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
    """An identity provider that may assert one agency's people, and no other's. An agency may have several.

    An issuer's URL belongs to one agency for ever: the people known under it must not change hands. Replacing it by
    another URL retires the row (its people no longer sign in) and makes a new one. `key` tells the agency's live
    issuers apart and is part of the address to which each sends people back; the first one has none.
    """

    __table_args__ = (
        _among("auth_method", AuthMethod),
        _among("profile", Profile),
        _among("trust", Trust),
        CheckConstraint(
            "cardinality(algorithms) > 0 AND algorithms <@ ARRAY["
            + ", ".join(f"'{name}'" for name in ALGORITHMS)
            + "]::varchar[]",
            name="algorithms",
        ),
        CheckConstraint("jwks_ttl BETWEEN 60 AND 86400", name="jwks_ttl"),
        CheckConstraint(f"key = '' OR key ~ '{SLUG}'", name="key"),
        CheckConstraint(
            "profile <> 'fapi2' OR (auth_method = 'private_key_jwt' AND NOT 'RS256' = ANY (algorithms))", name="fapi2"
        ),
        Index("uq_issuer_key", "agency_id", "key", unique=True, postgresql_where=text("retired_at IS NULL")),
    )

    agency_id: UUID = Field(foreign_key="agency.id")
    key: str = Field(default="", sa_type=String(40))
    label: str = Field(default="", sa_type=String(120))
    url: str = Field(sa_type=String(255), unique=True)
    client_id: str = Field(sa_type=String(255))
    auth_method: AuthMethod = Field(sa_type=Word(AuthMethod, 24))
    credential_file: str = Field(sa_type=String(500))
    algorithms: list[str] = Field(sa_type=ARRAY(String(8)))
    profile: Profile = Field(default=Profile.OIDC, sa_type=Word(Profile, 8))
    trust: Trust = Field(default=Trust.MANUAL, sa_type=Word(Trust, 12))
    acr_accepted: list[str] = Field(sa_type=ARRAY(String(255)))
    amr_required: list[str] = Field(default_factory=list, sa_type=ARRAY(String(64)))
    step_up_acr: list[str] = Field(default_factory=list, sa_type=ARRAY(String(255)))
    claims: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    """Which claim means what (`shapes.ClaimMap`)."""
    jwks_ttl: int = 3600
    created_at: datetime = Field(sa_type=UtcDateTime)
    retired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Person(Row, table=True):
    """Somebody an agency's issuer asserts. `epoch` goes up when every session of the person must end.

    Name, language and zone follow what the issuer says at each sign-in; language and zone only until the person
    chooses their own (`settings_at`).
    """

    __table_args__ = (
        Index("uq_person_issuer_id_sub", "issuer_id", "sub", unique=True),
        _among("theme", Theme),
        _among("send_key", SendKey),
        _among("agency_role", AgencyRole),
    )

    issuer_id: UUID = Field(foreign_key="issuer.id")
    sub: str = Field(sa_type=String(255))
    agency_id: UUID = Field(foreign_key="agency.id", index=True)
    agency_role: AgencyRole = Field(default=AgencyRole.MEMBER, sa_type=Word(AgencyRole, 8))
    name: str = Field(sa_type=String(120))
    language: str = Field(default="en", sa_type=String(35))
    zone: str = Field(default="UTC", sa_type=String(64))
    theme: Theme = Field(default=Theme.AUTO, sa_type=Word(Theme, 8))
    send_key: SendKey = Field(default=SendKey.CTRL_ENTER, sa_type=Word(SendKey, 12))
    shortcuts: bool = True
    settings_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    service: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """A program of the agency; nobody signs in as it."""
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


class SignInTest(Row, table=True):
    """A test of an issuer that signs nobody in: what it asserted, kept for minutes, for the one who tried it."""

    __tablename__ = "sign_in_test"

    issuer_id: UUID = Field(foreign_key="issuer.id")
    begun_by: UUID | None = Field(default=None, foreign_key="person.id")
    begun_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str = Field(default="", sa_type=String(80))
    """In a word, why the issuer's answer was not taken; empty when it was."""
    detail: str = Field(default="", sa_type=String(500))
    claims: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)


class LoginTransaction(SQLModel, table=True):
    """A sign-in between the redirect and the callback. Deleted by the first callback, whatever comes of it.

    With `session_id` it strengthens that session (step-up), with `test_id` it only tries the issuer.
    """

    __tablename__ = "login_transaction"

    state_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    browser_hash: bytes = Field(sa_type=LargeBinary)
    issuer_id: UUID = Field(foreign_key="issuer.id")
    session_id: UUID | None = Field(default=None, foreign_key="login_session.id")
    test_id: UUID | None = Field(default=None, foreign_key="sign_in_test.id")
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
        Index("ix_login_session_person_id", "person_id", "issued_at"),
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


class LogoutSeen(SQLModel, table=True):
    """A logout token that was obeyed: the same one again is a replay until it has expired."""

    __tablename__ = "logout_seen"

    issuer_id: UUID = Field(foreign_key="issuer.id", primary_key=True)
    jti_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
