"""HTML doors of an agency's sign-in (A3): its issuers, whether they answer, what their claims mean, and a live test."""

import json
from typing import Any
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from pydantic import BaseModel

from jit_server.core.errors import Conflict, Invalid, JitError, Unavailable
from jit_server.identity import credentials, discovery, doors, scim
from jit_server.identity.models import ALGORITHMS, AuthMethod, Issuer, Profile
from jit_server.identity.office.frame import frame, pages
from jit_server.identity.shapes import AddedIssuer, ChangedIssuer, ClaimMap
from jit_server.identity.usecases import issuers, staffing, ways
from jit_server.identity.usecases.administering import administered_agency, seen_agency
from jit_server.web.api import check
from jit_server.web.context import house, work
from jit_server.web.declared import administers
from jit_server.web.pages import go, show
from jit_server.web.problems import in_words
from jit_server.work import UnitOfWork

LISTS = ("acr_accepted", "amr_required", "step_up_acr")
GROUPS = ("required_groups", "admin_groups", "auditor_groups")
NAMES = ("name", "email", "locale", "zone", "groups")


class Tested(BaseModel):
    """Which test to show, and whether to ask the issuer now what it says about itself."""

    test: UUID | None = None
    look: bool = False


@pages.shows("/agency/identity", to=administers("the issuers of one's own agency"))
def sign_in() -> ResponseReturnValue:
    """The agency's issuers (A3)."""
    with work() as uow:
        values = frame(uow, "identity", loosens=True)
        found = issuers.of_agency(uow, seen_agency(uow).slug)
        tokens = scim.list_tokens(uow) if values["may_change"] else []
        now = uow.now
    values |= {
        "live": [one for one in found if one.retired_at is None],
        "tokens": [one for one in tokens if one.revoked_at is None and one.expires_at > now],
        "directory": f"{house().settings.base_url.rstrip('/')}/scim/v2",
    }
    return show("agency/identity.html", retired=[one for one in found if one.retired_at], **values)


@pages.shows("/agency/identity/new", to=administers("the issuers of one's own agency"))
def new_issuer() -> ResponseReturnValue:
    """One more issuer: what to fill in."""
    return _new()


@pages.takes("/agency/identity/new", to=administers("the issuers of one's own agency"))
def add_issuer() -> ResponseReturnValue:
    """Take one more issuer in."""
    try:
        stated = check(
            AddedIssuer, _stated() | {"url": request.form.get("url", ""), "key": request.form.get("key", "")}
        )
        with work() as uow:
            made = issuers.add(uow, administered_agency(uow).slug, stated)
    except (Invalid, Conflict) as error:
        return _new(error)
    return go(f"/agency/identity/{made.id}?look=true", gettext("The identity provider is registered. Try it now."))


@pages.shows("/agency/identity/<uuid:issuer_id>", to=administers("the issuers of one's own agency"))
def issuer(issuer_id: UUID) -> ResponseReturnValue:
    """One issuer: its registration, what it says about itself, what a test showed."""
    return _issuer(issuer_id)


@pages.takes("/agency/identity/<uuid:issuer_id>", to=administers("the issuers of one's own agency"))
def change_issuer(issuer_id: UUID) -> ResponseReturnValue:
    """State anew what an issuer must assert."""
    try:
        stated = check(ChangedIssuer, _stated() | {"new_key": request.form.get("new_key") == "on"})
        with work() as uow:
            issuers.change(uow, issuer_id, stated)
    except Invalid as error:
        return _issuer(issuer_id, error)
    return go(f"/agency/identity/{issuer_id}", gettext("The registration has changed. Sessions that exist go on."))


@pages.shows("/agency/identity/<uuid:issuer_id>/test", to=administers("the issuers of one's own agency"))
def test_issuer(issuer_id: UUID) -> ResponseReturnValue:
    """Send the browser to the issuer for a test: nobody is signed in by it."""
    with work() as uow:
        way = issuers.way(uow, issuer_id)
    back = f"/agency/identity/{issuer_id}?test={{test}}"
    try:
        return doors.depart(way, lambda uow, browser: issuers.begin_test(uow, way, browser, back))
    except Unavailable as error:
        return _issuer(issuer_id, error)


@pages.takes("/agency/identity/<uuid:issuer_id>/retire", to=administers("the issuers of one's own agency"))
def retire_issuer(issuer_id: UUID) -> ResponseReturnValue:
    """End trust in an issuer."""
    try:
        with work() as uow:
            issuers.retire(uow, issuer_id)
    except Conflict as error:
        return _issuer(issuer_id, error)
    return go("/agency/identity", gettext("The identity provider is retired; the sessions begun there have ended."))


@pages.shows("/agency/identity/end-sessions", to=administers("every session of one's own agency"))
def ask_to_end_all() -> ResponseReturnValue:
    """What it means to end every session of the agency, before it is done."""
    with work() as uow:
        administered_agency(uow)
        values = frame(uow, "identity")
    return show("agency/end_sessions.html", **values)


