"""My day follows: a socket hears "read again" when something in one of its person's teams concerns them.

Nothing else is said, not even where: the page reads itself anew, with its own question to the policy and its own place
on the record. A round asks once for all logs that grew: the new entries, then who follows and what they are now (so
whoever was removed meanwhile hears nothing of it), then whom the entries concern.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import gevent
import structlog
from gevent.event import Event
from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import ARRAY, BigInteger, Connection, Engine, Uuid, bindparam, text
from sqlalchemy.exc import SQLAlchemyError

from jit_server import access
from jit_server.access import Policy, Standing
from jit_server.core import clock
from jit_server.core.errors import NotFound
from jit_server.web.sockets.concern import Concern, News, concerned, concerning
from jit_server.web.sockets.floors import Floors, Guest
from jit_server.web.sockets.send import Sender

CHANGED: Final = "day:changed"
PACE: Final = 0.25
"""Seconds between two rounds at least: what happens together is read anew once."""
LIMIT: Final = 200
"""Entries of one log looked at in a round; more are looked at in the next."""
LATE: Final = timedelta(seconds=5)
"""Entries are stamped when the work on them begins, so a page may have been read before an older one was committed."""
LONG: Final = timedelta(minutes=2)
"""A page as old as this is read anew without asking whether it must."""

_TEAMS = text(
    "SELECT m.person_id, m.workspace_id, m.status, coalesce(h.size, 0) AS size"
    " FROM member m LEFT JOIN audit_head h ON h.log_id = m.workspace_id WHERE m.person_id = ANY(:people)"
    " AND m.status IN ('invited', 'active') AND (m.expires_at IS NULL OR m.expires_at > now())"
)
_NEWS = text(
    "SELECT w.id AS workspace_id, coalesce(h.size, 0) AS size, e.position, e.event, e.subject_id"
    " FROM unnest(:logs, :after) AS w(id, heard) LEFT JOIN audit_head h ON h.log_id = w.id"
    " LEFT JOIN LATERAL (SELECT position, event, subject_id FROM audit_entry"
    " WHERE log_id = w.id AND position > w.heard AND position <= h.size AND result = 'ok' AND at > :since"
    " AND event = ANY(:events) AND subject_id IS NOT NULL ORDER BY position LIMIT :limit) e ON true"
    " ORDER BY w.id, e.position"
).bindparams(bindparam("logs", type_=ARRAY(Uuid)), bindparam("after", type_=ARRAY(BigInteger)))
_EVER: Final = datetime.min.replace(tzinfo=UTC) + timedelta(days=366)
_logger = structlog.get_logger(__name__)


class Follow(BaseModel):
    """A socket whose page shows its person's day asks to be told when to read it again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: AwareDatetime
    """When the page was read."""


@dataclass(slots=True)
class Follower:
    """A socket whose page shows its person's day, and where they belonged or were invited when last looked at."""

    guest: Guest
    person: UUID
    teams: frozenset[tuple[UUID, str]] = frozenset()


