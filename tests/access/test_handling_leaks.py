"""A6: what a marking, a compartment or the quarantine hides is in no list, count, page, header, frame or log."""

import asyncio
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jit_server import evidence, messaging
from jit_server.access import Handling, PartyClass, Role
from jit_server.core.settings import Settings
from jit_server.evidence import EvidenceItem
from jit_server.work import House
from tests.access.attacks import addresses
from tests.builders import Team, Who, World, browser, sign_in
from tests.evidence.builders import begins, exhibit
from tests.realtime.conftest import serving
from tests.realtime.line import Line, play

SAID = {"Jit-Purpose": "trial; reading everything", "Jit-Conditions": "acknowledged"}
MOST_LINKED = 60
"""Pages that are read because others lead to them, beside every address that can be made up."""
CODES = [str(code) for code in Handling]
KEYS = [*(f"message {code}" for code in CODES), *(f"listed {code}" for code in CODES)]
KEYS += [*(f"inside {code}" for code in CODES)]
ROOM = ["channel", "message of the room", "listed of the room", "inside of the room"]
HELD = ["listed of the court", "inside of the court"]
MAY = {
    "leader FR": {*KEYS, *ROOM} - {"inside H2"},
    "seconded FR": {*KEYS, *ROOM} - {"listed H2", "listed H3", "inside H2", "inside H3"},
    "observer FR": {"message H0", "listed H0", "channel", "message of the room", "listed of the room"},
    "leader NL": {*KEYS} - {"inside H2"},
    "observer NL": {"message H0", "listed H0"},
    "auditor NL": set(),
    "leader CH": {"message H0", *HELD},
    "observer BE": set(),
    "outsider": set(),
}
"""Written by hand from the markings' meaning: what each person may meet. Everything else is hidden from them."""


@dataclass
class Stage:
    """A team of four parties and the secretariat, and one canary for each thing in it."""

    team: Team
    people: dict[str, Who]
    channel: UUID
    canaries: dict[str, str] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)
    """Ids by the name that routes give them, to be tried all of them."""

    def canary(self, key: str) -> str:
        """The word that marks this thing."""
        return self.canaries.setdefault(key, f"canary{uuid4().hex}")

    def note(self, name: str, key: Any) -> None:
        """Remember an id for the crawl."""
        self.ids.setdefault(name, []).append(str(key))


@pytest.fixture(scope="module")
def world(house: House) -> World:
    """Agencies of this module's own."""
    world = World.create(house)
    for state in ("CH", "BE"):
        world.agency(state)
    return world


def stage_in(world: World) -> Stage:
    """The team, everything visible to everybody's ordinary member first."""
    classes = {
        "NL": PartyClass.MS_AUTHORITY,
        "CH": PartyClass.THIRD_COUNTRY,
        "BE": PartyClass.SECRETARIAT,
    }
    team = world.workspace(classes=classes)
    people = {f"leader {state}": team.leaders[state] for state in ("FR", "NL", "CH")}
    for state, role in (("FR", "seconded"), ("FR", "observer"), ("NL", "observer"), ("NL", "auditor")):
        kind = Role.SECONDED_MEMBER if role == "seconded" else Role(role)
        people[f"{role} {state}"] = team.join(state, kind)
    team.join("DE")  # to whom DE's leader hands things over
    people["observer BE"] = team.join("BE", Role.OBSERVER)
    people["outsider"] = world.person("NL")
    with world.work(team.admin) as uow:
        channel = messaging.create_channel(uow, team.id, messaging.NewChannel(name="Everybody")).id
    stage = Stage(team, people, channel)
    stage.note("workspace_id", team.id)
    stage.note("channel_id", channel)
    for code in ("H0", "H1"):
        say(stage, channel, code, f"message {code}")
        take_in(stage, team.admin, code, handling=code)
    return stage


def hide(stage: Stage) -> None:
    """What is hidden from one or the other: restricted things, a bilateral room, an unverified supply."""
    team = stage.team
    for code in ("H2", "H3"):
        say(stage, stage.channel, code, f"message {code}")
        take_in(stage, team.admin, code, handling=code)
    room = team.compartment("DE", "FR", name="Bilateral")
    with team.world.work(team.admin) as uow:
        new = messaging.NewChannel(name=stage.canary("channel"), compartment_id=room)
        channel = messaging.create_channel(uow, team.id, new).id
    stage.note("channel_id", channel)
    message = say(stage, channel, "H0", "message of the room")
    item = take_in(stage, team.admin, "of the room", handling="H0", compartment_id=str(room))
    stage.ids["hidden"] = [
        str(channel),
        str(message),
        str(item.id),
    ]  # the agreement that all sign names the room itself
    take_in(stage, team.leaders["CH"], "of the court", handling="H0")