@pages.takes("/agency/identity/end-sessions", to=administers("every session of one's own agency"))
def end_all() -> ResponseReturnValue:
    """End every session of the agency, one's own too."""
    with work() as uow:
        staffing.end_everything(uow)
    return go("/login", gettext("Every session of your agency has ended, yours too. Sign in again."))


def _new(problem: JitError | None = None) -> ResponseReturnValue:
    with work() as uow:
        administered_agency(uow)
        values = frame(uow, "identity", loosens=True)
    typed = _typed() if problem else _shown(None) | {"url": "", "key": ""}
    values |= {"values": typed, "errors": _errors(problem), "problem": _words(problem), "algorithms": ALGORITHMS}
    return show("agency/issuer_new.html", problem.status if problem else 200, **values)


def _issuer(issuer_id: UUID, problem: JitError | None = None) -> ResponseReturnValue:
    asked = check(Tested, {name: request.args[name] for name in ("test", "look") if name in request.args})
    with work() as uow:
        values = frame(uow, "identity", loosens=True)
        found = _found(uow, issuer_id)
        test = issuers.test_result(uow, asked.test) if asked.test else None
        way = ways.way_of(uow, seen_agency(uow), found)
    looked: Any = None
    if asked.look:
        looked = discovery.look(way.client, loopback=house().settings.oidc_allow_loopback, source=way.source)
        looked = [{"state": one.state, "words": gettext(one.words, **one.values)} for one in looked]
    values |= {
        "issuer": found,
        "redirect": way.client.redirect_uri,
        "key": _public(found),
        "looked": looked,
        "test": test,
        "claims": json.dumps(test.claims, indent=2, ensure_ascii=False, default=str) if test and test.claims else None,
        "values": _typed() if problem and request.method == "POST" else _shown(found),
        "errors": _errors(problem),
        "problem": _words(problem),
        "algorithms": ALGORITHMS,
    }
    return show("agency/issuer.html", problem.status if problem else 200, **values)


def _found(uow: UnitOfWork, issuer_id: UUID) -> Issuer:
    """An issuer of the reader's own agency, for administrators and auditors alike."""
    for one in issuers.of_agency(uow, seen_agency(uow).slug):
        if one.id == issuer_id and one.retired_at is None:
            return one
    return issuers.issuer(uow, issuer_id)[1]


def _public(found: Issuer) -> str | None:
    if found.auth_method is not AuthMethod.PRIVATE_KEY_JWT:
        return None
    try:
        return json.dumps({"keys": [credentials.public_jwk(found)]}, indent=2)
    except Unavailable:
        return None


def _stated() -> dict[str, Any]:
    """The form as the shape reads it: lists are words between spaces, groups one a line."""
    fields = request.form
    claims: dict[str, Any] = {name: fields.get(f"claims.{name}", "").strip() for name in NAMES}
    claims |= {
        name: [one.strip() for one in fields.get(f"claims.{name}", "").splitlines() if one.strip()] for name in GROUPS
    }
    return {
        "client_id": fields.get("client_id", ""),
        "label": fields.get("label", ""),
        "algorithms": fields.getlist("algorithms"),
        "profile": fields.get("profile", Profile.OIDC),
        "jwks_ttl": fields.get("jwks_ttl", ""),
        "claims": claims,
    } | {name: fields.get(name, "").split() for name in LISTS}


def _typed() -> dict[str, Any]:
    typed: dict[str, Any] = request.form.to_dict()
    return typed | {"algorithms": request.form.getlist("algorithms")}


def _shown(found: Issuer | None) -> dict[str, Any]:
    """A registration as the form's fields."""
    if found is None:
        plain: dict[str, Any] = AddedIssuer(url="https://issuer.example", client_id="-").model_dump(mode="json")
        plain |= {"client_id": ""}
    else:
        plain = found.model_dump(include=set(ChangedIssuer.model_fields) - {"new_key"}, mode="json")
    claims = ClaimMap.model_validate(plain.pop("claims"))
    shown = plain | {name: " ".join(plain[name]) for name in LISTS}
    shown |= {f"claims.{name}": getattr(claims, name) for name in NAMES}
    return shown | {f"claims.{name}": "\n".join(getattr(claims, name)) for name in GROUPS}


def _errors(problem: JitError | None) -> list[dict[str, str]]:
    if problem is None:
        return []
    found: list[dict[str, str]] = problem.members.get("errors", [])
    return [one | {"field": _field(one["field"])} for one in found]


def _field(name: str) -> str:
    """The form's field behind a name of the shape: `acr_accepted.0` is one word of `acr_accepted`."""
    parts = name.split(".")
    return ".".join(part for part in parts if not part.isdigit())


def _words(problem: JitError | None) -> str | None:
    return in_words(problem.problem())["detail"] if problem and not problem.members.get("errors") else None
