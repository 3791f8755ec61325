"""The server at rest: how soon it answers, and what a worker weighs before anybody comes."""

import time
import urllib.request
from collections.abc import Iterator
from statistics import median
from typing import Any

from bench.env import Env, case, memory


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
