"""What one page of the guided editor does to a draft: its answers in, a thing of a list added, changed or taken out."""

from datetime import date
from typing import Any
from uuid import UUID

from jit_server.core import shapes
from jit_server.core.errors import Invalid, NotFound
from jit_server.work import UnitOfWork
from jit_server.workspaces import checking
from jit_server.workspaces.headings import BY_KEY, Heading, heading_of
from jit_server.workspaces.models import AgreementDraft
from jit_server.workspaces.usecases import naming
from jit_server.workspaces.usecases.drafting import DraftText, draft, save

Typed = dict[str, Any]


def heading(key: str) -> Heading:
    """The page of this name.

    Raises:
        NotFound: there is none.
    """
    found = BY_KEY.get(key)
    if found is None:
        raise NotFound
    return found


def answer(uow: UnitOfWork, draft_id: UUID, key: str, typed: Typed, *, version: int) -> AgreementDraft:
    """Keep the answers of a page, wrong ones too: what was typed is never lost."""
    one, found = heading(key), draft(uow, draft_id)
    document = {name: value for name, value in found.document.items() if name not in one.fields}
    document |= {name: value for name, value in typed.items() if value not in ("", None, [])}
    return save(uow, draft_id, DraftText(document=document), version=version)


def wrong(found: AgreementDraft, key: str) -> list[checking.Fault]:
    """Which answers of a page are wrong; what is merely missing may wait."""
    one, document = heading(key), found.document
    stated = {name for name in one.fields if name in document}
    faults = [
        fault
        for fault in checking.problems(document)
        if heading_of(fault["field"]) is one and fault["field"].partition(".")[0] in stated
    ]
    if {"period_from", "period_to"} <= stated and _backwards(document):
        faults.append(checking.fault("period_to", "lies before the first day", "A team has a term."))
    return faults


def _backwards(document: Typed) -> bool:
    try:
        return date.fromisoformat(document["period_to"]) < date.fromisoformat(document["period_from"])
    except (TypeError, ValueError):
        return False


def put(uow: UnitOfWork, draft_id: UUID, key: str, typed: Typed, *, item: int | None, version: int) -> AgreementDraft:
    """Add a thing to a list, or put it in the place of another.

    Raises:
        Invalid: it is not whole; nothing was kept.
    """
    one, found = heading(key), draft(uow, draft_id)
    shape = one.many
    if shape is None:
        raise NotFound
    stated = {name: value for name, value in typed.items() if value not in ("", None, [])}
    faults = checking.misshapen(shape, {**stated, **_placeholder(stated)})
    faults += _unanswered(one, stated, faults)
    asked = [ask.name for ask in one.asks]
    faults.sort(key=lambda each: asked.index(each["field"]) if each["field"] in asked else 0)
    if faults:
        raise Invalid("; ".join(f"{each['field']}: {each['message']}" for each in faults[:3]), errors=faults)
    if "person_id" in stated:
        stated["person_id"] = str(naming.person(uow, stated["agency"], stated["person_id"]))
    rows = _rows(found, key)
    if item is not None and 0 <= item < len(rows):
        rows[item] = stated
    else:
        rows.append(stated)
    return save(uow, draft_id, DraftText(document={**found.document, key: rows}), version=version)


def _unanswered(one: Heading, stated: Typed, faults: list[checking.Fault]) -> list[checking.Fault]:
    """What must be answered and was left open, even where the shape would do without: nobody signs a default unseen."""
    known = {fault["field"].partition(".")[0] for fault in faults}
    open_ = (ask.name for ask in one.asks if ask.required and ask.name not in stated and ask.name not in known)
    return [checking.fault(name, shapes.MISSING) for name in open_]


def _placeholder(stated: Typed) -> Typed:
    """A person is typed by name; the shape wants the id that the name will lead to."""
    return {"person_id": str(UUID(int=0))} if stated.get("person_id") else {}


def take_out(uow: UnitOfWork, draft_id: UUID, key: str, item: int, *, version: int) -> AgreementDraft:
    """Take a thing out of a list."""
    one, found = heading(key), draft(uow, draft_id)
    rows = _rows(found, key)
    if one.many is None or not 0 <= item < len(rows):
        raise NotFound
    del rows[item]
    return save(uow, draft_id, DraftText(document={**found.document, key: rows}), version=version)


def _rows(found: AgreementDraft, key: str) -> list[Any]:
    rows = found.document.get(key)
    return list(rows) if isinstance(rows, list) else []
