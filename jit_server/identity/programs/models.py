"""Nouns: an agency's API clients and their access tokens. Secrets are kept as digests: 256 bits need no slow hash."""

from datetime import datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic import Field as Bound
from sqlalchemy import ARRAY, CheckConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from jit_server.access import Action
from jit_server.core.database import Row, UtcDateTime
from jit_server.identity.programs.keys import stated
from jit_server.identity.shapes import Text120

Keys = Annotated[dict[str, Any], BeforeValidator(stated)]
"""A public JSON Web Key or a set of them, as text or as its value."""


class ApiClient(Row, table=True):
    """A program that may act for an agency, within its scopes, in the workspaces where it is a member.

    It is a member by way of a person of its own, who can never sign in: so membership, rules, row-level security and
    log treat it like anybody. It proves itself by a secret or by keys of its own, never by either.
    """

    __tablename__ = "api_client"
    __table_args__ = (
        UniqueConstraint("person_id", name="uq_api_client_person_id"),
        CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash"),
        CheckConstraint("num_nonnulls(secret_hash, jwks) = 1", name="proof"),
        CheckConstraint("cardinality(scopes) > 0", name="scopes"),
        Index("ix_api_client_agency_id", "agency_id"),
    )

    person_id: UUID = Field(foreign_key="person.id")
    agency_id: UUID = Field(foreign_key="agency.id")
    name: str = Field(sa_type=String(120))
    secret_hash: bytes | None = Field(default=None, sa_type=LargeBinary, nullable=True)
    jwks: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True), nullable=True)
    scopes: list[str] = Field(sa_type=ARRAY(String(40)))
    created_by: UUID = Field(foreign_key="person.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)


class ApiToken(SQLModel, table=True):
    """An access token: a bearer's for ten minutes, kept as its digest."""

    __tablename__ = "api_token"
    __table_args__ = (
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
        Index("ix_api_token_client_id", "client_id"),
    )

    token_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    client_id: UUID = Field(foreign_key="api_client.id")
    issued_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)


class AssertionSeen(SQLModel, table=True):
    """An assertion that a program has used: until it expires, the same one again is a replay."""

    __tablename__ = "assertion_seen"
    __table_args__ = (CheckConstraint("octet_length(jti_hash) = 32", name="jti_hash"),)

    client_id: UUID = Field(foreign_key="api_client.id", primary_key=True)
    jti_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class NewKeys(BaseModel):
    """The keys by which a program proves itself from now on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    jwks: Keys


class NewClient(BaseModel):
    """A program as the agency's administrator states it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Text120
    scopes: Annotated[tuple[Action, ...], Bound(min_length=1)]
    days: Annotated[int, Bound(ge=1, le=365)] = 90
    jwks: Keys | None = None
    """Without keys the program gets a secret."""


class Shown(NamedTuple):
    """A client and its secret, which is shown this once and kept nowhere; empty for one with keys of its own."""

    client: ApiClient
    secret: str


class KeyOut(BaseModel):
    """A public key of a program: its name, its algorithm and its thumbprint (RFC 7638)."""

    kid: str
    kind: str
    thumbprint: str


class ClientOut(BaseModel):
    """A client as the agency's administrators see it."""

    id: UUID
    person_id: UUID
    name: str
    scopes: list[str]
    keys: list[KeyOut]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
