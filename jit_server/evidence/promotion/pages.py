"""HTML doors: keep a message as evidence, from the conversation (W2)."""

from typing import Any
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server import evidence
from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid
from jit_server.evidence import NewPromotion
from jit_server.evidence.custody.pages import faults
from jit_server.evidence.decisions import frame
from jit_server.evidence.usecases.promoting import kept_as
from jit_server.evidence.wire import anew, pages
from jit_server.web.api import check
from jit_server.web.context import work
from jit_server.web.pages import go, show
from jit_server.workspaces import sources, subjects

HERE = "/w/<uuid:workspace_id>/messages/<uuid:message_id>/promote"
FIELDS = ("legal_basis", "title")


@pages.shows(HERE, to=Action.EVIDENCE_REGISTER)
def ask_promotion(workspace_id: UUID, message_id: UUID) -> ResponseReturnValue:
    """On what basis this message becomes evidence."""
    return _asked(workspace_id, message_id, {}, [])


@pages.takes(HERE, to=Action.EVIDENCE_REGISTER)
def promote_from_page(workspace_id: UUID, message_id: UUID) -> ResponseReturnValue:
    """Keep it; what is wrong is shown beside what was typed."""
    sent = {name: request.form[name].strip() for name in FIELDS if request.form.get(name, "").strip()}
    try:
        item = evidence.promote(anew(), workspace_id, message_id, check(NewPromotion, sent))
    except (Conflict, Invalid) as error:
        return _asked(workspace_id, message_id, sent, faults(error, "legal_basis"))
    return go(f"/w/{workspace_id}/evidence/{item.number}", gettext("Kept as exhibit %(n)s.", n=item.number))


def _asked(
    workspace_id: UUID, message_id: UUID, typed: dict[str, str], errors: list[dict[str, Any]]
) -> ResponseReturnValue:
    with work() as uow:
        source = sources.told(uow, "message", workspace_id, message_id)
        _, back = subjects.name_of(uow, "message", workspace_id, message_id)
        uow.record("message:read", workspace_id=workspace_id, message=str(message_id), versions=source.version)
        values = frame(uow, workspace_id)
    said = {
        "handling": str(source.handling),
        "place": source.place,
        "agency": source.supplied_by,
        "at": source.at,
        "versions": source.version,
        "text": source.text,
    }
    return show(
        "evidence/promote.html",
        typed=dict.fromkeys(FIELDS, "") | typed,
        errors=errors,
        message=said,
        back=f"{back}#m-{message_id}",
        **values,
    )


sources.register_kept("message", kept_as)
