"""The HTML door of a package that arrived, and what of it stands on W8."""

import contextlib
from datetime import datetime
from typing import Any
from uuid import UUID

from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server import evidence
from jit_server.access import Action
from jit_server.evidence import EvidenceItem
from jit_server.evidence.wire import pages
from jit_server.web import purpose
from jit_server.web.context import work
from jit_server.web.pages import go
from jit_server.work import UnitOfWork


@pages.takes("/w/<uuid:workspace_id>/evidence/<number>/opening", to=Action.EVIDENCE_REGISTER)
def open_package(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """Have the package opened."""
    with work() as uow:
        item_id = evidence.numbered(uow, workspace_id, number)
    with purpose.work(item_id) as uow:
        evidence.open_package(uow, item_id)
    return go(f"/w/{workspace_id}/evidence/{number}", gettext("The server checks it now. What holds is taken in."))


def _moment(said: str) -> datetime | None:
    """The moment that the package states, if it is one."""
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(said)
    return None


def about(uow: UnitOfWork, item: EvidenceItem) -> dict[str, Any]:
    """The values of `evidence/_arrival.html`."""
    opening, origin = evidence.opening_of(uow, item), evidence.origin_of(uow, item)
    return {
        "is_package": evidence.is_package(item),
        "opening": opening.model_dump() if opening else None,
        "origin": origin.model_dump() | {"registered_at": _moment(origin.registered_at)} if origin else None,
    }
