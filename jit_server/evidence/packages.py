"""HTML doors of a package for court: for whom, on what order and as of when, then the file itself."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from pydantic import ValidationError

from jit_server import audit, evidence
from jit_server.access import Action, Handling
from jit_server.access.purposes import purposes
from jit_server.core.errors import Conflict, Invalid, PurposeRequired, StepUp
from jit_server.evidence import EvidenceItem, NewPackage
from jit_server.evidence.decisions import brief, frame
from jit_server.evidence.wire import package_of, pages
from jit_server.web import purpose
from jit_server.web.api import invalid
from jit_server.web.context import work
from jit_server.web.pages import show
from jit_server.work import UnitOfWork

SHOWN = 20
_SAID = ("recipient", "order", "content", "position", "remarks")
_PURPOSE = ("code", "text", "acknowledged")


@pages.shows("/w/<uuid:workspace_id>/evidence/package", to=Action.EVIDENCE_EXPORT)
def ask_package(workspace_id: UUID) -> ResponseReturnValue:
    """Ask for whom the package is; `number` names the exhibits of a selection, without it the whole case."""
    return _asked(workspace_id, {}, [])


@pages.takes("/w/<uuid:workspace_id>/evidence/package", to=Action.EVIDENCE_EXPORT)
def take_package(workspace_id: UUID) -> ResponseReturnValue:
    """Take the package; what is wrong is shown beside what was typed."""
    sent = {name: value for name, value in request.form.items() if name != "csrf" and value}
    try:
        said = _purpose(sent)
        return package_of(workspace_id, _new(workspace_id, sent), said)
    except Invalid as error:
        return _asked(workspace_id, sent, error.members.get("errors", []))
    except (Conflict, StepUp) as error:
        return _asked(workspace_id, sent, [{"field": "position", "message": gettext(error.detail), "remedy": ""}])
    except PurposeRequired:
        wrong = {"field": "acknowledged", "message": gettext("The conditions are not acknowledged.")}
        return _asked(workspace_id, sent, [wrong | {"remedy": gettext("Read them first.")}])


def _new(workspace_id: UUID, sent: Mapping[str, str]) -> NewPackage:
    with work() as uow:
        items = [item.id for item in evidence.named(uow, workspace_id, request.args.getlist("number"))]
    stated: dict[str, Any] = {name: value for name, value in sent.items() if name not in _PURPOSE}
    try:
        return NewPackage.model_validate(stated | ({"items": items} if items else {}))
    except ValidationError as error:
        raise invalid(error) from error


def _purpose(sent: Mapping[str, str]) -> purpose.Purpose:
    read = sent.get("acknowledged") == "true"
    return purpose.checked(sent.get("code", ""), sent.get("text", "").strip(), acknowledged=read)


def _asked(workspace_id: UUID, typed: Mapping[str, str], errors: list[dict[str, Any]]) -> ResponseReturnValue:
    numbers = request.args.getlist("number")
    with work() as uow:
        items = evidence.named(uow, workspace_id, numbers)
        may = uow.select(EvidenceItem, to=Action.EVIDENCE_EXPORT, within=workspace_id)
        strict = items or uow.all(may.where(EvidenceItem.handling == Handling.H3).limit(SHOWN))
        values = frame(uow, workspace_id) | {
            "items": [brief(item) for item in items[:SHOWN]],
            "total": len(items),
            "head": audit.head(uow.connection, workspace_id).size,
            "conditions": [
                {"number": item.number, "words": evidence.conditions_of(item)}
                for item in strict
                if item.handling == Handling.H3
            ],
            "fresh": _is_fresh(uow),
            "unbased": sorted(item.number for item in _unbased(uow, workspace_id, items)),
        }
        uow.record("evidence:listed", workspace_id=workspace_id)
    return show(
        "evidence/package.html",
        422 if errors else 200,
        typed=dict.fromkeys((*_SAID, *_PURPOSE), "") | dict(typed),
        errors=errors,
        codes=[(code, gettext(sentence)) for code, sentence in purposes().items()],
        step_up="/step-up?" + urlencode({"next": request.full_path.rstrip("?")}),
        **values,
    )


def _unbased(uow: UnitOfWork, workspace_id: UUID, items: list[EvidenceItem]) -> Sequence[EvidenceItem]:
    """Which of them would be refused: the page says so before anything is typed."""
    ids = [item.id for item in items] or None
    return evidence.unbased(uow, workspace_id, ids, Action.EVIDENCE_EXPORT, limit=SHOWN)


def _is_fresh(uow: UnitOfWork) -> bool:
    """Whether the package would be given out now: the page then asks for the sign-in before anything is typed."""
    try:
        uow.require_fresh_sign_in()
    except StepUp:
        return False
    return True
