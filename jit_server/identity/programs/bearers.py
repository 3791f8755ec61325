"""How a program proves itself and gets its token, and how it is known by it afterwards."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import text

from jit_server.access import Action, Actor
from jit_server.core.errors import Invalid
from jit_server.identity import sessions
from jit_server.identity.programs import assertions
from jit_server.identity.programs.assertions import Doubted
from jit_server.identity.programs.models import ApiClient, ApiToken
from jit_server.identity.tokens import LEEWAY
from jit_server.work import UnitOfWork

TOKEN_LIFE: Final = timedelta(minutes=10)
LONGEST_TRANSFER: Final = timedelta(days=1)
"""For how long an expired token's row is kept: a transfer begun with it may run on, as long as its key is good."""
_WRONG: Final = b"\0" * 32
_logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Secret:
    """A program that states its secret."""

    client_id: str
    secret: str

    def proves(self, uow: UnitOfWork) -> ApiClient | None:
        """The program whose secret this is. The work done is the same whether the client is known or not."""
        client = _client(uow, self.client_id)
        kept = client.secret_hash if client is not None and client.secret_hash is not None else _WRONG
        return client if hmac.compare_digest(kept, sessions.hashed(self.secret)) else None


@dataclass(frozen=True)
class Assertion:
    """A program that states something signed; `client_id` beside it is optional, and the same then."""

    token: str
    client_id: str
    audiences: Collection[str]

    def proves(self, uow: UnitOfWork) -> ApiClient | None:
        """The program whose key signed this for this server, now and for the first time."""
        try:
            return self._claimed(uow)
        except Doubted as error:
            _logger.warning("program not believed", reason=error.reason)
            return None

    def _claimed(self, uow: UnitOfWork) -> ApiClient:
        stated = assertions.claimant(self.token)
        client = _client(uow, stated)
        if client is None or client.jwks is None or self.client_id not in {"", stated}:
            raise Doubted("client")
        said = assertions.check(self.token, stated, client.jwks, self.audiences, uow.now)
        if not _first_time(uow, client, said):
            raise Doubted("replayed")
        return client


_FORGET: Final = text("DELETE FROM assertion_seen WHERE expires_at < :old")
_SEEN: Final = text("""
    INSERT INTO assertion_seen (client_id, jti_hash, expires_at) VALUES (:client, :jti, :until)
    ON CONFLICT DO NOTHING
""")


def _first_time(uow: UnitOfWork, client: ApiClient, said: assertions.Asserted) -> bool:
    """Whether no worker has taken this assertion; another that is taking it now is waited for."""
    uow.connection.execute(_FORGET, {"old": uow.now - timedelta(seconds=2 * LEEWAY)})
    seen = {"client": client.id, "jti": sessions.hashed(said.jti), "until": said.expires_at}
    return uow.connection.execute(_SEEN, seen).rowcount == 1


def issue_token(uow: UnitOfWork, proof: Secret | Assertion, scopes: list[str]) -> tuple[str, list[str]] | None:
    """An access token for a program that proves itself, and the scopes it carries; None if it does not.

    Raises:
        Invalid: it asks for a scope it was not given.
    """
    client = proof.proves(uow)
    if client is None or client.revoked_at is not None or client.expires_at <= uow.now:
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


def _client(uow: UnitOfWork, stated: str) -> ApiClient | None:
    try:
        return uow.find(ApiClient, id=UUID(stated))
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
