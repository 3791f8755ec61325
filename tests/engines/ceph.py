"""One node of Ceph with its S3 gateway (RGW): real versions and Object Lock, on loopback, up in seconds.

Debian: `apt-get install --no-install-recommends radosgw ceph-mon ceph-osd`. A missing program is an error.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from jit_server.core.vault import Account
from tests.engines.ports import free_port

ATTEMPTS = 3
WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")  # ends with a test run that was killed and can stop nothing
PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "monmaptool", "rados")

CONFIGURATION = """
[global]
fsid = {fsid}
auth cluster required = none
auth service required = none
auth client required = none
mon host = v1:127.0.0.1:{mon_port}
ms bind msgr2 = false
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
run dir = {folder}
admin socket =
log file = {folder}/$name.log
mon data = {folder}/mon
osd data = {folder}/osd
{store}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 2
osd pool default pgp num = 2
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 1000
osd crush chooseleaf type = 0
osd class update on start = false
osd crush update on start = false
paxos propose interval = 0.05
paxos min wait = 0.01
mon osd min in ratio = 0
rgw frontends = beast endpoint=127.0.0.1:{rgw_port} tcp_nodelay=1
rgw enable usage log = false
rgw gc processor period = 3600
rgw run sync thread = false
"""

IN_MEMORY = """osd objectstore = memstore
memstore device bytes = {size}"""
ON_DISK = """osd objectstore = bluestore
bluestore block create = true
bluestore block size = {size}
osd memory target = 1500000000"""


@dataclass(frozen=True)
class Ceph:
    """A running gateway and the account made for the app."""

    account: Account
    rgw_pid: int
    folder: Path

    def rados(self, *words: str, given: bytes = b"") -> bytes:
        """Go behind the gateway, to the bytes it keeps: what a thief of the disks could do."""
        command = ("rados", "-c", str(self.folder / "ceph.conf"), "-p", "default.rgw.buckets.data", *words)
        return subprocess.run(command, input=given, capture_output=True, check=True, timeout=30).stdout


@contextmanager
def ceph(*, size: int = 3 * 2**30, disk: bool = False) -> Iterator[Ceph]:
    """Start mon, osd and gateway with room for so many bytes; stop them by their process ids afterwards.

    What times writing asks for the disk: the store in memory gets slower with every byte it holds (2 GiB took 8 s, then
    11, then 16), so that a comparison would depend on what was sent before.
    """
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise RuntimeError(f"Ceph is not installed ({', '.join(missing)}): apt-get install radosgw ceph-mon ceph-osd")
    with ExitStack() as stack:
        for attempt in range(ATTEMPTS):
            folder, started = Path(tempfile.mkdtemp(prefix="jit-ceph-")), []
            stack.callback(_stop, folder, started)
            try:
                running = _start(folder, (ON_DISK if disk else IN_MEMORY).format(size=size), started)
                break
            except (RuntimeError, subprocess.TimeoutExpired):  # a port was taken meanwhile, or the machine is very busy
                stack.close()
                if attempt + 1 == ATTEMPTS:
                    raise
        yield running


def _stop(folder: Path, started: list[subprocess.Popen[bytes]]) -> None:
    for process in reversed(started):
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, store: str, started: list[subprocess.Popen[bytes]]) -> Ceph:
    mon_port, rgw_port, fsid = free_port(), free_port(), str(uuid4())
    configuration = folder / "ceph.conf"
    configuration.write_text(
        CONFIGURATION.format(fsid=fsid, folder=folder, mon_port=mon_port, rgw_port=rgw_port, store=store)
    )
    (folder / "mon").mkdir()
    (folder / "osd").mkdir()
    conf = ("-c", str(configuration))

    def run(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr[-2000:]}")
        return done.stdout

    def start(*command: str) -> None:
        with (folder / f"{command[0]}.out").open("wb") as out:
            started.append(subprocess.Popen([*WITH_PARENT, *command], stdout=out, stderr=out))

    monmap = str(folder / "monmap")
    run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v1:127.0.0.1:{mon_port}]", monmap)
    run("ceph-mon", *conf, "--mkfs", "-i", "a", "--monmap", monmap)
    start("ceph-mon", *conf, "-f", "-i", "a")
    osd = str(uuid4())
    run("ceph", *conf, "osd", "new", osd)
    run("ceph", *conf, "osd", "crush", "add", "osd.0", "1", "root=default", "host=h")
    run("ceph-osd", *conf, "--mkfs", "-i", "0", "--osd-uuid", osd)
    start("ceph-osd", *conf, "-f", "-i", "0")
    access, secret = "app" + secrets.token_hex(8), secrets.token_hex(20)
    user = ("--uid", "app", "--display-name", "app", "--access-key", access, "--secret-key", secret)
    run("radosgw-admin", *conf, "user", "create", *user)
    start("radosgw", *conf, "-f", "-n", "client.rgw.a")
    _wait_for(rgw_port, started[-1])
    account = Account(f"127.0.0.1:{rgw_port}", "evidence", access, secret, secure=False)
    return Ceph(account, started[-1].pid, folder)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError("radosgw ended at once")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("radosgw did not open its port")


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A black hole: the process takes connections (the kernel does) and never answers."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
