"""The embedded PostgreSQL: durable, closed to others, and gone when its block ends."""

import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from jit_server.core.postgres import APP, OWNER, EmbeddedPostgres


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True)


@pytest.fixture(scope="module")
def cluster(scratch: Path):
    with EmbeddedPostgres(scratch / "own" / "pg") as running:
        yield running


@pytest.mark.parametrize("name", ["fsync", "synchronous_commit", "full_page_writes"])
def test_what_is_acknowledged_is_durable(cluster, name):
    with connect(cluster.database().app) as app:
        assert app.execute(f"SHOW {name}").fetchone() == ("on",)


def test_nobody_can_switch_durability_off_while_it_runs(cluster):
    with connect(cluster.url("postgres", "postgres")) as root:
        root.execute("ALTER SYSTEM SET fsync = off")
        root.execute("SELECT pg_reload_conf()")
        root.execute("ALTER SYSTEM RESET fsync")
        assert root.execute("SHOW fsync").fetchone() == ("on",)


def test_it_listens_on_no_network_address(cluster):
    with connect(cluster.url("postgres", "postgres")) as root:
        assert root.execute("SHOW listen_addresses").fetchone() == ("",)


def test_the_app_role_is_neither_owner_nor_superuser(cluster):
    with connect(cluster.database().app) as app:
        assert app.execute("SELECT current_user").fetchone() == (APP,)
        row = app.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        )
        assert row.fetchone() == (False, False, False, False)
        assert app.execute("SELECT pg_has_role(current_user, %s, 'MEMBER')", [OWNER]).fetchone() == (False,)


def test_the_kernel_vouches_for_who_connects(cluster):
    rules = (cluster.folder / "pg_hba.conf").read_text()
    assert rules.split() == ["local", "all", "all", "peer", "map=jit"]
    assert "trust" not in rules


def test_its_folder_is_closed_to_other_accounts(cluster):
    assert stat.S_IMODE(cluster.folder.stat().st_mode) == 0o700


def test_folders_above_are_passed_through_but_not_opened_for_reading(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    beside = closed / "vault"
    beside.mkdir(mode=0o700)
    with EmbeddedPostgres(closed / "pg"):
        mode = stat.S_IMODE(closed.stat().st_mode)
        assert mode & 0o066 == 0, oct(mode)
        assert mode & 0o010 == 0
        assert stat.S_IMODE(beside.stat().st_mode) == 0o700


def test_rows_survive_a_restart(scratch):
    folder = scratch / "restart" / "pg"
    with EmbeddedPostgres(folder) as first, connect(first.database().owner) as owner:
        owner.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert not first.running()
    with EmbeddedPostgres(folder) as second, connect(second.database().owner) as owner:
        assert owner.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_cluster_left_over_by_a_killed_process_is_taken_over_and_stopped(scratch):
    folder = scratch / "left" / "pg"
    left = EmbeddedPostgres(folder)
    left.start()
    with EmbeddedPostgres(folder) as taken:
        assert taken.running()
    assert not left.running()
    left.stop()


def test_a_postmaster_killed_outright_does_not_keep_the_next_from_starting(scratch):
    folder = scratch / "killed" / "pg"
    killed = EmbeddedPostgres(folder)
    killed.start()
    os.kill(int((folder / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    killed.stop()
    with EmbeddedPostgres(folder) as again:
        assert again.running()


def test_it_ends_with_the_process_that_started_it_even_if_that_is_killed(scratch):
    folder = scratch / "orphan" / "pg"
    started = (
        "import sys, time; from pathlib import Path; from jit_server.core.postgres import EmbeddedPostgres;"
        "EmbeddedPostgres(Path(sys.argv[1])).start(); print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", started, str(folder)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "up\n"
        assert EmbeddedPostgres(folder).running()
        parent.kill()
    deadline = time.monotonic() + 20
    while EmbeddedPostgres(folder).running():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_database_is_made_from_a_template_and_removed(cluster):
    with connect(cluster.database("first").owner) as owner:
        owner.execute("CREATE TABLE seeded ()")
    copy = cluster.database("second", template="first")
    with connect(copy.owner) as owner:
        assert owner.execute("SELECT count(*) FROM seeded").fetchone() == (0,)
    cluster.drop("second")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        connect(copy.owner)


def test_a_path_too_long_for_a_socket_still_works_and_leaves_no_folder_behind(scratch):
    before = set(Path(tempfile.gettempdir()).glob("jit-pg-*"))
    with EmbeddedPostgres(scratch / ("long" * 12) / ("path" * 12)) as running, connect(running.database().app) as app:
        assert app.execute("SELECT 1").fetchone() == (1,)
    assert set(Path(tempfile.gettempdir()).glob("jit-pg-*")) <= before


def test_what_goes_wrong_is_said_in_the_programs_own_words(scratch):
    folder = scratch / "wrong" / "pg"
    with pytest.raises(RuntimeError, match="invalid value for parameter"):
        EmbeddedPostgres(folder, {"shared_buffers": "nonsense"}).start()


ACCOUNT = """
import sys
from jit_server.core.postgres import _account
print("ready", flush=True)
input()
print(_account(sys.argv[1]).pw_uid)
"""


def test_several_first_starts_at_once_run_as_one_account():
    """Of two `useradd` at once the later one gave the account another number: the first cluster was nobody's."""
    root = os.geteuid() == 0
    name = f"jit-{uuid4().hex[:8]}" if root else pwd.getpwuid(os.geteuid()).pw_name
    command, pipe = [sys.executable, "-c", ACCOUNT, name], subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(6)]
    try:
        assert [each.stdout.readline() for each in started] == ["ready\n"] * 6
        for each in started:
            print(file=each.stdin, flush=True)
        numbers = [each.communicate(timeout=60)[0].strip() for each in started]
        assert numbers == [str(pwd.getpwnam(name).pw_uid)] * 6
    finally:
        if root:
            subprocess.run(["/usr/sbin/userdel", name], check=True)
