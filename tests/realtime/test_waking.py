"""X8: a worker that slept while access ended serves nothing by the old rules from its first action on."""

import asyncio
import http.client
import os
from collections.abc import Callable
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from jit_server import messaging, workspaces
from jit_server.access import PartyClass
from jit_server.identity import sessions
from jit_server.workspaces.restrictions import NewPartyRule
from jit_server.workspaces.usecases import party_rules
from tests.builders import Team, Who, World, sign_in
from tests.evidence.builders import exhibit
from tests.messaging.test_speaking import channel_in, say
from tests.realtime.line import Line, play
from tests.realtime.taking import Taker

NAP = 2.5
LINES = 6


@contextmanager
def asleep(served):
    """No worker runs within the block."""
    for worker in served.workers:
        worker.suspend()
    try:
        yield
    finally:
        for worker in served.workers:
            worker.resume()


@dataclass
class Case:
    """Somebody about to lose what they could see: the channel, the exhibit, and what takes it away."""

    team: Team
    who: Who
    channel: UUID
    end: Callable[[], object]
    leaves: bool = True
    """Whether they lose the whole workspace, not only what is said there."""


def removed(world: World) -> Case:
    """A member is removed."""
    team = world.workspace()
    who = team.join("FR")
    return Case(team, who, channel_in(team), lambda: team.remove(who))


def restricted(world: World) -> Case:
    """The party of a member restricts what its members read: the policy changes."""
    team = world.workspace()
    who, leader = team.join("FR"), team.leaders["FR"]
    stated = {
        "sentence": "Members read and take nothing.",
        "actions": ["message:read", "channel:read", "evidence:download"],
        "roles": ["member"],
    }

    def end() -> None:
        with world.work(leader) as uow:
            rule = party_rules.propose_rule(uow, team.id, NewPartyRule.model_validate(stated)).id
        with world.work(leader) as uow:
            party_rules.apply_rule(uow, team.id, rule)

    return Case(team, who, channel_in(team), end, leaves=False)


def party_left(world: World) -> Case:
    """A party of a compartment leaves by notice, and its people with it."""
    team = world.workspace(classes={"NL": PartyClass.MS_AUTHORITY})
    who, leader = team.join("NL"), team.leaders["NL"]
    compartment = team.compartment("DE", "NL")
    with world.work(team.admin) as uow:
        new = messaging.NewChannel(name="bilateral", compartment_id=compartment)
        channel = messaging.create_channel(uow, team.id, new).id

    def end() -> None:
        with world.work(leader) as uow:
            workspaces.leave(uow, team.id, workspaces.End(reason="our part of the case is closed"))

    return Case(team, who, channel, end)


CASES = {"member removed": removed, "policy changed": restricted, "compartment party left": party_left}


@pytest.fixture(params=sorted(CASES))
def case(request, world: World) -> Case:
    return CASES[request.param](world)


async def seats(served, case: Case, secret: str, count: int = LINES) -> list[Line]:
    lines = [await (await Line.open(served.port, secret)).connected() for _ in range(count)]
    for line in lines:
        await line.join(case.team.id, 2**53 - 1)
    return lines


def test_x8_a_worker_that_slept_sends_no_frame_of_what_came_after(served, case, cookie):
    async def scenario():
        lines = await seats(served, case, cookie(case.who))
        others = await seats(served, case, cookie(case.team.admin), 2)
        say(case.team, case.team.admin, case.channel, "before")
        for line in lines + others:
            await line.until(lambda line=line: line.events("message:posted"), 10)
        with asleep(served):
            case.end()
            for _ in range(3):
                say(case.team, case.team.admin, case.channel, "after")
            wish = {"channel_id": str(case.channel), "topic": "t", "text": "late", "client_id": uuid4().hex}
            asked = [asyncio.create_task(line.emit("message:post", wish)) for line in lines]
            await asyncio.sleep(NAP)
            heard = [len(line.heard) for line in lines]
        for line in others:
            await line.until(lambda line=line: len(line.events("message:posted")) == 4, 10)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        if case.leaves:
            for line in lines:
                await line.until(lambda line=line: line.events("workspace:left"), 10)
        late = [one.event for line, count in zip(lines, heard, strict=True) for one in line.heard[count:]]
        texts = {one["message"]["text"] for line in lines for one in line.events("message:posted")}
        return answers, late, texts

    answers, late, texts = play(scenario)
    assert texts == {"before"}
    if case.leaves:
        assert set(late) == {"workspace:left"}
        assert all(answer["problem"]["status"] == 404 for answer in answers), answers


def test_x8_a_socket_whose_session_ended_while_the_worker_slept_hears_only_that(served, world, cookie, owner_engine):
    team = world.workspace()
    channel, who = channel_in(team), team.join("FR")
    secret = cookie(who)

    async def scenario():
        case = Case(team, who, channel, lambda: None)
        lines = await seats(served, case, secret)
        with asleep(served):
            with owner_engine.begin() as connection:
                connection.execute(
                    text("UPDATE login_session SET ended_at = now() WHERE token_hash = :digest"),
                    {"digest": sessions.hashed(secret)},
                )
            for _ in range(3):
                say(team, team.admin, channel, "after")
            await asyncio.sleep(NAP)
            heard = [len(line.heard) for line in lines]
        for line in lines:
            await asyncio.wait_for(line.closed.wait(), 10)
        return [one.event for line, count in zip(lines, heard, strict=True) for one in line.heard[count:]]

    assert set(play(scenario)) <= {"session:ended"}


def test_x8_a_request_that_waited_for_a_sleeping_worker_is_answered_by_the_present_rules(served, case, world):
    headers = {"Cookie": f"{world.house.settings.cookie}={sign_in(world.house, case.who)}"}
    path = f"/api/v1/channels/{case.channel}/messages"
    with ExitStack() as stack:
        lines = [
            stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)))
            for _ in range(LINES)
        ]
        for line in lines:
            line.request("GET", path, headers=headers)
            answer = line.getresponse()
            answer.read()
            assert answer.status == 200
        with asleep(served):
            case.end()
            for line in lines:
                line.request("GET", path, headers=headers)
        statuses = {line.getresponse().status for line in lines}
    assert statuses <= {403, 404}


def test_x8_a_download_gives_no_byte_more_after_its_worker_slept(served, case, world):
    item = exhibit(case.team, case.team.admin, os.urandom(32 * 2**20), handling="H1")
    headers = {"Cookie": f"{world.house.settings.cookie}={sign_in(world.house, case.who)}"}
    takers = [Taker(served.port, f"/api/v1/evidence/{item.id}/content", headers) for _ in range(4)]
    try:
        for taker in takers:
            assert taker.status == 200
            taker.take()
        with asleep(served):
            case.end()
            for taker in takers:
                taker.drain()
        before = [taker.taken for taker in takers]
        for taker in takers:
            taker.until_cut(10)
        assert all(taker.ended for taker in takers)
        assert [taker.taken for taker in takers] == before
    finally:
        for taker in takers:
            taker.close()
