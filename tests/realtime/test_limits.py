"""D4: limits hold for a person and an agency over all their sockets; one who is refused is in nobody's way."""

import asyncio
import json
from time import monotonic
from uuid import uuid4

import pytest

from jit_server.web.sockets.crowd import Crowd
from jit_server.web.sockets.pace import BURST, RATE
from jit_server.web.sockets.system import system_engine
from tests.builders import sign_in
from tests.realtime.line import Line, Refused, play


def mark(channel) -> dict[str, object]:
    return {"channel_id": str(channel), "topic": "t", "position": 0}


async def opened(served, secret: str, count: int = 1) -> list[Line]:
    return [await (await Line.open(served.port, secret)).connected() for _ in range(count)]


async def ask(lines: list[Line], channel, times: int) -> list[dict]:
    """Every line asks so often; all answers."""
    answers = [await line.emit("message:mark_read", mark(channel)) for line in lines for _ in range(times)]
    return [answer.get("problem", {}) for answer in answers]


def test_d4_what_one_person_says_counts_together_over_all_their_sockets(start, team, channel, cookie):
    served = start(workers=1, JIT_RATES="true", JIT_RATE_PERSON="30/minute")
    noisy, calm = team.join("FR"), team.join("FR")

    async def scenario():
        loud = await opened(served, cookie(noisy), 4)
        quiet = await opened(served, cookie(calm))
        return await ask(loud, channel, 10), await ask(quiet, channel, 10)

    loud, quiet = play(scenario)
    refused = [one for one in loud if one]
    assert len(refused) == 14  # four handshakes and twenty-six words make thirty
    assert {one["type"] for one in refused} == {"/problems/too-many"}
    assert all(0 < one["retry_after"] <= 60 for one in refused)
    assert not any(quiet)


def test_d4_an_agencys_people_have_one_limit_together_and_other_agencies_have_theirs(start, team, channel, cookie):
    served = start(workers=1, JIT_RATES="true", JIT_RATE_AGENCY="30/minute")
    first, second = team.join("FR"), team.join("FR")

    async def scenario():
        both = await opened(served, cookie(first)) + await opened(served, cookie(second))
        other = await opened(served, cookie(team.admin))
        return await ask(both, channel, 20), await ask(other, channel, 20)

    both, other = play(scenario)
    assert len([one for one in both if one]) == 12
    assert not any(other)


def test_d4_requests_and_sockets_draw_on_the_same_limit(start, team, channel, cookie):
    served = start(workers=1, JIT_RATES="true", JIT_RATE_PERSON="20/minute")

    async def scenario():
        (line,) = await opened(served, cookie(team.admin))
        answers = await ask([line], channel, 20)
        with pytest.raises(Refused) as refused:
            await Line.open(served.port, line_cookie)
        return answers, refused.value

    line_cookie = cookie(team.admin)
    answers, refused = play(scenario)
    assert len([one for one in answers if one]) == 1
    assert (refused.status, json.loads(refused.body)["type"]) == (429, "/problems/too-many")


def test_d4_a_noisy_client_is_refused_while_another_is_served(start, team, channel, cookie):
    served = start(workers=1, JIT_RATES="true", JIT_RATE_PERSON="60/minute")
    calm = team.join("FR")

    async def scenario():
        loud = await opened(served, cookie(team.admin), 3)
        (quiet,) = await opened(served, cookie(calm))
        await quiet.join(team.id, 2**53 - 1)
        stop, refused = asyncio.Event(), asyncio.Event()

        async def shout(line):
            while not stop.is_set():
                wish = {"channel_id": str(channel), "topic": "noise", "text": "x", "client_id": uuid4().hex}
                if "problem" in await line.emit("message:post", wish):
                    refused.set()

        shouting = [asyncio.create_task(shout(line)) for line in loud]
        await refused.wait()
        answers = await ask([quiet], channel, 20)
        stop.set()
        await asyncio.gather(*shouting)
        heard = len(quiet.events("message:posted"))
        return answers, heard

    answers, heard = play(scenario)
    assert not any(answers)
    assert heard <= 60


def test_a_person_has_so_many_sockets_over_all_workers_and_no_more(start, team, world, cookie):
    served = start(workers=2, JIT_RATES="true", JIT_SOCKETS_PERSON="6")
    secret, other = cookie(team.admin), sign_in(world.house, team.join("FR"))

    async def scenario():
        lines = await opened(served, secret, 6)
        with pytest.raises(Refused) as refused:
            await Line.open(served.port, secret)
        assert await opened(served, other)
        await lines[0].close()
        await lines[1].close()
        await asyncio.sleep(3)  # a worker's lower number is told at its next sweep
        lines += await opened(served, secret)
        answer = await lines[-1].join(team.id, 0)
        return refused.value, answer

    refused, answer = play(scenario)
    problem = json.loads(refused.body)
    assert (refused.status, problem["type"], problem["most"]) == (429, "/problems/too-many", 6)
    assert "Close a window" in problem["detail"]
    assert "problem" not in answer
    assert "crowd.failed" not in served.log()


def test_a_worker_that_left_keeps_nobody_out(start, team, cookie):
    served = start(workers=1, JIT_RATES="true", JIT_SOCKETS_PERSON="2")
    secret = cookie(team.admin)

    async def scenario():
        lines = await opened(served, secret, 2)
        served.workers[0].terminate()  # the master starts another
        for line in lines:
            await asyncio.wait_for(line.closed.wait(), 15)
        return await opened(served, secret, 2)

    assert play(scenario)
    assert "crowd.failed" not in served.log()


def test_d4_one_persons_sockets_together_speak_no_faster_than_one(start, team, channel, cookie):
    served = start(workers=1, JIT_RATES="true")

    async def scenario():
        lines = await opened(served, cookie(team.admin), 4)
        begun = monotonic()
        await asyncio.gather(*(ask([line], channel, 25) for line in lines))
        return monotonic() - begun

    took = play(scenario)
    assert took >= (100 - BURST) / RATE  # a hundred words, of which the first sixty come at once


def test_d4_two_workers_share_one_persons_pace_by_the_sockets_that_each_has(settings):
    engine, person, other = system_engine(settings.database_url), uuid4(), uuid4()
    first, second = Crowd(engine, 10), Crowd(engine, 10)
    leave = [crowd.come(person) for crowd in (first, first, first, second)]
    leave.append(second.come(other))
    first.renew()
    at_once = {
        (crowd, who): sum(crowd.pace(who).take() == 0 for _ in range(2 * BURST))
        for crowd, who in [(first, person), (second, person), (second, other)]
    }
    assert list(at_once.values()) == [BURST * 3 // 4, BURST // 4, BURST]
    leave.pop(3)()
    first.renew()
    assert first.pace(person)._rate == RATE
    for one in leave:
        one()
    engine.dispose()