class Days:
    """The days that this worker's sockets follow."""

    def __init__(self, engine: Engine, floors: Floors, sender: Sender) -> None:
        self._engine = engine
        self._floors = floors
        self._send = sender
        self._followers: dict[str, Follower] = {}
        self._heard: dict[UUID, int] = {}
        self._grown: set[UUID] = set()
        self._wake = Event()

    def hint(self, workspace_id: UUID, position: int) -> None:
        """A log has grown, says somebody. Costs nothing unless it is the log of a follower's team."""
        heard = self._heard.get(workspace_id)
        if heard is not None and position > heard:
            self._grown.add(workspace_id)
            self._wake.set()

    def run(self) -> None:
        """Serve hints for ever."""
        while True:
            self._wake.wait()
            self._wake.clear()
            grown, self._grown = self._grown, set()
            try:
                self.level(grown & self._heard.keys())
            except SQLAlchemyError as error:  # the next comparison finds it again
                _logger.warning("days.failed", error=type(error).__name__)
            except Exception:  # whatever one entry does to us, the next ones are still looked at
                _logger.exception("days.failed")
            gevent.sleep(PACE)

    def follow(self, guest: Guest, since: datetime) -> bool:
        """Let a socket hear from now on; answers whether its page, read at `since`, is behind already."""
        if guest.actor.person_id is None:
            raise NotFound
        follower = Follower(guest, guest.actor.person_id)
        with self._engine.connect() as connection:
            sizes = self._look(connection, [follower])
            if guest.sid not in self._floors.guests:  # it went away while we read
                raise NotFound
            self._followers[guest.sid] = follower
            if clock.now() - since > LONG:
                return True
            tails = {key: max(size - LIMIT, 0) for key, size in sizes.items()}
            news, _ = self._news(connection, tails, since - LATE)
            return bool(self._concerned(connection, news, [follower]))

    def leave(self, sid: str) -> None:
        """A socket has gone."""
        if self._followers.pop(sid, None) is not None:
            self._forget_silent()

    def compare(self) -> None:
        """Find what grew without a hint; and tell whom it concerns where they belong now, or are invited."""
        followers = list(self._followers.values())
        if not followers:
            return
        before = {one.guest.sid: one.teams for one in followers}
        with self._engine.connect() as connection:
            sizes = self._look(connection, followers)
        self._forget_silent()
        for one in followers:
            if one.teams != before[one.guest.sid]:
                self._tell(one)
        for workspace_id, size in sizes.items():
            self.hint(workspace_id, size)

    def level(self, workspaces: Iterable[UUID]) -> None:
        """Look at what is new in these logs, and tell the followers whom it concerns."""
        after = {key: self._heard[key] for key in workspaces}
        if not after:
            return
        followers = list(self._followers.values())
        with self._engine.connect() as connection:
            news, reached = self._news(connection, after, _EVER)
            concerned = self._concerned(connection, news, followers)
        for key, (position, more) in reached.items():
            if key in self._heard:
                self._heard[key] = max(position, self._heard[key])
            if more:
                self.hint(key, position + 1)
        for one in followers:
            if one.person in concerned:
                self._tell(one)

    def _look(self, connection: Connection, followers: list[Follower]) -> dict[UUID, int]:
        """Where these people belong or are invited now, with how far each log has come."""
        people = list({one.person for one in followers})
        teams: dict[UUID, set[tuple[UUID, str]]] = defaultdict(set)
        sizes: dict[UUID, int] = {}
        for row in connection.execute(_TEAMS, {"people": people}):
            teams[row.person_id].add((row.workspace_id, row.status))
            sizes[row.workspace_id] = row.size
        for one in followers:
            one.teams = frozenset(teams[one.person])
        for key, size in sizes.items():
            self._heard.setdefault(key, size)
        return sizes

    def _forget_silent(self) -> None:
        """Of logs that nobody here follows any more, positions are not kept."""
        followed = {key for one in self._followers.values() for key, _ in one.teams}
        for key in self._heard.keys() - followed:
            del self._heard[key]

    def _news(
        self, connection: Connection, after: dict[UUID, int], since: datetime
    ) -> tuple[list[News], dict[UUID, tuple[int, bool]]]:
        """The entries after these positions; and how far each log was read, and whether there is more."""
        asked = {"logs": list(after), "after": list(after.values()), "events": concerning(), "limit": LIMIT}
        rows = connection.execute(_NEWS, {**asked, "since": since}).all()
        counts = Counter(row.workspace_id for row in rows)
        full = {key for key, count in counts.items() if count == LIMIT}
        reached = {
            row.workspace_id: (row.position if row.workspace_id in full else row.size, row.workspace_id in full)
            for row in rows
        }
        news = [News(row.workspace_id, row.event, row.subject_id) for row in rows if row.position is not None]
        return news, reached

    def _concerned(self, connection: Connection, news: list[News], followers: list[Follower]) -> set[UUID]:
        """Which of these people the entries concern: by name, or by what they may do as they stand in the teams now."""
        found = concerned(connection, news) if news else {}
        if not found:
            return set()
        named = {one.person for one in followers for key, _ in one.teams if one.person in _named(found.get(key, ()))}
        standings = access.standings_among(connection, list(found), list({one.person for one in followers} - named))
        policies = access.policies_of(connection, {(one.workspace_id, one.policy_version) for one in standings})
        able = {
            one.person_id
            for one in standings
            if _may_any(policies[one.workspace_id, one.policy_version], one, found[one.workspace_id])
        }
        return named | able

    def _tell(self, follower: Follower) -> None:
        if follower.guest.sid in self._floors.guests:
            self._send.to_one(follower.guest.sid, CHANGED, {})


def _named(concerns: Iterable[Concern]) -> set[UUID]:
    return {person for one in concerns for person in one.people}


def _may_any(policy: Policy, standing: Standing, concerns: Iterable[Concern]) -> bool:
    return any(
        one.to is not None and policy.hears(standing.profile, one.to, phase=standing.phase, **one.whose._asdict())
        for one in concerns
    )
