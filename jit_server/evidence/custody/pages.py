"""HTML doors of custody: hand an exhibit over, answer a hand-over, and what of it stands on W6, W8 and my day."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server import evidence
from jit_server.access import Action
from jit_server.core.errors import Conflict, Invalid
from jit_server.evidence import Answer, CustodyAct, EvidenceItem, NewHandOver
from jit_server.evidence.custody import words
from jit_server.evidence.custody.did import KINDS
from jit_server.evidence.custody.shapes import Verb
from jit_server.evidence.decisions import brief, frame
from jit_server.evidence.wire import pages
from jit_server.web.api import check
from jit_server.web.context import work
from jit_server.web.pages import go, show
from jit_server.work import UnitOfWork
from jit_server.workspaces import EntryOut, glances

HERE = "/w/<uuid:workspace_id>/evidence/<number>/hand-over"
FIELDS = ("to", "place", "condition", "seals", "remarks", "due_at", "answer", "reason")


@pages.shows(HERE, to=Action.CUSTODY_RECORD)
def ask_hand_over(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """One's own side of a hand-over: to whom, where, in what condition."""
    with work() as uow:
        item = item_of(uow, workspace_id, number)
        uow.record("evidence:listed", item)
        return _asked(uow, item, {}, [])


@pages.takes(HERE, to=Action.CUSTODY_RECORD)
def hand_over(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """Hand it over; what is wrong is shown beside what was typed."""
    sent = _sent()
    party, _, person = sent.pop("to", "").partition("|")
    stated = sent | {"to_party_id": party} | ({"to_person_id": person} if person else {}) | _seals(sent)
    try:
        with work() as uow:
            item = item_of(uow, workspace_id, number)
            evidence.hand_over(uow, item.id, check(NewHandOver, stated | _due(sent)))
    except (Conflict, Invalid) as error:
        with work() as uow:
            typed = {name: request.form.get(name, "") for name in FIELDS}
            return _asked(uow, item_of(uow, workspace_id, number), typed, faults(error, "to"))
    return go(f"/w/{workspace_id}/evidence/{number}", gettext("It waits for the other side to take it over."))


@pages.shows(f"{HERE}/<uuid:act_id>", to=Action.CUSTODY_RECORD)
def ask_answer(workspace_id: UUID, number: str, act_id: UUID) -> ResponseReturnValue:
    """A hand-over that waits, and what one may say to it."""
    with work() as uow:
        item = item_of(uow, workspace_id, number)
        uow.record("evidence:listed", item)
        return _answering(uow, item, act_id, {}, [])


@pages.takes(f"{HERE}/<uuid:act_id>", to=Action.CUSTODY_RECORD)
def answer_hand_over(workspace_id: UUID, number: str, act_id: UUID) -> ResponseReturnValue:
    """Take it over, refuse it, or take it back."""
    sent = _sent()
    try:
        with work() as uow:
            item = item_of(uow, workspace_id, number)
            said = evidence.answer(uow, item.id, act_id, check(Answer, sent | _seals(sent)))
    except (Conflict, Invalid) as error:
        with work() as uow:
            typed = {name: request.form.get(name, "") for name in FIELDS}
            item = item_of(uow, workspace_id, number)
            return _answering(uow, item, act_id, typed, faults(error, "answer"))
    done = {
        "accept": gettext("You have taken it over."),
        "refuse": gettext("The hand-over is refused."),
        "withdraw": gettext("The hand-over is taken back."),
    }
    return go(f"/w/{workspace_id}/evidence/{number}", done[str(said.verb)])


def item_of(uow: UnitOfWork, workspace_id: UUID, number: str) -> EvidenceItem:
    """The exhibit of an address, to record custody of it."""
    item_id = evidence.numbered(uow, workspace_id, number)
    return uow.get(EvidenceItem, item_id, to=Action.CUSTODY_RECORD, within=workspace_id)


def faults(error: Conflict | Invalid, field: str) -> list[dict[str, Any]]:
    """What is wrong, beside the fields that the page has; what is about no field stands beside `field`."""
    if isinstance(error, Conflict):
        return [{"field": field, "message": gettext(error.detail), "remedy": ""}]
    names = {"to_party_id": "to", "to_person_id": "to", "body": field}
    return [one | {"field": names.get(one["field"], one["field"].split(".")[0])} for one in error.members["errors"]]


def _sent() -> dict[str, Any]:
    return {name: value for name, value in request.form.items() if name != "csrf" and value.strip()}


def _seals(sent: Mapping[str, str]) -> dict[str, Any]:
    """One seal a line."""
    return {"seals": [line for line in map(str.strip, sent.get("seals", "").splitlines()) if line]}


def _due(sent: Mapping[str, str]) -> dict[str, Any]:
    """The end of the day that was chosen."""
    if not sent.get("due_at"):
        return {}
    try:
        return {"due_at": datetime.combine(datetime.fromisoformat(sent["due_at"]), time(23, 59, 59), UTC)}
    except ValueError:
        raise Invalid.field("due_at", "is no day", "Choose a day.") from None


def _asked(
    uow: UnitOfWork, item: EvidenceItem, typed: Mapping[str, str], errors: list[dict[str, Any]]
) -> ResponseReturnValue:
    people = evidence.takers(uow, item)
    parties = {one.party_id: f"{one.state}: {one.agency}" for one in people}
    options = [(f"{key}|", gettext("%(party)s, anybody", party=words)) for key, words in parties.items()]
    options += [(f"{one.party_id}|{one.person_id}", f"{one.state}: {one.agency}, {one.name}") for one in people]
    values = frame(uow, item.workspace_id) | {
        "item": brief(item),
        "options": sorted(options, key=lambda option: option[1]),
        "typed": dict.fromkeys(FIELDS, "") | dict(typed),
        "errors": errors,
    }
    return show("evidence/hand-over.html", 422 if errors else 200, **values)


def _answering(
    uow: UnitOfWork, item: EvidenceItem, act_id: UUID, typed: Mapping[str, str], errors: list[dict[str, Any]]
) -> ResponseReturnValue:
    values = frame(uow, item.workspace_id) | {
        "item": brief(item),
        "one": evidence.hand_over_out(uow, item.id, act_id).model_dump(),
        "typed": dict.fromkeys(FIELDS, "") | dict(typed),
        "errors": errors,
    }
    return show("evidence/hand-over-answer.html", 422 if errors else 200, **values)


# --- what other pages show of it


def about(uow: UnitOfWork, item: EvidenceItem) -> dict[str, Any]:
    """What W8 shows of hand-overs, and with whom the exhibit is, for whoever sees its custody."""
    if not uow.permits(Action.CUSTODY_READ, item):
        return {"hand_overs": [], "custodian": None, "acts": [], "stood": None, "verbs": []}
    party, acts = evidence.custodian(uow, item), evidence.seen_acts(uow, item)
    return {
        "acts": acts,
        "stood": stood(evidence.stands(acts)),
        "verbs": _offered(uow, item),
        "hand_overs": [one.model_dump() for one in evidence.hand_overs(uow, item)],
        "custodian": {"state": party.state, "authority": party.authority} if party else None,
    }


def stood(found: evidence.Stands) -> dict[str, Any]:
    """What holds of an exhibit in words: tags for the register too, and facts for its own page."""
    newest = {str(verb): act.said for verb, act in found.newest.items()}
    flags = [
        dict(said) | {"words": words.flag_words(said["flag"])} for said in found.by_forum.get(Verb.FLAG, {}).values()
    ]
    gone = next((name for name in ("destroy", "give_back") if name in newest), None)
    return {
        "physical": found.physical,
        "place": found.place,
        "seals": found.seals,
        "held": newest.get("hold"),
        "restricted": newest.get("restrict"),
        "pre_jit": newest.get("pre_jit"),
        "outside": newest.get("outside"),
        "wanted_back": newest.get("require_return") if gone is None else None,
        "gone": gone,
        "flags": flags,
        "numbers": list(found.by_forum.get(Verb.NUMBER, {}).values()),
        "photos": [number for number, _ in found.photos],
        "bases": [words.line(act.said) for act in found.bases],
    }


def _offered(uow: UnitOfWork, item: EvidenceItem) -> list[list[tuple[str, str]]]:
    """What the reader may record, in groups."""
    may = {verb for verb, kind in KINDS.items() if uow.permits(kind.action, item)}
    groups = [[(str(verb), words.verb_words(verb)) for verb in group if verb in may] for group in words.GROUPS]
    return [group for group in groups if group]


def told(lines: list[dict[str, Any]], entries: Sequence[EntryOut], acts: Iterable[CustodyAct]) -> list[dict[str, Any]]:
    """The lines of a timeline, each with what its act says."""
    said = {str(act.id): words.line(act.said) for act in acts}
    return [one | {"said": said.get(str(entry.facts.get("act")))} for one, entry in zip(lines, entries, strict=True)]


def on_its_way(uow: UnitOfWork, workspace_id: UUID, item_ids: Iterable[UUID]) -> dict[str, Any]:
    """What W6 shows: which of its lines wait to be taken over and where, and what waits for the reader."""
    ids = list(item_ids)
    return {
        "on_its_way": evidence.handed_to(uow, workspace_id, ids),
        "unbased": {item.id for item in evidence.unbased(uow, workspace_id, ids, Action.CUSTODY_READ)},
        "badges": {key: stood(found) for key, found in evidence.badges(uow, workspace_id, ids).items()},
        "handed": [_line(one) for one in evidence.waiting_hand_overs(uow, [workspace_id])],
    }


def _line(one: evidence.Waiting) -> dict[str, Any]:
    number = one.item.number
    return {
        "number": number,
        "title": one.item.title,
        "mine": one.mine,
        "due_at": one.act.due_at,
        "late": one.late,
        "url": f"/w/{one.item.workspace_id}/evidence/{number}/hand-over/{one.act.id}",
    }


@glances.waits
def hand_overs_of_my_day(uow: UnitOfWork, workspace_ids: Mapping[UUID, str]) -> list[dict[str, Any]]:
    """Each open hand-over: what the person may take over, and what their own party waits for."""
    return [
        {
            "kind": "hand_over",
            "title": _words(line, one.mine),
            "sub": workspace_ids[one.item.workspace_id],
            "url": line["url"],
            "at": one.act.due_at,
        }
        for one in evidence.waiting_hand_overs(uow, workspace_ids)
        for line in [_line(one)]
    ]


def _words(line: Mapping[str, Any], mine: str) -> str:
    number = line["number"]
    if mine == "answer":
        late, soon = (
            gettext("%(n)s waits for you to take it over: overdue"),
            gettext("%(n)s waits for you to take it over"),
        )
    else:
        late, soon = (
            gettext("%(n)s was handed over and not taken over: overdue"),
            gettext("%(n)s was handed over and waits"),
        )
    return str((late if line["late"] else soon) % {"n": number})
