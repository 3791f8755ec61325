"""Verbs: give an agency's directory a token, take it away, and know the agency by it."""

from datetime import timedelta
from uuid import UUID

from sqlmodel import col

from jit_server.core.errors import NotFound, NotSignedIn
from jit_server.identity import sessions
from jit_server.identity.models import Agency
from jit_server.identity.scim.models import NewToken, ScimToken, Shown, TokenOut
from jit_server.identity.usecases.administering import administered_agency
from jit_server.identity.usecases.agencies import agency as agency_called
from jit_server.identity.usecases.agencies import operator_only
from jit_server.work import UnitOfWork


def create_token(uow: UnitOfWork, new: NewToken) -> Shown:
    """Give the agency's directory a token; it is shown once.

    Raises:
        NotPermitted: the actor does not administer an agency.
        StepUp: the sign-in is too old.
    """
    agency = administered_agency(uow)
    uow.require_fresh_sign_in()
    if uow.actor.person_id is None:
        raise NotSignedIn
    return _made(uow, agency, new)


def issue_token(uow: UnitOfWork, slug: str, new: NewToken) -> Shown:
    """The operator gives an agency's directory a token, which is shown once.

    Raises:
        NotFound: no such agency.
        NotPermitted: somebody else than the operator.
    """
    operator_only(uow)
    return _made(uow, agency_called(uow, slug), new)


def _made(uow: UnitOfWork, agency: Agency, new: NewToken) -> Shown:
    token = sessions.new_secret()
    made = uow.add(
        ScimToken(
            agency_id=agency.id,
            token_hash=sessions.hashed(token),
            created_by=uow.actor.person_id,
            created_at=uow.now,
            expires_at=uow.now + timedelta(days=new.days),
        )
    )
    uow.record("scim:token_added", made, agency=agency.slug, expires_at=made.expires_at)
    return Shown(made, token)


def revoke_token(uow: UnitOfWork, token_id: UUID) -> ScimToken:
    """End a token now."""
    return _ended(uow, administered_agency(uow), token_id)


def take_token(uow: UnitOfWork, slug: str, token_id: UUID) -> ScimToken:
    """The operator ends a token of an agency now.

    Raises:
        NotFound: no such agency, or no such token of it.
        NotPermitted: somebody else than the operator.
    """
    operator_only(uow)
    return _ended(uow, agency_called(uow, slug), token_id)


def _ended(uow: UnitOfWork, agency: Agency, token_id: UUID) -> ScimToken:
    found = uow.find(ScimToken, id=token_id, agency_id=agency.id)
    if found is None:
        raise NotFound
    if found.revoked_at is None:
        found.revoked_at = uow.now
        uow.add(found)
        uow.record("scim:token_revoked", found, agency=agency.slug)
    return found


def list_tokens(uow: UnitOfWork) -> list[TokenOut]:
    """The agency's tokens, the newest first."""
    return _of(uow, administered_agency(uow))


def tokens_of(uow: UnitOfWork, slug: str) -> list[TokenOut]:
    """The tokens of any agency, for the operator."""
    operator_only(uow)
    return _of(uow, agency_called(uow, slug))


def live_tokens(uow: UnitOfWork, agency: Agency) -> int:
    """How many tokens of the agency are good now."""
    good = col(ScimToken.revoked_at).is_(None), col(ScimToken.expires_at) > uow.now
    return len(uow.every(ScimToken, col(ScimToken.agency_id) == agency.id, *good))


def _of(uow: UnitOfWork, agency: Agency) -> list[TokenOut]:
    found = uow.every(ScimToken, col(ScimToken.agency_id) == agency.id)
    rows = sorted(found, key=lambda one: one.created_at, reverse=True)
    return [TokenOut(**one.model_dump(include=set(TokenOut.model_fields))) for one in rows]


def agency_of(uow: UnitOfWork, token: str) -> Agency | None:
    """The agency whose directory holds this token; None for any other."""
    if not sessions.is_secret(token):
        return None
    found = uow.find(ScimToken, token_hash=sessions.hashed(token))
    if found is None or found.revoked_at is not None or found.expires_at <= uow.now:
        return None
    agency = uow.find(Agency, id=found.agency_id)
    return agency if agency is not None and agency.enabled else None
