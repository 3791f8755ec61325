"""The operator's door: exit codes, one line on stderr, `--json` everywhere, and only verbs that work."""

import json
import os
import subprocess
import sys
from importlib import import_module

import click
import pytest
from sqlalchemy import text

from jit_server import cli
from jit_server.core import database, schema, settings
from jit_server.web.terminal import Terminal, Unverified

PRESENT = ["agency", "audit", "evidence", "policy", "workspace"]


@pytest.fixture
def surroundings(house, monkeypatch, tmp_path):
    """The environment of an installation: the run's database and its keys, another data folder."""
    for name in [name for name in os.environ if name.startswith("JIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JIT_DATABASE_URL", house.settings.database_url)
    monkeypatch.setenv("JIT_DATABASE_OWNER_URL", house.settings.database_owner_url)
    monkeypatch.setenv("JIT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("JIT_KEK_FILE", str(house.settings.kek))  # its exhibits need it
    settings.load.cache_clear()
    yield monkeypatch
    settings.load.cache_clear()


@pytest.fixture
def run(surroundings, capsys):
    """Run a command; answer its exit code, what it said and what it complained about."""

    def run(*arguments: str):
        settings.load.cache_clear()
        code = cli.run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def commands(command: click.Command, *path: str):
    """(words, command) of everything that can be run."""
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            assert found is not None, (*path, name)
            yield from commands(found, *path, name)
    else:
        yield path, command


def test_every_room_brings_its_commands():
    assert set(PRESENT) <= set(cli.cli.list_commands(click.Context(cli.cli)))


def test_every_command_answers_in_json_if_asked_and_says_what_it_does():
    for path, command in commands(cli.cli):
        assert any("--json" in option.opts for option in command.params), path
        assert command.help, path


def test_help_is_quick_because_no_room_is_imported_for_it():
    looked = (
        "import sys; from jit_server import cli; cli.run(['--help']);"
        "print([name for name in sys.modules if name.endswith('.commands')])"
    )
    done = subprocess.run([sys.executable, "-c", looked], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")
    assert all(noun in done.stdout for noun in PRESENT)


def test_a_rooms_line_of_help_is_the_one_the_room_gives():
    for noun, (room, help_text) in cli._ROOMS.items():
        module = vars(import_module(f"jit_server.{room}.commands"))
        group = next(one for one in module.values() if isinstance(one, click.Group) and one.name == noun)
        assert group.help.splitlines()[0] == help_text


@pytest.mark.parametrize(
    "words", [("nonsense",), ("migrate", "--nonsense"), ("policy", "explain"), ("audit", "verify", "x")]
)
def test_wrong_usage_is_two_and_one_line(run, words):
    code, said, complaint = run(*words)
    assert (code, said) == (2, "")
    assert complaint.startswith("jit-server: ")
    assert complaint.count("\n") == 1


def test_a_wrong_setting_is_named(run, surroundings):
    surroundings.setenv("JIT_PORT", "eighty")
    code, _, complaint = run("config", "show")
    assert code == 2
    assert "port" in complaint


def test_a_missing_database_is_a_matter_of_usage(run, surroundings):
    surroundings.delenv("JIT_DATABASE_URL")
    code, _, complaint = run("workspace", "list")
    assert code == 2
    assert "JIT_DATABASE_URL" in complaint


def test_a_database_that_is_down_is_one_line_not_a_traceback(run, surroundings, tmp_path):
    surroundings.setenv("JIT_DATABASE_URL", f"postgresql://jit_app@/jit?host={tmp_path}")
    code, _, complaint = run("workspace", "list")
    assert code == 1
    assert complaint.count("\n") == 1
    assert "database" in complaint


def test_a_problem_is_a_problem_document_with_json(run):
    code, said, complaint = run("audit", "verify", "00000000-0000-0000-0000-000000000001", "--json")
    assert (code, said) == (1, "")
    assert json.loads(complaint)["status"] == 404


def test_a_failed_verification_is_three(run, monkeypatch):
    @click.command("fail")
    def fail() -> None:
        raise Unverified("entry 7 has been changed")

    monkeypatch.setitem(cli.cli.commands, "fail", fail)
    code, _, complaint = run("fail")
    assert (code, complaint) == (3, "jit-server: Verification failed: entry 7 has been changed\n")


def test_the_settings_are_shown_without_their_secrets(run, surroundings):
    surroundings.setenv("JIT_DATABASE_URL", "postgresql://jit_app:verysecret@db.example/jit")
    code, said, _ = run("config", "show")
    assert code == 0
    assert "verysecret" not in said
    assert "JIT_DATABASE_URL=postgresql://jit_app:***@db.example/jit" in said
    assert json.loads(run("config", "show", "--json")[1])["database_url"] == "postgresql://jit_app:***@db.example/jit"


def test_config_check_refuses_what_a_start_would_refuse(run, surroundings):
    assert run("config", "check")[0] == 0
    surroundings.setenv("JIT_DEBUG", "true")
    code, said, _ = run("config", "check", "--json")
    assert code == 1
    assert [one["check"] for one in json.loads(said)] == ["debug"]


def test_migrate_says_where_the_schema_is(run):
    code, said, _ = run("migrate", "--check", "--json")
    assert code == 0
    assert json.loads(said) == {"now": schema.head(), "newest": schema.head()}
    assert run("migrate")[0] == 0


def test_migrate_plan_prints_sql_and_changes_nothing(run, surroundings, postgres):
    empty = postgres.database("planned")
    surroundings.setenv("JIT_DATABASE_OWNER_URL", empty.owner)
    code, said, _ = run("migrate", "--plan")
    assert code == 0
    assert "CREATE TABLE audit_entry" in said
    assert "FORCE ROW LEVEL SECURITY" in said
    code, said, _ = run("migrate", "--check", "--json")
    assert code == 1
    assert json.loads(said)["now"] == "base"
    postgres.drop("planned")


def test_init_makes_a_server_and_may_be_run_again(run, surroundings, postgres, tmp_path):
    fresh = postgres.database("initialised")
    surroundings.setenv("JIT_DATABASE_OWNER_URL", fresh.owner)
    surroundings.setenv("JIT_DATABASE_URL", fresh.app)
    first = run("init", "--json")
    second = run("init", "--json")
    assert first[0] == second[0] == 0
    assert json.loads(first[1])["log_key"] == json.loads(second[1])["log_key"]
    data = tmp_path / "data"
    assert data.stat().st_mode & 0o077 == 0
    assert (data / "keys" / "log.key").stat().st_mode & 0o077 == 0
    assert run("doctor")[0] == 0
    postgres.drop("initialised")


def test_doctor_looks_at_everything_and_labels_the_folder_vault(run):
    run("init")
    code, said, _ = run("doctor", "--json")
    assert code == 0, said
    found = {one["check"]: one for one in json.loads(said)}
    for check in ("database schema", "database fsync", "database role owns nothing", "row-level security forced",
                  "vault put and get", "vault is WORM", "clock", "secrets", "keys of exhibits"):  # fmt: skip
        assert check in found
    assert found["vault is WORM"]["grade"] == "note"
    assert "NOT WORM" in found["vault is WORM"]["detail"]


def test_serve_does_not_start_as_the_owner_of_the_tables(run, surroundings, house):
    surroundings.setenv("JIT_DATABASE_URL", house.settings.database_owner_url)
    code, _, complaint = run("serve")
    assert code == 1
    assert "will not start: database role owns nothing" in complaint


def test_openapi_needs_no_database(run, surroundings):
    surroundings.delenv("JIT_DATABASE_URL")
    code, said, _ = run("openapi", "--json")
    assert code == 0
    description = json.loads(said)
    assert description["openapi"].startswith("3.1")
    assert any(path.startswith("/api/v1/") or "workspaces" in path for path in description["paths"])


def test_the_operator_sees_that_a_workspace_is_there_and_nothing_of_what_it_is_about(run, world):
    team = world.workspace()
    code, said, _ = run("workspace", "list", "--json")
    assert code == 0
    (mine,) = [one for one in json.loads(said) if one["id"] == str(team.id)]
    assert mine["phase"] == "operational"
    assert set(mine) == {"id", "reference", "phase", "period_from", "period_to", "states", "members", "entries"}


def test_explain_names_the_rule_that_decides(run):
    code, said, _ = run("policy", "explain", "evidence:register", "--role", "observer", "--json")
    assert code == 0
    assert json.loads(said)["allowed"] is False
    allowed = json.loads(run("policy", "explain", "message:post", "--role", "member", "--json")[1])
    assert allowed["allowed"] is True
    assert allowed["clause"]
    assert run("policy", "check")[0] == 0


def test_the_seals_of_an_agreement_are_checked_and_a_changed_text_is_named(run, world, house, owner_engine):
    team = world.workspace()
    key = settings.load().log_key
    key.parent.mkdir(parents=True, exist_ok=True)
    key.write_text(house.key.text())
    code, said, _ = run("workspace", "signatures", str(team.id), "--json")
    assert code == 0
    (only,) = json.loads(said)
    assert [seal.rpartition(" seal ")[2] for seal in only["seals"]] == ["holds", "holds"]
    other = "jsonb_set(document, '{name}', to_jsonb('Other'::text))"
    with owner_engine.begin() as connection:
        connection.execute(text(f"UPDATE agreement SET document = {other} WHERE workspace_id = :ws"), {"ws": team.id})
    code, said, complaint = run("workspace", "signatures", str(team.id))
    assert code == 3
    assert "versions that do not hold: 1" in complaint


def flip_a_bit(superuser, log_id, position):
    """What only whoever owns the machine can do; done twice it is undone."""
    with superuser.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # no trigger minds
        statement = (
            "UPDATE audit_entry SET canonical = set_byte(canonical, 20, get_byte(canonical, 20) # 1)"
            " WHERE log_id = :log AND position = :position"
        )
        assert connection.execute(text(statement), {"log": log_id, "position": position}).rowcount == 1


def test_a_whole_log_verifies_and_one_changed_bit_is_named(run, world, postgres, tmp_path):
    team = world.workspace()
    code, said, _ = run("audit", "verify", str(team.id), "--json")
    assert code == 0
    (report,) = json.loads(said)
    assert report["ok"] is True
    assert report["size"] > 1
    superuser = database.engine(postgres.url("postgres", "jit"))
    flip_a_bit(superuser, team.id, 2)
    try:
        code, said, complaint = run("audit", "verify", str(team.id), "--json")
    finally:
        flip_a_bit(superuser, team.id, 2)
        superuser.dispose()
    assert code == 3
    assert 2 in {finding["first"] for finding in json.loads(said)[0]["findings"]}
    assert json.loads(complaint)["status"] == 409


def test_a_checkpoint_kept_elsewhere_is_compared_and_a_forged_one_refused(run, world, tmp_path):
    team = world.workspace()
    kept = tmp_path / "checkpoint"
    kept.write_text(json.loads(run("audit", "checkpoint", str(team.id), "--json")[1])["checkpoint"])
    code, said, _ = run("audit", "verify", str(team.id), "--checkpoint", str(kept), "--json")
    assert code == 0
    assert json.loads(said)[0]["checkpoints"] >= 1
    lines = kept.read_text().splitlines(keepends=True)
    kept.write_text("".join([lines[0], "999\n", *lines[2:]]))
    assert run("audit", "verify", str(team.id), "--checkpoint", str(kept))[0] == 3
    assert run("audit", "verify", "--checkpoint", str(kept))[0] == 2


def test_a_terminal_speaks_text_unless_asked_for_json(capsys):
    Terminal().say({"a": 1}, "one")
    Terminal(as_json=True).say({"a": 1}, "one")
    assert capsys.readouterr().out == 'one\n{"a": 1}\n'
