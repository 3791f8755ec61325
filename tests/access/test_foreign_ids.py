"""A2: an actor of one workspace sends another one's ids everywhere; nothing of it comes back and nothing changes."""

import json
import logging
import random
import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from jit_server import consents, evidence, messaging, workspaces
from jit_server.access import Action, Phase
from jit_server.work import House
from tests.builders import Team, World, browser

REQUESTS = 2_000
SKIPPED = ("/login", "/logout", "/csp-report", "/assets", "/metrics")


@dataclass
class Secret:
    """A workspace in which every text holds the canary, and the ids of all that is in it."""

    team: Team
    canary: str
    ids: dict[str, UUID] = field(default_factory=dict)


def filled(world: World, canary: str, **changes: Any) -> Secret:
    team = world.workspace(**changes)
    secret = Secret(team, canary)
    with world.work(team.admin) as uow:
        channel = messaging.create_channel(uow, team.id, messaging.NewChannel(name=f"Channel {canary}"))
        secret.ids["channel_id"] = channel.id
    with world.work(team.admin) as uow:
        new = messaging.NewMessage(
            channel_id=secret.ids["channel_id"], topic=f"Topic {canary}", text=f"Text {canary}", client_id=uuid4().hex
        )
        secret.ids["message_id"] = messaging.post(uow, new).id
    secret.ids["workspace_id"] = team.id
    secret.ids["member_id"] = next(iter(team.members.values()), uuid4())
    secret.ids["item_id"] = _exhibit(world, team, canary)
    secret.ids["evidence_id"] = secret.ids["upload_id"] = secret.ids["item_id"]
    _dealings(world, secret)
    return secret


def _dealings(world: World, secret: Secret) -> None:
    """An ask and an act of two people, each with the canary in its reason."""
    team, thing = secret.team, {"subject_kind": "evidence_item", "subject_id": secret.ids["item_id"]}
    said = {"actions": [Action.EVIDENCE_EXPORT], "purpose": "trial", "purpose_text": f"Purpose {secret.canary}"}
    with world.work(team.leaders["FR"]) as uow:
        secret.ids["ask_id"] = consents.ask(uow, team.id, consents.NewAsk.model_validate({**thing, **said})).id
    with world.work(team.admin) as uow:
        closing = consents.Closing(phase=Phase.POST_OPERATIONAL, reason=f"Reason {secret.canary}")
        secret.ids["approval_id"] = consents.propose_closing(uow, team.id, closing).id


def _exhibit(world: World, team: Team, canary: str) -> UUID:
    content = f"content {canary}".encode()
    new = evidence.NewUpload.model_validate(
        {
            "title": f"Exhibit {canary}",
            "legal_basis": f"Order {canary}",
            "method": "seizure",
            "collector": f"Officer {canary}",
            "place": f"Street {canary}",
            "collected_at": "2026-11-01T10:00:00+01:00",
            "zone": "Europe/Berlin",
            "file_name": f"{canary}.bin",
            "size": len(content),
            "client_id": uuid4().hex,
        }
    )
    with world.work(team.admin) as uow:
        upload_id = evidence.declare(uow, team.id, new).id
    evidence.receive(lambda: world.work(team.admin), upload_id, [content])
    return upload_id


