"""A Socket.IO client small enough to open hundreds of: one asyncio stream, every event kept with its time."""

import asyncio
import contextlib
import json
import os
import re
import socket
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic
from typing import Any, ClassVar

POSITION = re.compile(r'"position":(\d+)')
PATH = "/socket.io/?EIO=4&transport=websocket"


class Refused(Exception):
    """The handshake was answered with something else than 101."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status, self.body = status, body


@dataclass
class Heard:
    """One event, and when it came; read only when somebody asks."""

    at: float
    raw: str

    @property
    def event(self) -> str:
        return self.raw.split('"', 2)[1]

    @cached_property
    def data(self) -> Any:
        return json.loads(self.raw)[1]


def frame(payload: bytes, *, opcode: int = 1, fin: bool = True, rsv: int = 0) -> bytes:
    """A client's frame, masked with zeros."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 1 << 16:
        head += b"\xfe" + len(payload).to_bytes(2, "big")
    else:
        head += b"\xff" + len(payload).to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


def upgrade(port: int, headers: dict[str, str], path: str = PATH) -> bytes:
    """The handshake; a header given as an empty string is left out."""
    lines = {
        "Host": f"127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
        "Origin": f"http://127.0.0.1:{port}",
        **headers,
    }
    return "\r\n".join([f"GET {path} HTTP/1.1", *(f"{k}: {v}" for k, v in lines.items() if v), "", ""]).encode()


def play(scenario: Callable[[], Awaitable[Any]]) -> Any:
    """Run a scenario and hang up every line it opened."""

    async def whole() -> Any:
        try:
            return await scenario()
        finally:
            opened, Line.opened = Line.opened, []
            for line in opened:
                await line.close()

    return asyncio.run(whole())


@dataclass
class Line:
    """One connection."""

    opened: ClassVar[list["Line"]] = []

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[Heard] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    close_code: int | None = None
    position: int = 0
    _acks: dict[int, asyncio.Future[Any]] = field(default_factory=dict)
    _next: int = 0
    _connected: asyncio.Event = field(default_factory=asyncio.Event)
    _task: Any = None

    @classmethod
    async def open(
        cls,
        port: int,
        cookie: str = "",
        *,
        headers: dict[str, str] | None = None,
        path: str = PATH,
        auth: str = "",
        buffer: int = 0,
    ) -> "Line":
        """Shake hands, and join the default namespace with `auth` (JSON text); `buffer` limits the kernel's."""
        sock = socket.socket()
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=sock)
        given = {"Cookie": f"jit={cookie}" if cookie else "", **(headers or {})}
        try:
            writer.write(upgrade(port, given, path))
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            status = int(answer.split()[1])
            if status != 101:
                raise Refused(status, await asyncio.wait_for(reader.read(65536), 5))  # noqa: TRY301
        except BaseException:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            raise
        line = cls(reader, writer)
        cls.opened.append(line)
        line._task = asyncio.create_task(line._read())
        line.send("40" + auth)
        return line

    async def connected(self, within: float = 10) -> "Line":
        """Wait until the namespace is joined."""
        await asyncio.wait_for(self._connected.wait(), within)
        return self

    def send(self, packet: str) -> None:
        """Send one packet as it stands."""
        self.writer.write(frame(packet.encode()))

    async def emit(self, event: str, data: Any, within: float = 10) -> Any:
        """Emit an event and wait for its acknowledgement."""
        self._next += 1
        future = self._acks[self._next] = asyncio.get_running_loop().create_future()
        self.send(f"42{self._next}" + json.dumps([event, data], ensure_ascii=False))
        await self.writer.drain()
        return await asyncio.wait_for(future, within)

    async def join(self, workspace_id: Any, position: int | None = None) -> Any:
        """Take a seat, from the last position heard unless another is given."""
        wish = {"workspace_id": str(workspace_id), "position": self.position if position is None else position}
        answer = await self.emit("workspace:join", wish)
        self.position = max(self.position, answer.get("position", 0))
        return answer

    def events(self, *names: str) -> list[Any]:
        """The data of what was heard under these names, in order."""
        return [one.data for one in self.heard if one.event in names]

    async def until(self, condition: Any, within: float = 10) -> None:
        """Wait until a condition holds."""
        deadline = monotonic() + within
        while not condition():
            if monotonic() > deadline:
                state = f"closed with {self.close_code}" if self.closed.is_set() else "open"
                raise TimeoutError(f"at position {self.position} after {len(self.heard)} events, {state}")
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _read(self) -> None:
        buffer = bytearray()
        try:
            while self.close_code is None:
                data = await self.reader.read(1 << 16)
                if not data:
                    break
                buffer += data
                del buffer[: self._frames(buffer)]
        except OSError:
            pass
        finally:
            self.closed.set()
            for future in self._acks.values():
                if not future.done():
                    future.set_exception(ConnectionError("closed"))
                    future.exception()

    def _frames(self, buffer: bytearray) -> int:
        """Read every whole frame; answers how many bytes they took."""
        start = 0
        while len(buffer) - start >= 2 and self.close_code is None:
            length, body = buffer[start + 1] & 0x7F, start + 2
            if length >= 126:
                body += 2 if length == 126 else 8
                length = int.from_bytes(buffer[start + 2 : body], "big")
            if len(buffer) < body + length:
                break
            opcode, payload = buffer[start] & 0x0F, buffer[body : body + length]
            if opcode == 8:
                self.close_code = int.from_bytes(payload[:2], "big") if payload else 1005
            elif opcode == 1:
                self._packet(payload.decode())
            start = body + length
        return start

    def _packet(self, packet: str) -> None:
        if packet == "2":
            self.send("3")
        elif packet.startswith("40"):
            self._connected.set()
        elif packet.startswith("43"):
            number, _, rest = packet[2:].partition("[")
            future = self._acks.pop(int(number), None)
            if future and not future.done():
                found = json.loads("[" + rest)
                future.set_result(found[0] if found else None)
        elif packet.startswith("42"):
            self.heard.append(Heard(monotonic(), packet[2:]))
            found = POSITION.search(packet)
            if found:
                self.position = max(self.position, int(found[1]))
