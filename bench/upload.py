"""How fast a large exhibit is taken in, what it weighs in memory, and how long it holds anybody else up."""

import hashlib
import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from minio import Minio

from bench.env import Env, Server, case, cpu, memory
from jit_server.core.vault import BLOCK, S3Vault
from tests.builders import Team, sign_in
from tests.engines.ceph import Ceph, ceph
from tests.evidence.builders import declare

FOLDER_BAR, S3_BAR = 0.6, 0.8
FLAT = 64.0
HELD = 100.0


@dataclass
class Work:
    """One measured piece of work: what it took the worker, and what others waited meanwhile.

    Seconds by the clock and of the processors, memory grown by (bytes), waits (ms).
    """

    seconds: float
    cpu: float
    grown: int
    waits: list[float]


def cases(quick: bool, env: Env) -> Iterator[dict[str, Any]]:
    """512 MiB (256 when quick) to each vault, over HTTP to a running server, beside the bare work of the same bytes."""
    size = (256 if quick else 512) * BLOCK  # a smaller file would measure the transactions round it
    rounds = 1 if quick else 4
    source = source_file(env.folder / "source.bin", size)
    team = env.world.workspace()
    yield from _to_folder(env, team, source, size, rounds)
    yield from _to_s3(env, team, source, size, rounds)