def say(stage: Stage, channel: UUID, code: str, key: str) -> UUID:
    """A message whose text is a canary, in a topic of its own that is named by it too."""
    word = stage.canary(key)
    new = messaging.NewMessage(
        channel_id=channel, topic=f"T {word}", text=word, handling=Handling(code), client_id=uuid4().hex
    )
    with stage.team.world.work(stage.team.admin) as uow:
        message = messaging.post(uow, new)
    stage.note("message_id", message.id)
    return message.id


def take_in(stage: Stage, who: Who, key: str, **changes: Any) -> EvidenceItem:
    """An exhibit with one canary in what lists show, another in all that only its page shows, its bytes included."""
    listed, inside = stage.canary(f"listed {key}"), stage.canary(f"inside {key}")
    stated = {"title": f"Title {listed}", "file_name": f"{listed}.bin", "conditions_text": f"Not {inside}"}
    stated |= {"place": listed, "collector": listed, "legal_basis": inside}
    item = exhibit(stage.team, who, f"bytes {inside}".encode(), **(stated | changes))
    for name in ("item_id", "evidence_id", "upload_id"):
        stage.note(name, item.id)
    stage.note("number", item.number)
    if who is stage.team.admin:  # what is said of it on its chain of custody is seen by those who open it
        with stage.team.world.work(who) as uow:
            own = uow.standing(item.workspace_id)
            assert own is not None
            said = {"to_party_id": own.party_id, "place": inside, "condition": inside, "seals": [inside]}
            noted = evidence.NewAct.model_validate({"act": {"verb": "annotate", "text": inside}})
            evidence.do(uow, item.id, noted.act)
            basis = {"kind": "order", "authority": inside, "state": "DE", "identifier": inside}
            resting = {"items": [item.id], "basis": basis | {"valid_from": "2026-11-01"}}
            evidence.record_basis(uow, item.workspace_id, evidence.NewBasis.model_validate(resting))
            stage.note("act_id", evidence.hand_over(uow, item.id, evidence.NewHandOver.model_validate(said)).id)
    return item


# --- the crawl


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in {"href", "src", "hx-get"} and value]


def seeds(app: Flask, stage: Stage) -> Iterator[str]:
    """Every address one can read, with every id of the stage; and the questions that narrow lists."""
    for method, rule in addresses(app):
        parts = [part.partition(">")[0].rpartition(":")[2] for part in rule.split("<")[1:]]
        if method == "GET":
            yield from _with_ids(rule, parts, stage)
    base, api = f"/w/{stage.team.id}", f"/api/v1/workspaces/{stage.team.id}"
    for query in ("words=canary", "handling=H2", "state=CH", "gate=pending", "words=Title&limit=200"):
        yield f"{base}/evidence?{query}"
        yield f"{api}/evidence?{query}"
    for key in stage.ids["item_id"]:
        yield f"{api}/log?subject={key}"
        yield f"{api}/log/who-could?thing={key}&at=2030-01-01T00:00:00Z"
        yield f"{base}/audit/who-could?thing={key}"
        yield f"{base}/audit?subject={key}"
        yield f"{base}/asks/new?subject_kind=evidence_item&subject_id={key}&action=evidence:read"
        more = f"action=evidence:read&kind=evidence_item&subject={key}"
        yield f"/api/v1/policy/explain?workspace={stage.team.id}&{more}"


def _with_ids(rule: str, parts: list[str], stage: Stage) -> Iterator[str]:
    several = [name for name in parts if len(stage.ids.get(name, [])) > 1]
    for turn in range(max((len(stage.ids[name]) for name in several), default=1)):
        address = rule
        for part, name in zip(rule.split("<")[1:], parts, strict=True):
            known = stage.ids.get(name) or [str(uuid4())]
            address = address.replace(f"<{part.partition('>')[0]}>", known[turn % len(known)], 1)
        yield address


