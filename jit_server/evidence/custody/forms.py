"""HTML doors of single acts: one form for every verb, and the form by which a physical exhibit is taken in."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server import evidence, workspaces
from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid, NotFound
from jit_server.evidence import EvidenceItem, Method, NewAct, NewBasis, NewPhysical
from jit_server.evidence.custody import words
from jit_server.evidence.custody.did import KINDS
from jit_server.evidence.custody.pages import faults
from jit_server.evidence.custody.shapes import Verb
from jit_server.evidence.decisions import brief, frame
from jit_server.evidence.wire import anew, method_words, pages, zones
from jit_server.web import context
from jit_server.web.api import check
from jit_server.web.context import work
from jit_server.web.pages import go, show
from jit_server.work import UnitOfWork

ONE = "/w/<uuid:workspace_id>/evidence/<number>/acts/<verb>"
MOST = 200
NEW = "/w/<uuid:workspace_id>/evidence/physical"
PHYSICAL = ("description", "identifiers", "quantity", "seals", "kept")
DECLARED = (
    *("title", "legal_basis", "method", "collector", "place", "collected_at", "zone"),
    *("handling", "conditions_text", "compartment_id"),
)


@pages.shows(ONE, to=Action.CUSTODY_RECORD)
def ask_act(workspace_id: UUID, number: str, verb: str) -> ResponseReturnValue:
    """What is to be said of something done with an exhibit."""
    with work() as uow:
        item = _item(uow, workspace_id, number, _verb(verb))
        uow.record("evidence:listed", item)
        return _asked(uow, item, _verb(verb), {}, [])


@pages.takes(ONE, to=Action.CUSTODY_RECORD)
def act(workspace_id: UUID, number: str, verb: str) -> ResponseReturnValue:
    """Record it; what is wrong is shown beside what was typed."""
    done = _verb(verb)
    try:
        with work() as uow:
            item = _item(uow, workspace_id, number, done)
            evidence.do(uow, item.id, check(NewAct, {"act": _stated(uow, workspace_id, done)}).act)
    except (Conflict, Invalid) as error:
        with work() as uow:
            item = _item(uow, workspace_id, number, done)
            return _asked(uow, item, done, request.form, _named(error, done))
    return go(f"/w/{workspace_id}/evidence/{number}", gettext("It stands in the chain of custody."))


@pages.shows(f"{NEW}/new", to=Action.EVIDENCE_REGISTER)
def new_physical(workspace_id: UUID) -> ResponseReturnValue:
    """The form of a physical exhibit."""
    with work() as uow:
        uow.get(workspaces.Workspace, workspace_id, to=Action.EVIDENCE_REGISTER)
        return _new(uow, workspace_id, {}, [])


@pages.takes(NEW, to=Action.EVIDENCE_REGISTER)
def register_physical(workspace_id: UUID) -> ResponseReturnValue:
    """Take a physical exhibit in; what is wrong is shown beside what was typed."""
    try:
        sent = {name: value for name, value in request.form.items() if name != "csrf" and value.strip()}
        new = check(NewPhysical, sent | {"seals": _lines(sent.get("seals", ""))})
        item = evidence.register_physical(anew(), workspace_id, new)
    except (Conflict, Invalid) as error:
        with work() as uow:
            return _new(uow, workspace_id, request.form, faults(error, "title"))
    return go(f"/w/{workspace_id}/evidence/{item.number}", gettext("It is registered."))


def _verb(name: str) -> Verb:
    try:
        verb = Verb(name)
    except ValueError:
        raise NotFound from None
    if verb not in KINDS:
        raise NotFound
    return verb


def _item(uow: UnitOfWork, workspace_id: UUID, number: str, verb: Verb) -> EvidenceItem:
    item_id = evidence.numbered(uow, workspace_id, number)
    return uow.get(EvidenceItem, item_id, to=KINDS[verb].action, within=workspace_id)


def _stated(uow: UnitOfWork, workspace_id: UUID, verb: Verb) -> dict[str, Any]:
    """The form's fields as the shape takes them: seals one a line, the photo by its number."""
    said: dict[str, Any] = {name: value for name, value in request.form.items() if name != "csrf" and value.strip()} | {
        "verb": str(verb)
    }
    if "seals" in said:
        said["seals"] = _lines(said["seals"])
    if "photo" in said:
        try:
            said["photo"] = str(evidence.numbered(uow, workspace_id, said["photo"].strip()))
        except NotFound:
            hint = "Write its number as the register shows it."
            raise Invalid.field("act.photo", "is no exhibit that could be its photo", hint) from None
    return said


