"""An amendment comes into force while people work: their screens and their access follow within two seconds."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from uuid import uuid4

import pytest

from jit_server import messaging, workspaces
from jit_server.access import Action, Role
from jit_server.core.bus import Herald
from jit_server.core.settings import Settings
from jit_server.work import House
from tests.builders import Who, World
from tests.messaging.test_speaking import channel_in
from tests.realtime.conftest import Served
from tests.realtime.line import Line, play
from tests.workspaces.test_agreement_versions import amended, signs

SECONDS = 2


@pytest.fixture(scope="module")
def world(house: House, settings: Settings) -> World:
    """A world whose acts are told on the bus, as those of another worker."""
    return World.create(replace(house, bus=Herald(settings.database_url)))


def test_open_sockets_learn_of_it_and_hear_by_the_new_rules_within_two_seconds(
    served: Served, world: World, cookie: Callable[[Who], str]
) -> None:
    team = world.workspace()
    channel = channel_in(team)
    stopped, other = team.join("FR", Role.OBSERVER), team.join("FR")
    clause = workspaces.NewClause(
        id="B9", text="Observers read no messages.", effect="deny", actions=(Action.MESSAGE_READ,),
        roles=(Role.OBSERVER,),
    )  # fmt: skip
    amended(team, clauses=[clause.model_dump(mode="json")])
    signs(team, team.leaders["FR"])

    async def scenario() -> tuple[list[float], int]:
        lines = []
        for who in (team.admin, stopped, other):
            line = await (await Line.open(served.port, cookie(who))).connected()
            await line.join(team.id, 2**53 - 1)
            lines.append(line)
        speaker, silent, hears = lines

        async def say(text: str) -> None:
            wish = {"channel_id": str(channel), "topic": "t", "text": text, "client_id": uuid4().hex, "handling": "H0"}
            assert "problem" not in await speaker.emit("message:post", wish, 20)

        await say("before")
        await silent.until(lambda: silent.events("message:posted"), 5)
        day = await (await Line.open(served.port, cookie(other))).connected()
        await day.emit("day:follow", {"since": "2026-01-01T00:00:00Z"})
        started = monotonic()
        await asyncio.to_thread(signs, team, team.admin)
        signed = monotonic()
        for line in (*lines, day):
            await line.until(lambda line=line: line.events("agreement:in_force", "day:changed"), 5)
        seconds = [
            one.at - signed
            for line in (*lines, day)
            for one in line.heard
            if one.event in {"agreement:in_force", "day:changed"} and one.at >= started
        ]
        await say("after")
        await hears.until(lambda: len(hears.events("message:posted")) == 2, 5)
        assert all(line.events("agreement:in_force")[0]["agreement"]["version"] == 2 for line in lines)
        return seconds, len(silent.events("message:posted"))

    seconds, heard = play(scenario)
    assert len(seconds) >= 4
    assert max(seconds) <= SECONDS
    assert heard == 1
    for who, unread in ((stopped, 0), (other, 2)):
        with world.work(who) as uow:
            assert messaging.unread(uow, [team.id]) == {team.id: unread}
