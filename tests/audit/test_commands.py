"""`jit-server audit`: a whole log leaves the server verifiable; a damaged one is named even if it refuses entries."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from jit_server import audit, cli
from jit_server.core import settings as core_settings
from jit_server.core.keys import SigningKey
from jit_server.core.settings import Settings
from jit_server.web import terminal
from tests.audit.test_bundle import verifier as offline
from tests.builders import World

Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, settings: Settings, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line over the database of the tests: exit code, JSON said, complaint."""
    SigningKey.load_or_create(settings.log_key, "jit.test")
    for place in (core_settings, terminal):
        monkeypatch.setattr(place, "load", lambda: settings)

    def run(*words: object) -> tuple[int, Any, str]:
        code = cli.run(["audit", *map(str, words), "--json"])
        said = capsys.readouterr()
        return code, json.loads(said.out or "null"), said.err

    return run


def test_an_exported_log_verifies_offline_and_ends_with_its_export(run: Run, world: World, tmp_path: Path) -> None:
    team, file = world.workspace(), tmp_path / "log.zip"
    code, said, _ = run("export", team.id, "--out", file)
    assert code == 0
    report = offline.check(str(file), said["key"])
    assert (report["ok"], report["checkpoint"]["size"]) == (True, said["entries"])
    assert run("export", team.id, "--out", file)[0] == 2  # never over a file that is there
    assert run("export", "--out", tmp_path / "server.zip")[0] == 0


@pytest.mark.parametrize("by", [1, 2, 3, 4])
def test_a_server_log_that_refuses_entries_is_still_named(run: Run, superuser: Engine, world: World, by: int) -> None:
    cut = text("UPDATE audit_head SET size = size + :by WHERE log_id = :log")
    with superuser.connect() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        connection.execute(cut, {"by": -by, "log": audit.SERVER_LOG})
        connection.commit()
        try:
            code, said, complaint = run("verify", "--server")
        finally:
            connection.execute(cut, {"by": by, "log": audit.SERVER_LOG})
            connection.commit()
            connection.execute(text("RESET session_replication_role"))
            connection.commit()
    assert code == 3
    assert "inserted" in {finding["kind"] for finding in said[0]["findings"]}
    assert json.loads(complaint)["status"] == 409
