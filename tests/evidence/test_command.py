"""`jit-server evidence verify`: the operator proves what is in the vault, and sees none of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jit_server import evidence
from jit_server.core.settings import Settings
from jit_server.evidence import EvidenceItem
from jit_server.work import House
from tests.builders import Team, World
from tests.evidence.builders import custody, exhibit


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture
def run(settings: Settings, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    stated = {"JIT_DATABASE_URL": settings.database_url, "JIT_DATA": str(settings.data), "PATH": os.environ["PATH"]}
    stated["PYTHONPATH"] = str(Path(evidence.__file__).parents[2])  # the code under test, wherever it lies
    command = [sys.executable, "-m", "jit_server.cli", "evidence", "verify"]
    return lambda *words: subprocess.run(
        [*command, *words], env=stated, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )


def alter(house: House, item: EvidenceItem) -> None:
    path = house.settings.data / "vault" / "objects" / item.vault_key / item.version_id
    path.write_bytes(os.urandom(item.size))


def test_all_exhibits_of_a_workspace_hold_and_each_check_is_on_its_record(run, team: Team):
    items = [exhibit(team, team.admin, os.urandom(10)) for _ in range(3)]
    outcome = run("--workspace", str(team.id), "--json")
    assert outcome.returncode == 0, outcome.stderr
    assert json.loads(outcome.stdout) == {"verified": 3, "destroyed": 0, "damaged": []}
    for item in items:
        last = custody(team, team.admin, item.id)[-1]
        assert (last.event, last.actor["kind"]) == ("evidence:verified", "operator")


def test_an_altered_exhibit_is_named_and_nothing_of_it_is_shown(run, team: Team, house: House):
    secret = b"the content nobody at the terminal may see"
    good, bad = exhibit(team, team.admin, secret), exhibit(team, team.admin, secret, title="Diary of Maria")
    alter(house, bad)
    outcome = run("--workspace", str(team.id))
    assert outcome.returncode == 3
    said = outcome.stdout + outcome.stderr
    assert str(bad.id) in said
    assert not any(word in said for word in (str(good.id), "nobody", "Maria"))


def test_one_exhibit_can_be_asked_for(run, team: Team, house: House):
    good, bad = exhibit(team, team.admin), exhibit(team, team.admin)
    alter(house, bad)
    assert run("--item", str(good.id)).returncode == 0
    assert run("--item", str(bad.id)).returncode == 3
