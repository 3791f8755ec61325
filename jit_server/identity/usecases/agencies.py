"""What the operator does about agencies: add them, name their issuer, invite and enrol their people, cut them off."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Row, text

from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted
from jit_server.identity import trust
from jit_server.identity.models import (
    Agency,
    Claim,
    Invitation,
    Issuer,
    Person,
    State,
    Trust,
)
from jit_server.identity.shapes import NewAgency, NewInvitation, NewIssuer, NewPerson
from jit_server.identity.usecases.administering import administers, seen_agency
from jit_server.work import UnitOfWork

_LISTED = text("""
    SELECT a.id, a.slug, a.name, a.own_name, a.language, a.state, s.kind AS state_kind, s.name_key, a.enabled,
           a.not_before, i.url AS issuer, i.key AS issuer_key, i.label AS issuer_label,
           count(i.id) OVER (PARTITION BY a.id) > 1 AS several
      FROM agency a JOIN state s ON s.code = a.state
      LEFT JOIN issuer i ON i.agency_id = a.id AND i.retired_at IS NULL
     WHERE a.enabled OR :disabled
     ORDER BY a.state, a.name, i.key
""")
_END_SESSIONS = text("UPDATE login_session SET ended_at = :now WHERE agency_id = :agency AND ended_at IS NULL")


def operator_only(uow: UnitOfWork) -> None:
    """Refuse everybody but whoever runs this server."""
    if uow.actor.kind not in {"operator", "system"}:
        raise NotPermitted("Agencies are the operator's affair: jit-server agency --help")


def looks_after(uow: UnitOfWork, agency_id: UUID) -> bool:
    """Whether the one who asks is the operator or an administrator of this agency."""
    return uow.actor.kind in {"operator", "system"} or administers(uow, agency_id)


def entitled(uow: UnitOfWork, mine: Agency) -> None:
    """Refuse whoever does not look after this agency."""
    if not looks_after(uow, mine.id):
        raise NotPermitted("Only an administrator of the agency, or the operator of this server, may do this.")


def readable(uow: UnitOfWork, mine: Agency) -> None:
    """Refuse whoever neither looks after this agency nor audits it."""
    if not looks_after(uow, mine.id) and seen_agency(uow).id != mine.id:
        raise NotPermitted("Only an administrator or auditor of the agency may see this.")


def agencies(uow: UnitOfWork, *, disabled: bool = False) -> Sequence[Row[tuple[object, ...]]]:
    """The agencies with State and live issuers, a line each, by State and name; the sign-in page lists them."""
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
    operator_only(uow)
    if uow.find(State, code=new.state) is None:
        raise Invalid.field("state", f"{new.state} is no State or body known here", "Use the ISO 3166-1 alpha-2 code.")
    if uow.find(Agency, slug=new.slug) is not None:
        raise Conflict(f"There is an agency {new.slug} already.")
    made = uow.add(Agency.model_validate(new, update={"created_at": uow.now}))
    uow.record("agency:added", made, state=made.state, slug=made.slug)
    return made


def set_issuer(uow: UnitOfWork, slug: str, new: NewIssuer) -> Issuer:
    """Say which identity provider asserts the agency's people, the first one or that of `new.key`.

    The same URL changes the registration; another one retires the present issuer of this key and whom it knew, since
    a subject means nothing at another provider. A URL that ever belonged to another agency is refused.
    """
    operator_only(uow)
    mine = agency(uow, slug)
    if new.trust is Trust.FEDERATION and not trust.anchors_of(uow, mine.state):
        remedy = "Register one first: jit-server agency anchor --help"
        raise Invalid.field("trust", f"no trust anchor of {mine.state} is registered", remedy)
    known = uow.find(Issuer, url=new.url)
    if known is not None and known.agency_id != mine.id:
        raise Conflict("This issuer belongs to another agency.")
    _make_room(uow, mine, new)
    facts = new.model_dump(mode="json") | {"retired_at": None}
    facts |= {"auth_method": new.auth_method, "profile": new.profile, "trust": new.trust}
    if known is None:
        known = Issuer.model_validate(facts | {"agency_id": mine.id, "created_at": uow.now})
    known.sqlmodel_update(facts)
    uow.add(known)
    uow.record("issuer:changed", known, agency=mine.slug, url=known.url, algorithms=known.algorithms)
    return known


def _make_room(uow: UnitOfWork, mine: Agency, new: NewIssuer) -> None:
    """Retire the issuer that has had this key."""
    current = uow.find(Issuer, agency_id=mine.id, key=new.key, retired_at=None)
    if current is not None and current.url != new.url:
        current.retired_at = uow.now
        uow.add(current)
        uow.record("issuer:retired", current, agency=mine.slug, url=current.url)
        uow.session.flush()


def issuer_of(uow: UnitOfWork, of: Agency, key: str = "") -> Issuer:
    """The agency's first issuer, or the one of this key.

    Raises:
        NotFound: it has none (yet).
    """
    found = uow.find(Issuer, agency_id=of.id, key=key, retired_at=None)
    if found is None:
        raise NotFound("This agency has no identity provider yet.")
    return found


def invite(uow: UnitOfWork, slug: str, new: NewInvitation) -> Invitation:
    """Expect somebody: the first sign-in that fits takes the invitation, nobody signs in without one."""
    operator_only(uow)
    return expect(uow, agency(uow, slug), new)


def expect(uow: UnitOfWork, mine: Agency, new: NewInvitation) -> Invitation:
    """Keep an invitation of this agency, whoever was entitled to make it."""
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
    operator_only(uow)
    mine = agency(uow, slug)
    known_to = issuer_of(uow, mine)
    facts = {"issuer_id": known_to.id, "agency_id": mine.id, "created_at": uow.now}
    made = uow.add(Person.model_validate(new, update=facts))
    uow.record("person:enrolled", made, agency=mine.slug)
    return made


def end_sessions(uow: UnitOfWork, slug: str) -> None:
    """End every session of an agency now (a compromised issuer): none begun before this moment counts any more."""
    mine = agency(uow, slug)
    entitled(uow, mine)
    mine.not_before = uow.now
    uow.add(mine)
    uow.connection.execute(_END_SESSIONS, {"agency": mine.id, "now": uow.now})
    uow.record("agency:changed", mine, slug=mine.slug, not_before=uow.now.isoformat())


def disable(uow: UnitOfWork, person_id: UUID) -> Person:
    """End a person's access: no session of theirs counts from now on, and none begins."""
    operator_only(uow)
    found = uow.find(Person, id=person_id)
    if found is None:
        raise NotFound
    found.disabled_at = uow.now
    found.epoch += 1
    uow.add(found)
    uow.record("person:disabled", found)
    return found
