"""A2: an actor of one workspace sends another one's ids everywhere; nothing of it comes back and nothing changes."""

import json
import logging
import random
import re
import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from jit_server import consents, evidence, messaging, workspaces
from jit_server.access import Action, Phase
from jit_server.web.sockets.events import Handler
from jit_server.work import House
from tests.access.attacks import Attacker, Bodies, addresses, events, fill
from tests.builders import Team, Who, World, browser

REQUESTS, ROUNDS = 10_000, 8
MORE = {
    "preview": "?to={workspace_id}",
    "changes": "?before=1&after=1",
    "diff": "?before=0&after=1",
    "draft": "?topic=x",
    "who-could": "?thing={item_id}&at=2026-11-20T10:00:00Z",
}
TRACE = re.compile(rb'"trace_id": "[0-9a-f]{16}"')


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
    with world.work(team.admin) as uow:
        mine = uow.standing(team.id)
        assert mine is not None
        secret.ids["member_id"] = mine.member_id
    secret.ids["item_id"] = _exhibit(world, team, canary)
    secret.ids["evidence_id"] = secret.ids["upload_id"] = secret.ids["item_id"]
    _dealings(world, secret)
    secret.ids["act_id"] = _handed_over(world, secret)
    return secret


def _handed_over(world: World, secret: Secret) -> UUID:
    """The exhibit, handed over to the other party, with the canary in every word that is said of it."""
    with world.work(secret.team.leaders["FR"]) as uow:
        there = uow.standing(secret.team.id)
        assert there is not None
    said = {"to_party_id": there.party_id, "remarks": secret.canary}
    said |= {"place": secret.canary, "condition": secret.canary, "seals": [secret.canary]}
    with world.work(secret.team.admin) as uow:
        return evidence.hand_over(uow, secret.ids["item_id"], evidence.NewHandOver.model_validate(said)).id


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


TABLES = text(
    "SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
    " WHERE table_schema = 'public' AND column_name = 'workspace_id' AND table_type = 'BASE TABLE' ORDER BY 1"
)


def _state(engine: Engine, workspace_id: UUID) -> dict[str, Any]:
    """Everything kept of a workspace, one digest a table."""
    whose = {"workspace": "id", "audit_head": "log_id", "audit_entry": "log_id"}
    with engine.connect() as connection:
        tables = dict.fromkeys(connection.scalars(TABLES), "workspace_id") | whose
        assert {"message", "evidence_item", "policy_line", "compartment", "approval"} <= set(tables)
        of = "SELECT count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM {} t WHERE {} = :id"
        return {
            table: tuple(connection.execute(text(of.format(table, column)), {"id": workspace_id}).one())
            for table, column in tables.items()
        }


def _name_everything(engine: Engine, team: Team, canary: str) -> None:
    """The canary in what the builders name alike for every workspace."""
    with engine.begin() as connection:
        for column in ("name", "reference", "purpose"):
            found = text("SELECT 1 FROM information_schema.columns WHERE table_name = 'workspace' AND column_name = :c")
            if connection.execute(found, {"c": column}).first():
                change = text(f"UPDATE workspace SET {column} = :text WHERE id = :id")
                connection.execute(change, {"text": f"{column} {canary}", "id": team.id})
        document = (
            "UPDATE agreement SET document = replace(document::text, 'Test', :canary)::jsonb WHERE workspace_id = :id"
        )
        connection.execute(text(document), {"canary": canary, "id": team.id})


