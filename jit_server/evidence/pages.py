"""HTML doors of the room: the register (W6), a new exhibit (W7), one exhibit with its chain of custody (W8)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from jit_server import evidence, workspaces
from jit_server.access import OUTSIDE, Action
from jit_server.core.errors import Altered, NotPermitted, PurposeRequired, VaultDown
from jit_server.evidence import (
    EvidenceItem,
    Method,
    alarms,
    packages,  # noqa: F401 - its pages stand on the same blueprint
    timeline,  # noqa: F401 - the same
    verifying,  # noqa: F401 - the same
)
from jit_server.evidence.api import RegisterQuery, place_of, wanted_of
from jit_server.evidence.arrival import pages as arrival_pages
from jit_server.evidence.custody import forms as custody_forms  # noqa: F401 - its pages stand on the same blueprint
from jit_server.evidence.custody import pages as custody_pages
from jit_server.evidence.custody import picture
from jit_server.evidence.decisions import ask, frame, gradings, schemes
from jit_server.evidence.derivation import section as derivation
from jit_server.evidence.erasure import pages as erasure_pages
from jit_server.evidence.markings import code_of
from jit_server.evidence.promotion import pages as promotion_pages  # noqa: F401 - the same
from jit_server.evidence.redaction import pages as redaction
from jit_server.evidence.release import pages as release_pages  # noqa: F401 - its doors stand on the same blueprint
from jit_server.evidence.release import section
from jit_server.evidence.saved import pages as saved_pages
from jit_server.evidence.saved.models import Place
from jit_server.evidence.story import pages as story_pages  # noqa: F401 - the same
from jit_server.evidence.viewing import pages as viewing_pages  # noqa: F401 - the same
from jit_server.evidence.wire import anew, method_words, pages, zones
from jit_server.web import assets, context, cursor, purpose
from jit_server.web.api import parse_query
from jit_server.web.context import work
from jit_server.web.pages import go, show
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import glances, subjects, views
from jit_server.workspaces.compartments import Compartment

VERIFIER = "jit-verify.py"


class PageQuery(RegisterQuery):
    """The register's query; `newer` goes back towards the newest."""

    newer: str | None = None


@pages.shows("/w/<uuid:workspace_id>/evidence", to=Action.EVIDENCE_LIST)
def list_evidence(workspace_id: UUID) -> ResponseReturnValue:
    """The register of exhibits (W6)."""
    query = parse_query(PageQuery)
    wanted = replace(wanted_of(query), before=place_of(query.cursor), after=place_of(query.newer))
    with work() as uow:
        lines, places = evidence.register(uow, workspace_id, wanted)
        known = evidence.known(uow, workspace_id)
        values = frame(uow, workspace_id) | _offered(uow, workspace_id)
        values |= custody_pages.on_its_way(uow, workspace_id, [line.id for line in lines])
        values |= saved_pages.offered(uow, workspace_id, Place.REGISTER)
        values |= erasure_pages.countdown(uow, workspace_id, lines)
        values["waiting"] = evidence.waiting(uow, [workspace_id]).get(workspace_id, 0)
        values["room"] = evidence.room_of_workspace(uow, workspace_id) if "member:invite" in values["may"] else None
    full = len(places) == query.limit
    return show(
        "evidence/list.html",
        items=[line.model_dump() for line in lines],
        filters={
            name: str(getattr(query, name) or "") for name in ("q", "state", "handling", "compartment", "gate", "kind")
        },
        states=list(known),
        total=sum(known.values()),
        older=_turn("cursor", places[-1]) if places and (full or wanted.after is not None) else None,
        newer=_turn("newer", places[0]) if places and (wanted.before is not None or (full and wanted.after)) else None,
        **values,
    )


@pages.shows("/w/<uuid:workspace_id>/evidence/new", to=Action.EVIDENCE_REGISTER)
def new_evidence(workspace_id: UUID) -> ResponseReturnValue:
    """Declare and upload one exhibit (W7)."""
    with work() as uow:
        workspace = uow.get(workspaces.Workspace, workspace_id, to=Action.EVIDENCE_REGISTER)
        values = frame(uow, workspace_id) | _offered(uow, workspace_id)
        values["quarantined"] = values.pop("outside")
        values |= derivation.asked(uow, workspace_id, request.args.get("from", ""))
    return show(
        "evidence/new.html",
        schemes=[(name, [line[:3] for line in codes]) for name, codes in schemes(siena=False)],
        gradings=gradings(),
        default_handling=str(workspace.default_handling),
        methods=[(str(method), method_words(method)) for method in Method],
        zones=zones(),
        zone=context.actor().preferences.get("zone", "UTC"),
        max_bytes=context.house().settings.max_upload_bytes,
        legal_bases=[],
        **values,
    )


