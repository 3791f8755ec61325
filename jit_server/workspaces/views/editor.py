"""The guided editor: task list, one heading a page, check answers; and an agreement's whole text."""

from datetime import date
from typing import Any

from flask_babel import format_date, gettext

from jit_server.access import OUTSIDE, Handling, PartyClass, Phase, Role
from jit_server.core import shapes
from jit_server.work import UnitOfWork
from jit_server.workspaces import checking, headings, wording
from jit_server.workspaces.document import Basis, RetentionProfile
from jit_server.workspaces.headings import HEADINGS, Asked, Heading
from jit_server.workspaces.models import AgreementDraft
from jit_server.workspaces.usecases import naming
from jit_server.workspaces.views.frame import action_words, banner

Options = list[tuple[str, str]]
MISSING = frozenset({shapes.MISSING, shapes.SHORT, shapes.UNCHOSEN})
"""How a missing answer is called by the shapes."""


def tasks(uow: UnitOfWork, found: AgreementDraft) -> dict[str, Any]:
    """The task list of a draft."""
    faults = checking.problems(found.document)
    listed = [_task(one, found.document, faults) for one in HEADINGS]
    return {
        **_frame(uow, found),
        "tasks": listed,
        "done": sum(one["state"] == "done" for one in listed),
        "ready": not faults,
    }


def _frame(uow: UnitOfWork, found: AgreementDraft) -> dict[str, Any]:
    shown = {
        "id": found.id,
        "version": found.version,
        "name": str(found.document.get("name") or ""),
        "amends": found.base_version,
        "updated_at": found.updated_at,
    }
    if found.workspace_id is None:
        return {"draft": shown}
    return {"draft": shown, "workspace": banner(uow, found.workspace_id), "here": "agreement"}


def _task(one: Heading, document: dict[str, Any], faults: list[checking.Fault]) -> dict[str, str]:
    own = [fault for fault in faults if headings.heading_of(fault["field"]) is one]
    begun = any(document.get(field) not in (None, "", [], ()) for field in one.fields)
    untouched = not begun or all(fault["message"] in MISSING for fault in own)
    state = ("todo" if untouched else "mend") if own else "done" if begun else "optional" if one.optional else "todo"
    return {"key": one.key, "title": gettext(one.title), "state": state}


def heading(
    uow: UnitOfWork, found: AgreementDraft, key: str, *, item: int | None = None, typed: dict[str, Any] | None = None
) -> dict[str, Any]:
    """One page of the editor. `typed` is what stood in the form when it was refused."""
    one = headings.BY_KEY[key]
    choices = options(uow, found.document)
    names = naming.names(uow, found.document)
    rows = [row for row in found.document.get(key) or () if isinstance(row, dict)] if one.many else []
    kept = dict(rows[item]) if item is not None and 0 <= item < len(rows) else {} if one.many else found.document
    if "person_id" in kept:
        kept = {**kept, "person_id": names.get(str(kept["person_id"]), "")}
    values = headings.DEFAULTS | dict(kept) if typed is None else typed
    at = HEADINGS.index(one)
    return {
        **_frame(uow, found),
        "heading": {"key": key, "title": gettext(one.title), "help": gettext(one.help), "many": one.many is not None},
        "asks": [_ask(ask, values, choices) for ask in one.asks],
        "rows": [[*_row(one, row, choices, names)] for row in rows],
        "item": item,
        "following": HEADINGS[at + 1].key if at + 1 < len(HEADINGS) else "check",
    }


def _ask(ask: Asked, values: dict[str, Any], choices: dict[str, Options]) -> dict[str, Any]:
    value = values.get(ask.name)
    if ask.kind == "lines":
        value = "\n".join(value) if isinstance(value, (list, tuple)) else value
    if ask.kind == "choices":
        value = [str(each) for each in value or ()]
    offered = choices.get(ask.options, [])
    if ask.kind == "select" and (not ask.required or value in (None, "")):
        offered = [("", gettext("None") if not ask.required else gettext("Choose…")), *offered]
    return {
        "name": ask.name,
        "label": gettext(ask.label),
        "kind": ask.kind,
        "help": gettext(ask.help) if ask.help else None,
        "required": ask.required,
        "maxlength": ask.maxlength,
        "value": "" if value is None else value,
        "options": offered,
    }


def _row(
    one: Heading, row: dict[str, Any], choices: dict[str, Options], names: dict[str, str]
) -> list[tuple[str, str]]:
    """What a thing of a list says, as (question, answer); the first one is its title."""
    return [
        (gettext(ask.label), said)
        for ask in one.asks
        for said in [_said(ask, names.get(str(row.get(ask.name)), row.get(ask.name)), choices)]
        if said
    ]


def _said(ask: Asked, value: Any, choices: dict[str, Options]) -> str:
    words = dict(choices.get(ask.options, []))
    if isinstance(value, bool):
        return gettext("Yes") if value else ""
    if ask.kind == "date" and value:
        return _day(str(value))
    if isinstance(value, (list, tuple)):
        return ", ".join(words.get(str(each), str(each)) for each in value)
    return words.get(str(value), str(value)) if value is not None else ""


