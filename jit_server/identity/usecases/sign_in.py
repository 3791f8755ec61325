"""From a checked assertion to a session: a first sign-in, one more, or a step-up of the session that asked."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from jit_server.core.errors import N_, NotSignedIn, SignInRefused
from jit_server.identity import meaning, sessions
from jit_server.identity.clients import refused
from jit_server.identity.id_token import Assertion
from jit_server.identity.models import Agency, AgencyRole, Issuer, LoginSession, Person
from jit_server.identity.usecases.account import LANGUAGES, close, end_all_sessions, end_oldest_sessions, zones
from jit_server.identity.usecases.agencies import agency
from jit_server.identity.usecases.ways import Claimed, WayIn, way_of
from jit_server.work import UnitOfWork

NOT_INVITED: Final = N_(
    "Your agency knows you, but nobody has invited you here yet. Ask the person who leads your team, or your agency's"
    " contact for this server."
)
ENDED: Final = N_("Your access to this server has ended. Ask your agency's contact for this server.")
OUTSIDE: Final = N_(
    "Your agency signed you in, but no longer counts you among those who may work here. Ask your agency's contact for"
    " this server."
)
SOMEBODY_ELSE: Final = N_(
    "You signed in at your agency as somebody else than the person who works here in this browser. Nothing was"
    " changed: sign in again as the same person, or sign out here first."
)
OTHER_SESSION: Final = N_(
    "The session that asked for this sign-in has ended, or another one has begun in this browser. Nothing was changed."
)

_FITS = """
    SELECT id FROM invitation
     WHERE agency_id = :agency AND accepted_at IS NULL AND expires_at > :now
       AND ((claim = 'sub' AND value = :sub) OR (claim = 'email' AND value = :email))
     ORDER BY created_at LIMIT 1
"""
_EXPECTED = text(_FITS)
_ACCEPT = text(f"""
    UPDATE invitation SET accepted_at = :now WHERE id = ({_FITS} FOR UPDATE SKIP LOCKED) RETURNING id