def crawl(client: FlaskClient, start: Iterator[str]) -> Iterator[tuple[str, bytes]]:
    """Everything that can be read from these addresses on: address, and headers with body."""
    waiting, seen = list(dict.fromkeys(start)), set[str]()
    most = len(waiting) + MOST_LINKED
    while waiting and len(seen) < most:
        address = waiting.pop(0)
        if address in seen:
            continue
        seen.add(address)
        accept = "text/html" if not address.startswith("/api/") else "application/json"
        answer = client.get(address, headers={**SAID, "Accept": accept})
        assert answer.status_code < 500, address
        yield address, str(answer.headers).encode() + answer.data
        if answer.mimetype == "text/html":
            links = _Links()
            links.feed(answer.text)
            for link in links.found:
                there = urlsplit(urljoin(f"http://localhost{address}", link))
                away = there.netloc != "localhost" or there.path.startswith(("/assets", "/login", "/static"))
                if not away:
                    waiting.append(there.path + (f"?{there.query}" if there.query else ""))


@pytest.fixture(scope="module")
def stage(world: World) -> Stage:
    """Everything there is."""
    made = stage_in(world)
    hide(made)
    return made


@pytest.mark.parametrize("who", MAY)
def test_a6_nobody_meets_a_word_of_what_is_hidden_from_them(
    app: Flask, house: House, stage: Stage, who: str, caplog: pytest.LogCaptureFixture
) -> None:
    hidden = {stage.canaries[key].encode(): key for key in stage.canaries if key not in MAY[who]}
    met: set[str] = set()
    with caplog.at_level(logging.INFO):
        for address, told in crawl(browser(app, house, stage.people[who]), seeds(app, stage)):
            found = [key for word, key in hidden.items() if word in told]
            assert not found, f"{who} reads {found} at {address}"
            met |= {key for key, word in stage.canaries.items() if word.encode() in told}
            if who.endswith(("NL", "CH", "BE")) or who == "outsider":
                shown = [key for key in stage.ids["hidden"] if key not in address and key.encode() in told]
                assert not shown, f"{who} reads an id of the room of others at {address}"
    assert met == MAY[who]
    assert not [word for word in stage.canaries.values() if word in caplog.text]


def test_a6_what_anybody_may_read_about_the_server_says_nothing_of_what_is_in_it(app: Flask, stage: Stage) -> None:
    client = app.test_client()
    for address in ("/metrics", "/readyz", "/healthz", "/login", "/api/v1/openapi.json", f"/w/{stage.team.id}"):
        told = client.get(address).data + str(client.get(address).headers).encode()
        assert not [word for word in stage.canaries.values() if word.encode() in told], address


def test_a6_the_bundle_of_a_seen_exhibit_holds_no_word_of_a_hidden_one(stage: Stage) -> None:
    viewer = stage.people["leader NL"]
    seen = stage.ids["item_id"][0]
    _, pieces = evidence.export(begins(stage.team, viewer), UUID(seen))
    content = b"".join(pieces)
    hidden = [word for key, word in stage.canaries.items() if key not in MAY["leader NL"]]
    assert content
    assert not [word for word in hidden if word.encode() in content]
    assert not [key for key in stage.ids["item_id"][-2:] if key.encode() in content]


# --- figures

_SAME = [
    (re.compile(r"<(script|style|svg)\b.*?</\1>", re.DOTALL), " "),
    (re.compile(r"<[^>]*>"), " "),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}"), "ID"),
    (re.compile(r"\b[0-9a-f]{12}(?=…)|\b[0-9a-f]{16}\b|\b[0-9a-f]{64}\b"), "HASH"),
    (re.compile(r"(canary[0-9a-f]{32}|JIT-[0-9a-f]{10}|Person [0-9a-f]{6})"), "NAME"),
    (re.compile(r"\d{1,2}:\d{2}(:\d{2})?( UTC)?"), "TIME"),
    (re.compile(r"\b\d+ (second|minute)s? ago\b|\bjust now\b|\bnow\b"), "AGO"),
    (re.compile(r"\s+"), " "),
]
FIGURES = ("", "/evidence", "/c", "/members", "/asks", "/approvals", "/agreement")


def words(page: str) -> str:
    """What a page says, whatever it is called and whenever it was asked for."""
    for pattern, instead in _SAME:
        page = pattern.sub(instead, page)
    return page


