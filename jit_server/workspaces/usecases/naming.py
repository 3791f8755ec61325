"""Whom a text names: a person by the full name that their agency gave, agencies by slug."""

from typing import Any
from uuid import UUID

from sqlmodel import col

from jit_server.core.errors import Invalid
from jit_server.identity.models import Agency, Person
from jit_server.work import UnitOfWork, rows_by_id

MOST = 2000


def agencies(uow: UnitOfWork) -> list[tuple[str, str, str]]:
    """The agencies that could be party: slug, State, own name."""
    found = uow.every(Agency, col(Agency.enabled).is_(True), limit=MOST)
    return sorted(((one.slug, one.state, one.own_name) for one in found), key=lambda one: (one[1], one[2]))


def person(uow: UnitOfWork, slug: str, name: str) -> UUID:
    """The one person of the agency with exactly this name; nobody can leaf through another agency's people.

    Raises:
        Invalid: nobody, or several.
    """
    agency = uow.find(Agency, slug=slug)
    wanted = " ".join(name.split()).casefold()
    theirs = (col(Person.agency_id) == agency.id, col(Person.disabled_at).is_(None)) if agency is not None else ()
    people = uow.every(Person, *theirs, limit=MOST) if agency is not None else []
    found = [one.id for one in people if " ".join(one.name.split()).casefold() == wanted]
    if len(found) != 1:
        words = "is the name of several people there" if found else "is nobody of this agency who is known here"
        raise Invalid.field("person_id", words, "Ask their agency how it has them, or name somebody else.")
    return found[0]


def names(uow: UnitOfWork, document: dict[str, Any]) -> dict[str, str]:
    """The people whom a text names, by id: by name, or by function alone to partners where the text says so."""
    listed = [one for field in ("leaders", "members") for one in document.get(field, ()) if isinstance(one, dict)]
    ids = {UUID(str(one["person_id"])) for one in listed if one.get("person_id")}
    found = {str(key): one.name for key, one in rows_by_id(uow, Person, ids).items()}
    own = uow.find(Agency, id=uow.actor.agency_id) if uow.actor.agency_id else None
    hidden = [one for one in listed if one.get("hidden_from_partners") and (own is None or one["agency"] != own.slug)]
    return found | {str(one["person_id"]): one["function"] for one in hidden}
