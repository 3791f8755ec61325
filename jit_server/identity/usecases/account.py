"""What a signed-in person does about their own account: see it, change how pages look, end sessions, sign out."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from uuid import UUID
from zoneinfo import available_timezones

from sqlalchemy import Row, text
from sqlmodel import col

from jit_server.access import Actor
from jit_server.core.errors import Invalid, NotFound, NotSignedIn
from jit_server.identity.models import Agency, LoginSession, Person
from jit_server.identity.shapes import Preferences
from jit_server.work import UnitOfWork

LANGUAGES = {"en": "English", "fr": "français", "de": "Deutsch", "nl": "Nederlands", "ar": "العربية"}
"""The languages the pages speak, by their own names; each but the first has a catalogue in web/translations."""

_SESSIONS = text("""
    SELECT s.id, s.issued_at, s.last_seen_at, s.not_after, s.acr, s.browser, s.id = :current AS current
      FROM login_session s JOIN person p ON p.id = s.person_id AND p.epoch = s.epoch
      JOIN agency a ON a.id = s.agency_id AND (a.not_before IS NULL OR a.not_before <= s.issued_at)
     WHERE s.person_id = :person AND s.ended_at IS NULL AND s.not_after > :now AND s.last_seen_at > :idle_since
     ORDER BY s.last_seen_at DESC
""")


@cache
def zones() -> tuple[str, ...]:
    """The time zones a person may choose: places, and UTC."""
    areas = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return ("UTC", *sorted(zone for zone in available_timezones() if zone.startswith(areas)))


def me(uow: UnitOfWork) -> Person:
    """The signed-in person.

    Raises:
        NotSignedIn: nobody is.
    """
    found = uow.find(Person, id=uow.actor.person_id) if uow.actor.kind == "person" else None
    if found is None:
        raise NotSignedIn
    return found


def acting(uow: UnitOfWork, person_id: UUID) -> Actor | None:
    """Somebody as a job acts for them in what they asked for while signed in; None once they are disabled."""
    person = uow.find(Person, id=person_id, disabled_at=None)
    agency = uow.find(Agency, id=person.agency_id) if person else None
    if person is None or agency is None:
        return None
    return Actor("person", person.id, agency.id, agency.state, name=person.name, agency_name=agency.name)


def change_settings(uow: UnitOfWork, new: Preferences) -> Person:
    """Change language, zone, theme and keys."""
    mine = me(uow)
    if new.language not in LANGUAGES:
        raise Invalid.field("language", "this language is not offered", "Choose one from the list.")
    if new.zone not in zones():
        raise Invalid.field("zone", "no such time zone", "Choose one from the list, such as Europe/Paris.")
    mine.sqlmodel_update(new.model_dump() | {"settings_at": uow.now})
    uow.add(mine)
    uow.record("person:changed", mine, fields=sorted(new.model_dump()))
    return mine


def my_sessions(uow: UnitOfWork) -> Sequence[Row[tuple[object, ...]]]:
    """The person's live sessions, the last used first; `current` marks the one that asks."""
    settings = uow.house.settings
    facts = {
        "person": me(uow).id,
        "current": uow.actor.session_id,
        "now": uow.now,
        "idle_since": uow.now - timedelta(minutes=settings.session_idle_minutes),
    }
    return uow.connection.execute(_SESSIONS, facts).all()


def end_session(uow: UnitOfWork, session_id: UUID) -> LoginSession:
    """End one of one's own sessions, on whatever device.

    Raises:
        NotFound: no such session, or somebody else's, or one that ended before.
    """
    mine = me(uow)
    found = uow.find(LoginSession, id=session_id, person_id=mine.id, ended_at=None)
    if found is None:
        raise NotFound("This session has ended already.")
    found.ended_at = uow.now
    uow.add(found)
    uow.record("session:ended", found, own=found.id == uow.actor.session_id)
    return found


def end_other_sessions(uow: UnitOfWork) -> int:
    """End all one's sessions but the one that asks; how many there were."""
    others = [row.id for row in my_sessions(uow) if not row.current]
    for other in others:
        end_session(uow, other)
    return len(others)


def end_all_sessions(uow: UnitOfWork, person: Person, *, by: str) -> int:
    """End every session of a person because somebody entitled says so; how many there were."""
    live = uow.every(LoginSession, LoginSession.person_id == person.id, LoginSession.ended_at.is_(None))  # type: ignore[union-attr]
    for one in live:
        close(uow, one, by=by)
    return len(live)


def end_oldest_sessions(uow: UnitOfWork, person: Person) -> None:
    """Keep as many of a person's sessions as one may have, the newest; the others end, on the record."""
    uow.session.flush()
    live = uow.every(LoginSession, col(LoginSession.person_id) == person.id, col(LoginSession.ended_at).is_(None))
    newest_first = sorted(live, key=lambda one: one.issued_at, reverse=True)
    for one in newest_first[uow.house.settings.sessions_person :]:
        close(uow, one, by="newer sign-in")


def close(uow: UnitOfWork, session: LoginSession, *, by: str) -> None:
    """End a session that is not the asking one's own; `by` says in a word whose doing it was."""
    session.ended_at = uow.now
    uow.add(session)
    uow.record("session:ended", session, own=False, by=by)


def sign_out(uow: UnitOfWork) -> LoginSession:
    """End the session that asks."""
    if uow.actor.session_id is None:
        raise NotSignedIn
    return end_session(uow, uow.actor.session_id)
