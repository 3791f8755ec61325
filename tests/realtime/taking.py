"""A taker of downloads that reads as slowly as it is told to, over a socket of its own."""

import contextlib
import socket
import time
from dataclasses import dataclass, field

import psutil

PIECE = 64 * 1024


@dataclass
class Taker:
    """One running download."""

    port: int
    path: str
    headers: dict[str, str]
    taken: int = 0
    ended: bool = False
    status: int = 0
    line: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        """Ask, and read the head of the answer."""
        self.line = socket.socket()
        self.line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        self.line.settimeout(10)
        self.line.connect(("127.0.0.1", self.port))
        stated = {"Host": f"127.0.0.1:{self.port}", **self.headers}
        head = [f"GET {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in stated.items()), "", ""]
        self.line.sendall("\r\n".join(head).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.line.recv(1)
        self.status = int(answer.split()[1])

    def take(self, most: int = PIECE, within: float = 5) -> int:
        """Read once; how many bytes came. Nothing within the time is nothing, and an end is noted."""
        self.line.settimeout(within)
        with contextlib.suppress(TimeoutError):
            try:
                data = self.line.recv(most)
            except ConnectionError:
                data = b""
            self.ended = not data
            self.taken += len(data)
            return len(data)
        return 0

    def drain(self, pause: float = 0.7) -> None:
        """Read all that the kernel has, until nothing comes for a while."""
        while self.take(1 << 20, pause):
            pass

    def until_cut(self, most: float) -> float:
        """Read slowly until the end; how long that took."""
        begun = time.monotonic()
        while not self.ended and time.monotonic() - begun < most:
            self.take()
            time.sleep(0.02)
        return time.monotonic() - begun

    def close(self) -> None:
        """Hang up."""
        self.line.close()


def holders(port: int, workers: list[psutil.Process]) -> list[int]:
    """How many connections each worker holds."""
    return [
        sum(one.status == "ESTABLISHED" and one.laddr.port == port for one in worker.net_connections("tcp"))
        for worker in workers
    ]
