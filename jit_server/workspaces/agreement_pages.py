"""HTML doors of the agreement: writing it (task list, one heading a page, check answers), signing, leaving."""

from typing import Any
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server import workspaces
from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid, JitError, Outdated
from jit_server.web.context import work
from jit_server.web.declared import own
from jit_server.web.pages import form, go, show
from jit_server.work import UnitOfWork
from jit_server.workspaces import glances
from jit_server.workspaces.headings import Heading
from jit_server.workspaces.pages import SignForm, pages
from jit_server.workspaces.usecases import drafting, editing, entering
from jit_server.workspaces.views import editor, versions

MINE = own("only the author of a first draft, or leaders of the workspace whose agreement it amends")
glances.waits(versions.lines)
NAMED = own("members who may sign, and leaders whom the text that waits brings in")


@pages.shows("/agreements/new", to=own("only the drafts one is writing"))
def new_agreement() -> ResponseReturnValue:
    """The agreements one is writing, and the beginning of another."""
    with work() as uow:
        found = [editor.line(one) for one in drafting.drafts(uow)]
    return show("workspaces/drafts.html", drafts=found)


@pages.takes("/agreements/new", to=own("a draft binds nobody and only its author sees it"))
def begin_agreement() -> ResponseReturnValue:
    """Begin to write an agreement."""
    with work() as uow:
        made = drafting.begin(uow, drafting.NewDraft())
    return go(f"/agreements/{made.id}")


@pages.shows("/w/<uuid:workspace_id>/agreement/draft", to=Action.AGREEMENT_AMEND)
def open_amendment(workspace_id: UUID) -> ResponseReturnValue:
    """The amendment that is being written, if one is."""
    with work() as uow:
        found = drafting.draft_of(uow, workspace_id)
    return go(f"/agreements/{found.id}" if found is not None else f"/w/{workspace_id}/agreement")


@pages.takes("/w/<uuid:workspace_id>/agreement/draft", to=Action.AGREEMENT_AMEND)
def begin_amendment(workspace_id: UUID) -> ResponseReturnValue:
    """Begin to write an amendment, or go on with the one that is being written."""
    with work() as uow:
        made = drafting.begin(uow, drafting.NewDraft(workspace_id=workspace_id))
    return go(f"/agreements/{made.id}")


@pages.shows("/agreements/<uuid:draft_id>", to=MINE)
def show_draft(draft_id: UUID) -> ResponseReturnValue:
    """The task list of a draft."""
    with work() as uow:
        values = editor.tasks(uow, drafting.draft(uow, draft_id))
    return show("workspaces/draft.html", **values)


@pages.shows("/agreements/<uuid:draft_id>/check", to=MINE)
def check_draft(draft_id: UUID) -> ResponseReturnValue:
    """Everything on one page before it is laid before the parties."""
    with work() as uow:
        values = editor.answers(uow, drafting.draft(uow, draft_id))
    return show("workspaces/answers.html", **values)


@pages.takes("/agreements/<uuid:draft_id>/check", to=MINE)
def lay_draft(draft_id: UUID) -> ResponseReturnValue:
    """Lay the draft before its parties."""
    try:
        with work() as uow:
            laid = drafting.lay(uow, draft_id, version=_version())
    except (Invalid, Outdated, Conflict) as error:
        with work() as uow:
            values = editor.answers(uow, drafting.draft(uow, draft_id))
        errors = values["faults"] or editor.pointing(error.members.get("errors", [])) or [_said(error)]
        return show("workspaces/answers.html", error.status, **values | {"faults": errors})
    return go(f"/w/{laid.workspace_id}/agreement", gettext("The text now lies before the parties."))


@pages.takes("/agreements/<uuid:draft_id>/discard", to=MINE)
def discard_draft(draft_id: UUID) -> ResponseReturnValue:
    """Give a draft up."""
    with work() as uow:
        found = drafting.draft(uow, draft_id)
        drafting.discard(uow, draft_id)
    where = f"/w/{found.workspace_id}/agreement" if found.workspace_id else "/agreements/new"
    return go(where, gettext("The draft is gone."))


@pages.shows("/agreements/<uuid:draft_id>/<key>", to=MINE)
def show_heading(draft_id: UUID, key: str) -> ResponseReturnValue:
    """One page of the editor."""
    editing.heading(key)
    with work() as uow:
        values = editor.heading(uow, drafting.draft(uow, draft_id), key, item=_number(request.args.get("item")))
    return show("workspaces/heading.html", errors=[], **values)


