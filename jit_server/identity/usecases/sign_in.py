"""Signing in: three short units of work, with the talk to the identity provider between them and in none of them.

`way_in` reads the agency's registration; `begin_sign_in` keeps what will be compared and says where to send the
browser; `claim_sign_in` takes that back, once; `complete_sign_in` turns a checked assertion into a session.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from jit_server.core.errors import N_, SignInRefused
from jit_server.identity import oidc, sessions
from jit_server.identity.models import Agency, AuthMethod, Issuer, LoginSession, LoginTransaction, Person
from jit_server.identity.oidc import Assertion, Client, Pending, refused
from jit_server.identity.provider import Provider
from jit_server.identity.redirects import local_path
from jit_server.identity.usecases.account import LANGUAGES, zones
from jit_server.identity.usecases.agencies import agency, issuer_of
from jit_server.work import UnitOfWork

MINUTES: Final = timedelta(minutes=5)
NOT_INVITED: Final = N_(
    "Your agency knows you, but nobody has invited you here yet. Ask the person who leads your team, or your agency's"
    " contact for this server."
)
STALE: Final = N_(
    "This sign-in is no longer open: it was used, took longer than 5 minutes, or began in another browser."
)

_CLAIM = text("""
    DELETE FROM login_transaction WHERE state_hash = :state
 RETURNING browser_hash, issuer_id, nonce, verifier, next_path, created_at, expires_at
