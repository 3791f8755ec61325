"""E5: each use of personal data is on the log exactly once, with its operation; a refusal too."""

from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from jit_server import evidence
from jit_server.access import SYSTEM, Action, PartyClass, Role
from jit_server.audit import Verb
from jit_server.evidence.erasure.models import Cause
from jit_server.evidence.usecases import erasing
from jit_server.web.declared import declaration_of
from jit_server.work import House
from tests.access.test_foreign_ids import fill, filled
from tests.builders import Team, World, browser
from tests.evidence.builders import exhibit
from tests.evidence.media import sound
from tests.evidence.test_redactions import photo
from tests.evidence.test_release import acknowledge, let_out, party_of, take
from tests.evidence.test_viewing import looked_at

WITHOUT_DATA = {
    "/api/v1/policy/explain": "rules, no data of a case",
    "/api/v1/workspaces/<uuid:workspace_id>/checkpoint": "a size and a hash",
    "/w/<uuid:workspace_id>/evidence/new": "an empty form",
    "/w/<uuid:workspace_id>/evidence/physical/new": "an empty form",
    "/w/<uuid:workspace_id>/timeline/events/new": "an empty form; of an exhibit it is on record",
    "/api/v1/workspaces/<uuid:workspace_id>/policy/diff": "rules, no data of a case",
    "/w/<uuid:workspace_id>/agreement/draft": "leads on to one's own draft",
    "/w/<uuid:workspace_id>/asks/new": "an empty form about a thing one knows of",
    "/w/<uuid:workspace_id>/emergencies/new": "the same",
    "/w/<uuid:workspace_id>/c": "leads on to a channel",
    "/api/v1/channels/<uuid:channel_id>/draft": "a person's own unsent text is nobody's data but theirs",
    "/api/v1/workspaces/<uuid:workspace_id>/drafts": "the same",
    "/api/v1/uploads/<uuid:upload_id>": "how far one's own upload has come",
    "/api/v1/uploads/<uuid:upload_id>/tus/<uuid:part_id>": "the same of one part",
    "/api/v1/workspaces/<uuid:workspace_id>/room": "two figures",
}
QUERIES = {
    "/proof": "?position=1",
    "/agreement/changes": "?before=1&after=1",
    "/policy/diff": "?before=0&after=1",
    "/who-could": "?thing={item_id}&at=2100-01-01T00:00:00Z",
    "/audit/who-could": "?thing={item_id}",
    "/release/preview": "?to={party_id}",
}
"""What a route must be asked with, by the end of its address; the longest that fits."""
LOOKS = {Verb.CONSULTATION, Verb.DISCLOSURE}


def _entries(engine: Engine, workspace_id: UUID) -> int:
    with engine.connect() as connection:
        statement = text("SELECT coalesce(max(position), 0) FROM audit_entry WHERE log_id = :ws")
        return int(connection.execute(statement, {"ws": workspace_id}).scalar_one())


def _since(engine: Engine, workspace_id: UUID, position: int) -> list[tuple[str, str | None, str]]:
    with engine.connect() as connection:
        statement = text(
            "SELECT event, convert_from(canonical, 'UTF8')::jsonb->>'verb', result FROM audit_entry"
            " WHERE log_id = :ws AND position > :position ORDER BY position"
        )
        return [tuple(row) for row in connection.execute(statement, {"ws": workspace_id, "position": position})]


def _reading_routes(app: Flask) -> list[str]:
    return sorted(
        str(rule)
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or set())
        and (says := declaration_of(app.view_functions[rule.endpoint])) is not None
        and says.kind == "action"
        and str(rule) not in WITHOUT_DATA
    )


def _query(rule: str, ids: dict[str, Any]) -> str:
    fitting = sorted((end for end in QUERIES if rule.endswith(end)), key=len)
    return QUERIES[fitting[-1]].format_map(ids) if fitting else ""


def _let_out(team: Team) -> dict[str, UUID | str]:
    """An exhibit that another party took and acknowledged."""
    item, taker = exhibit(team, team.admin), team.leaders["FR"]
    recipient = let_out(team, item, {"FR": None})
    take(team, taker, item)
    acknowledge(team, taker, item, recipient)
    return {"item_id": item.id, "number": item.number, "recipient_id": recipient, "party_id": party_of(team, taker)}


def _erased(team: Team, house: House) -> dict[str, UUID | str]:
    item = exhibit(team, team.admin)
    with house.work(SYSTEM) as uow:
        erasing.order(uow, item, Cause.AGE)
    return {"item_id": item.id, "number": item.number}


def _opened(team: Team) -> dict[str, UUID | str]:
    """What came as a package of another server, and was asked to be opened."""
    item = exhibit(team, team.admin, file_name="case.asice")
    with team.world.work(team.admin) as uow:
        evidence.open_package(uow, item.id)
    return {"item_id": item.id, "number": item.number}


def test_e5_every_reading_route_leaves_exactly_one_entry(
    app: Flask, house: House, world: World, owner_engine: Engine
) -> None:
    case = filled(world, "mine", classes={"NL": PartyClass.THIRD_COUNTRY})
    reader = browser(app, house, case.team.admin)
    others = {
        "/quarantine/": {"item_id": exhibit(case.team, case.team.leaders["NL"]).id},
        "/release": _let_out(case.team),
        "/erasure": _erased(case.team, house),
        "/opening": _opened(case.team),
        "/media": {"item_id": looked_at(case.team, sound()).id},
        "/pages/": {"item_id": exhibit(case.team, case.team.admin, photo()).id, "page": 1},
    }
    wrong: list[str] = []
    for rule in _reading_routes(app):
        ids = case.ids | next((more for part, more in others.items() if part in rule), {})
        address = fill(rule, ids)
        before = _entries(owner_engine, case.team.id)
        answer = reader.get(address + _query(rule, ids), headers={"Accept": "*/*"})
        answer.get_data()
        answer.close()
        found = [
            verb for _, verb, result in _since(owner_engine, case.team.id, before) if verb in LOOKS and result == "ok"
        ]
        if answer.status_code not in {200, 303} or len(found) != 1:
            wrong.append(f"{rule}: {answer.status_code} {found}")
    assert not wrong, "\n".join(wrong)


def test_e5_every_reading_route_leaves_its_refusal(
    app: Flask, house: House, world: World, owner_engine: Engine
) -> None:
    case = filled(world, "mine")
    watcher = browser(app, house, case.team.join("FR", Role.AUDITOR))
    refused = 0
    for rule in _reading_routes(app):
        before = _entries(owner_engine, case.team.id)
        answer = watcher.get(fill(rule, case.ids))
        if answer.status_code != 403:
            continue
        refused += 1
        assert [event for event, _, _ in _since(owner_engine, case.team.id, before)] == ["access:refused"], rule
    assert refused >= 3


def test_a_refusal_says_who_asked_for_what_under_which_rule(world: World, owner_engine: Engine) -> None:
    case = filled(world, "mine")
    auditor = case.team.join("FR", Role.AUDITOR)
    before = _entries(owner_engine, case.team.id)
    with pytest.raises(Exception, match="does not act"), world.work(auditor) as uow:
        uow.scope(type("T", (), {"workspace_id": None}), to=Action.EVIDENCE_REGISTER, within=case.team.id)
    (event, _verb, result) = _since(owner_engine, case.team.id, before)[0]
    assert (event, result) == ("access:refused", "denied")
