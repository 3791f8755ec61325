"""From a cookie to the one who asks: one indexed query a request, no web framework.

The cookie holds 256 random bits, the row their SHA-256. A session counts only while nothing ended it: sign-out, the
absolute limit, half an hour without a request, the person disabled or their epoch raised, the agency switched off or
its `not_before` set later than the session, its issuer replaced.
"""

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text

from jit_server.access import Actor

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
TOUCH: Final = timedelta(minutes=1)
_COOKIE = re.compile(r"[A-Za-z0-9_-]{43}\Z")

_LIVE = text("""
    SELECT s.id AS session_id, s.last_seen_at, s.acr, s.auth_time, p.id AS person_id, p.name, p.language, p.zone,
           p.theme, p.send_key, p.shortcuts, a.id AS agency_id, a.state, a.own_name AS agency_name, i.url AS issuer,
           i.step_up_acr
      FROM login_session s
      JOIN person p ON p.id = s.person_id AND p.epoch = s.epoch AND p.disabled_at IS NULL
      JOIN agency a ON a.id = s.agency_id AND a.enabled AND (a.not_before IS NULL OR a.not_before <= s.issued_at)
      JOIN issuer i ON i.id = s.issuer_id AND i.retired_at IS NULL
     WHERE s.token_hash = :hash AND s.ended_at IS NULL AND s.not_after > :now AND s.last_seen_at > :idle_since
""")
_TOUCH = text("UPDATE login_session SET last_seen_at = :now, agent_hash = :agent, browser = :browser WHERE id = :id")


def new_secret() -> str:
    """A cookie's value: 256 bits from the system's generator."""
    return secrets.token_urlsafe(32)


def is_secret(raw: str) -> bool:
    """Whether a cookie could be one of ours; anything else is not worth a query."""
    return _COOKIE.match(raw) is not None


def hashed(secret: str) -> bytes:
    """What the database keeps of a secret. It has 256 bits of its own, so a plain digest is enough."""
    return hashlib.sha256(secret.encode()).digest()


def load(
    session: Any, raw_cookie: str, user_agent: str, now: datetime, *, idle: timedelta = IDLE, touch: bool = True
) -> Actor | None:
    """Who the cookie belongs to at this moment, or None.

    The user agent is remembered for the person's own list, not compared: it is no secret, and a browser that updates
    itself must not lose its session.

    Args:
        session: a database session; a touch is left in its transaction for the caller to commit.
        raw_cookie: the cookie's value.
        user_agent: the request's.
        now: the moment of the request.
        idle: how long a session lasts without a request.
        touch: whether the request is the person's own doing; what a page asks by itself keeps no session awake.
    """
    if not is_secret(raw_cookie):
        return None
    row = session.execute(_LIVE, {"hash": hashed(raw_cookie), "now": now, "idle_since": now - idle}).first()
    if row is None:
        return None
    if touch and now - row.last_seen_at >= TOUCH:
        facts = {"id": row.session_id, "now": now, "agent": hashed(user_agent), "browser": browser(user_agent)}
        session.execute(_TOUCH, facts)
    return Actor(
        "person",
        person_id=row.person_id,
        agency_id=row.agency_id,
        state=row.state,
        name=row.name,
        agency_name=row.agency_name,
        session_id=row.session_id,
        issuer=row.issuer,
        acr=row.acr,
        auth_time=row.auth_time,
        strong=not row.step_up_acr or row.acr in row.step_up_acr,
        acr_wanted=tuple(row.step_up_acr),
        preferences={
            "language": row.language,
            "zone": row.zone,
            "theme": row.theme,
            "send_key": row.send_key,
            "shortcuts": "on" if row.shortcuts else "off",
        },
    )


_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser(user_agent: str) -> str:
    """A browser as its owner would name it: `Firefox, Linux`. Empty when it says nothing we know."""
    named = [next((name for mark, name in known if mark in user_agent), "") for known in (_BROWSERS, _SYSTEMS)]
    return ", ".join(name for name in named if name)