""")
_FORGET = text("DELETE FROM login_transaction WHERE expires_at < :now")
_ACCEPT = text("""
    UPDATE invitation SET accepted_at = :now WHERE id = (
        SELECT id FROM invitation
         WHERE agency_id = :agency AND accepted_at IS NULL AND expires_at > :now
           AND ((claim = 'sub' AND value = :sub) OR (claim = 'email' AND value = :email))
         ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
 RETURNING id
""")
_ACCEPTED_BY = text("UPDATE invitation SET accepted_by = :person WHERE id = :id")
_END_IN_BROWSER = text("UPDATE login_session SET ended_at = :now WHERE token_hash = :hash AND ended_at IS NULL")


@dataclass(frozen=True)
class WayIn:
    """An agency's door: who it is and how its issuer knows this server. Plain values, good outside a transaction."""

    slug: str
    agency_id: UUID
    issuer_id: UUID
    jwks_ttl: int
    client: Client


@dataclass(frozen=True)
class Claimed:
    """A sign-in that came back, taken out of the database."""

    way: WayIn
    pending: Pending
    next_path: str


@dataclass(frozen=True)
class SignedIn:
    """What the door hands to the browser."""

    cookie: str
    next_path: str
    person_id: UUID


def way_in(uow: UnitOfWork, slug: str) -> WayIn:
    """The agency's door.

    Raises:
        NotFound: no such agency, or one without an identity provider.
    """
    mine = agency(uow, slug)
    issuer = issuer_of(uow, mine)
    return WayIn(mine.slug, mine.id, issuer.id, issuer.jwks_ttl, _client(uow, mine, issuer))


def _client(uow: UnitOfWork, mine: Agency, issuer: Issuer) -> Client:
    return Client(
        issuer=issuer.url,
        client_id=issuer.client_id,
        auth_method=AuthMethod(issuer.auth_method),
        credential_file=Path(issuer.credential_file),
        redirect_uri=f"{uow.house.settings.base_url.rstrip('/')}/login/{mine.slug}/callback",
        algorithms=tuple(issuer.algorithms),
        acr_accepted=tuple(issuer.acr_accepted),
    )


def begin_sign_in(uow: UnitOfWork, way: WayIn, provider: Provider, browser: str, wanted: str | None) -> str:
    """Keep a one-time transaction and say where the browser goes.

    Args:
        uow: anybody's.
        way: the agency's door.
        provider: its issuer, whose metadata has been fetched already.
        browser: the secret of the pre-session cookie: only this browser can complete the sign-in.
        wanted: where the person wants to be afterwards.
    """
    state = sessions.new_secret()
    pending = Pending(nonce=sessions.new_secret(), verifier=secrets.token_urlsafe(64), created_at=uow.now)
    uow.connection.execute(_FORGET, {"now": uow.now})
    uow.add(
        LoginTransaction(
            state_hash=sessions.hashed(state),
            browser_hash=sessions.hashed(browser),
            issuer_id=way.issuer_id,
            nonce=pending.nonce,
            verifier=pending.verifier,
            next_path=local_path(wanted),
            created_at=uow.now,
            expires_at=uow.now + MINUTES,
        )
    )
    return oidc.authorization_url(way.client, provider, state=state, pending=pending)


def claim_sign_in(uow: UnitOfWork, way: WayIn, state: str, browser: str) -> Claimed | None:
    """Take the transaction of this state out of the database, whatever comes of it.

    None when it does not exist (any more), has expired, began in another browser or at another issuer. The answer is
    None and not an error so that the deletion is committed: a state is good once, for a thief too.
    """
    found = uow.connection.execute(_CLAIM, {"state": sessions.hashed(state)}).first()
    if found is None or found.expires_at <= uow.now or found.issuer_id != way.issuer_id:
        return None
    if not secrets.compare_digest(bytes(found.browser_hash), sessions.hashed(browser)):
        return None
    return Claimed(way, Pending(found.nonce, found.verifier, found.created_at), found.next_path)


def complete_sign_in(
    uow: UnitOfWork, claimed: Claimed, assertion: Assertion, user_agent: str, old_cookie: str
) -> SignedIn:
    """Begin a session for whom the issuer asserts.

    The first sign-in takes an invitation of the same agency. The cookie is new each time, and the session this
    browser held before ends.

    Raises:
        SignInRefused: nobody invited them, or their access has ended.
    """
    way = claimed.way
    mine = agency(uow, way.slug)  # again: it may have been switched off while the person was away
    if assertion.issuer != way.client.issuer:
        raise refused("iss-other")
    person = uow.find(Person, issuer_id=way.issuer_id, sub=assertion.sub) or _join(uow, mine, way, assertion)
    if person.disabled_at is not None or person.agency_id != mine.id:
        raise refused("disabled", "Your access to this server has ended. Ask your agency's contact for this server.")
    person.name = assertion.name
    uow.add(person)
    uow.session.flush()
    begun, cookie = _begin_session(uow, way, person, assertion, user_agent)
    if sessions.is_secret(old_cookie):
        uow.connection.execute(_END_IN_BROWSER, {"now": uow.now, "hash": sessions.hashed(old_cookie)})
    sessions.end_oldest(uow.connection, person.id, uow.now)
    uow.record(
        "session:started", begun, agency=way.slug, person=str(person.id), acr=assertion.acr, amr=list(assertion.amr)
    )
    return SignedIn(cookie, claimed.next_path, person.id)


def _begin_session(
    uow: UnitOfWork, way: WayIn, person: Person, assertion: Assertion, user_agent: str
) -> tuple[LoginSession, str]:
    cookie = sessions.new_secret()
    begun = LoginSession(
        token_hash=sessions.hashed(cookie),
        person_id=person.id,
        agency_id=way.agency_id,
        issuer_id=way.issuer_id,
        sid=assertion.sid,
        epoch=person.epoch,
        issued_at=uow.now,
        last_seen_at=uow.now,
        auth_time=assertion.auth_time,
        acr=assertion.acr,
        agent_hash=sessions.hashed(user_agent),
        browser=sessions.browser(user_agent),
        not_after=uow.now + timedelta(hours=uow.house.settings.session_hours),
    )
    uow.add(begun)
    uow.session.flush()
    return begun, cookie


def _join(uow: UnitOfWork, mine: Agency, way: WayIn, assertion: Assertion) -> Person:
    """Take the invitation that fits. An e-mail counts from the agency's own issuer only, not if called unverified."""
    email = assertion.email.casefold() if assertion.email and assertion.email_verified is not False else None
    facts: dict[str, Any] = {"agency": mine.id, "now": uow.now, "sub": assertion.sub, "email": email}
    accepted = uow.connection.execute(_ACCEPT, facts).scalar()
    if accepted is None:
        raise refused("not-invited", NOT_INVITED)
    person = uow.add(
        Person(
            issuer_id=way.issuer_id,
            sub=assertion.sub,
            agency_id=mine.id,
            name=assertion.name,
            language=assertion.locale if assertion.locale in LANGUAGES else "en",
            zone=assertion.zone if assertion.zone in zones() else "UTC",
            created_at=uow.now,
        )
    )
    uow.session.flush()
    uow.connection.execute(_ACCEPTED_BY, {"person": person.id, "id": accepted})
    uow.record("person:enrolled", person, agency=way.slug, invitation=str(accepted))
    return person


def record_refusal(uow: UnitOfWork, way: WayIn, error: SignInRefused) -> None:
    """Put a refused sign-in on the server's log: which agency, and the reason in a word; never what the token said."""
    reason = str(error.members.get("reason", "refused"))
    uow.record("session:refused", result="denied", agency=way.slug, reason=reason)