def _addresses(app: Flask) -> list[tuple[str, str]]:
    return sorted(
        (method, str(rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not str(rule).startswith(SKIPPED)
    )


def _fill(rule: str, ids: dict[str, UUID], chance: random.Random) -> str:
    """The rule with ids; some of them bent as attackers bend them."""
    for part in rule.split("<")[1:]:
        name = part.partition(">")[0].rpartition(":")[2]
        value = str(ids.get(name, chance.choice(list(ids.values()))))
        bent = chance.random()
        if bent < 0.1:
            value = value.upper()
        elif bent < 0.15:
            value += chance.choice(["%00", "/..", "%2e%2e", ";x=1", "%0a", " "])
        rule = rule.replace(f"<{part.partition('>')[0]}>", value, 1)
    return rule


def _body(ids: dict[str, UUID], chance: random.Random) -> Any:
    names = [
        *ids,
        "id",
        "party_id",
        "role",
        "text",
        "topic",
        "handling",
        "reason",
        "phase",
        "digest",
        "position",
        "name",
    ]
    values: list[Any] = [
        *map(str, ids.values()),
        "leader",
        "x",
        1,
        None,
        [],
        {},
        "H0",
        "operational",
        -1,
        "' OR 1=1 --",
    ]
    return {chance.choice(names): chance.choice(values) for _ in range(chance.randint(0, 5))}


def _send(one: FlaskClient, method: str, address: str, ids: dict[str, UUID], chance: random.Random) -> Any:
    headers = {"Accept": chance.choice(["text/html", "*/*", "application/json"])}
    if chance.random() < 0.1:
        headers["X-Forwarded-User"] = "admin"
    if chance.random() < 0.5:
        address += f"?{chance.choice(list(ids))}={chance.choice(list(ids.values()))}"
    if method == "GET":
        return one.get(address, headers=headers)
    return one.open(address, method=method, json=_body(ids, chance), headers=headers)


def _rows(engine: Engine, workspace_id: UUID) -> list[tuple[Any, ...]]:
    tables = ("member", "channel", "message", "message_change", "evidence_item", "agreement_signature", "policy_line")
    union = " UNION ALL ".join(
        f"SELECT '{table}', count(*)::text FROM {table} WHERE workspace_id = :ws" for table in tables
    )
    state = "SELECT phase, epoch::text FROM workspace WHERE id = :ws"
    log = "SELECT 'log', coalesce(max(size), 0)::text FROM audit_head WHERE log_id = :ws"
    with engine.connect() as connection:
        return [
            tuple(row)
            for row in connection.execute(text(f"{union} UNION ALL {state} UNION ALL {log}"), {"ws": workspace_id})
        ]


def test_a2_foreign_ids_bring_nothing_back_and_change_nothing(
    app: Flask, house: House, world: World, owner_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    seed = secrets.randbits(32)
    chance = random.Random(seed)
    canary = f"canary{uuid4().hex}"
    theirs, ours = filled(world, canary), filled(world, "ours")
    attacker = browser(app, house, ours.team.admin)
    before = _rows(owner_engine, theirs.team.id)
    addresses = _addresses(app)
    statuses: dict[int, int] = {}
    with caplog.at_level(logging.DEBUG):
        for number in range(REQUESTS):
            mixed = {name: chance.choice([theirs.ids[name], theirs.ids[name], ours.ids[name]]) for name in theirs.ids}
            method, rule = addresses[number % len(addresses)]
            answer = _send(attacker, method, _fill(rule, mixed, chance), mixed, chance)
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
            where = f"seed {seed}: {method} {rule} -> {answer.status_code}"
            assert answer.status_code < 500, where
            assert canary.encode() not in answer.data, where
            assert canary not in str(answer.headers), where
    assert canary not in caplog.text
    assert _rows(owner_engine, theirs.team.id) == before
    assert statuses.get(404, 0) > REQUESTS / 10, statuses


def test_a2_a_foreign_id_looks_exactly_like_an_absent_one(app: Flask, house: House, world: World) -> None:
    theirs, ours = filled(world, "theirs"), filled(world, "ours")
    attacker = browser(app, house, ours.team.admin)
    absent = {name: uuid4() for name in theirs.ids}
    for method, rule in _addresses(app):
        if "<" not in rule or "<slug>" in rule or "/me/" in rule or method != "GET":
            continue
        more = "?topic=x" if rule.endswith("/draft") else ""
        hidden = attacker.get(fill(rule, theirs.ids) + more)
        missing = attacker.get(fill(rule, absent) + more)
        assert (hidden.status_code, hidden.data) == (missing.status_code, missing.data), rule
        assert hidden.status_code == 404, rule


def fill(rule: str, ids: dict[str, UUID]) -> str:
    for part in rule.split("<")[1:]:
        name = part.partition(">")[0].rpartition(":")[2]
        value = "DE-0001" if name == "number" else str(ids.get(name, ids["workspace_id"]))
        rule = rule.replace(f"<{part.partition('>')[0]}>", value, 1)
    return rule


def test_a_child_of_another_workspace_is_absent_under_ones_own(app: Flask, house: House, world: World) -> None:
    """K5: the parent is authorised, the child is another's."""
    theirs, ours = filled(world, "theirs"), filled(world, "ours")
    other = theirs.team.join("FR")
    attacker = browser(app, house, ours.team.admin)
    gone = attacker.delete(
        f"/api/v1/workspaces/{ours.team.id}/members/{theirs.team.members[other.id]}", json={"reason": "x"}
    )
    assert gone.status_code == 404
    with world.work(theirs.team.admin) as uow:
        active = [one.person_id for one in workspaces.members(uow, theirs.team.id) if one.status == "active"]
    assert other.id in active
    assert json.loads(gone.data)["status"] == 404