@pages.shows("/w/<uuid:workspace_id>/evidence/<number>", to=Action.EVIDENCE_READ)
def read_evidence(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """One exhibit (W8); a restricted one only to whoever said why."""
    with work() as uow:
        item_id = evidence.numbered(uow, workspace_id, number)
    try:
        with purpose.work(item_id) as uow:
            item, custody = evidence.look(uow, item_id)
            values = exhibit_values(uow, item, custody)
    except PurposeRequired:
        return ask(workspace_id, number, "look")
    return show("evidence/item.html", **values)


def exhibit_values(uow: UnitOfWork, item: EvidenceItem, entries: list[workspaces.EntryOut] | None) -> dict[str, Any]:
    """All that the page of one exhibit shows to this actor."""
    shown = evidence.item_out(uow, item).model_dump()
    lumps = evidence.lumps_of(uow, item)
    checked, again = evidence.last_check(uow, item), evidence.stored_check(uow, item)
    values = frame(uow, item.workspace_id) | _about(uow, item) | custody_pages.about(uow, item)
    values |= arrival_pages.about(uow, item)
    values |= section.about(uow, item) | erasure_pages.about(uow, item) | derivation.about(uow, item)
    values |= redaction.about(uow, item)
    values |= {"promoted": evidence.promoted_from(uow, item)}
    values["may"] = {str(action) for action in Action if uow.permits(action, item)}
    lines = views.timeline(entries or [], workspaces.names(uow, item.workspace_id, entries or []))
    values["custody"] = custody_pages.told(lines, entries or [], values.pop("acts"))
    values |= {"picture": picture.drawn(lines), "viewers": picture.viewers(lines)}
    shown |= {"method": method_words(item.method), "version": item.version_id, "locked_until": _locked_until(lumps)}
    before = shown["read_back_at"] or item.registered_at
    shown["read_again_at"] = again.checked_at if again and again.checked_at > before else None
    verifier = assets.asset(VERIFIER) if VERIFIER in assets.manifest() else None
    return values | {"item": shown, "check": alarms.verdict(checked), "verifier": verifier}


@pages.takes("/w/<uuid:workspace_id>/evidence/<number>/verify", to=Action.EVIDENCE_READ)
def verify_evidence(workspace_id: UUID, number: str) -> ResponseReturnValue:
    """Hash the stored bytes again and prove the entry on the log; the page then shows what came of it."""
    with work() as uow:
        item_id = evidence.numbered(uow, workspace_id, number)
    evidence.verify(anew(), item_id)
    return go(f"/w/{workspace_id}/evidence/{number}")


def _offered(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """The compartments of the person's party, and whether what it supplies passes through quarantine."""
    standing = workspaces.standing_of(uow, workspace_id)
    rooms = rows_by_id(uow, Compartment, uow.policy(standing).compartments_of(standing.party_id))
    named = sorted((room.name, str(key)) for key, room in rooms.items() if room.closed_at is None)
    return {
        "compartments": [(key, name) for name, key in named],
        "outside": standing.party_class in OUTSIDE,
    }


def _about(uow: UnitOfWork, item: EvidenceItem) -> dict[str, Any]:
    """Marking and the quarantine's outcome, as the page of an exhibit shows them."""
    decided = evidence.decision_on(uow, item)
    refused = {"reason": decided.reason, "at": decided.decided_at} if decided and decided.gate == "refused" else None
    words = gradings()
    return {
        "sentence": code_of(item.scheme, item.code).sentence,
        "graded": {
            "source": dict(words["source"]).get(item.source_reliability or "", ""),
            "information": dict(words["information"]).get(item.information_accuracy or "", ""),
        },
        "markings": [
            one.model_dump() | {"words": code_of(one.scheme, one.code).words} for one in evidence.markings_of(uow, item)
        ],
        "refusal": refused,
    }


def _turn(name: str, place: int) -> str:
    kept = {key: value for key, value in request.args.items() if key not in {"cursor", "newer"} and value}
    return f"{request.path}?{urlencode({**kept, name: cursor.encode(place)})}"


def _locked_until(lumps: Sequence[evidence.Lump]) -> Any:
    """What the vault itself says now, of the first object; a vault that is down keeps nobody from reading the page."""
    try:
        return context.house().vault.stat(lumps[0].key, lumps[0].version_id).retained_until
    except (VaultDown, Altered):
        return None


@glances.register
def exhibits(uow: UnitOfWork, workspace_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """How many exhibits the person may know of, for the workspace's page only: my day does not show it."""
    if len(workspace_ids) != 1:
        return {}
    (workspace_id,) = workspace_ids
    try:
        return {workspace_id: {"exhibits": sum(evidence.known(uow, workspace_id).values())}}
    except NotPermitted:
        return {}


@glances.waits
def things_to_verify(uow: UnitOfWork, workspace_ids: Mapping[UUID, str]) -> list[dict[str, Any]]:
    """What waits for a space administrator's verification, one line a team."""
    return [
        {
            "kind": "approval",
            "title": ngettext(
                "%(num)d thing waits for your verification.", "%(num)d things wait for your verification.", count
            ),
            "sub": workspace_ids[workspace_id],
            "url": f"/w/{workspace_id}/evidence/quarantine",
            "at": None,
        }
        for workspace_id, count in evidence.waiting(uow, workspace_ids).items()
        if count
    ]


def _named(item: EvidenceItem) -> tuple[str, str]:
    return item.number, f"/w/{item.workspace_id}/evidence/{item.number}"


subjects.register("evidence_item", EvidenceItem, _named)
subjects.register("upload", EvidenceItem, _named)  # an exhibit bears its upload's id
