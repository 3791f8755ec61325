"""What the operator does about agencies: add them, name their issuer, invite and enrol their people, cut them off."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Row, text

from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted
from jit_server.identity.models import (
    ALGORITHMS,
    Agency,
    Claim,
    Invitation,
    Issuer,
    Person,
    State,
)
from jit_server.identity.shapes import NewAgency, NewInvitation, NewIssuer, NewPerson
from jit_server.work import UnitOfWork

_LISTED = text("""
    SELECT a.id, a.slug, a.name, a.own_name, a.language, a.state, s.kind AS state_kind, s.name_key, a.enabled,
           a.not_before, i.url AS issuer
      FROM agency a JOIN state s ON s.code = a.state
      LEFT JOIN issuer i ON i.agency_id = a.id AND i.retired_at IS NULL
     WHERE a.enabled OR :disabled
     ORDER BY a.state, a.name
""")
_END_SESSIONS = text("UPDATE login_session SET ended_at = :now WHERE agency_id = :agency AND ended_at IS NULL")


def _operator(uow: UnitOfWork) -> None:
    if uow.actor.kind not in {"operator", "system"}:
        raise NotPermitted("Agencies are the operator's affair: jit-server agency --help")


def agencies(uow: UnitOfWork, *, disabled: bool = False) -> Sequence[Row[tuple[object, ...]]]:
    """The agencies with State and current issuer, by State and name; public, since the sign-in page lists them."""
    return uow.connection.execute(_LISTED, {"disabled": disabled}).all()


def agency(uow: UnitOfWork, slug: str) -> Agency:
    """The agency of that short name.

    Raises:
        NotFound: none, or one that is switched off.
    """
    found = uow.find(Agency, slug=slug)
    if found is None or not found.enabled:
        raise NotFound("There is no such agency here.")
    return found


def add_agency(uow: UnitOfWork, new: NewAgency) -> Agency:
    """Take an agency in."""
    _operator(uow)
    if uow.find(State, code=new.state) is None:
        raise Invalid.field("state", f"{new.state} is no State or body known here", "Use the ISO 3166-1 alpha-2 code.")
    if uow.find(Agency, slug=new.slug) is not None:
        raise Conflict(f"There is an agency {new.slug} already.")
    made = uow.add(Agency.model_validate(new, update={"created_at": uow.now}))
    uow.record("agency:added", made, state=made.state, slug=made.slug)
    return made


def set_issuer(uow: UnitOfWork, slug: str, new: NewIssuer) -> Issuer:
    """Say which identity provider asserts the agency's people.

    The same URL changes the registration; another one retires the present issuer and whom it knew, since a subject
    means nothing at another provider. A URL that ever belonged to another agency is refused.
    """
    _operator(uow)
    unknown = sorted(set(new.algorithms) - set(ALGORITHMS))
    if unknown:
        raise Invalid.field("algorithms", f"{', '.join(unknown)} is not allowed", f"Choose of {', '.join(ALGORITHMS)}.")
    mine = agency(uow, slug)
    known, current = uow.find(Issuer, url=new.url), uow.find(Issuer, agency_id=mine.id, retired_at=None)
    if known is not None and known.agency_id != mine.id:
        raise Conflict("This issuer belongs to another agency.")
    if current is not None and current.url != new.url:
        current.retired_at = uow.now
        uow.session.flush()
    facts = new.model_dump() | {"credential_file": str(new.credential_file), "retired_at": None}
    facts |= {"algorithms": list(new.algorithms), "acr_accepted": list(new.acr_accepted)}
    if known is None:
        known = Issuer.model_validate(facts | {"agency_id": mine.id, "created_at": uow.now})
    known.sqlmodel_update(facts)
    uow.add(known)
    uow.record("issuer:changed", known, agency=mine.slug, url=known.url, algorithms=known.algorithms)
    return known


def issuer_of(uow: UnitOfWork, of: Agency) -> Issuer:
    """The agency's current issuer.

    Raises:
        NotFound: it has none yet.
    """
    found = uow.find(Issuer, agency_id=of.id, retired_at=None)
    if found is None:
        raise NotFound("This agency has no identity provider yet.")
    return found


def invite(uow: UnitOfWork, slug: str, new: NewInvitation) -> Invitation:
    """Expect somebody: the first sign-in that fits takes the invitation, nobody signs in without one."""
    _operator(uow)
    mine = agency(uow, slug)
    made = uow.add(
        Invitation(
            agency_id=mine.id,
            claim=new.claim,
            value=new.value.casefold() if new.claim is Claim.EMAIL else new.value,
            created_at=uow.now,
            expires_at=uow.now + timedelta(days=new.days),
        )
    )
    uow.record("person:invited", made, agency=mine.slug, claim=str(made.claim), days=new.days)
    return made


def enrol(uow: UnitOfWork, slug: str, new: NewPerson) -> Person:
    """Make somebody known before they first sign in, by the subject under which their issuer asserts them."""
    _operator(uow)
    mine = agency(uow, slug)
    known_to = issuer_of(uow, mine)
    facts = {"issuer_id": known_to.id, "agency_id": mine.id, "created_at": uow.now}
    made = uow.add(Person.model_validate(new, update=facts))
    uow.record("person:enrolled", made, agency=mine.slug)
    return made


def end_sessions(uow: UnitOfWork, slug: str) -> None:
    """End every session of an agency now (a compromised issuer): none begun before this moment counts any more."""
    _operator(uow)
    mine = agency(uow, slug)
    mine.not_before = uow.now
    uow.add(mine)
    uow.connection.execute(_END_SESSIONS, {"agency": mine.id, "now": uow.now})
    uow.record("agency:changed", mine, slug=mine.slug, not_before=uow.now.isoformat())


def disable(uow: UnitOfWork, person_id: UUID) -> Person:
    """End a person's access: no session of theirs counts from now on, and none begins."""
    _operator(uow)
    found = uow.find(Person, id=person_id)
    if found is None:
        raise NotFound
    found.disabled_at = uow.now
    found.epoch += 1
    uow.add(found)
    uow.record("person:disabled", found)
    return found