def _lines(text: str) -> list[str]:
    return [one for one in map(str.strip, text.splitlines()) if one]


def _named(error: Conflict | Invalid, verb: Verb) -> list[dict[str, Any]]:
    """Errors beside the form's fields: `act.seal.seals.0` is about the seals."""
    if isinstance(error, Conflict):
        return faults(error, "said")
    found = []
    for one in error.members["errors"]:
        parts = [part for part in one["field"].split(".") if part not in {"act", str(verb)} and not part.isdecimal()]
        found.append(one | {"field": parts[0] if parts else "said"})
    return found


def _asked(
    uow: UnitOfWork, item: EvidenceItem, verb: Verb, typed: Mapping[str, str], errors: list[dict[str, Any]]
) -> ResponseReturnValue:
    values = frame(uow, item.workspace_id) | {
        "item": brief(item),
        "verb": str(verb),
        "heading": words.verb_words(verb),
        "fields": [
            one | {"value": typed.get(one["name"], "")} | _bases(uow, item, one) for one in words.fields_of(verb)
        ],
        "errors": errors,
    }
    return show("evidence/act.html", 422 if errors else 200, **values)


def _bases(uow: UnitOfWork, item: EvidenceItem, one: Mapping[str, Any]) -> dict[str, Any]:
    """The bases in force that a form offers to end."""
    if one["name"] != "act":
        return {}
    found = evidence.stands(evidence.seen_acts(uow, item)).bases
    return {"options": [(str(act.id), words.line(act.said)) for act in found]}


def _new(
    uow: UnitOfWork, workspace_id: UUID, typed: Mapping[str, str], errors: list[dict[str, Any]]
) -> ResponseReturnValue:
    space = uow.get(workspaces.Workspace, workspace_id, to=Action.WORKSPACE_READ)
    known = {"zone": context.actor().preferences.get("zone", "UTC"), "handling": str(space.default_handling)}
    values = frame(uow, workspace_id) | {
        "typed": dict.fromkeys((*DECLARED, *PHYSICAL), "") | known | dict(typed),
        "errors": errors,
        "methods": [(str(method), method_words(method)) for method in Method],
        "zones": [(zone, zone) for zone in zones()],
        "compartments": [(str(key), name) for key, name in workspaces.compartments(uow, workspace_id)],
    }
    return show("evidence/physical.html", 422 if errors else 200, **values)


# --- one lawful basis for several exhibits

BASIS = "/w/<uuid:workspace_id>/evidence/basis"


@pages.shows(BASIS, to=Action.CUSTODY_DECIDE)
def ask_basis(workspace_id: UUID) -> ResponseReturnValue:
    """The lawful basis of the exhibits named by `number`."""
    with work() as uow:
        uow.record("evidence:listed", workspace_id=workspace_id)
        return _basing(uow, workspace_id, {}, [])


@pages.takes(BASIS, to=Action.CUSTODY_DECIDE)
def record_basis(workspace_id: UUID) -> ResponseReturnValue:
    """Record it on each of them; what is wrong is shown beside what was typed."""
    said = {name: value for name, value in request.form.items() if name not in {"csrf", "like"} and value.strip()}
    like = request.form.get("like")
    try:
        with work() as uow:
            ids = [str(item.id) for item in _named_items(uow, workspace_id)]
            stated = {"items": ids} | ({"like": like} if like else {"basis": said})
            evidence.record_basis(uow, workspace_id, check(NewBasis, stated))
    except (Conflict, Invalid) as error:
        with work() as uow:
            wrong = faults(error, "like")
            if isinstance(error, Invalid):
                wrong = [one | {"field": one["field"].rpartition(".")[2]} for one in error.members["errors"]]
            return _basing(uow, workspace_id, request.form, wrong)
    return go(f"/w/{workspace_id}/evidence", gettext("The lawful basis is recorded."))


