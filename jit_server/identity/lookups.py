"""What real time asks about people: who they are by name, and whose session still counts. Plain SQL, no policy."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from jit_server.core import clock
from jit_server.identity.sessions import IDLE

_PEOPLE = text(
    "SELECT p.id, p.name, a.own_name AS agency, a.state FROM person p JOIN agency a ON a.id = p.agency_id"
    " WHERE p.id = ANY(:ids)"
)
# The same conditions as for a request (`sessions.load`), but nothing is touched: an open socket is no activity.
_ALIVE = text("""
    SELECT s.id
      FROM login_session s
      JOIN person p ON p.id = s.person_id AND p.epoch = s.epoch AND p.disabled_at IS NULL
      JOIN agency a ON a.id = s.agency_id AND a.enabled AND (a.not_before IS NULL OR a.not_before <= s.issued_at)
      JOIN issuer i ON i.id = s.issuer_id AND i.retired_at IS NULL
     WHERE s.id = ANY(:ids) AND s.ended_at IS NULL AND s.not_after > :now AND s.last_seen_at > :idle_since
""")


def people(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """`{person_id, name, agency, state}` of these persons, by id."""
    rows = connection.execute(_PEOPLE, {"ids": list(ids)})
    return {
        row.id: {"person_id": str(row.id), "name": row.name, "agency": row.agency, "state": row.state} for row in rows
    }


def alive(connection: Connection, sessions: Sequence[UUID], *, idle: timedelta = IDLE) -> set[UUID]:
    """Those of these sessions that still count; `idle` is how long one lasts without a request."""
    now = clock.now()
    return set(connection.scalars(_ALIVE, {"ids": list(sessions), "now": now, "idle_since": now - idle}))
