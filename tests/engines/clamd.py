"""ClamAV's daemon over a signature of our own, on a socket in its folder: up in a second, no download.

Debian: `apt-get install --no-install-recommends clamav-daemon`. A missing program is an error.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HARM = b"JIT-TEST-HARM-7f3a9c51e2"
NAME = "Jit.Test.Harm"
WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")

CONFIGURATION = """
LocalSocket {folder}/clamd.sock
DatabaseDirectory {folder}/signatures
LogFile {folder}/clamd.log
PidFile {folder}/clamd.pid
TemporaryDirectory {folder}
Foreground yes
MaxThreads 2
StreamMaxLength 1M
AlertExceedsMax yes
AlertEncryptedArchive yes
"""


@contextmanager
def clamd(folder: Path) -> Iterator[str]:
    """Start the daemon; the address for `JIT_CLAMD`. It takes 1 MiB of a stream."""
    signatures = folder / "signatures"
    signatures.mkdir(parents=True)
    (signatures / "own.ndb").write_text(f"{NAME}:0:*:{HARM.hex()}\n")
    (folder / "clamd.conf").write_text(CONFIGURATION.format(folder=folder))
    command = (*WITH_PARENT, "clamd", "--config-file", str(folder / "clamd.conf"))
    with (folder / "out.log").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
    try:
        _wait(folder, process)
        yield f"unix:{folder}/clamd.sock"
    finally:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


def _wait(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        with socket.socket(socket.AF_UNIX) as line, suppress(OSError):
            line.connect(str(folder / "clamd.sock"))
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"clamd did not start: {(folder / 'out.log').read_text()[-2000:]}")