def source_file(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        for _ in range(size // BLOCK):
            file.write(os.urandom(BLOCK))
    return path


def _to_folder(env: Env, team: Team, source: Path, size: int, rounds: int) -> Iterator[dict[str, Any]]:
    with env.serve(workers=1) as server:
        pairs = _by_turns(
            server,
            lambda: emptied(server, size, lambda: _upload(server, team, source, size)),
            lambda: copy(source, env.folder / "copy.bin"),
            rounds,
        )
    yield from _lines("folder", pairs, size, FOLDER_BAR)


def _to_s3(env: Env, team: Team, source: Path, size: int, rounds: int) -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        # Locked objects stay, removed ones leave late, and a full memory store holds writes for ever.
        gateway = stack.enter_context(ceph(disk=True, size=max(4 * 2**30, (2 * rounds + 6) * size)))
        server = stack.enter_context(env.serve(workers=1, vault="s3", **s3_settings(gateway, env.folder)))
        pairs = _by_turns(
            server, lambda: _upload(server, team, source, size), lambda: put_object(gateway, source, size), rounds
        )
    yield from _lines("s3", pairs, size, S3_BAR)


def s3_settings(gateway: Ceph, folder: Path) -> dict[str, Any]:
    """The server's settings for this store, with its bucket made."""
    account = gateway.account
    S3Vault(account, retention_days=1).prepare()
    secret = folder / "secret"
    secret.touch(0o600)
    secret.write_text(account.secret_key)
    return {
        "s3_endpoint": account.endpoint,
        "s3_bucket": account.bucket,
        "s3_access_key": account.access_key,
        "s3_secret_key_file": secret,
        "s3_secure": False,
        "s3_retention_days": 1,
    }


def _by_turns(
    server: Server, ours: Callable[[], float], theirs: Callable[[], float], rounds: int
) -> list[tuple[Work, Work]]:
    """By turns, so that a busy moment of the machine falls on both; the first pair is the warming up."""
    return [(watched(server, ours), watched(server, theirs)) for _ in range(rounds + 1)]


def watched(server: Server, work: Callable[[], float], *also: int) -> Work:
    """Do some work while another client asks the server for something small every 20 ms.

    The memory is that of the server's worker and of the processes `also`, at one moment.
    """
    (worker,) = server.workers()
    before = most = sum(memory(pid) for pid in (worker, *also))
    busy = cpu(worker)
    over, waits = threading.Event(), []

    def ask() -> None:
        nonlocal most
        connection = http.client.HTTPConnection(str(urlsplit(server.url).netloc), timeout=30)
        while not over.wait(0.02):
            began = time.perf_counter()
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            waits.append((time.perf_counter() - began) * 1000)
            most = max(most, sum(memory(pid) for pid in (worker, *also)))
        connection.close()

    other = threading.Thread(target=ask)
    other.start()
    try:
        seconds = work()
    finally:
        over.set()
        other.join()
    return Work(seconds, cpu(worker) - busy, most - before, waits)


def _lines(name: str, pairs: list[tuple[Work, Work]], size: int, bar: float) -> Iterator[dict[str, Any]]:
    mib = size / 2**20
    rate, beside = (mib / median(one.seconds for one in side) for side in zip(*pairs[1:], strict=True))
    yield case(
        f"upload_{name}",
        rate,
        "MiB/s",
        beside=beside,
        bar=bar,
        holds=rate / beside >= bar,
        mib=mib,
        cpu_s=round(median(one.cpu for one, _ in pairs[1:]), 2),
    )
    grown = max(upload.grown for upload, _ in pairs) / 2**20  # most of it at the first upload
    yield case(f"upload_{name}_memory", grown, "MiB", bar=FLAT, holds=grown <= FLAT, mib=mib)
    waits = sorted(wait for upload, _ in pairs for wait in upload.waits)
    idle = max(wait for _, bare in pairs for wait in bare.waits)  # the server does nothing, the machine as much
    more = {"p99": round(waits[int(len(waits) * 0.99)], 2), "requests": len(waits)}
    yield case(f"upload_{name}_held", waits[-1], "ms", beside=idle, bar=HELD, holds=waits[-1] <= HELD, **more)


def _upload(server: Server, team: Team, source: Path, size: int) -> float:
    cookie = f"{server.settings.cookie}={sign_in(team.world.house, team.admin)}"
    return send(server, cookie, str(declare(team, team.admin, size)), source, size)


def send(server: Server, cookie: str, upload_id: str, source: Path, size: int) -> float:
    connection = http.client.HTTPConnection(str(urlsplit(server.url).netloc), timeout=120)
    began = time.perf_counter()
    connection.putrequest("PUT", f"/api/v1/uploads/{upload_id}")
    headers = {"Cookie": cookie, "Content-Type": "application/octet-stream", "Content-Length": str(size)}
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    with source.open("rb") as file:
        connection.sock.sendfile(file)  # the kernel copies: the client costs the server no processor
    answer = connection.getresponse()
    item = json.loads(answer.read())
    seconds = time.perf_counter() - began
    connection.close()
    if answer.status != 201:
        raise RuntimeError(item)
    return seconds


def emptied(server: Server, size: int, upload: Callable[[], float]) -> float:
    """One upload whose bytes (objects of more than this size) are removed afterwards, as the copy's are.

    A disk that grows while it is written takes up to three times as long for blocks it never had (measured: 0.78 to
    1.69 s within five rounds); both sides write to blocks that were freed before.
    """
    seconds = upload()
    for path in (server.settings.data / "vault" / "objects").glob("*/*/*"):
        if path.stat().st_size > size:
            path.unlink()
    return seconds


def copy(source: Path, target: Path) -> float:
    """The bare work: read, hash, write, flush to disk."""
    target.unlink(missing_ok=True)
    began, digest = time.perf_counter(), hashlib.sha256()
    with source.open("rb") as file, target.open("wb") as copy:
        while block := file.read(BLOCK):
            digest.update(block)
            copy.write(block)
        copy.flush()
        os.fsync(copy.fileno())
    return time.perf_counter() - began


def put_object(gateway: Ceph, source: Path, size: int) -> float:
    """The SDK alone, as its manual shows it, into a bucket without lock; removed again afterwards."""
    account = gateway.account
    client = Minio(
        account.endpoint, account.access_key, account.secret_key, secure=account.secure, region=account.region
    )
    if not client.bucket_exists("bare"):
        client.make_bucket("bare")
    name = uuid4().hex
    with source.open("rb") as file:
        began = time.perf_counter()
        client.put_object("bare", name, file, size)
        seconds = time.perf_counter() - began
    client.remove_object("bare", name)
    return seconds
