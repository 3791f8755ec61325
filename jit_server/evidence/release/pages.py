"""HTML doors of a release (W9): state it, see it as its recipients will, withdraw it, acknowledge what was taken."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from pydantic import BaseModel, ConfigDict, ValidationError

from jit_server import evidence
from jit_server.access import Action
from jit_server.core.errors import Invalid, JitError, PurposeRequired
from jit_server.evidence import EvidenceItem, NewReceipt, NewRelease, NewWindow
from jit_server.evidence.decisions import ask, brief, frame, item_of
from jit_server.evidence.outside import LONGEST_WINDOW, SHORTEST_WINDOW, Mode
from jit_server.evidence.outward import Withdrawal
from jit_server.evidence.wire import pages
from jit_server.web import purpose
from jit_server.web.api import check, invalid, parse_query
from jit_server.web.context import work
from jit_server.web.pages import form, go, show
from jit_server.work import UnitOfWork

ONE = "/w/<uuid:workspace_id>/evidence/<number>/releases/<uuid:recipient_id>"


class Previewed(BaseModel):
    """Whose eyes a preview borrows, and for which mode."""

    model_config = ConfigDict(extra="forbid")

    to: UUID
    person: UUID | None = None
    mode: Mode = Mode.COPY


@pages.shows("/w/<uuid:workspace_id>/evidence/<number>/release", to=Action.EVIDENCE_RELEASE)
def prepare_release(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """The check before something goes out; it asks for a recent sign-in before anything is filled in."""
    with work() as uow:
        item = item_of(uow, workspace_id, number, Action.EVIDENCE_RELEASE)
        uow.require_fresh_sign_in()
        uow.record("evidence:listed", item)
        values = _release(uow, item, {})
    return show("evidence/release.html", errors=[], **values)


@pages.takes("/w/<uuid:workspace_id>/evidence/<number>/release", to=Action.EVIDENCE_RELEASE)
def release(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """Propose its release to the recipients chosen; a second person approves it."""
    try:
        with work() as uow:
            item = item_of(uow, workspace_id, number, Action.EVIDENCE_RELEASE)
            evidence.propose_release(uow, item.id, _stated_release(request.form))
    except Invalid as error:
        with work() as uow:
            values = _release(uow, item_of(uow, workspace_id, number, Action.EVIDENCE_RELEASE), request.form)
        errors = [_plainly(one) for one in error.members.get("errors", [])]
        return show("evidence/release.html", 422, errors=errors, **values)
    return go(f"/w/{workspace_id}/evidence/{number}", gettext("The release waits for a second person."))


@pages.takes(
    "/w/<uuid:workspace_id>/evidence/<number>/releases/<uuid:recipient_id>/withdraw", to=Action.EVIDENCE_RELEASE
)
def withdraw(workspace_id: UUID, number: str, recipient_id: UUID) -> ResponseReturnValue:
    """Take a release back."""
    said = form(Withdrawal)
    with work() as uow:
        item = item_of(uow, workspace_id, number, Action.EVIDENCE_RELEASE)
        evidence.withdraw(uow, item.id, recipient_id, said.reason)
    return go(f"/w/{workspace_id}/evidence/{number}", gettext("The release is withdrawn."))


def _stated_release(sent: Mapping[str, str]) -> NewRelease:
    chosen = [name.removeprefix("to-") for name in sent if name.startswith("to-")]
    recipients = [
        {"party_id": party}
        | {name: sent[f"{name}-{party}"] for name in (*BASIS, "person_id") if sent.get(f"{name}-{party}")}
        for party in chosen
    ]
    stated = {
        "necessary": "necessary" in sent,
        "compliant": "compliant" in sent,
        "recipients": recipients,
        "mode": sent.get("mode") or Mode.COPY,
        "window_days": _number(sent.get("window_days", "")),
        "reason": sent.get("reason", ""),
        "expires_at": _end_of_day(sent.get("until", "")),
    }
    try:
        return NewRelease.model_validate(stated)
    except ValidationError as error:
        raise invalid(error) from error


def _number(text: str) -> int | str | None:
    """As a form sends a number; what is none is left for the shape to refuse."""
    return int(text) if text.isascii() and text.isdecimal() else text or None


BASIS = ("basis", "article", "document")


def _end_of_day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC)
    except ValueError:
        raise Invalid.field("until", "is no day", "Choose the last day of the release.") from None


def _plainly(one: dict[str, str]) -> dict[str, str]:
    """An error beside the field that the page has for it."""
    names = {"expires_at": "until"}
    field = "recipients" if one["field"].startswith("recipients") else names.get(one["field"], one["field"])
    return one | {"field": field}


def _release(uow: UnitOfWork, item: EvidenceItem, sent: Mapping[str, str]) -> dict[str, Any]:
    outside, people = evidence.outsiders(uow, item.workspace_id), evidence.members_of(uow, item.workspace_id)
    parties = [
        party.model_dump(include={"id", "state", "authority", "party_class"})
        | {"people": [(str(key), name) for key, name in people.get(party.id, [])], "outside": party in outside}
        | {"agreed": dict.fromkeys(BASIS, "") | evidence.agreed_basis(uow, item.workspace_id, party)}
        for party in evidence.partners(uow, item.workspace_id)
        if party.id != item.party_id
    ]
    names = [f"{name}-{party['id']}" for party in parties for name in ("to", "person_id", *BASIS)]
    fixed = ("necessary", "compliant", "mode", "window_days", "reason", "until")
    typed = {name: sent.get(name, "") for name in (*fixed, *names)}
    window = {"shortest": SHORTEST_WINDOW, "longest": LONGEST_WINDOW}
    return frame(uow, item.workspace_id) | {"item": brief(item), "parties": parties, "typed": typed, "window": window}


# --- the hand-over


@pages.takes(f"{ONE}/receipt", to=Action.EVIDENCE_READ)
def acknowledge(workspace_id: UUID, number: str, recipient_id: UUID) -> ResponseReturnValue:
    """Acknowledge what was taken, by the digest of one's own copy."""
    here = f"/w/{workspace_id}/evidence/{number}"
    try:
        with work() as uow:
            item = item_of(uow, workspace_id, number, Action.EVIDENCE_READ)
            evidence.acknowledge(uow, item.id, recipient_id, form(NewReceipt))
    except JitError as error:
        if not isinstance(error, Invalid):
            raise
        return go(here, gettext(WRONG), "danger")
    return go(here, gettext("Acknowledged. The signed receipt is kept with the release."))


