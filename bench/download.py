"""How fast a large exhibit is given out, decrypted and proved on its way, and what that weighs in memory."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from minio import Minio

from bench.env import Env, Server, case
from bench.upload import FLAT, HELD, Work, s3_settings, send, source_file, watched
from jit_server.core.vault import BLOCK
from tests.builders import Team, sign_in
from tests.engines.ceph import Ceph, ceph
from tests.evidence.builders import declare

RATE_BAR, S3_BAR = 300.0, 0.6
PARTS = 200


def cases(quick: bool, env: Env) -> Iterator[dict[str, Any]]:
    """2 GiB (128 MiB when quick) from each vault over HTTP, beside the file by `sendfile` and the SDK's own get."""
    size = (128 if quick else 2048) * BLOCK
    rounds = 1 if quick else 3
    source = source_file(env.folder / "source.bin", size)
    team = env.world.workspace()
    with env.serve(workers=1) as server:
        taker = _Taker(server, team, source, size)
        pairs = [(watched(server, taker.whole), watched(server, lambda: _sendfile(source))) for _ in range(rounds + 1)]
        yield from _lines("folder", pairs, size)
        yield _parts(taker)
    with ExitStack() as stack:
        gateway = stack.enter_context(ceph(size=4 * 2**30 + 4 * size))
        server = stack.enter_context(env.serve(workers=1, vault="s3", **s3_settings(gateway, env.folder)))
        taker, name = _Taker(server, team, source, size), _bare(gateway, source)
        pairs = [
            (watched(server, taker.whole), watched(server, lambda: _get(gateway, name))) for _ in range(rounds + 1)
        ]
        yield from _lines("s3", pairs, size)


class _Taker:
    """A client that has an exhibit of its own on the server, and throws away what it reads."""

    def __init__(self, server: Server, team: Team, source: Path, size: int) -> None:
        self._cookie = f"{server.settings.cookie}={sign_in(team.world.house, team.admin)}"
        self._host, self.size, self._view = str(urlsplit(server.url).netloc), size, memoryview(bytearray(BLOCK))
        upload_id = str(declare(team, team.admin, size))
        send(server, self._cookie, upload_id, source, size)
        self._path = f"/api/v1/evidence/{upload_id}/content"

    def whole(self) -> float:
        """Seconds for all of it."""
        return self._take({}, self.size)

    def part(self, first: int, length: int) -> float:
        """Seconds for a part."""
        return self._take({"Range": f"bytes={first}-{first + length - 1}"}, length)

    def _take(self, headers: dict[str, str], size: int) -> float:
        with closing(http.client.HTTPConnection(self._host, timeout=120)) as connection:
            began, got = time.perf_counter(), 0
            connection.request("GET", self._path, headers={"Cookie": self._cookie} | headers)
            answer = connection.getresponse()
            while read := answer.readinto(self._view):
                got += read
            seconds = time.perf_counter() - began
        if got != size:
            raise RuntimeError(f"status {answer.status}: {got} bytes of {size}")
        return seconds


def _sendfile(source: Path) -> float:
    """The bare work: the kernel sends the file to itself, as a web server of static files does."""
    ours, theirs = socket.socketpair()

    def give() -> None:
        with source.open("rb") as file, theirs:
            theirs.sendfile(file)

    other, view = threading.Thread(target=give), memoryview(bytearray(BLOCK))
    began = time.perf_counter()
    other.start()
    with ours:
        while ours.recv_into(view):
            pass
    other.join()
    return time.perf_counter() - began


def _client(gateway: Ceph) -> Minio:
    account = gateway.account
    return Minio(account.endpoint, account.access_key, account.secret_key, secure=account.secure, region=account.region)


def _bare(gateway: Ceph, source: Path) -> str:
    """The same bytes, as they are, in a bucket of their own."""
    client, name = _client(gateway), uuid4().hex
    client.make_bucket("bare")
    client.fput_object("bare", name, str(source))
    return name


def _get(gateway: Ceph, name: str) -> float:
    """The SDK alone."""
    began = time.perf_counter()
    answer = _client(gateway).get_object("bare", name)
    for _ in answer.stream(BLOCK):
        pass
    answer.close()
    answer.release_conn()
    return time.perf_counter() - began


def _lines(name: str, pairs: list[tuple[Work, Work]], size: int) -> Iterator[dict[str, Any]]:
    mib = size / 2**20
    rate, beside = (mib / median(one.seconds for one in side) for side in zip(*pairs[1:], strict=True))
    holds = rate >= RATE_BAR or (name == "s3" and rate >= S3_BAR * beside)
    cpu = median(one.cpu for one, _ in pairs[1:])
    yield case(f"download_{name}", rate, "MiB/s", beside=beside, bar=RATE_BAR, holds=holds, mib=mib, cpu_s=cpu)
    grown = max(one.grown for one, _ in pairs) / 2**20
    yield case(f"download_{name}_memory", grown, "MiB", bar=FLAT, holds=grown <= FLAT, mib=mib)
    waits = sorted(wait for one, _ in pairs for wait in one.waits)
    yield case(f"download_{name}_held", waits[int(len(waits) * 0.95)], "ms", bar=HELD, holds=None, worst=waits[-1])


def _parts(taker: _Taker) -> dict[str, Any]:
    """64 KiB from places all over the exhibit, as a viewer asks for them."""
    step = taker.size // PARTS
    times = sorted(taker.part(step * turn + turn, 65536) * 1000 for turn in range(PARTS))
    return case("download_part", times[int(PARTS * 0.95)], "ms", median=round(median(times), 2))
