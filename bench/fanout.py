"""A message to a hundred sockets: sent, stored, authorised, audited, delivered; beside a bare Flask-SocketIO echo.

The peer keeps each message by one INSERT and emits it to one room: no session, no policy, no log, no resumption. Both
are one gunicorn gevent worker on the same PostgreSQL, driven by the same client, turn by turn.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from bench.env import Env, case

SOCKETS = 100
SENDERS = 30  # each may send 20 a second before it is slowed down
GENTLE = 10.0  # messages a second while latency is measured
NUMBER = re.compile(rb'"text":"m(\d+)"')


def cases(quick: bool, env: Env) -> Iterator[dict[str, Any]]:
    """Latency at a gentle rate, then the rate at which thirty senders are acknowledged one message after another."""
    from jit_server import messaging
    from tests.builders import sign_in

    team = env.world.workspace()
    with team.world.work(team.admin) as uow:
        channel = messaging.create_channel(uow, team.id, messaging.NewChannel(name="bench")).id
    people = [sign_in(env.house, team.join("FR")) for _ in range(10)]
    with env.serve(workers=1) as server, _echo(env) as echo:
        port = int(urlsplit(server.url).port or 0)
        ours = Crowd(port, [f"jit={people[n % 10]}" for n in range(SOCKETS)], team.id, channel)
        raw = Crowd(echo, [""] * SOCKETS, team.id, channel)
        yield from asyncio.run(_measure(ours, raw, quick=quick))


async def _measure(ours: "Crowd", raw: "Crowd", *, quick: bool) -> list[dict[str, Any]]:
    seconds, rounds = (3.0, 1) if quick else (8.0, 3)
    for crowd in (raw, ours):
        await crowd.gather()
        await crowd.press(1.0)
    gentle = {crowd: await crowd.pace(GENTLE, 3.0 if quick else 10.0) for crowd in (raw, ours)}
    pressed: dict[Crowd, list[Pressed]] = {raw: [], ours: []}
    for _ in range(rounds):
        for crowd in (raw, ours):
            pressed[crowd].append(await crowd.press(seconds))
    best = {crowd: max(results, key=lambda one: one.rate) for crowd, results in pressed.items()}
    lost = sum(one.lost for one in pressed[ours])
    slowest = max(one.p99 for one in pressed[ours])
    for crowd in (raw, ours):
        crowd.leave()
    p50, ratio = gentle[ours], best[ours].rate / best[raw].rate
    return [
        case("fanout_p50_10_per_s", p50 * 1e3, "ms", beside=gentle[raw] * 1e3, bar=20, holds=p50 <= 0.020),
        case(
            "fanout_rate_100_sockets", best[ours].rate, "messages/s", beside=best[raw].rate, bar=0.4,
            holds=ratio >= 0.4 and not lost and slowest < 1, p99_ms=round(slowest * 1e3, 1), lost=lost,
        ),
    ]  # fmt: skip


class Pressed:
    """What came of one round of pressing."""

    def __init__(self, rate: float, p99: float, lost: int) -> None:
        self.rate, self.p99, self.lost = rate, p99, lost


class Crowd:
    """A hundred sockets of one room; each message's last arrival is noted."""

    def __init__(self, port: int, cookies: list[str], workspace_id: Any, channel_id: Any) -> None:
        self.port, self.cookies, self.workspace, self.channel = port, cookies, str(workspace_id), str(channel_id)
        self.lines: list[Line] = []
        self.arrived: dict[int, int] = {}
        self.last: dict[int, float] = {}
        self._numbers = count(1)

    async def gather(self) -> None:
        """Open every socket and join."""
        loop = asyncio.get_running_loop()
        for cookie in self.cookies:
            _, line = await loop.create_connection(lambda cookie=cookie: Line(self, cookie), "127.0.0.1", self.port)
            await asyncio.wait_for(line.ready, 20)
            self.lines.append(line)
            await line.ask("workspace:join", {"workspace_id": self.workspace, "position": 2**53 - 1})

    def leave(self) -> None:
        """Hang up."""
        for line in self.lines:
            line.transport.close()

    async def say(self, line: "Line") -> tuple[int, float]:
        """Send one message; answers its number and when it left."""
        number, left = next(self._numbers), time.perf_counter()
        wish = {"channel_id": self.channel, "topic": "bench", "text": f"m{number}", "client_id": uuid4().hex}
        while True:
            answer = await line.ask("message:post", wish)
            problem = answer.get("problem")
            if problem is None:
                return number, left
            if problem["status"] != 503:
                raise RuntimeError(str(problem))
            await asyncio.sleep(0.1)

    async def pace(self, rate: float, seconds: float) -> float:
        """The median time until the last of the sockets has a message, at this rate."""
        said = []
        for turn in range(int(rate * seconds)):
            started = time.perf_counter()
            said.append(asyncio.create_task(self.say(self.lines[turn % SENDERS])))
            await asyncio.sleep(max(0.0, 1 / rate - (time.perf_counter() - started)))
        delays, _ = await self._delays(await asyncio.gather(*said))
        return delays[len(delays) // 2]

    async def press(self, seconds: float) -> Pressed:
        """Every sender sends its next message as soon as the last one is acknowledged."""
        said: list[tuple[int, float]] = []
        until = time.perf_counter() + seconds

        async def sender(line: Line) -> None:
            while time.perf_counter() < until:
                said.append(await self.say(line))

        started = time.perf_counter()
        await asyncio.gather(*(sender(line) for line in self.lines[:SENDERS]))
        delays, lost = await self._delays(said)
        ended = max(self.last.get(number, 0.0) for number, _ in said)
        return Pressed(len(said) / (ended - started), delays[int(len(delays) * 0.99)], lost)

    async def _delays(self, said: list[tuple[int, float]]) -> tuple[list[float], int]:
        waited = time.perf_counter() + 5
        missing = {number for number, _ in said}
        while missing and time.perf_counter() < waited:
            missing = {number for number in missing if self.arrived.get(number, 0) < SOCKETS}
            await asyncio.sleep(0.01)
        delays = sorted(self.last[number] - left for number, left in said if number not in missing)
        return delays or [float("inf")], len(missing)


class Line(asyncio.Protocol):
    """One socket, doing as little as possible: the client must not be what is measured."""

    def __init__(self, crowd: Crowd, cookie: str) -> None:
        self._crowd, self._cookie = crowd, cookie
        self._buffer = bytearray()
        self._open = False
        self._ids = count(1)
        self._asked: dict[bytes, asyncio.Future[Any]] = {}
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Shake hands."""
        self.transport = transport  # type: ignore[assignment]
        host = f"127.0.0.1:{self._crowd.port}"
        lines = [
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1", f"Host: {host}", f"Origin: http://{host}",
            "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}",
        ]  # fmt: skip
        self.transport.write(
            "\r\n".join([*lines, *([f"Cookie: {self._cookie}"] if self._cookie else []), "", ""]).encode()
        )

    def connection_lost(self, _error: Exception | None) -> None:
        """Whoever waits for an answer waits no more."""
        for future in self._asked.values():
            if not future.done():
                future.set_exception(ConnectionError("cut"))

    async def ask(self, event: str, data: Any) -> Any:
        """Emit an event and wait for its acknowledgement."""
        number = next(self._ids)
        future = self._asked[str(number).encode()] = asyncio.get_running_loop().create_future()
        self._send(f"42{number}{json.dumps([event, data])}")
        return await asyncio.wait_for(future, 20)

    def _send(self, text: str) -> None:
        body = text.encode()
        size = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + len(body).to_bytes(2, "big")
        self.transport.write(b"\x81" + size + b"\0\0\0\0" + body)

    def data_received(self, data: bytes) -> None:
        """Cut what came into frames."""
        buffer = self._buffer
        buffer += data
        if not self._open:
            head = buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            if not buffer.startswith(b"HTTP/1.1 101"):
                self.ready.set_exception(ConnectionError(bytes(buffer[:200])))
                return
            del buffer[: head + 4]
            self._open = True
            self._send("40")
        start, end = 0, len(buffer)
        while end - start >= 2:
            size, body = buffer[start + 1] & 0x7F, start + 2
            if size == 126:
                size, body = int.from_bytes(buffer[start + 2 : start + 4], "big"), start + 4
            if end < body + size:
                break
            self._packet(bytes(buffer[body : body + size]))
            start = body + size
        del buffer[:start]

    def _packet(self, packet: bytes) -> None:
        if packet.startswith(b'42["message:posted"'):
            found = NUMBER.search(packet)
            if found:
                number = int(found[1])
                self._crowd.arrived[number] = self._crowd.arrived.get(number, 0) + 1
                self._crowd.last[number] = time.perf_counter()
        elif packet.startswith(b"43"):
            number, _, rest = packet[2:].partition(b"[")
            future = self._asked.pop(number)
            if not future.done():
                future.set_result((json.loads(b"[" + rest) or [None])[0])
        elif packet == b"2":
            self._send("3")
        elif packet.startswith(b"40") and not self.ready.done():
            self.ready.set_result(None)


@contextmanager
def _echo(env: Env) -> Iterator[int]:
    """The bare peer, one worker."""
    from sqlalchemy import text

    from jit_server.demo.processes import free_port

    with env.owner_engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE IF NOT EXISTS bench_echo (id uuid PRIMARY KEY, body text, at timestamptz)")
        )
        connection.execute(text("GRANT INSERT ON bench_echo TO jit_app"))
    port = free_port("127.0.0.1")
    command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "-w", "1", "-b", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [*command, "--log-level", "warning", "--graceful-timeout", "1", "--no-control-socket", "bench.fanout:echo()"],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"BENCH_DATABASE": env.urls.app},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )
    try:
        _await_port(port)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_port(port: int) -> None:
    import socket

    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the echo server does not start")


def echo() -> Any:
    """Flask-SocketIO as its manual shows it: keep the message, emit it to the room."""
    from flask import Flask
    from flask_socketio import SocketIO, emit, join_room
    from sqlalchemy import create_engine, text

    app = Flask(__name__)
    sockets = SocketIO(app, async_mode="gevent", transports=["websocket"], cors_allowed_origins="*")
    engine = create_engine(os.environ["BENCH_DATABASE"], pool_size=20)
    insert = text("INSERT INTO bench_echo (id, body, at) VALUES (:id, :body, now())")

    @sockets.on("workspace:join")
    def join(_data: Any) -> dict[str, Any]:
        join_room("room")
        return {}

    @sockets.on("message:post")
    def post(data: dict[str, Any]) -> dict[str, Any]:
        with engine.begin() as connection:
            connection.execute(insert, {"id": uuid4(), "body": data["text"]})
        emit("message:posted", data, to="room")
        return {}

    return app
