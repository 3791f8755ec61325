"""Entity statements (OpenID Federation 1.0, section 3): read, checked by every rule that needs no other statement.

Trust marks are looked at where they are demanded (`marks`), and passed over elsewhere. A statement that declares a
claim (`crit`) or an operator (`metadata_policy_crit`) critical is refused, since only extensions may stand there and
none is known here.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from jit_server.core.errors import Unavailable
from jit_server.identity import transport
from jit_server.identity.models import ALGORITHMS
from jit_server.identity.provider import MOST_KEYS, signature_keys
from jit_server.identity.trust.errors import Broken

TYPE: Final = "entity-statement+jwt"
LEEWAY: Final = 30
"""Seconds by which another clock may differ from ours."""
LARGEST: Final = 100_000
"""Bytes of a statement; joserfc's own limit for the payload is a little higher."""
OWN: Final = frozenset(
    {"authority_hints", "trust_anchor_hints", "trust_marks", "trust_mark_issuers", "trust_mark_owners"}
)
ABOUT_OTHERS: Final = frozenset({"constraints", "metadata_policy", "metadata_policy_crit", "source_endpoint"})
CRITICAL: Final = frozenset({"crit", "metadata_policy_crit"})


def entity_id(value: str) -> str:
    """An entity identifier: host, perhaps port and path, and neither query nor fragment (section 1.2)."""
    try:
        transport.origin(value)
    except (transport.Refusal, ValueError):
        raise ValueError("not an entity identifier") from None
    if "?" in value or "#" in value:
        raise ValueError("an entity identifier has neither query nor fragment")
    return value


EntityId = Annotated[str, StringConstraints(max_length=255), AfterValidator(entity_id)]


class Statement(BaseModel):
    """The claims of an entity statement that this server reads; others are ignored, as the specification says."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    iss: EntityId
    sub: EntityId
    iat: Annotated[int, Field(ge=0)]
    exp: Annotated[int, Field(ge=0)]
    jwks: dict[str, Any]
    metadata: dict[str, dict[str, Any]] = {}
    authority_hints: Annotated[list[EntityId], Field(min_length=1, max_length=100)] | None = None
    metadata_policy: dict[str, Any] | None = None
    constraints: dict[str, Any] | None = None
    trust_marks: Any = None
    trust_mark_issuers: Any = None
    trust_mark_owners: Any = None

    @property
    def own(self) -> bool:
        """Whether it is an entity configuration: about whoever issued it."""
        return self.iss == self.sub


@dataclass(frozen=True)
class Token:
    """A signed token whose header was looked at, so that its signature can be held against key sets."""

    token: str
    kid: str
    algorithm: str

    @classmethod
    def of(cls, token: str, header: Mapping[str, Any], kind: str) -> "Token":
        """A token of this kind that names its key and its algorithm.

        Raises:
            Broken: another kind, an algorithm that is not allowed, no name of a key, or an extension.
        """
        if header.get("typ") != kind:
            raise Broken("typ", f"not a token of the type {kind}")
        if header.get("alg") not in ALGORITHMS:
            raise Broken("alg", f"{header.get('alg')!r} is not allowed")
        if not isinstance(header.get("kid"), str) or not header["kid"]:
            raise Broken("kid", "the token does not name its key")
        if "crit" in header:
            raise Broken("crit", "the token asks for an extension")
        return cls(token, header["kid"], header["alg"])

    def verify(self, keys: KeySet) -> None:
        """Hold the signature against a key set.

        Raises:
            Broken: it holds no key of this name, or the signature is not by that key.
        """
        key = next((one for one in keys if one.kid == self.kid), None)
        if key is None:
            raise Broken("key", f"signed with the key {self.kid}, which the key set does not name")
        try:
            jws.deserialize_compact(self.token, key, registry=_registry(self.algorithm))
        except (JoseError, ValueError, TypeError) as error:
            raise Broken("signature", f"not by the key {self.kid}") from error


@dataclass(frozen=True)
class Signed:
    """A statement and the token it was read from."""

    token: Token
    claims: Statement

    def verify(self, keys: KeySet) -> None:
        """Hold the signature against a key set.

        Raises:
            Broken: it holds no key of this name, or the signature is not by that key.
        """
        try:
            self.token.verify(keys)
        except Broken as error:
            raise Broken(
                error.reason, f"the statement of {self.claims.iss} about {self.claims.sub}: {error.detail}"
            ) from error

    def keys(self) -> KeySet:
        """The subject's federation keys as the statement gives them."""
        return federation_keys(self.claims.jwks)


def _registry(algorithm: str) -> jws.JWSRegistry:
    made = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    made.max_payload_length = LARGEST
    return made


def read(token: str, *, now: datetime) -> Signed:
    """Read an entity statement; its signature is looked at later (`Signed.verify`).

    Raises:
        Broken: anything about it is not as section 3.2 wants it.
    """
    header, claims = parts(token)
    known = Token.of(token, header, TYPE)
    if CRITICAL & claims.keys():
        raise Broken("crit", "the statement asks for an extension")
    try:
        stated = Statement.model_validate(claims)
    except ValidationError as error:
        found = error.errors()[0]
        raise Broken("claims", f"{'.'.join(map(str, found['loc']))}: {found['msg']}") from error
    _check_kind(stated, claims)
    _check_time(stated, now.timestamp())
    federation_keys(stated.jwks)
    return Signed(known, stated)


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a signed token, of which nothing is checked yet.

    Raises:
        Broken: it is too large, or no signed token.
    """
    if len(token) > LARGEST or not token.isascii():
        raise Broken("size", "the statement is too large")
    pieces = token.split(".")
    if len(pieces) != 3:  # noqa: PLR2004 - header, payload, signature
        raise Broken("form", "not a signed token")
    header, claims = (_json(piece) for piece in pieces[:2])
    return header, claims


def _json(piece: str) -> dict[str, Any]:
    try:
        read = json.loads(urlsafe_b64decode(piece + "=" * (-len(piece) % 4)), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise Broken("form", "not a signed token") from error
    if not isinstance(read, dict):
        raise Broken("form", "not an object")
    return read


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name given twice means one thing to one reader and another to the next: refused."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _check_kind(stated: Statement, claims: Mapping[str, Any]) -> None:
    """Some claims belong to what an entity says of itself, others to what is said about it (3.1.2 and 3.1.3)."""
    misplaced = (ABOUT_OTHERS if stated.own else OWN) & claims.keys()
    if misplaced:
        raise Broken("claims", f"{', '.join(sorted(misplaced))} cannot stand here")
    if any(value is None for parameters in stated.metadata.values() for value in parameters.values()):
        raise Broken("claims", "metadata holds null")


def _check_time(stated: Statement, now: float) -> None:
    if stated.iat > now + LEEWAY:
        raise Broken("iat", f"the statement of {stated.iss} about {stated.sub} is not valid yet")
    if stated.exp <= now - LEEWAY:
        raise Broken("expired", f"the statement of {stated.iss} about {stated.sub} has expired")


def federation_keys(jwks: Mapping[str, Any]) -> KeySet:
    """The keys of a set in which each has a name of its own.

    Raises:
        Broken: none can be used, there are too many, or a name is missing or given twice.
    """
    stated = jwks.get("keys")
    if not isinstance(stated, list) or not 0 < len(stated) <= MOST_KEYS:
        raise Broken("jwks", "no key set")
    names = [entry.get("kid") if isinstance(entry, dict) else None for entry in stated]
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
        raise Broken("jwks", "each key needs a name of its own")
    try:
        return signature_keys(jwks)
    except Unavailable as error:
        raise Broken("jwks", "no usable key") from error