WRONG = "That is not the SHA-256 of this exhibit: compute it from the file you keep, or download the file again."


@pages.shows(f"{ONE}/receipt", to=Action.EVIDENCE_READ)
def take_receipt(workspace_id: UUID, number: str, recipient_id: UUID) -> ResponseReturnValue:
    """Take the signed receipt of a hand-over."""
    with work() as uow:
        item = item_of(uow, workspace_id, number, Action.EVIDENCE_READ)
        found = evidence.receipt_of(uow, item.id, recipient_id)
    answer = Response(json.dumps(found, indent=1), mimetype="application/json")
    answer.headers["Content-Disposition"] = evidence.disposition(f"{number}-receipt.json")
    return answer


@pages.takes(f"{ONE}/window", to=Action.EVIDENCE_RELEASE)
def extend(workspace_id: UUID, number: str, recipient_id: UUID) -> ResponseReturnValue:
    """Give a recipient more days to use its ticket."""
    sent = {"days": _number(request.form.get("days", "")), "reason": request.form.get("reason", "")}
    with work() as uow:
        item = item_of(uow, workspace_id, number, Action.EVIDENCE_RELEASE)
        evidence.extend(uow, item.id, recipient_id, check(NewWindow, sent))
    return go(f"/w/{workspace_id}/evidence/{number}", gettext("The time to fetch it is longer now."))


# --- as its recipients will see it


@pages.shows("/w/<uuid:workspace_id>/evidence/<number>/release/preview", to=Action.EVIDENCE_READ)
def preview_release(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """The exhibit's own page as the recipient will see it, before anything goes out."""
    from jit_server.evidence.pages import exhibit_values

    query = parse_query(Previewed)
    with work() as uow:
        item_id = evidence.numbered(uow, workspace_id, number)
    try:
        with purpose.work(item_id) as uow:
            item, _ = evidence.look(uow, item_id)
            party, seen = evidence.preview(
                uow, item, (query.to, query.person), query.mode, lambda theirs: exhibit_values(theirs, item, None)
            )
    except PurposeRequired:
        return ask(workspace_id, number, "look")
    if seen is None:
        return go(f"/w/{workspace_id}/evidence/{number}", gettext("They would see nothing of it."), "warning")
    return show("evidence/preview.html", recipient=f"{party.state} {party.authority}", mode=str(query.mode), **seen)
