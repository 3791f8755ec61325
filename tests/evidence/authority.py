"""A time-stamping authority of the tests' own: `openssl ts -reply` behind a socket."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = """
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
[tsa]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[stamps]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
tsa_name = no
ess_cert_id_alg = sha256
"""


@dataclass
class Authority:
    """Where it listens, what it is trusted by, and how it answers: well, badly, or about something else."""

    url: str
    root: Path
    mood: str = "well"


def run(folder: Path, *command: str) -> None:
    subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True, timeout=60)


def found(folder: Path) -> None:
    """Make its certificates."""
    (folder / "openssl.cnf").write_text(CONFIG)
    (folder / "serial").write_text("01\n")
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30")
    ca = ("-subj", "/CN=Root of time", "-keyout", "ca.key", "-out", "root.pem", "-extensions", "ca")
    run(folder, "req", "-x509", *new, *ca, "-config", "openssl.cnf")
    run(
        folder,
        "req",
        *new,
        "-subj",
        "/CN=Time of the tests",
        "-keyout",
        "tsa.key",
        "-out",
        "tsa.csr",
        "-config",
        "openssl.cnf",
    )
    signed = ("-CA", "root.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-out", "tsa.pem")
    run(folder, "x509", "-req", "-in", "tsa.csr", *signed, "-extfile", "openssl.cnf", "-extensions", "tsa")


@contextmanager
def authority(folder: Path) -> Iterator[Authority]:
    found(folder)

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            if made.mood == "well":
                (folder / "query").write_bytes(query)
            reply = answered(folder) if made.mood != "junk" else b"junk"
            self.send_response(500 if made.mood == "down" else 200)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    made = Authority(f"http://127.0.0.1:{server.server_port}/", folder / "root.pem")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


def answered(folder: Path) -> bytes:
    """A reply to the query that lies in the folder; in another mood than `well` that is an older one."""
    run(folder, "ts", "-reply", "-queryfile", "query", "-config", "openssl.cnf", "-section", "stamps", "-out", "reply")
    return (folder / "reply").read_bytes()
