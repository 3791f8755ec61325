"""Whoever reads slowly gets every frame whole and in order, or is cut off; nobody else waits."""

import asyncio
from time import monotonic
from uuid import uuid4

from tests.realtime.line import Line, play

LONG = "slow " * 3_999


async def seat(served, team, secret, **how):
    line = await (await Line.open(served.port, secret, **how)).connected()
    await line.join(team.id, 2**53 - 1)
    return line


async def say(lines, channel, count):
    """So many long messages, in turn by all lines; answers their positions."""

    async def one(line, share):
        kept = []
        for _ in range(share):
            wish = {"channel_id": str(channel), "topic": "t", "text": LONG, "client_id": uuid4().hex}
            kept.append((await line.emit("message:post", wish, 30))["position"])
        return kept

    shares = await asyncio.gather(*(one(line, count // len(lines)) for line in lines))
    return sorted(position for share in shares for position in share)


def test_a_reader_that_pauses_gets_every_frame_whole_and_in_order(served, team, channel, cookie):
    async def scenario():
        speakers = [await seat(served, team, cookie(team.admin)) for _ in range(4)]
        slow = await seat(served, team, cookie(team.leaders["FR"]), buffer=8192)
        for _ in range(3):
            slow.writer.transport.pause_reading()
            kept = await say(speakers, channel, 40)
            slow.writer.transport.resume_reading()
            await slow.until(lambda last=kept[-1]: slow.position >= last or slow.closed.is_set(), 20)
        heard = slow.events("message:posted")
        assert len(heard) == 120
        assert all(one["message"]["text"] == LONG for one in heard)
        positions = [one["position"] for one in heard]
        assert positions == sorted(positions)

    play(scenario)


def test_a_reader_that_stops_is_cut_off_and_catches_up_when_it_comes_back(served, team, channel, cookie):
    async def scenario():
        before = served.rss()
        speakers = [await seat(served, team, cookie(team.admin)) for _ in range(12)]
        stuck = await seat(served, team, cookie(team.leaders["FR"]), buffer=8192)
        other = await seat(served, team, cookie(team.leaders["FR"]))
        stuck.writer.transport.pause_reading()
        started = monotonic()
        kept = await say(speakers, channel, 480)
        await other.until(lambda: other.position >= kept[-1], 20)
        print(f"480 long messages in {monotonic() - started:.1f} s, {(served.rss() - before) / 2**20:.0f} MiB more")
        stuck.writer.transport.resume_reading()
        await asyncio.wait_for(stuck.closed.wait(), 20)
        assert [one["position"] for one in other.events("message:posted")] == kept
        back = await (await Line.open(served.port, cookie(team.leaders["FR"]))).connected()
        heard = [one["position"] for one in stuck.events("message:posted")]
        answer = await back.join(team.id, heard[-1])
        heard += [one["position"] for one in back.events("message:posted")]
        assert answer["gap"] is False
        assert heard == kept

    play(scenario)
