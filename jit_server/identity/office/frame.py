"""What every page of an agency shows around its content, and the blueprint they all hang on."""

from typing import Any

from flask import request

from jit_server.core.errors import StepUp
from jit_server.identity.models import AgencyRole
from jit_server.identity.usecases.administering import administered_agency, agency_role, seen_agency
from jit_server.web.context import work
from jit_server.web.pages import Pages
from jit_server.work import UnitOfWork

pages = Pages("agency", __name__)


@pages.before_request
def only_who_looks_after_it() -> None:
    """Before anything typed is read: administrators change, auditors read, nobody else is in here.

    Use-cases ask again; this is why somebody without the right learns nothing from how a form is refused.
    """
    with work() as uow:
        if request.method in {"GET", "HEAD"}:
            seen_agency(uow)
        else:
            administered_agency(uow)


def frame(uow: UnitOfWork, here: str, *, loosens: bool = False) -> dict[str, Any]:
    """The agency, what the reader is in it, and whether the sign-in is recent enough for what the page may open.

    Raises:
        NotPermitted: a plain member of the agency.
    """
    mine = seen_agency(uow)
    return {
        "agency": {"name": mine.own_name, "state": mine.state, "slug": mine.slug},
        "may_change": agency_role(uow) is AgencyRole.ADMIN,
        "my_role": str(agency_role(uow)),
        "here": here,
        "fresh": not loosens or is_fresh(uow),
    }


def is_fresh(uow: UnitOfWork) -> bool:
    """Whether what opens something would be taken now: a page then asks for the sign-in before anything is typed."""
    try:
        uow.require_fresh_sign_in()
    except StepUp:
        return False
    return True