""")  # noqa: S608 - our own words
_ACCEPTED_BY = text("UPDATE invitation SET accepted_by = :person WHERE id = :id")


@dataclass(frozen=True)
class SignedIn:
    """What the door hands to the browser."""

    cookie: str
    next_path: str
    person_id: UUID


def way_up(uow: UnitOfWork) -> WayIn:
    """The issuer at which the session that asks was begun: only there can it be strengthened.

    Raises:
        NotSignedIn: no session, or one whose issuer is gone.
    """
    session = uow.find(LoginSession, id=uow.actor.session_id) if uow.actor.session_id else None
    issuer = uow.find(Issuer, id=session.issuer_id, retired_at=None) if session else None
    mine = uow.find(Agency, id=issuer.agency_id, enabled=True) if issuer else None
    if issuer is None or mine is None:
        raise NotSignedIn
    return way_of(uow, mine, issuer)


def complete_sign_in(
    uow: UnitOfWork, claimed: Claimed, assertion: Assertion, user_agent: str, old_cookie: str
) -> SignedIn:
    """Begin a session for whom the issuer asserts.

    The first sign-in takes an invitation of the same agency. The cookie is new each time, and the session this
    browser held before ends. For a step-up that session must be the one that asked, and the person the same.

    Raises:
        SignInRefused: nobody invited them, their access has ended, their agency's groups leave them out, or somebody
            else came back.
    """
    way = claimed.way
    mine = agency(uow, way.slug)  # again: it may have been switched off while the person was away
    if assertion.issuer != way.client.issuer:
        raise refused("iss-other")
    known = uow.find(Person, issuer_id=way.issuer_id, sub=assertion.sub)
    if claimed.session_id is not None:
        _same_person(uow, claimed.session_id, known)
    if not meaning.admits(way.client.claims, assertion.groups):
        raise refused("group", OUTSIDE)
    person = known or _join(uow, mine, way, assertion)
    if person.disabled_at is not None or person.agency_id != mine.id or person.service:
        raise refused("disabled", ENDED)
    _follow(uow, way, person, assertion)
    _end_in_browser(uow, old_cookie)
    begun, cookie = _begin_session(uow, way, person, assertion, user_agent)
    end_oldest_sessions(uow, person)
    facts: dict[str, Any] = {"step_up": True} if claimed.session_id is not None else {}
    uow.record(
        "session:started",
        begun,
        agency=way.slug,
        person=str(person.id),
        acr=assertion.acr,
        amr=list(assertion.amr),
        **facts,
    )
    return SignedIn(cookie, claimed.next_path, person.id)


def _same_person(uow: UnitOfWork, session_id: UUID, known: Person | None) -> None:
    """A step-up strengthens the session of this browser and no other, for its own person and nobody else."""
    if uow.actor.session_id != session_id:
        raise refused("step-up-session", OTHER_SESSION)
    if known is None or known.id != uow.actor.person_id:
        raise refused("step-up-person", SOMEBODY_ELSE)


def _follow(uow: UnitOfWork, way: WayIn, person: Person, assertion: Assertion) -> None:
    """Take over what the issuer says now; language and zone only until the person chose their own.

    Where the agency gives its roles by groups, the role is theirs from this sign-in on, whatever it was.
    """
    role = meaning.role_of(way.client.claims, assertion.groups)
    if role is not None and person.agency_role != role:
        before, person.agency_role = person.agency_role, AgencyRole(role)
        facts: dict[str, Any] = {"fields": ["agency_role"], "role": role, "before": str(before), "by": "issuer"}
        uow.record("person:changed", person, agency=way.slug, **facts)
    person.name = assertion.name
    if person.settings_at is None:
        person.language = assertion.locale if assertion.locale in LANGUAGES else person.language
        person.zone = assertion.zone if assertion.zone in zones() else person.zone
    uow.add(person)
    uow.session.flush()


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


def _end_in_browser(uow: UnitOfWork, old_cookie: str) -> None:
    if not sessions.is_secret(old_cookie):
        return
    before = uow.find(LoginSession, token_hash=sessions.hashed(old_cookie), ended_at=None)
    if before is not None:
        close(uow, before, by="sign-in")


def expected(uow: UnitOfWork, agency_id: UUID, assertion: Assertion) -> bool:
    """Whether an invitation of the agency waits for this person."""
    return uow.connection.execute(_EXPECTED, _invited(uow, agency_id, assertion)).scalar() is not None


def _invited(uow: UnitOfWork, agency_id: UUID, assertion: Assertion) -> dict[str, Any]:
    """An address counts from the agency's own issuer only, and not if it is called unverified."""
    email = assertion.email.casefold() if assertion.email and assertion.email_verified is not False else None
    return {"agency": agency_id, "now": uow.now, "sub": assertion.sub, "email": email}


def _join(uow: UnitOfWork, mine: Agency, way: WayIn, assertion: Assertion) -> Person:
    """Take the invitation that fits, and make its person known."""
    accepted = uow.connection.execute(_ACCEPT, _invited(uow, mine.id, assertion)).scalar()
    if accepted is None:
        raise refused("not-invited", NOT_INVITED)
    person = uow.add(
        Person(
            issuer_id=way.issuer_id,
            sub=assertion.sub,
            agency_id=mine.id,
            name=assertion.name,
            created_at=uow.now,
        )
    )
    uow.session.flush()
    uow.connection.execute(_ACCEPTED_BY, {"person": person.id, "id": accepted})
    uow.record("person:enrolled", person, agency=way.slug, invitation=str(accepted))
    return person


def record_refusal(uow: UnitOfWork, way: WayIn, error: SignInRefused, assertion: Assertion | None = None) -> None:
    """Put a refused sign-in on the server's log: which agency, and the reason in a word; never what the token said.

    Somebody whom the agency's groups no longer let in loses the sessions they still have.
    """
    reason = str(error.members.get("reason", "refused"))
    uow.record("session:refused", result="denied", agency=way.slug, reason=reason)
    if reason == "group" and assertion is not None:
        person = uow.find(Person, issuer_id=way.issuer_id, sub=assertion.sub)
        if person is not None:
            end_all_sessions(uow, person, by="issuer")
