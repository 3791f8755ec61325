"""Trust marks (OpenID Federation 1.0, section 7): signed words that an entity meets something, where demanded. Pure.

A mark counts if its issuer may give marks of this type by the anchor's own configuration, and signed it with a key that
the federation vouches for. Where the anchor names an owner of the type, the issuer also needs the owner's delegation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jit_server.identity.trust.errors import Broken
from jit_server.identity.trust.statements import LEEWAY, Statement, Token, federation_keys, parts

MARK: Final = "trust-mark+jwt"
DELEGATION: Final = "trust-mark-delegation+jwt"


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    iss: str
    sub: str
    trust_mark_type: str
    iat: Annotated[int, Field(ge=0)]
    exp: Annotated[int, Field(ge=0)] | None = None
    delegation: str | None = None


@dataclass(frozen=True)
class Mark:
    """A mark as it was read; its signature is still to be held against its issuer's keys."""

    token: Token
    said: _Said

    @property
    def issuer(self) -> str:
        """Who gave it."""
        return self.said.iss

    @property
    def expires_at(self) -> datetime | None:
        """When it ends; None if it does not say."""
        return datetime.fromtimestamp(self.said.exp, UTC) if self.said.exp is not None else None


def of_type(own: Statement, kind: str, *, now: datetime) -> list[Mark]:
    """The marks of this type that an entity shows; those that cannot be one are passed over if another can.

    Raises:
        Broken: it shows none that could count.
    """
    shown = own.trust_marks if isinstance(own.trust_marks, list) else []
    wanted = [one for one in shown if isinstance(one, dict) and one.get("trust_mark_type") == kind]
    found, wrong = [], Broken("trust-mark-missing", f"{own.sub} shows no trust mark {kind}")
    for one in wanted:
        try:
            found.append(_read(one.get("trust_mark"), own.sub, kind, now))
        except Broken as error:
            wrong = error
    if not found:
        raise wrong
    return found


def _read(token: object, subject: str, kind: str, now: datetime) -> Mark:
    if not isinstance(token, str):
        raise Broken("trust-mark", "a trust mark is a signed token")
    header, claims = parts(token)
    read = Token.of(token, header, MARK)
    said = _said(claims, now)
    if (said.sub, said.trust_mark_type) != (subject, kind):
        raise Broken("trust-mark-subject", f"the mark is {said.trust_mark_type} of {said.sub}")
    return Mark(read, said)


def _said(claims: Mapping[str, Any], now: datetime) -> _Said:
    try:
        said = _Said.model_validate(claims)
    except ValidationError as error:
        found = error.errors()[0]
        raise Broken("trust-mark", f"{'.'.join(map(str, found['loc']))}: {found['msg']}") from error
    moment = now.timestamp()
    if said.iat > moment + LEEWAY:
        raise Broken("trust-mark-iat", "the mark is not valid yet")
    if said.exp is not None and said.exp <= moment - LEEWAY:
        raise Broken("trust-mark-expired", "the mark has expired")
    return said


def check(mark: Mark, anchor: Statement, issuer_keys: KeySet, *, now: datetime) -> None:
    """Hold a mark against what the anchor lays down and against its issuer's keys.

    Args:
        mark: as read.
        anchor: what the anchor says of itself.
        issuer_keys: the issuer's federation keys, as the federation vouches for them.
        now: the moment.

    Raises:
        Broken: any rule is hurt.
    """
    mark.token.verify(issuer_keys)
    owner = _owner(anchor, mark.said.trust_mark_type)
    if owner is not None:
        _check_delegation(mark.said, owner, now)


def may_issue(anchor: Statement, mark: Mark) -> None:
    """Refuse a mark whose issuer the anchor does not name for its type; an empty list names everybody.

    Raises:
        Broken: not named, or the anchor says nothing of the type.
    """
    named = _laid_down(anchor.trust_mark_issuers, mark.said.trust_mark_type)
    if not isinstance(named, list) or (named and mark.issuer not in named):
        raise Broken("trust-mark-issuer", f"{anchor.sub} lets {mark.issuer} give no {mark.said.trust_mark_type}")


def _laid_down(claim: object, kind: str) -> Any:
    return claim.get(kind) if isinstance(claim, dict) else None


def _owner(anchor: Statement, kind: str) -> Mapping[str, Any] | None:
    owner = _laid_down(anchor.trust_mark_owners, kind)
    if owner is not None and not (isinstance(owner, dict) and isinstance(owner.get("jwks"), dict)):
        raise Broken("trust-mark-owner", f"the owner of {kind} has no keys")
    return owner


def _check_delegation(said: _Said, owner: Mapping[str, Any], now: datetime) -> None:
    if said.delegation is None:
        raise Broken("trust-mark-delegation", f"{said.trust_mark_type} has an owner, who has not delegated it")
    header, claims = parts(said.delegation)
    token = Token.of(said.delegation, header, DELEGATION)
    token.verify(federation_keys(owner["jwks"]))
    given = _said(claims, now)
    meant = (given.iss, given.sub, given.trust_mark_type)
    if meant != (owner.get("sub"), said.iss, said.trust_mark_type):
        raise Broken("trust-mark-delegation", f"{given.iss} delegates {given.trust_mark_type} to {given.sub}")
