"""How long a removed member's sockets still hear: two hundred of them on two workers, while others talk."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from bench.env import Env, case
from tests.builders import sign_in
from tests.messaging.test_speaking import channel_in, say
from tests.realtime.line import Line, play

SOCKETS, LIMIT = 200, 2.0


def cases(quick: bool, env: Env) -> Iterator[dict[str, Any]]:
    """From the commit of each removal to the last frame its sockets got; what came later than the goodbye is lost."""
    team = env.world.workspace()
    channel = channel_in(team)
    count = 10 if quick else 40
    leavers = [team.join("FR") for _ in range(count)]
    cookies = [sign_in(env.house, who) for who in leavers for _ in range(SOCKETS // count)]
    with env.serve(workers=2) as server:
        port = int(urlsplit(server.url).port or 0)

        async def scenario() -> tuple[list[float], int]:
            lines = []
            for secret in cookies:
                line = await (await Line.open(port, secret)).connected()
                await line.join(team.id, 2**53 - 1)
                lines.append(line)
            stop = asyncio.Event()
            talk = asyncio.create_task(_talk(team, channel, stop))
            removed: list[float] = []
            for who in leavers:
                await asyncio.to_thread(team.remove, who)
                removed.append(time.monotonic())
            for line in lines:
                await line.until(lambda line=line: line.events("workspace:left"), 15)
            await asyncio.sleep(1)
            stop.set()
            await talk
            each = SOCKETS // count
            late = [max(0.0, line.heard[-1].at - removed[number // each]) for number, line in enumerate(lines)]
            after = sum(line.heard[-1].event != "workspace:left" for line in lines)
            return late, after

        late, after = play(scenario)
    late.sort()
    p99 = late[int(0.99 * len(late))]
    yield case(
        "revocation_last_frame_p99", p99, "s", bar=LIMIT, holds=p99 <= LIMIT and not after,
        p50=round(late[len(late) // 2], 4), sockets=len(late), frames_after_goodbye=after,
    )  # fmt: skip


async def _talk(team: Any, channel: Any, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await asyncio.to_thread(say, team, team.admin, channel, "words")
        await asyncio.sleep(0.02)