def answers(uow: UnitOfWork, found: AgreementDraft) -> dict[str, Any]:
    """Everything on one page, with what still keeps the text from being laid before the parties."""
    faults = checking.problems(found.document)
    return {
        **_frame(uow, found),
        "headings": text(uow, found.document),
        "faults": pointing(faults),
    }


def _day(stated: str) -> str:
    try:
        return str(format_date(date.fromisoformat(stated), "long"))
    except ValueError:  # a draft keeps what was typed
        return stated


def line(found: AgreementDraft) -> dict[str, Any]:
    """A draft in the list of those one is writing."""
    return {"id": found.id, "name": str(found.document.get("name") or ""), "updated_at": found.updated_at}


def pointing(faults: list[checking.Fault]) -> list[checking.Fault]:
    """Faults that point at the cards of their headings."""
    return [_pointing(one) for one in faults]


def told(faults: list[checking.Fault]) -> list[checking.Fault]:
    """Faults of one page, in the reader's words where we have them."""
    missing = gettext("Fill this in.")
    return [{**one, "message": missing, "remedy": ""} if one["message"] in MISSING else one for one in faults]


def _pointing(fault: checking.Fault) -> checking.Fault:
    """The fault, pointing at the card of its heading, and named by it."""
    one = headings.heading_of(fault["field"])
    if one is None:
        return fault
    asked = next((ask for ask in one.asks if ask.name == fault["field"]), None)
    label = gettext(asked.label) if asked is not None else gettext(one.title)
    message = gettext("not filled in yet") if fault["message"] in MISSING else fault["message"]
    return checking.fault(one.key, f"{label}: {message}", "" if message != fault["message"] else fault["remedy"])


def text(uow: UnitOfWork, document: dict[str, Any]) -> list[dict[str, Any]]:
    """A text heading by heading: {key, title, lines [(question, answer)], rows [[(question, answer)]]}."""
    document = {**headings.DEFAULTS, **document}
    choices, names = options(uow, document), naming.names(uow, document)
    found: list[dict[str, Any]] = []
    for one in HEADINGS:
        rows = [row for row in document.get(one.key) or () if isinstance(row, dict)] if one.many else []
        lines = (
            [] if one.many else [(gettext(ask.label), _said(ask, document.get(ask.name), choices)) for ask in one.asks]
        )
        found.append(
            {
                "key": one.key,
                "title": gettext(one.title),
                "lines": lines,
                "rows": [_row(one, row, choices, names) for row in rows],
            }
        )
    return found


def options(uow: UnitOfWork, document: dict[str, Any]) -> dict[str, Options]:
    """What each list offers, given what the draft says so far."""
    known = {slug: f"{state} · {name}" for slug, state, name in naming.agencies(uow)}
    classes = {
        str(one.get("agency")): str(one.get("party_class"))
        for one in document.get("parties") or ()
        if isinstance(one, dict)
    }
    parties = {slug: known.get(slug, slug) for slug in classes}
    home = {PartyClass.MS_AUTHORITY, PartyClass.EPPO}
    rooms = [one for one in document.get("compartments") or () if isinstance(one, dict)]
    return {
        "agencies": list(known.items()),
        "parties": list(parties.items()),
        "bodies": [(slug, words) for slug, words in parties.items() if classes[slug] == PartyClass.EU_BODY],
        "outsiders": [(slug, words) for slug, words in parties.items() if classes[slug] in OUTSIDE],
        "controllers": [(slug, words) for slug, words in parties.items() if classes[slug] in home],
        "compartments": [(str(one.get("key")), str(one.get("name"))) for one in rooms],
        "handlings": [(str(one), str(one)) for one in Handling],
        "ceilings": [(str(one), str(one)) for one in Handling],
        "actions": [(str(one), action_words(one)) for one in headings.GRANTABLE],
        "delegable": [(str(one), action_words(one)) for one in headings.DELEGABLE],
        "effects": [("allow", gettext("Allows")), ("deny", gettext("Forbids"))],
        **_kinds(),
    }


def _kinds() -> dict[str, Options]:
    bases = {
        Basis.ADEQUACY: gettext("Adequacy decision"),
        Basis.SAFEGUARDS: gettext("Appropriate safeguards"),
        Basis.DEROGATION: gettext("Derogation"),
    }
    retentions = {RetentionProfile.TRANSIT: gettext("Transit"), RetentionProfile.REPOSITORY: gettext("Repository")}
    return {
        "bases": [(str(one), words) for one, words in bases.items()],
        "retentions": [(str(one), words) for one, words in retentions.items()],
        "origins": [("own", gettext("own things")), ("partner", gettext("partners' things"))],
        "party_classes": [(str(one), wording.class_words(one)) for one in PartyClass],
        "roles": [(str(one), wording.role_words(one)) for one in Role],
        "phases": [(str(one), wording.phase_words(one)) for one in Phase],
    }