@dataclass
class Siege:
    """Ten thousand requests and events against one workspace, from people of others."""

    app: Flask
    house: House
    world: World
    theirs: Secret
    chance: random.Random
    seed: int
    statuses: Counter[int | str] = field(default_factory=Counter)

    def lay(self) -> None:
        """From several workspaces one after another: what an attacker breaks in their own must not end the siege."""
        routes, said = addresses(self.app), list(events())
        bodies = Bodies(self.app, self.chance)
        number = 0
        for turn in range(ROUNDS):
            ours = filled(self.world, "ours")
            attacker = Attacker.of(self.app, self.house, self._somebody(ours.team, turn), bodies)
            for _ in range(REQUESTS // ROUNDS):
                number += 1
                if number % 2:
                    self._request(attacker, *routes[number // 2 % len(routes)], ours)
                else:
                    self._event(attacker, said[number // 2 % len(said)], ours)

    def _somebody(self, team: Team, turn: int) -> Who:
        return [team.admin, team.leaders["FR"], team.join("FR"), self.world.person("NL")][turn % 4]

    def _mixed(self, ours: Secret) -> dict[str, UUID]:
        return {name: self.chance.choice([key, key, ours.ids[name]]) for name, key in self.theirs.ids.items()}

    def _request(self, attacker: Attacker, method: str, rule: str, ours: Secret) -> None:
        answer = attacker.send(method, rule, self._mixed(ours))
        self.statuses[answer.status_code] += 1
        where = f"seed {self.seed}: {method} {rule} {answer.request.full_path} -> {answer.status_code}"
        assert answer.status_code < 500, where
        assert self.theirs.canary.encode() not in answer.data, where
        assert self.theirs.canary not in str(answer.headers), where

    def _event(self, attacker: Attacker, handler: Handler, ours: Secret) -> None:
        if handler.event == "workspace:join":
            ours = self.theirs  # a seat of one's own needs a real socket
        answer = attacker.say(handler, self._mixed(ours))
        status = answer.get("problem", {}).get("status", 200)
        self.statuses[f"event {status}"] += 1
        assert status < 500, f"seed {self.seed}: {handler.event} -> {answer}"
        assert self.theirs.canary not in str(answer), f"seed {self.seed}: {handler.event}"


@pytest.mark.timeout(600)  # 45 s on an idle machine
def test_a2_foreign_ids_bring_nothing_back_and_change_nothing(
    app: Flask, house: House, world: World, owner_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    seed = secrets.randbits(32)
    theirs = filled(world, f"canary{uuid4().hex}")
    _name_everything(owner_engine, theirs.team, theirs.canary)
    before = _state(owner_engine, theirs.team.id)
    siege = Siege(app, house, world, theirs, random.Random(seed), seed)
    with caplog.at_level(logging.INFO):
        siege.lay()
    assert siege.statuses.total() >= REQUESTS
    assert theirs.canary not in caplog.text
    assert _state(owner_engine, theirs.team.id) == before
    assert siege.statuses[404] > REQUESTS / 10, siege.statuses
    assert siege.statuses["event 404"] > REQUESTS / 100, siege.statuses


TUS = {"Tus-Resumable": "1.0.0"}
"""Without it a resumable upload is answered by its version alone, whatever its id."""


def _alike(one: TestResponse, other: TestResponse) -> bool:
    """Byte for byte, but for the name of the request in the server's own log, which answers other than 404 carry."""
    found = {(answer.status_code, TRACE.sub(b"", answer.data)) for answer in (one, other)}
    return len(found) == 1


def test_a2_a_foreign_id_looks_exactly_like_an_absent_one(app: Flask, house: House, world: World) -> None:
    theirs, ours = filled(world, "theirs"), filled(world, "ours")
    attacker = browser(app, house, ours.team.admin)
    absent = {name: uuid4() for name in theirs.ids}
    for method, rule in addresses(app):
        if "<" not in rule or "<slug>" in rule or "/agency/" in rule or method != "GET":
            continue
        more = MORE.get(rule.rpartition("/")[2], "").format(**theirs.ids)
        hidden = attacker.get(fill(rule, theirs.ids) + more, headers=TUS)
        missing = attacker.get(fill(rule, absent) + more, headers=TUS)
        assert (hidden.status_code, hidden.data) == (missing.status_code, missing.data), rule
        machine = rule.startswith("/scim/")  # asks for a key of its own, whoever is signed in
        assert hidden.status_code == (401 if machine else 404), rule


def test_a2_a_change_sent_to_a_foreign_id_is_answered_as_one_to_an_absent_id(
    app: Flask, house: House, world: World
) -> None:
    """The same body to both, so that whatever is told before the row is looked for is told alike."""
    theirs, ours = filled(world, "theirs"), filled(world, "ours")
    chance = random.Random(1)
    attacker, bodies = browser(app, house, ours.team.admin), Bodies(app, chance)
    absent = {name: uuid4() for name in theirs.ids}
    reached = 0
    for method, rule in addresses(app):
        if method == "GET" or "<" not in rule or not rule.startswith("/api/"):
            continue
        for _ in range(5):
            more: Any = {"json": bodies.of_route(method, rule, ours.ids), "headers": {"If-Match": '"1"'}}
            hidden = attacker.open(fill(rule, theirs.ids), method=method, **more)
            missing = attacker.open(fill(rule, absent), method=method, **more)
            assert _alike(hidden, missing), (rule, more)
            reached += hidden.status_code == 404
    assert reached > 50


def test_a2_a_foreign_id_inside_a_body_is_answered_as_an_absent_one(app: Flask, house: House, world: World) -> None:
    """The address is one's own, the body names another workspace's thing."""
    theirs, ours = filled(world, "theirs"), filled(world, "ours")
    attacker, base = browser(app, house, ours.team.admin), f"/api/v1/workspaces/{ours.team.id}"
    said = {"purpose": "trial", "purpose_text": "x", "actions": ["evidence:read"], "subject_kind": "evidence_item"}
    glass = {**said, "reason": "life", "reason_text": "x"}
    del glass["purpose"], glass["purpose_text"]
    place = {"name": uuid4().hex[:8]}
    foreign = theirs.team.compartment("DE", "FR")
    for address, body, field_, key in (
        ("asks", said, "subject_id", theirs.ids["item_id"]),
        ("emergencies", glass, "subject_id", theirs.ids["item_id"]),
        ("channels", place, "compartment_id", foreign),
    ):
        hidden = attacker.post(f"{base}/{address}", json={**body, field_: str(key)})
        missing = attacker.post(f"{base}/{address}", json={**body, field_: str(uuid4())})
        assert hidden.status_code in {404, 422}, address
        assert _alike(hidden, missing), address


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