def _named_items(uow: UnitOfWork, workspace_id: UUID) -> list[EvidenceItem]:
    return [_item(uow, workspace_id, number, Verb.AUTHORIZE) for number in _numbers()]


def _numbers() -> list[str]:
    """The numbers that the address names; of too many none is left out in silence."""
    numbers = list(dict.fromkeys(request.args.getlist("number")))
    if len(numbers) > MOST:
        raise Invalid.field("number", f"names more than {MOST} exhibits", "Choose fewer at a time.")
    return numbers


def _basing(
    uow: UnitOfWork, workspace_id: UUID, typed: Mapping[str, str], errors: list[dict[str, Any]]
) -> ResponseReturnValue:
    items = _named_items(uow, workspace_id)
    values = frame(uow, workspace_id) | {
        "items": [brief(item) for item in items],
        "known": [(str(act.id), words.line(act.said)) for act in evidence.known_bases(uow, workspace_id)],
        "like": typed.get("like", ""),
        "fields": [one | {"value": typed.get(one["name"], "")} for one in words.fields_of(Verb.AUTHORIZE)],
        "errors": errors,
    }
    return show("evidence/basis.html", 422 if errors else 200, **values)


# --- the same act on several exhibits

SEVERAL = "/w/<uuid:workspace_id>/evidence/several/<verb>"
ON_SEVERAL = frozenset({Verb.HOLD, Verb.ANNOTATE, Verb.STORE, Verb.RESTRICT})
"""Acts that say the same of each."""


@pages.shows(SEVERAL, to=Action.CUSTODY_RECORD)
def ask_several(workspace_id: UUID, verb: str) -> ResponseReturnValue:
    """What is to be said of the exhibits named by `number`."""
    with work() as uow:
        uow.record("evidence:listed", workspace_id=workspace_id)
        return _of_several(uow, workspace_id, _verb(verb), {}, [])


@pages.takes(SEVERAL, to=Action.CUSTODY_RECORD)
def act_on_several(workspace_id: UUID, verb: str) -> ResponseReturnValue:
    """Record it on each of them, or on none: which one it cannot stand on is said."""
    done = _verb(verb)
    try:
        with work() as uow:
            said = check(NewAct, {"act": _stated(uow, workspace_id, done)}).act
            for item in _chosen(uow, workspace_id, done):
                _do(uow, item, said)
    except (Conflict, Invalid) as error:
        with work() as uow:
            return _of_several(uow, workspace_id, done, request.form, _named(error, done))
    return go(f"/w/{workspace_id}/evidence", gettext("It stands in the chain of custody of each."))


def _do(uow: UnitOfWork, item: EvidenceItem, said: Any) -> None:
    try:
        evidence.do(uow, item.id, said)
    except Conflict as error:
        raise Conflict(f"{item.number}: {gettext(error.detail)}") from error


def _chosen(uow: UnitOfWork, workspace_id: UUID, verb: Verb) -> list[EvidenceItem]:
    """Each is there for whoever asks, and for this act; otherwise what refuses it is said, and nothing is done."""
    if verb not in ON_SEVERAL:
        raise NotFound
    return [_item(uow, workspace_id, number, verb) for number in _numbers()]


def _of_several(
    uow: UnitOfWork, workspace_id: UUID, verb: Verb, typed: Mapping[str, str], errors: list[dict[str, Any]]
) -> ResponseReturnValue:
    items = _chosen(uow, workspace_id, verb)
    values = frame(uow, workspace_id) | {
        "items": [brief(item) for item in items],
        "heading": words.verb_words(verb),
        "fields": [one | {"value": typed.get(one["name"], "")} for one in words.fields_of(verb)],
        "errors": errors,
    }
    return show("evidence/several.html", 422 if errors else 200, **values)