@pytest.mark.parametrize("who", ["observer NL", "observer BE"])
def test_a6_every_figure_is_the_same_with_and_without_what_is_hidden(
    app: Flask, house: House, world: World, stage: Stage, who: str
) -> None:
    """Two teams alike for this person, one of them full of things that are hidden from them."""
    bare = stage_in(world)
    pages: list[dict[str, str]] = []
    for one in (stage, bare):
        client = browser(app, house, one.people[who])
        found = {tail: client.get(f"/w/{one.team.id}{tail}", headers={"Accept": "text/html"}) for tail in FIGURES}
        pages.append({tail: words(answer.text) for tail, answer in found.items()})
        lists = {tail: client.get(f"/api/v1/workspaces/{one.team.id}/{tail}") for tail in ("channels", "evidence")}
        for tail, answer in lists.items():
            pages[-1][tail] = f"{answer.status_code} {len(answer.get_json().get('items', []))}"
        pages[-1]["my day"] = words(client.get("/", headers={"Accept": "text/html"}).text)
    for tail, page in pages[0].items():
        assert sorted(page.split()) == sorted(pages[1][tail].split()), tail  # people stand in the order of their names


def test_a6_counts_of_exhibits_and_unread_messages_leave_out_what_is_hidden(house: House, stage: Stage) -> None:
    expected = {"observer NL": ({"DE": 1}, 1), "leader NL": ({"DE": 4}, 4), "leader FR": ({"DE": 5}, 5)}
    for who, (exhibits, unread) in expected.items():
        with house.work(stage.people[who].actor) as uow:
            assert evidence.known(uow, stage.team.id) == exhibits, who
            assert messaging.unread(uow, [stage.team.id]) == {stage.team.id: unread}, who


def test_a6_a_mark_far_ahead_does_not_tell_where_something_hidden_was_said(house: House, world: World) -> None:
    stage = stage_in(world)  # of its own: a mark changes what the others count
    hide(stage)
    topic = f"T {stage.canary('message H2')}"
    for who, told in (("observer NL", False), ("observer BE", False), ("leader NL", True)):
        with house.work(stage.people[who].actor) as uow:
            mark = messaging.mark_read(uow, stage.channel, messaging.Mark(topic=topic, position=2**53 - 1))
        assert (mark.position > 0) is told, who


# --- frames


def test_a6_sockets_carry_no_frame_about_what_is_hidden(
    settings: Settings, world: World, scratch: Path, house: House
) -> None:
    """Catching up, living on, and typing: the third State, an observer and a third country hear nothing of the room."""
    stage = stage_in(world)
    hide(stage)
    team = stage.team
    with serving(settings, scratch, workers=1) as served:

        async def scenario() -> dict[str, str]:
            lines: dict[str, Line] = {}
            for who, person in {**stage.people, "admin": team.admin}.items():
                if who == "outsider":
                    continue
                lines[who] = await (await Line.open(served.port, sign_in(house, person))).connected()
                await lines[who].join(team.id, 0)
            place = {"channel_id": stage.ids["channel_id"][-1], "topic": "T"}
            await lines["admin"].emit("presence:typing", place)
            later = {**place, "text": stage.canary("message of the room"), "client_id": uuid4().hex, "handling": "H0"}
            kept = await lines["admin"].emit("message:post", later)
            await lines["leader FR"].until(lambda: _hears(lines["leader FR"], kept["id"]), 10)
            await lines["leader FR"].until(lambda: lines["leader FR"].events("presence:typing"), 10)
            everybody = {**place, "channel_id": str(stage.channel), "text": "end", "client_id": uuid4().hex}
            last = await lines["admin"].emit("message:post", {**everybody, "handling": "H0"})
            for who in ("observer NL", "leader NL", "leader CH", "observer FR"):
                await lines[who].until(lambda who=who: _hears(lines[who], last["id"]), 10)
            await asyncio.sleep(0.5)
            return {who: " ".join(one.raw for one in line.heard) for who, line in lines.items()}

        heard = play(scenario)
        log = served.log()
    for who, frames in heard.items():
        if who == "admin":
            continue
        found = [key for key, word in stage.canaries.items() if key not in MAY[who] and word in frames]
        assert not found, f"{who} hears {found}"
        if who.endswith(("NL", "CH", "BE")):
            assert not [key for key in stage.ids["hidden"] if key in frames], who
            assert "presence:typing" not in frames
    assert stage.canary("message of the room") in heard["leader FR"]
    assert not [word for word in stage.canaries.values() if word in log]


def _hears(line: Line, message_id: str) -> bool:
    return any(one["message"]["id"] == message_id for one in line.events("message:posted"))
