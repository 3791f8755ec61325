"""A3: the second wall alone. Raw SQL, no policy asked: row-level security still shows nobody another workspace."""

from sqlalchemy import Engine, text

from jit_server.core.settings import Settings
from jit_server.web.sockets.crowd import Crowd
from jit_server.web.sockets.system import system_engine
from tests.access.test_foreign_ids import filled
from tests.builders import World

OF_JOB = "(SELECT (args->>'workspace_id')::uuid FROM procrastinate_jobs j WHERE j.id = job_id)"
COLUMNS = {
    "workspace": "id",
    "audit_entry": "log_id",
    "audit_head": "log_id",
    "cosignature": "log_id",
    "procrastinate_jobs": "(args->>'workspace_id')::uuid",
    "procrastinate_events": OF_JOB,
    "job_fault": OF_JOB,
    "socket_count": "person_id",  # of no workspace, and the server's alone: see below
}


def _tables(owner_engine: Engine) -> list[str]:
    with owner_engine.connect() as connection:
        found = connection.execute(text("SELECT DISTINCT tablename FROM pg_policies WHERE schemaname = 'public'"))
        return sorted(found.scalars())


def test_a3_raw_sql_shows_an_outsider_no_row_and_a_member_their_own(world: World, owner_engine: Engine) -> None:
    case, outsider = filled(world, "mine"), world.person("NL")
    seen: dict[str, int] = {}
    for table in _tables(owner_engine):
        count = text(f"SELECT count(*) FROM {table} WHERE {COLUMNS.get(table, 'workspace_id')} = :ws")
        if table == "audit_checkpoint":
            count = text("SELECT count(*) FROM audit_checkpoint WHERE log_id = :ws")
        with world.work(outsider) as uow:
            assert uow.connection.execute(count, {"ws": case.team.id}).scalar_one() == 0, table
        with world.work(case.team.admin) as uow:
            seen[table] = uow.connection.execute(count, {"ws": case.team.id}).scalar_one()
    assert {table for table, rows in seen.items() if rows} >= {
        "workspace",
        "member",
        "message",
        "evidence_item",
        "audit_entry",
    }


def test_a3_raw_sql_shows_nobody_how_many_windows_anybody_has_open(world: World, settings: Settings) -> None:
    engine, who = system_engine(settings.database_url), world.person("NL")
    leave = Crowd(engine, 5).come(who.id)
    try:
        with world.work(who) as uow:
            assert uow.connection.execute(text("SELECT count(*) FROM socket_count")).scalar_one() == 0
    finally:
        leave()
        engine.dispose()


def test_a3_raw_sql_shows_nothing_any_more_once_the_access_has_ended(world: World) -> None:
    team = world.workspace()
    member = team.join("FR")
    count = text("SELECT count(*) FROM audit_entry WHERE log_id = :ws")
    with world.work(member) as uow:
        assert uow.connection.execute(count, {"ws": team.id}).scalar_one() > 0
    team.remove(member)
    with world.work(member) as uow:
        assert uow.connection.execute(count, {"ws": team.id}).scalar_one() == 0


def test_a3_raw_sql_cannot_write_into_another_workspace(world: World) -> None:
    case, outsider = filled(world, "mine"), world.person("NL")
    with world.work(outsider) as uow:
        changed = uow.connection.execute(
            text("UPDATE member SET status = 'removed' WHERE workspace_id = :ws"), {"ws": case.team.id}
        )
        assert changed.rowcount == 0
