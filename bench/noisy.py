"""What one noisy client costs the others: people who post at their own pace, alone and beside a flood (PROOFS D4)."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from bench.env import Env, case
from tests.builders import sign_in
from tests.messaging.test_speaking import channel_in
from tests.realtime.line import Line, play

CALM, SOCKETS, PER_SECOND = 10, 4, 1000
SHARE, PAUSE = 1.2, 0.2


def cases(quick: bool, env: Env) -> Iterator[dict[str, Any]]:
    """The 95th percentile of the others' posts, beside the same without the flood."""
    team = env.world.workspace()
    channel = str(channel_in(team))
    calm = [sign_in(env.house, team.join("FR")) for _ in range(CALM)]
    noisy = sign_in(env.house, team.join("DE"))
    rounds = 8 if quick else 75
    with env.serve(workers=2, rates=True) as server:
        port = int(urlsplit(server.url).port or 0)

        async def scenario() -> tuple[list[float], list[float], list[Any]]:
            lines = [await (await Line.open(port, secret)).connected() for secret in calm]
            for line in lines:
                await line.join(team.id, 2**53 - 1)
            await _talk(lines, channel, 5)
            alone = await _talk(lines, channel, rounds)
            loud = [await (await Line.open(port, noisy)).connected() for _ in range(SOCKETS)]
            stop = asyncio.Event()
            flood = [asyncio.create_task(_flood(line, channel, stop)) for line in loud]
            beside = await _talk(lines, channel, rounds)
            stop.set()
            await asyncio.gather(*flood)
            return alone, beside, lines[0].events("message:posted")

        alone, beside, heard = play(scenario)
    p95, before = (sorted(took)[int(0.95 * len(took))] * 1000 for took in (beside, alone))
    let_through = sum(one["message"]["topic"] == "flood" for one in heard)
    yield case(
        "noisy_others_p95", p95, "ms", beside=before, bar=SHARE, holds=p95 <= SHARE * before,
        posts=len(beside), noisy_sockets=SOCKETS, noisy_per_second=PER_SECOND, noisy_posts_kept=let_through,
    )  # fmt: skip


async def _talk(lines: list[Line], channel: str, rounds: int) -> list[float]:
    """Everybody posts at a person's pace; how long each answer took."""
    took: list[float] = []

    async def one(line: Line, delay: float) -> None:
        await asyncio.sleep(delay)
        for _ in range(rounds):
            begun = time.perf_counter()
            answer = await line.emit("message:post", _wish(channel, "calm"), 20)
            assert "problem" not in answer, answer
            took.append(time.perf_counter() - begun)
            await asyncio.sleep(PAUSE)

    await asyncio.gather(*(one(line, place * PAUSE / len(lines)) for place, line in enumerate(lines)))
    return took


async def _flood(line: Line, channel: str, stop: asyncio.Event) -> None:
    """Send without waiting for any answer; what comes too fast the server leaves unread."""
    number = 0
    while not stop.is_set() and not line.closed.is_set():
        for _ in range(PER_SECOND // SOCKETS // 20):
            number += 1
            line.send(f"42{number}" + json.dumps(["message:post", _wish(channel, "flood")]))
        await asyncio.sleep(0.05)


def _wish(channel: str, topic: str) -> dict[str, str]:
    return {"channel_id": channel, "topic": topic, "text": "x" * 40, "client_id": uuid4().hex}
