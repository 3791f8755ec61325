"""A large exhibit in four parts at once, each in pieces that a broken line loses at most one of (tus 1.0).

What is timed ends with the answer to the last request: all bytes are safe in the vault, encrypted, as after `PUT` and
`put_object`. Until the worker has read them back and the exhibit is there it takes longer; `exhibit` is the rate with
that, and memory and other people's waiting are watched until then.
"""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from bench.env import Env, Server, case
from bench.upload import FLAT, HELD, Work, copy, emptied, put_object, s3_settings, source_file, watched
from jit_server.core.vault import BLOCK
from tests.builders import Team, sign_in
from tests.engines.ceph import ceph
from tests.evidence.builders import declare

FOLDER_BAR, S3_BAR = 0.5, 0.7
LANES, PIECE = 4, 32 * BLOCK
"""Parts at once, and the most that the browser sends in one request."""
SETTLING = 3
"""Seconds that the worker has for what follows a registration."""


def cases(quick: bool, env: Env) -> Iterator[dict[str, Any]]:
    """2 GiB (288 MiB when quick) to each vault, declared, sent, joined; beside the bare work of the same bytes."""
    size, rounds = (288 if quick else 2048) * BLOCK, 1 if quick else 2
    source = source_file(env.folder / "source.bin", size)
    team = env.world.workspace()
    with env.serve(workers=1) as server, env.working(server.settings) as worker:
        ours, theirs = _Sender(server, team, source, size), lambda: copy(source, env.folder / "copy.bin")
        pairs = _pairs(server, worker, ours, theirs, rounds)
    yield from _lines("folder", ours, pairs, size, FOLDER_BAR)
    with ExitStack() as stack:
        gateway = stack.enter_context(ceph(disk=True, size=max(4 * 2**30, (2 * rounds + 3) * size)))
        server = stack.enter_context(env.serve(workers=1, vault="s3", **s3_settings(gateway, env.folder)))
        worker = stack.enter_context(env.working(server.settings))
        ours = _Sender(server, team, source, size)
        pairs = _pairs(server, worker, ours, lambda: put_object(gateway, source, size), rounds)
    yield from _lines("s3", ours, pairs, size, S3_BAR)


def _pairs(
    server: Server, worker: int, ours: "_Sender", theirs: Callable[[], float], rounds: int
) -> list[tuple[Work, Work]]:
    ours.warm_up()
    return [(watched(server, ours.send, worker), watched(server, theirs, worker)) for _ in range(rounds)]


def _lines(
    name: str, ours: "_Sender", pairs: list[tuple[Work, Work]], size: int, bar: float
) -> Iterator[dict[str, Any]]:
    mib = size / 2**20
    rate, beside = (mib / median(one.seconds for one in side) for side in zip(*pairs, strict=True))
    holds = rate / beside >= bar
    more = {"exhibit": round(mib / median(ours.whole), 2), "mib": mib, "lanes": LANES}
    yield case(f"upload_tus_{name}", rate, "MiB/s", beside=beside, bar=bar, holds=holds, **more)
    grown = max(upload.grown for upload, _ in pairs) / 2**20
    yield case(f"upload_tus_{name}_memory", grown, "MiB", bar=FLAT, holds=grown <= FLAT)
    waits = sorted(wait for upload, _ in pairs for wait in upload.waits)
    p95 = waits[int(len(waits) * 0.95)]
    more = {"most": round(waits[-1], 2), "requests": len(waits)}
    yield case(f"upload_tus_{name}_others_p95", p95, "ms", bar=HELD, holds=p95 <= HELD, **more)


class _Sender:
    """A client with a session of its own; each part goes over a connection of its own."""

    def __init__(self, server: Server, team: Team, source: Path, size: int) -> None:
        self._server, self._team, self._source, self._size = server, team, source, size
        self._host = str(urlsplit(server.url).netloc)
        cookie = f"{server.settings.cookie}={sign_in(team.world.house, team.admin)}"
        self._headers = {"Cookie": cookie, "Tus-Resumable": "1.0.0"}
        self.whole: list[float] = []
        """Seconds from the first part's creation until the exhibit was there, of each upload."""

    def warm_up(self) -> None:
        """Something small: what server and worker load once is not an upload's."""
        _Sender(self._server, self._team, self._source, LANES * BLOCK).send()
        time.sleep(SETTLING)

    def send(self) -> float:
        """Seconds from the first part's creation until all bytes are there; returns when the exhibit is."""
        return emptied(self._server, PIECE, self._sent)

    def _sent(self) -> float:
        base = f"/api/v1/uploads/{declare(self._team, self._team.admin, self._size)}/tus"
        length = self._size // LANES
        began = time.perf_counter()
        with ThreadPoolExecutor(LANES) as pool:
            parts = list(pool.map(lambda lane: self._part(base, lane * length, length), range(LANES)))
        with closing(http.client.HTTPConnection(self._host, timeout=600)) as connection:
            final = {"Upload-Concat": "final;" + " ".join(parts)}
            made = json.loads(self._ask(connection, "POST", base, final, 201))
            seconds = time.perf_counter() - began
            while "number" not in made:
                time.sleep(0.1)
                made = json.loads(self._ask(connection, "POST", base, final, 201))
            self.whole.append(time.perf_counter() - began)
        return seconds

    def _part(self, base: str, start: int, length: int) -> str:
        with closing(http.client.HTTPConnection(self._host, timeout=600)) as connection:
            stated = {"Upload-Length": str(length), "Upload-Concat": "partial"}
            address = f"{base}/{json.loads(self._ask(connection, 'POST', base, stated, 201))['id']}"
            for offset in range(0, length, PIECE):
                self._piece(connection, address, start, offset, min(PIECE, length - offset))
        return address

    def _piece(self, connection: http.client.HTTPConnection, address: str, start: int, offset: int, size: int) -> None:
        connection.putrequest("PATCH", address)
        stated = {
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(size),
            "Upload-Offset": str(offset),
        }
        for name, value in (self._headers | stated).items():
            connection.putheader(name, value)
        connection.endheaders()
        with self._source.open("rb") as file:
            connection.sock.sendfile(file, start + offset, size)
        _read(connection, 204)

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], status: int
    ) -> bytes:
        connection.request(method, path, headers=self._headers | headers)
        return _read(connection, status)


def _read(connection: http.client.HTTPConnection, status: int) -> bytes:
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != status:
        raise RuntimeError(said)
    return said