@pages.takes("/agreements/<uuid:draft_id>/<key>", to=MINE)
def save_heading(draft_id: UUID, key: str) -> ResponseReturnValue:
    """Keep one page of the editor, and lead on to the next."""
    one, item = editing.heading(key), _number(request.form.get("item"))
    typed = _typed(one)
    try:
        with work() as uow:
            if request.form.get("do") == "remove":
                editing.take_out(uow, draft_id, key, -1 if item is None else item, version=_version())
                errors: list[dict[str, str]] = []
            elif one.many is not None:
                editing.put(uow, draft_id, key, typed, item=item, version=_version())
                errors = []
            else:
                errors = editing.wrong(editing.answer(uow, draft_id, key, typed, version=_version()), key)
    except (Invalid, Outdated) as error:
        return _again(draft_id, key, item, typed, error.members.get("errors") or [_said(error)], error.status)
    if errors:
        return _again(draft_id, key, item, typed, errors, 422)
    if one.many is not None:
        return go(f"/agreements/{draft_id}/{key}", gettext("Saved."))
    return go(f"/agreements/{draft_id}", gettext("Saved."))


def _again(
    draft_id: UUID, key: str, item: int | None, typed: dict[str, Any], errors: list[dict[str, str]], status: int
) -> ResponseReturnValue:
    with work() as uow:
        values = editor.heading(uow, drafting.draft(uow, draft_id), key, item=item, typed=typed)
    return show("workspaces/heading.html", status, errors=editor.told(errors), **values)


def _said(error: JitError) -> dict[str, str]:
    return {"field": "main", "message": gettext(error.detail), "remedy": ""}


def _typed(one: Heading) -> dict[str, Any]:
    """What stands in the form, by question."""
    found: dict[str, Any] = {}
    for ask in one.asks:
        stated = request.form.get(ask.name, "").strip()
        if ask.kind == "choices":
            found[ask.name] = request.form.getlist(ask.name)
        elif ask.kind == "lines":
            found[ask.name] = [line.strip() for line in stated.splitlines() if line.strip()]
        elif ask.kind == "tick":
            found[ask.name] = stated == "on" or None
        else:
            found[ask.name] = stated.replace("\r\n", "\n")
    return found


def _version() -> int:
    return _number(request.form.get("version")) or 0


def _number(word: str | None) -> int | None:
    return int(word) if word and word.isascii() and word.isdigit() and len(word) < 9 else None  # noqa: PLR2004


@pages.shows("/w/<uuid:workspace_id>/agreement/sign", to=NAMED)
def read_to_sign(workspace_id: UUID) -> ResponseReturnValue:
    """The text that waits for the signature, what it changes, and what is signed."""
    with work() as uow:
        values = versions.to_sign(uow, workspace_id)
    return show("workspaces/sign.html", errors=[], **values)


@pages.takes("/w/<uuid:workspace_id>/agreement/sign", to=NAMED)
def sign_agreement(workspace_id: UUID) -> ResponseReturnValue:
    """Sign for one's own party."""
    try:
        signed = form(SignForm)
    except Invalid as error:
        with work() as uow:
            values = versions.to_sign(uow, workspace_id)
        return show("workspaces/sign.html", 422, errors=error.members["errors"], **values)
    with work() as uow:
        workspaces.sign(uow, workspace_id, workspaces.Signing(digest=signed.digest, qualified=signed.qualified))
        onward = _onward(uow, workspace_id)
    return go(onward, gettext("Signed for your party."))


def _onward(uow: UnitOfWork, workspace_id: UUID) -> str:
    """Where a signature leads: to the text, to the way in where it was the last one, or home until it binds."""
    if uow.standing(workspace_id) is not None:
        return f"/w/{workspace_id}/agreement"
    invited = any(one.workspace_id == workspace_id for one in entering.invitations(uow))
    return f"/w/{workspace_id}/enter" if invited else "/"


@pages.takes("/w/<uuid:workspace_id>/agreement/withdraw", to=Action.AGREEMENT_AMEND)
def withdraw_agreement(workspace_id: UUID) -> ResponseReturnValue:
    """Take back a text that one's own party laid before the others."""
    reason = form(workspaces.End)
    with work() as uow:
        workspaces.withdraw(uow, workspace_id, reason)
    return go(f"/w/{workspace_id}/agreement", gettext("The text is withdrawn."))


@pages.takes("/w/<uuid:workspace_id>/agreement/leave", to=Action.AGREEMENT_SIGN)
def leave_agreement(workspace_id: UUID) -> ResponseReturnValue:
    """Leave the agreement by notice."""
    reason = form(workspaces.End)
    with work() as uow:
        workspaces.leave(uow, workspace_id, reason)
    return go("/", gettext("Your party has left. Its people no longer have access."))
