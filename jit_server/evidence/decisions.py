"""HTML doors where something is decided: the quarantine, a marking, the purpose of a use."""

from typing import Any
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server import evidence, workspaces
from jit_server.access import Action, Handling
from jit_server.access.purposes import purposes
from jit_server.core.errors import Invalid, NotFound, PurposeRequired
from jit_server.evidence import EvidenceItem, Inbound, NewMarking, markings
from jit_server.evidence.markings import SIENA, code_of
from jit_server.evidence.outside import ReleaseCheck, ReleaseRecipient
from jit_server.evidence.wire import bundle_of, content_of, method_words, pages
from jit_server.web import purpose
from jit_server.web.api import check
from jit_server.web.context import work
from jit_server.web.pages import form, go, show
from jit_server.web.purpose import PurposeForm
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import Party, views

NEXT = {"look": "", "download": "/content", "bundle": "/bundle", "redact": "/redact", "view": "/view"}
"""Where the page that asks for the purpose leads on to; nothing else, so it sends nobody elsewhere."""


def frame(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """What every page of the room shows of the workspace."""
    standing = workspaces.standing_of(uow, workspace_id)
    return {"workspace": views.banner(uow, workspace_id), "may": views.may(uow, standing), "here": "evidence"}


def brief(item: EvidenceItem) -> dict[str, str]:
    """What the head of a form says of an exhibit."""
    return {"number": item.number, "title": item.title, "handling": str(item.handling), "marking": item.marking}


def gradings() -> dict[str, list[tuple[str, str]]]:
    """The 4x4 gradings in words."""
    source = {
        "A": gettext("always reliable"),
        "B": gettext("mostly reliable"),
        "C": gettext("mostly unreliable"),
        "X": gettext("cannot be assessed"),
    }
    information = {
        "1": gettext("certain"),
        "2": gettext("known to the source itself"),
        "3": gettext("heard by the source, and corroborated"),
        "4": gettext("heard by the source, and not corroborated"),
    }
    both = {"source": source, "information": information}
    return {name: [(code, f"{code}: {words}") for code, words in grades.items()] for name, grades in both.items()}


def schemes(*, siena: bool) -> list[tuple[str, list[tuple[str, str, str, str]]]]:
    """The codes by scheme, as the forms offer them: value, words, level, sentence."""
    found: dict[str, list[tuple[str, str, str, str]]] = {}
    for one in markings.codes().values():
        if siena or one.scheme != SIENA:
            line = (f"{one.scheme}|{one.code}", one.words, str(one.level), one.sentence)
            found.setdefault(one.scheme, []).append(line)
    return list(found.items())


# --- the quarantine


@pages.shows("/w/<uuid:workspace_id>/evidence/quarantine", to=Action.EVIDENCE_VERIFY_INBOUND)
def list_quarantine(workspace_id: UUID) -> ResponseReturnValue:
    """What waits to be let in, and releases to international courts that wait to go out."""
    with work() as uow:
        values = _quarantine(uow, workspace_id)
    return show("evidence/quarantine.html", errors=[], typed={"reason": ""}, wrong_id=None, **values)


@pages.takes("/w/<uuid:workspace_id>/evidence/quarantine/<uuid:item_id>", to=Action.EVIDENCE_VERIFY_INBOUND)
def verify_inbound(workspace_id: UUID, item_id: UUID) -> ResponseReturnValue:
    """Let it in, or refuse it."""
    try:
        said = form(Inbound)
    except Invalid as error:
        return _decide_again(workspace_id, item_id, error)
    with work() as uow:
        item = evidence.verify_inbound(uow, workspace_id, item_id, said)
    words = gettext("%(number)s is let in.") if said.verified else gettext("%(number)s is refused.")
    return go(f"/w/{workspace_id}/evidence/quarantine", words % {"number": item.number})


@pages.takes("/w/<uuid:workspace_id>/evidence/releases/<uuid:recipient_id>", to=Action.EVIDENCE_VERIFY_INBOUND)
def verify_outbound(workspace_id: UUID, recipient_id: UUID) -> ResponseReturnValue:
    """Let a release to an international court go out, or refuse it."""
    try:
        said = form(Inbound)
    except Invalid as error:
        return _decide_again(workspace_id, recipient_id, error)
    with work() as uow:
        evidence.verify_outbound(uow, workspace_id, recipient_id, said)
    words = gettext("The release is in force.") if said.verified else gettext("The release is refused.")
    return go(f"/w/{workspace_id}/evidence/quarantine", words)


def _decide_again(workspace_id: UUID, wrong_id: UUID, error: Invalid) -> ResponseReturnValue:
    with work() as uow:
        values = _quarantine(uow, workspace_id)
    typed = {"reason": request.form.get("reason", "")}
    errors = error.members.get("errors", [])
    return show("evidence/quarantine.html", 422, errors=errors, typed=typed, wrong_id=wrong_id, **values)


def _quarantine(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    items = [one.model_dump() | {"method": method_words(one.method)} for one in evidence.quarantine(uow, workspace_id)]
    return frame(uow, workspace_id) | {"items": items, "outbound": _outbound(uow, workspace_id)}


def _outbound(uow: UnitOfWork, workspace_id: UUID) -> list[dict[str, Any]]:
    waiting = evidence.waiting_releases(uow, workspace_id)
    items = rows_by_id(uow, EvidenceItem, {one.item_id for one in waiting})
    checks = rows_by_id(uow, ReleaseCheck, {one.check_id for one in waiting})
    parties = rows_by_id(uow, Party, {one.party_id for one in waiting})
    return [_waiting(one, items[one.item_id], checks[one.check_id], parties[one.party_id]) for one in waiting]


def _waiting(one: ReleaseRecipient, item: EvidenceItem, check: ReleaseCheck, party: Party) -> dict[str, Any]:
    said = one.model_dump(include={"id", "basis", "article", "document"})
    about = {"number": item.number, "title": item.title, "reason": check.reason, "expires_at": check.expires_at}
    return said | about | {"state": party.state, "authority": party.authority}


# --- a marking


@pages.shows("/w/<uuid:workspace_id>/evidence/<number>/marking", to=Action.EVIDENCE_REMARK)
def change_marking(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """The form; it asks for a recent sign-in before anything is filled in."""
    with work() as uow:
        item = item_of(uow, workspace_id, number, Action.EVIDENCE_REMARK)
        uow.require_fresh_sign_in()
        uow.record("evidence:listed", item)
        typed = {"marking": f"{item.scheme}|{item.code}", "reason": ""}
        typed |= {name: getattr(item, name) or "" for name in MARKS}
        values = _marking(uow, item)
    return show("evidence/marking.html", errors=[], typed=typed, **values)


@pages.takes("/w/<uuid:workspace_id>/evidence/<number>/marking", to=Action.EVIDENCE_REMARK)
def remark(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """Mark the exhibit anew."""
    sent = {name: request.form.get(name, "") for name in ("marking", "reason", *MARKS)}
    scheme, _, code = sent["marking"].partition("|")
    stated = {name: value for name, value in sent.items() if value and name != "marking"}
    try:
        with work() as uow:
            item = item_of(uow, workspace_id, number, Action.EVIDENCE_REMARK)
            evidence.remark(uow, item.id, check(NewMarking, stated | {"scheme": scheme, "code": code}))
    except Invalid as error:
        with work() as uow:
            values = _marking(uow, item_of(uow, workspace_id, number, Action.EVIDENCE_REMARK))
        return show("evidence/marking.html", 422, errors=error.members.get("errors", []), typed=sent, **values)
    return go(f"/w/{workspace_id}/evidence/{number}", gettext("The marking is changed."))


MARKS = ("source_reliability", "information_accuracy", "conditions_text")


def _marking(uow: UnitOfWork, item: EvidenceItem) -> dict[str, Any]:
    offered = {"schemes": schemes(siena=True), "gradings": gradings()}
    return frame(uow, item.workspace_id) | {"item": brief(item)} | offered


def item_of(uow: UnitOfWork, workspace_id: UUID, number: str, to: Action) -> EvidenceItem:
    """The exhibit with this number, for this action."""
    return uow.get(EvidenceItem, evidence.numbered(uow, workspace_id, number), to=to, within=workspace_id)


# --- the purpose of a use


def ask(workspace_id: UUID, number: str, onward: str) -> ResponseReturnValue:
    """Lead to the page that asks for the purpose, and from there on to where one was going."""
    return go(f"/w/{workspace_id}/evidence/{number}/purpose?next={onward}")


@pages.shows("/w/<uuid:workspace_id>/evidence/<number>/content", to=Action.EVIDENCE_DOWNLOAD)
def download(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """Take the bytes; of a restricted exhibit only with a purpose."""
    with work() as uow:
        item_id = evidence.numbered(uow, workspace_id, number)
    try:
        return content_of(item_id)
    except PurposeRequired:
        return ask(workspace_id, number, "download")


@pages.shows("/w/<uuid:workspace_id>/evidence/<number>/bundle", to=Action.EVIDENCE_EXPORT)
def export(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """Take the bundle; of a restricted exhibit only with a purpose."""
    with work() as uow:
        item_id = evidence.numbered(uow, workspace_id, number)
    try:
        return bundle_of(item_id)
    except PurposeRequired:
        return ask(workspace_id, number, "bundle")


@pages.shows("/w/<uuid:workspace_id>/evidence/<number>/purpose", to=Action.EVIDENCE_READ)
def ask_purpose(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """Ask why the exhibit is used."""
    onward = request.args.get("next", "look")
    with work() as uow:
        item = item_of(uow, workspace_id, number, Action.EVIDENCE_READ)
        uow.record("evidence:listed", item)
        values = _purpose(uow, item, onward)
    return show("evidence/purpose.html", errors=[], typed={"code": "", "text": ""}, **values)


@pages.takes("/w/<uuid:workspace_id>/evidence/<number>/purpose", to=Action.EVIDENCE_READ)
def state_purpose(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """Keep the answer for half an hour and go on."""
    onward = request.form.get("next", "look")
    try:
        with work() as uow:
            item = item_of(uow, workspace_id, number, Action.EVIDENCE_READ)
            purpose.remember(uow, workspace_id, item.id, _answer(item))
    except Invalid as error:
        with work() as uow:
            values = _purpose(uow, item_of(uow, workspace_id, number, Action.EVIDENCE_READ), onward)
        typed = {name: request.form.get(name, "") for name in ("code", "text")}
        return show("evidence/purpose.html", 422, errors=error.members.get("errors", []), typed=typed, **values)
    return go(f"/w/{workspace_id}/evidence/{number}{_known(onward)}")


def _answer(item: EvidenceItem) -> purpose.Purpose:
    sent = {name: value for name, value in request.form.items() if name not in {"csrf", "next"} and value}
    said = check(PurposeForm, sent)
    if item.handling == Handling.H3 and not said.acknowledged:
        raise Invalid.field("acknowledged", "The conditions are not acknowledged.", "Read them first.")
    return purpose.checked(said.code, said.text, acknowledged=said.acknowledged)


def _known(onward: str) -> str:
    if onward not in NEXT:
        raise NotFound
    return NEXT[onward]


def _purpose(uow: UnitOfWork, item: EvidenceItem, onward: str) -> dict[str, Any]:
    _known(onward)
    return frame(uow, item.workspace_id) | {
        "item": brief(item),
        "sentence": code_of(item.scheme, item.code).sentence,
        "conditions": evidence.conditions_of(item) if item.handling == Handling.H3 else None,
        "codes": [(code, gettext(sentence)) for code, sentence in purposes().items()],
        "next": onward,
    }
