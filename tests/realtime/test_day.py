"""My day follows: the page of whoever is concerned hears "read again" within two seconds, and nobody hears more."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from jit_server import messaging, workspaces
from jit_server.access import Handling, PartyClass, Role
from jit_server.core import clock
from jit_server.core.bus import Herald
from jit_server.core.settings import Settings
from jit_server.work import House
from tests.builders import Team, Who, World
from tests.consents.test_asking import asked
from tests.consents.test_two_people import proposed
from tests.evidence.builders import exhibit
from tests.realtime.conftest import Served
from tests.realtime.line import Line, play

SECONDS = 2
CHANGED = "day:changed"


def say(team: Team, channel: UUID, handling: Handling = Handling.H0) -> None:
    new = messaging.NewMessage(channel_id=channel, topic="t", text="x", handling=handling, client_id=uuid4().hex)
    with team.world.work(team.admin) as uow:
        messaging.post(uow, new)


def channel_in(team: Team, compartment: UUID | None = None) -> UUID:
    new = messaging.NewChannel(name=f"c {uuid4().hex[:6]}", compartment_id=compartment)
    with team.world.work(team.admin) as uow:
        return messaging.create_channel(uow, team.id, new).id


async def follows(served: Served, secret: str, *, ago: timedelta = timedelta()) -> tuple[Line, bool]:
    """A socket whose page was read a moment ago, and whether it must be read again at once."""
    line = await (await Line.open(served.port, secret)).connected()
    answer = await line.emit("day:follow", {"since": (clock.now() - ago).isoformat()})
    return line, answer["changed"]


@pytest.fixture(scope="module")
def world(house: House, settings: Settings) -> World:
    """A world whose acts are told on the bus, as those of another worker."""
    return World.create(replace(house, bus=Herald(settings.database_url)))


def took(line: Line, started: float) -> float:
    """Seconds until the first hint after that moment."""
    return next(one.at for one in line.heard if one.event == CHANGED and one.at >= started) - started


def test_a_message_an_ask_and_an_act_to_approve_reach_the_day_within_two_seconds(
    served: Served, world: World, cookie: Callable[[Who], str]
) -> None:
    first, second = world.workspace(), world.workspace()
    member, admin = second.join("FR"), second.join("DE", Role.SPACE_ADMIN)
    channel, item = channel_in(second), exhibit(second, second.admin, handling="H2")
    acts: list[tuple[Who, Callable[[], object]]] = [
        (member, lambda: say(second, channel)),
        (second.admin, lambda: asked(second, second.leaders["FR"], item)),
        (second.admin, lambda: proposed(second, admin)),
        (member, lambda: second.remove(member)),
    ]

    async def scenario() -> list[float]:
        lines = {who.id: (await follows(served, cookie(who)))[0] for who, _ in acts}
        stranger, _ = await follows(served, cookie(first.admin))
        seconds = []
        for who, act in acts:
            started = monotonic()
            await asyncio.to_thread(act)
            line = lines[who.id]
            await line.until(lambda line=line, at=started: any(one.at >= at for one in line.heard), 5)
            seconds.append(took(line, started))
            await asyncio.sleep(0.5)
        assert stranger.heard == []
        assert {one.raw for line in lines.values() for one in line.heard} == {f'["{CHANGED}",{{}}]'}
        return seconds

    assert max(play(scenario)) <= SECONDS


def test_what_is_hidden_from_somebody_moves_nothing_on_their_day(
    served: Served, world: World, cookie: Callable[[Who], str]
) -> None:
    team = world.workspace(classes={"NL": PartyClass.MS_AUTHORITY})
    observer, partner = team.join("NL", Role.OBSERVER), team.leaders["NL"]
    open_one, room = channel_in(team), channel_in(team, team.compartment("DE", "FR"))
    item = exhibit(team, team.admin, handling="H2")

    async def scenario() -> tuple[int, int]:
        (sees_least, _), (outside, _) = [await follows(served, cookie(who)) for who in (observer, partner)]
        await asyncio.sleep(0.5)  # what was done before they came
        before = len(sees_least.heard), len(outside.heard)
        await asyncio.to_thread(say, team, room)
        await asyncio.to_thread(asked, team, team.leaders["FR"], item)
        await asyncio.sleep(3.5)
        assert (len(sees_least.heard), len(outside.heard)) == before
        await asyncio.to_thread(say, team, open_one, Handling.H3)
        await asyncio.sleep(3.5)
        return len(sees_least.heard) - before[0], len(outside.heard) - before[1]

    assert play(scenario) == (0, 1)


def test_a_page_that_fell_behind_before_it_followed_is_told_so(
    served: Served, world: World, cookie: Callable[[Who], str], owner_engine: Engine
) -> None:
    team = world.workspace()
    member, channel = team.join("FR"), channel_in(team)
    age = text("UPDATE audit_entry SET at = at - interval '1 minute' WHERE log_id = :log")
    with owner_engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER ALL"))
        connection.execute(age, {"log": team.id})
        connection.execute(text("ALTER TABLE audit_entry ENABLE TRIGGER ALL"))

    async def scenario() -> list[bool]:
        fresh = (await follows(served, cookie(member)))[1]
        await asyncio.to_thread(say, team, channel)
        behind = (await follows(served, cookie(member), ago=timedelta(seconds=3)))[1]
        return [fresh, behind, (await follows(served, cookie(member), ago=timedelta(hours=3)))[1]]

    assert play(scenario) == [False, True, True]


def test_an_invitation_is_found_by_the_next_sweep(served: Served, world: World, cookie: Callable[[Who], str]) -> None:
    team, somebody = world.workspace(), world.person("FR")

    async def scenario() -> None:
        line, _ = await follows(served, cookie(somebody))
        with world.work(team.admin) as uow:
            workspaces.invite(uow, team.id, workspaces.NewMember(person_id=somebody.id, role=Role.MEMBER))
        await line.until(lambda: line.events(CHANGED), 6)

    play(scenario)


def test_a_wish_that_is_none_is_refused(served: Served, world: World, cookie: Callable[[Who], str]) -> None:
    async def scenario() -> list[int]:
        line = await (await Line.open(served.port, cookie(world.person("FR")))).connected()
        wishes: list[dict[str, str]] = [{}, {"since": "yesterday"}, {"since": "2026-01-01T00:00:00"}]
        return [(await line.emit("day:follow", wish))["problem"]["status"] for wish in wishes]

    assert play(scenario) == [422, 422, 422]
