"""`jit-server worker` as a process: says when it is ready, ends at a step when asked, and the operator's view of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jit_server.access import SYSTEM
from jit_server.core import jobs
from jit_server.core.children import die_with_parent
from jit_server.work import House
from tests.builders import Team

STOP_SECONDS = 10
SLOW = """
import sys, time
from pathlib import Path
from jit_server import worker
from jit_server.core.jobs import Task
from jit_server.web.terminal import Terminal

def slow(house, stopping, **ids):
    Path(sys.argv[1]).touch()
    while not stopping():
        time.sleep(0.02)

worker.run(Terminal().house, [Task("test:slow", slow)])
"""


@pytest.fixture
def environment(lonely: House) -> dict[str, str]:
    stated = {"JIT_DATABASE_URL": lonely.settings.database_url, "JIT_DATA": str(lonely.settings.data)}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])} | stated


@pytest.fixture
def running(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "jit_server.cli", "worker", "--json"], env=environment, cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - no threads here
    )  # fmt: skip
    yield process
    process.kill()
    process.communicate()


def jit(environment: dict[str, str], *words: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "jit_server.cli", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False, cwd="/")
    return done.returncode, done.stdout or done.stderr


def test_it_says_when_it_is_ready_is_counted_while_it_lives_and_ends_on_a_signal(running, environment, lonely):
    said = json.loads(running.stdout.readline())
    assert said["worker"] == "ready"
    assert "jobs:rescue" in said["tasks"]
    code, shown = jit(environment, "jobs", "status", "--json")
    assert (code, json.loads(shown)["workers"]) == (0, 1)
    running.send_signal(signal.SIGTERM)
    assert running.wait(STOP_SECONDS) == 0
    with lonely.work(SYSTEM) as uow:
        assert jobs.board(uow.connection).workers == 0


def test_a_long_job_ends_at_its_next_step_when_the_worker_is_asked_to_stop(environment, team: Team, lonely, tmp_path):
    with team.world.work(team.admin) as uow:
        uow.later("test:slow", workspace_id=team.id)
    begun = tmp_path / "begun"
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(begun)], env=environment)
    deadline = time.monotonic() + 30
    while not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(STOP_SECONDS) == 0
    finally:
        process.kill()
    with lonely.work(SYSTEM) as uow:
        assert jobs.listed(uow.connection) == []


def test_the_operator_sees_what_failed_and_gives_it_another_chance(environment, team: Team, lonely):
    with team.world.work(team.admin) as uow:
        uow.later("test:unheard_of", workspace_id=team.id)
    assert jit(environment, "worker", "--once")[0] == 0
    code, shown = jit(environment, "jobs", "list", "--json")
    (dead,) = json.loads(shown)
    assert (code, dead["task"], dead["state"]) == (0, "test:unheard_of", "failed")
    assert json.loads(jit(environment, "jobs", "retry", str(dead["id"]), "--json")[1]) == {"retried": [dead["id"]]}
    assert jit(environment, "jobs", "retry", str(dead["id"]))[0] == 1
    assert jit(environment, "jobs", "retry")[0] == 2
    assert json.loads(jit(environment, "jobs", "list", "--json")[1]) == []
    assert json.loads(jit(environment, "jobs", "status", "--json")[1])["waiting"] == 1


def test_it_does_not_start_on_a_database_that_is_unsafe(environment, lonely):
    code, said = jit(environment | {"JIT_DATABASE_URL": lonely.settings.database_owner_url}, "worker")
    assert code == 1
    assert "will not start" in said
