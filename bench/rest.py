"""The server at rest: how soon it and the demo answer, and what a worker weighs before anybody comes."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from statistics import median
from typing import Any

from bench.env import Env, case, memory

LATER_START_SECONDS = 10.0
"""What whoever starts the demo again is promised."""


def cases(quick: bool, env: Env) -> Iterator[dict[str, Any]]:
    """Start time (one and two workers), memory of each worker after some requests, and of the manager."""
    starts = []
    for _ in range(1 if quick else 3):
        with env.serve(workers=1) as server:
            starts.append(server.start_seconds)
    with env.serve(workers=2) as server:
        starts_two = server.start_seconds
        for _ in range(50):
            with urllib.request.urlopen(f"{server.url}/login", timeout=5) as answer:
                answer.read()
        time.sleep(1)
        weights = [memory(pid) for pid in server.workers()]
        manager = memory(server.process.pid)
    yield case("rest_start", median(starts), "s", workers=1)
    yield case("rest_start_two_workers", starts_two, "s", workers=2)
    yield case("rest_rss_per_worker", max(weights) / 2**20, "MiB", workers=len(weights))
    yield case("rest_rss_manager", manager / 2**20, "MiB")
    yield case("rest_demo_first_start", _demo(env), "s")
    if quick:
        return
    later = _demo(env)
    yield case("rest_demo_later_start", later, "s", bar=LATER_START_SECONDS, holds=later <= LATER_START_SECONDS)


def _demo(env: Env) -> float:
    """Start the demo in the one folder, until it says where it is; stop it as Ctrl-C does."""
    command = [
        sys.executable,
        "-m",
        "jit_server.cli",
        "demo",
        "--json",
        "--port",
        "0",
        "--data",
        str(env.folder / "demo"),
    ]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JIT_")}
    began = time.perf_counter()
    demo = subprocess.Popen(command, env=clean, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert demo.stdout is not None
    said, took = demo.stdout.readline(), time.perf_counter() - began
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=60)
    assert said, "the demo did not start"
    return took
