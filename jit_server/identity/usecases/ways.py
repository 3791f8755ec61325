"""Ways to an agency's issuers and back: the registration as plain values, and what is kept while somebody is away.

Three short units of work with the talk to the identity provider between them and in none of them: `way_in` reads the
registration, `begin` keeps what will be compared, `claim` takes that back, once.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import text

from jit_server.core.errors import N_, NotFound
from jit_server.identity import sessions, trust
from jit_server.identity.clients import Client
from jit_server.identity.id_token import Pending
from jit_server.identity.models import Agency, AuthMethod, Issuer, LoginTransaction, Profile
from jit_server.identity.provider import Source
from jit_server.identity.redirects import local_path
from jit_server.identity.shapes import ClaimMap
from jit_server.identity.usecases.agencies import agency, issuer_of
from jit_server.work import UnitOfWork

MINUTES: Final = timedelta(minutes=5)
STALE: Final = N_(
    "This sign-in is no longer open: it was used, took longer than 5 minutes, or began in another browser."
)

_CLAIM = text("""
    DELETE FROM login_transaction WHERE state_hash = :state
 RETURNING browser_hash, issuer_id, session_id, test_id, nonce, verifier, next_path, created_at, expires_at
""")
_FORGET = text("DELETE FROM login_transaction WHERE expires_at < :now")


@dataclass(frozen=True)
class WayIn:
    """An agency's door: who it is and how this issuer knows this server: plain values, good outside a transaction."""

    slug: str
    key: str
    agency_id: UUID
    issuer_id: UUID
    jwks_ttl: int
    client: Client
    source: Source | None = None

    @property
    def path(self) -> str:
        """The page where a sign-in at this issuer begins."""
        return door(self.slug, self.key)


@dataclass(frozen=True)
class Departure:
    """Somebody is about to leave for an issuer: the value that will bring them back, and what will be compared."""

    way: WayIn
    state: str
    pending: Pending


@dataclass(frozen=True)
class Claimed:
    """A sign-in that came back, taken out of the database."""

    way: WayIn
    pending: Pending
    next_path: str
    session_id: UUID | None = None
    test_id: UUID | None = None


def door(slug: str, key: str) -> str:
    """The address of an issuer's own door; of an agency's first issuer it is the agency's."""
    return f"/login/{slug}/{key}" if key else f"/login/{slug}"


def way_in(uow: UnitOfWork, slug: str, key: str = "") -> WayIn:
    """The agency's door to this issuer.

    Raises:
        NotFound: no such agency, or one without such an identity provider.
    """
    mine = agency(uow, slug)
    return way_of(uow, mine, issuer_of(uow, mine, key))


def ways_in(uow: UnitOfWork, slug: str) -> Sequence[Issuer]:
    """The agency's live issuers, the first one first."""
    mine = agency(uow, slug)
    live = uow.every(Issuer, Issuer.agency_id == mine.id, Issuer.retired_at.is_(None))  # type: ignore[union-attr]
    if not live:
        raise NotFound("This agency has no identity provider yet.")
    return sorted(live, key=lambda issuer: issuer.key)


def way_of(uow: UnitOfWork, mine: Agency, issuer: Issuer) -> WayIn:
    """An issuer of this agency as plain values."""
    client = Client(
        issuer=issuer.url,
        client_id=issuer.client_id,
        auth_method=AuthMethod(issuer.auth_method),
        credential_file=Path(issuer.credential_file),
        redirect_uri=f"{uow.house.settings.base_url.rstrip('/')}{door(mine.slug, issuer.key)}/callback",
        algorithms=tuple(issuer.algorithms),
        acr_accepted=tuple(issuer.acr_accepted),
        amr_required=tuple(issuer.amr_required),
        step_up_acr=tuple(issuer.step_up_acr),
        profile=Profile(issuer.profile),
        claims=ClaimMap.model_validate(issuer.claims),
    )
    return WayIn(mine.slug, issuer.key, mine.id, issuer.id, issuer.jwks_ttl, client, trust.source_of(uow, mine, issuer))


def begin(
    uow: UnitOfWork,
    way: WayIn,
    browser: str,
    wanted: str | None,
    *,
    session_id: UUID | None = None,
    test_id: UUID | None = None,
) -> Departure:
    """Keep a one-time transaction.

    Args:
        uow: anybody's.
        way: the issuer's door.
        browser: the secret of the pre-session cookie: only this browser can complete the sign-in.
        wanted: where the person wants to be afterwards.
        session_id: the session to be strengthened.
        test_id: the test whose result this will be.
    """
    state = sessions.new_secret()
    pending = Pending(sessions.new_secret(), secrets.token_urlsafe(64), uow.now, step_up=session_id is not None)
    uow.connection.execute(_FORGET, {"now": uow.now})
    uow.add(
        LoginTransaction(
            state_hash=sessions.hashed(state),
            browser_hash=sessions.hashed(browser),
            issuer_id=way.issuer_id,
            session_id=session_id,
            test_id=test_id,
            nonce=pending.nonce,
            verifier=pending.verifier,
            next_path=local_path(wanted),
            created_at=uow.now,
            expires_at=uow.now + MINUTES,
        )
    )
    return Departure(way, state, pending)


def claim(uow: UnitOfWork, way: WayIn, state: str, browser: str) -> Claimed | None:
    """Take the transaction of this state out of the database, whatever comes of it.

    None when it does not exist (any more), has expired, began in another browser or at another issuer. The answer is
    None and not an error so that the deletion is committed: a state is good once, for a thief too.
    """
    found = uow.connection.execute(_CLAIM, {"state": sessions.hashed(state)}).first()
    if found is None or found.expires_at <= uow.now or found.issuer_id != way.issuer_id:
        return None
    if not secrets.compare_digest(bytes(found.browser_hash), sessions.hashed(browser)):
        return None
    pending = Pending(found.nonce, found.verifier, found.created_at, step_up=found.session_id is not None)
    return Claimed(way, pending, found.next_path, found.session_id, found.test_id)
