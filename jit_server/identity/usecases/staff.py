"""An agency's own people, as its administrators and auditors see them: nothing of any case, and no other agency's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from jit_server.core.errors import NotFound
from jit_server.identity.models import Agency, AgencyRole, Invitation, LoginSession, Person
from jit_server.identity.usecases.administering import seen_agency
from jit_server.work import UnitOfWork

SOON: Final = (60, 30, 7)
"""Days before an access ends at which it is shown as ending (MISSION B17)."""
AWAY: Final = timedelta(days=90)
PAGE: Final = 100

# A person has at most ten live sessions, so the last moment is among the ten begun last. "Strong" is what the issuer's
# registration asks for before acts that cannot be undone, or for any sign-in; without either, that it said anything.
_PEOPLE = """
    SELECT * FROM (
        SELECT p.id, p.name, p.agency_role AS role, p.created_at, p.disabled_at, seen.last_seen, seen.live,
               coalesce(m.workspaces, 0) AS workspaces, m.next_expiry, i.accepted_at IS NOT NULL AS invited,
               d.person_id IS NOT NULL AS provisioned,
               CASE WHEN last.acr IS NULL THEN false
                    WHEN cardinality(s.step_up_acr) > 0 THEN last.acr = ANY (s.step_up_acr)
                    ELSE cardinality(s.acr_accepted) = 0 OR last.acr = ANY (s.acr_accepted) END AS strong
          FROM person p
          JOIN issuer s ON s.id = p.issuer_id
          LEFT JOIN jit_agency_memberships() m ON m.person = p.id
          LEFT JOIN invitation i ON i.accepted_by = p.id
          LEFT JOIN scim_user d ON d.person_id = p.id AND d.deleted_at IS NULL
          LEFT JOIN LATERAL (
               SELECT max(t.last_seen_at) AS last_seen,
                      count(*) FILTER (WHERE t.ended_at IS NULL AND t.not_after > :now AND t.epoch = p.epoch) AS live
                 FROM (SELECT * FROM login_session x WHERE x.person_id = p.id ORDER BY x.issued_at DESC LIMIT 10) t
          ) seen ON true
          LEFT JOIN LATERAL (
               SELECT x.acr FROM login_session x WHERE x.person_id = p.id ORDER BY x.issued_at DESC LIMIT 1
          ) last ON true
         WHERE NOT p.service AND p.agency_id = :agency) AS one
"""
_KEPT: Final = text("SELECT kept FROM jit_agency_evidence(:live)")
SHOWS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "": "true",
        "active": "disabled_at IS NULL",
        "disabled": "disabled_at IS NOT NULL",
        "admins": "disabled_at IS NULL AND role <> 'member'",
        "weak": "disabled_at IS NULL AND last_seen IS NOT NULL AND NOT strong",
        "away": "disabled_at IS NULL AND coalesce(last_seen, created_at) < :away",
        "expiring": "disabled_at IS NULL AND next_expiry < :soon",
    }
)
"""What a list of people may be narrowed to: fixed words, never what somebody typed."""
_COUNTED = text(
    "SELECT "  # noqa: S608 - our own words
    + ", ".join(f'count(*) FILTER (WHERE {where}) AS "{name or "all"}"' for name, where in SHOWS.items())
    + f" FROM ({_PEOPLE}) AS every_one"
)


@dataclass(frozen=True)
class Colleague:
    """A person of the agency as its administrators see them: nothing of any case but how many spaces, until when."""

    id: UUID
    name: str
    role: AgencyRole
    created_at: datetime
    disabled_at: datetime | None
    last_seen: datetime | None
    live: int
    workspaces: int
    next_expiry: datetime | None
    source: str
    strong: bool


def colleagues(
    uow: UnitOfWork, *, show: str = "", named: str = "", after: tuple[str, str] | None = None
) -> list[Colleague]:
    """People of the agency by name, at most `PAGE` and one more, which says that there is a next page.

    Args:
        uow: of an administrator or auditor.
        show: a key of `SHOWS`.
        named: a part of the name.
        after: name and id of the last one of the page before.
    """
    statement = f"{_PEOPLE} WHERE {SHOWS[show]}"
    facts = _facts(uow, seen_agency(uow))
    if named:
        statement, facts = statement + " AND strpos(lower(name), lower(:named)) > 0", facts | {"named": named}
    if after is not None:
        statement += " AND (lower(name), id) > (lower(:after_name), CAST(:after_id AS uuid))"
        facts |= {"after_name": after[0], "after_id": after[1]}
    rows = uow.connection.execute(text(f"{statement} ORDER BY lower(name), id LIMIT :most"), facts | {"most": PAGE + 1})
    return [_colleague(row) for row in rows]


def counts(uow: UnitOfWork) -> dict[str, int]:
    """How many people each of `SHOWS` holds; `all` is everybody."""
    return dict(uow.connection.execute(_COUNTED, _facts(uow, seen_agency(uow))).mappings().one())


def kept(uow: UnitOfWork) -> int:
    """How many bytes of evidence the agency keeps in all its workspaces; one number, and nothing of where."""
    seen_agency(uow)
    return int(uow.connection.execute(_KEPT, {"live": uow.now}).scalar_one())


def colleague(uow: UnitOfWork, person_id: UUID) -> Colleague:
    """One person of the agency.

    Raises:
        NotFound: nobody, or somebody of another agency: the two look alike.
    """
    facts = _facts(uow, seen_agency(uow)) | {"id": person_id}
    row = uow.connection.execute(text(f"{_PEOPLE} WHERE id = :id"), facts).first()
    if row is None:
        raise NotFound
    return _colleague(row)


def sessions_of(uow: UnitOfWork, person_id: UUID) -> Sequence[LoginSession]:
    """The sessions of a person of the agency that have not ended, the last used first."""
    person = person_of(uow, seen_agency(uow), person_id)
    rows = uow.every(
        LoginSession,
        LoginSession.person_id == person.id,
        LoginSession.ended_at.is_(None),  # type: ignore[union-attr]
        LoginSession.not_after > uow.now,
        LoginSession.epoch == person.epoch,
    )
    return sorted(rows, key=lambda one: one.last_seen_at, reverse=True)


def invitations(uow: UnitOfWork) -> Sequence[Invitation]:
    """Whom the agency expects: open invitations, the first to lapse first."""
    mine = seen_agency(uow)
    rows = uow.every(
        Invitation,
        Invitation.agency_id == mine.id,
        Invitation.accepted_at.is_(None),  # type: ignore[union-attr]
        Invitation.expires_at > uow.now,
    )
    return sorted(rows, key=lambda one: one.expires_at)


def _facts(uow: UnitOfWork, mine: Agency) -> dict[str, Any]:
    return {
        "agency": mine.id,
        "now": uow.now,
        "away": uow.now - AWAY,
        "soon": uow.now + timedelta(days=max(SOON)),
    }


def _colleague(row: Any) -> Colleague:
    facts = {name: getattr(row, name) for name in Colleague.__dataclass_fields__ if name != "source"}
    source = "scim" if row.provisioned else "invitation" if row.invited else "operator"
    return Colleague(**facts | {"role": AgencyRole(row.role), "source": source})


def person_of(uow: UnitOfWork, mine: Agency, person_id: UUID) -> Person:
    """A person of this agency; of any other one nobody, and never a program: it has no role and no sessions."""
    found = uow.find(Person, id=person_id, agency_id=mine.id, service=False)
    if found is None:
        raise NotFound
    return found
