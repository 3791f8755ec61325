"""What administrators do about their agency's programs, and how a program gets its token and is known by it."""

import hmac
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlmodel import col

from jit_server.access import Action, Actor
from jit_server.core.errors import Conflict, Invalid, NotFound
from jit_server.identity import sessions
from jit_server.identity.models import Issuer, Person
from jit_server.identity.programs.models import ApiClient, ApiToken, ClientOut, NewClient, Shown
from jit_server.identity.usecases.administering import administered_agency, seen_agency
from jit_server.work import UnitOfWork

TOKEN_LIFE: Final = timedelta(minutes=10)
LONGEST_TRANSFER: Final = timedelta(days=1)
"""For how long an expired token's row is kept: a transfer begun with it may run on, as long as its key is good."""
SUBJECT: Final = "program:"
"""How the person of a program is named; no identity provider can sign it in."""


def create_client(uow: UnitOfWork, new: NewClient) -> Shown:
    """Give the agency a program of its own; its secret is shown once.

    Raises:
        NotPermitted: the actor does not administer an agency.
        StepUp: the sign-in is too old.
        Conflict: the agency has no identity provider yet.
    """
    agency = administered_agency(uow)
    uow.require_fresh_sign_in()
    issuer = next(iter(uow.every(Issuer, col(Issuer.agency_id) == agency.id, col(Issuer.retired_at).is_(None))), None)
    if issuer is None or uow.actor.person_id is None:
        raise Conflict("Your agency has no identity provider yet.")
    key = uuid4()
    person = uow.add(
        Person(
            issuer_id=issuer.id,
            sub=f"{SUBJECT}{key}",
            agency_id=agency.id,
            name=new.name,
            service=True,
            created_at=uow.now,
        )
    )
    uow.session.flush()
    secret = sessions.new_secret()
    client = uow.add(
        ApiClient(
            id=key,
            person_id=person.id,
            agency_id=agency.id,
            name=new.name,
            secret_hash=sessions.hashed(secret),
            scopes=sorted(str(scope) for scope in set(new.scopes)),
            created_by=uow.actor.person_id,
            created_at=uow.now,
            expires_at=uow.now + timedelta(days=new.days),
        )
    )
    uow.record("program:added", client, agency=agency.slug, scopes=client.scopes, expires_at=client.expires_at)
    return Shown(client, secret)


def rotate_secret(uow: UnitOfWork, client_id: UUID) -> Shown:
    """Give a program a new secret; the old one and all its tokens end now."""
    client = _mine(uow, client_id)
    uow.require_fresh_sign_in()
    if client.revoked_at is not None:
        raise Conflict("This key was revoked: make another.")
    secret = sessions.new_secret()
    client.secret_hash = sessions.hashed(secret)
    _end_tokens(uow, client)
    uow.record("program:rotated", client, agency=administered_agency(uow).slug)
    return Shown(client, secret)


def revoke_client(uow: UnitOfWork, client_id: UUID) -> ApiClient:
    """End a program's access for good, now."""
    client = _mine(uow, client_id)
    if client.revoked_at is None:
        client.revoked_at = uow.now
        person = uow.find(Person, id=client.person_id)
        if person is not None:
            person.disabled_at = uow.now
            person.epoch += 1
        _end_tokens(uow, client)
        uow.record("program:revoked", client, agency=administered_agency(uow).slug)
    return client


def list_clients(uow: UnitOfWork) -> list[ClientOut]:
    """The agency's programs, newest first; its auditors see them too."""
    agency = seen_agency(uow)
    found = uow.every(ApiClient, col(ApiClient.agency_id) == agency.id)
    return [_out(one) for one in sorted(found, key=lambda one: one.created_at, reverse=True)]


def _out(one: ApiClient) -> ClientOut:
    return ClientOut(**one.model_dump(include=set(ClientOut.model_fields)))


def _mine(uow: UnitOfWork, client_id: UUID) -> ApiClient:
    client = uow.find(ApiClient, id=client_id)
    if client is None or client.agency_id != administered_agency(uow).id:
        raise NotFound
    return client


def _end_tokens(uow: UnitOfWork, client: ApiClient) -> None:
    uow.connection.execute(text("DELETE FROM api_token WHERE client_id = :client"), {"client": client.id})


_WRONG = b"\0" * 32


def issue_token(uow: UnitOfWork, client_id: str, secret: str, scopes: list[str]) -> tuple[str, list[str]] | None:
    """An access token for a program that proves itself, and the scopes it carries; None if it does not.

    The work done is the same whether the client is known or not.

    Raises:
        Invalid: it asks for a scope it was not given.
    """
    client = uow.find(ApiClient, id=key) if (key := _uuid(client_id)) else None
    good = hmac.compare_digest(client.secret_hash if client else _WRONG, sessions.hashed(secret))
    if client is None or not good or client.revoked_at is not None or client.expires_at <= uow.now:
        return None
    if set(scopes) - set(client.scopes):
        raise Invalid.field("scope", "holds what this client was not given", f"At most: {' '.join(client.scopes)}.")
    token = sessions.new_secret()
    uow.connection.execute(text("DELETE FROM api_token WHERE expires_at < :old"), {"old": uow.now - LONGEST_TRANSFER})
    uow.add(
        ApiToken(
            token_hash=sessions.hashed(token),
            client_id=client.id,
            issued_at=uow.now,
            expires_at=min(uow.now + TOKEN_LIFE, client.expires_at),
        )
    )
    client.last_used_at = uow.now
    return token, list(client.scopes)


def _uuid(stated: str) -> UUID | None:
    try:
        return UUID(stated)
    except ValueError:
        return None


_BEARER = text("""
    SELECT c.name, c.scopes, p.id AS person_id, a.id AS agency_id, a.state, a.own_name AS agency_name
      FROM api_token t
      JOIN api_client c ON c.id = t.client_id AND c.revoked_at IS NULL AND c.expires_at > :now
      JOIN person p ON p.id = c.person_id AND p.disabled_at IS NULL
      JOIN agency a ON a.id = c.agency_id AND a.enabled AND (a.not_before IS NULL OR a.not_before <= t.issued_at)
     WHERE t.token_hash = :hash AND t.expires_at > :begun
""")


def load_bearer(session: Any, token: str, now: datetime, begun: datetime) -> Actor | None:
    """The program that a bearer token belongs to at this moment, or None.

    Args:
        session: a database session.
        token: as sent.
        now: when the key, its agency and its person must be good, and the token not taken back.
        begun: when the token's ten minutes must not have been over: the start of a transfer that still runs, else now.
    """
    if not sessions.is_secret(token):
        return None
    row = session.execute(_BEARER, {"hash": sessions.hashed(token), "now": now, "begun": begun}).first()
    if row is None:
        return None
    return Actor(
        "person",
        person_id=row.person_id,
        agency_id=row.agency_id,
        state=row.state,
        name=row.name,
        agency_name=row.agency_name,
        strong=False,
        scopes=frozenset(Action(scope) for scope in row.scopes if scope in set(Action)),
    )
