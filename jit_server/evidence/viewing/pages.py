"""HTML door of the viewer: an exhibit's content on a page of ours, drawn, written out or played."""

from base64 import b64encode
from typing import Any
from uuid import UUID

from flask import Response, make_response
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from pydantic import BaseModel, ConfigDict, Field

from jit_server import evidence
from jit_server.access import Action
from jit_server.core.errors import Conflict, JitError, PurposeRequired, TooLarge
from jit_server.evidence import EvidenceItem
from jit_server.evidence.decisions import ask, brief, frame
from jit_server.evidence.redaction.shapes import Refusal
from jit_server.evidence.redaction.words import refusal_words
from jit_server.evidence.usecases.uses import used
from jit_server.evidence.usecases.viewing import Harmful
from jit_server.evidence.viewing.kinds import Shown, how, played_as
from jit_server.evidence.viewing.text import Encoding
from jit_server.evidence.wire import anew, pages
from jit_server.web import headers, purpose
from jit_server.web.api import parse_query
from jit_server.web.context import work
from jit_server.web.pages import show
from jit_server.work import UnitOfWork

ENCODINGS = (("utf-8", "UTF-8"), ("utf-16-le", "UTF-16 LE"), ("utf-16-be", "UTF-16 BE"), ("cp1252", "Windows-1252"))


class ViewQuery(BaseModel):
    """Which part: a page, or of text the byte at which it begins and how it is read."""

    model_config = ConfigDict(extra="forbid")

    page: int = Field(default=1, ge=1, le=100_000)
    first: int = Field(default=0, ge=0, le=2**53 - 1)
    encoding: Encoding | None = None


@pages.shows("/w/<uuid:workspace_id>/evidence/<number>/view", to=Action.EVIDENCE_DOWNLOAD)
def view_evidence(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """See what an exhibit holds. Whoever may take its bytes may look at them; each look is on its record."""
    query = parse_query(ViewQuery)
    with work() as uow:
        item_id = _item(uow, workspace_id, number).id
    try:
        return _viewer(_seen(workspace_id, item_id, query))
    except PurposeRequired:
        return ask(workspace_id, number, "view")


def _item(uow: UnitOfWork, workspace_id: UUID, number: str) -> EvidenceItem:
    item_id = evidence.numbered(uow, workspace_id, number)
    return uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_DOWNLOAD, within=workspace_id)


def _seen(workspace_id: UUID, item_id: UUID, query: ViewQuery) -> dict[str, Any]:
    """What the page shows of it, and that it does."""
    values: dict[str, Any] = {"encodings": ENCODINGS, "refused": "", "pages": 1, "page": query.page}
    nature = None
    try:
        with purpose.work(item_id) as uow:
            nature = evidence.nature_of(uow, item_id)
        values["shown"] = how(nature)
        if values["shown"] is Shown.PAGES:
            drawn = evidence.draw_page(anew(item_id), item_id, query.page)
            values |= {"pages": drawn.pages, "picture": b64encode(drawn.data).decode()}
        elif values["shown"] is Shown.TEXT:
            values["text"] = evidence.read_text(anew(item_id), item_id, query.first, query.encoding)
            values["shown"] = Shown.TEXT if values["text"].plain else Shown.NOT
    except (Conflict, TooLarge) as error:
        values |= {"shown": Shown.NOT, "refused": _words(error)}
    with purpose.work(item_id) as uow:
        item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_DOWNLOAD, within=workspace_id)
        if "picture" not in values and "text" not in values:
            uow.record("evidence:listed", item, **used(uow, item, Action.EVIDENCE_DOWNLOAD))
        said = {"id": str(item.id), "size": item.size, "looked_at": nature is not None, "played_as": played_as(nature)}
        return values | frame(uow, workspace_id) | {"item": brief(item) | said}


def _words(error: JitError) -> str:
    """Why it is not drawn."""
    if isinstance(error, Harmful):
        return str(gettext(error.detail))
    if isinstance(error, TooLarge):
        return str(gettext("It is too large to be shown here."))
    return str(refusal_words(Refusal(error.members.get("reason", Refusal.FAILED))))


def _viewer(values: dict[str, Any]) -> Response:
    """The page. It alone may show pictures that lie in it, and play what comes from here."""
    response = make_response(show("evidence/view.html", **values))
    response.headers["Content-Security-Policy"] = headers.policy(images="data:", media="'self'")
    return response
