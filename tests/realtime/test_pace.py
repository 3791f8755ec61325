"""D4: one client that sends a thousand messages a second is slowed to twenty, and others go on meanwhile."""

import asyncio
import contextlib
import json
from time import monotonic
from uuid import uuid4

from jit_server.web.sockets.pace import BURST, RATE
from tests.realtime.line import Line, play

PER_SECOND = 1000
SECONDS = 4


async def flood(line: Line, channel: str) -> None:
    """Send without waiting for any answer; the server leaves unread what comes too fast."""
    for tick in range(SECONDS * 50):
        for number in range(PER_SECOND // 50):
            wish = {"channel_id": channel, "topic": "flood", "text": "x", "client_id": uuid4().hex}
            line.send(f"42{tick * 100 + number}" + json.dumps(["message:post", wish]))
        await asyncio.sleep(0.02)


async def talk(line: Line, channel: str, times: int) -> list[float]:
    """Post at a person's pace; how long each answer took."""
    took = []
    for _ in range(times):
        begun = monotonic()
        wish = {"channel_id": channel, "topic": "calm", "text": "y", "client_id": uuid4().hex}
        assert "problem" not in await line.emit("message:post", wish)
        took.append(monotonic() - begun)
        await asyncio.sleep(0.2)
    return sorted(took)


def test_d4_a_thousand_messages_a_second_are_slowed_to_twenty_and_others_go_on(served, team, channel, cookie):
    calm = team.join("FR")

    async def scenario():
        there = await (await Line.open(served.port, cookie(calm))).connected()
        await there.join(team.id, 2**53 - 1)
        before = await talk(there, str(channel), 10)
        fast = await (await Line.open(served.port, cookie(team.admin))).connected()
        begun = monotonic()
        flooding = asyncio.create_task(flood(fast, str(channel)))
        during = await talk(there, str(channel), 10)
        await flooding
        elapsed = monotonic() - begun
        heard = sum(one["message"]["topic"] == "flood" for one in there.events("message:posted"))
        still = not fast.closed.is_set()
        with contextlib.suppress(OSError):
            await fast.close()
        return before, during, heard, elapsed, still

    before, during, heard, elapsed, still = play(scenario)
    print(f"D4: {heard} in {elapsed:.1f} s; calm median {before[5]:.3f} -> {during[5]:.3f}, worst {during[-1]:.3f} s")
    assert 0 < heard <= BURST + RATE * elapsed + 1
    assert still  # slowed down, not cut off
    assert during[-1] < 1
