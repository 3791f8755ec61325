"""Jobs: procrastinate's tables as our owner makes them, what the app's role may do there, and why a job failed.

Revision 0018.
"""

from importlib.resources import files

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import grant

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

LATEST = "03.04.00_50"
"""The library's own migrations up to this one make its tables; later ones come by a later revision of ours."""
TABLES = ("procrastinate_events", "procrastinate_periodic_defers", "procrastinate_jobs", "procrastinate_workers")
SEQUENCES = ("procrastinate_events_id_seq", "procrastinate_periodic_defers_id_seq", "procrastinate_jobs_id_seq")
SYSTEM = "current_setting('jit.actor', true) = 'system'"
OF_WORKSPACE = "(args->>'workspace_id')::uuid IN (SELECT jit_workspaces())"
OF_JOB = "job_id IN (SELECT id FROM procrastinate_jobs)"


def _steps() -> list[str]:
    """The library's migrations in order, as it ships them."""
    found = sorted(files("procrastinate.sql.migrations").iterdir(), key=lambda file: file.name)
    kept = [file for file in found if file.name.endswith(".sql") and file.name[: len(LATEST)] <= LATEST]
    return [file.read_text(encoding="utf-8") for file in kept]


def _wall(table: str, mine: str) -> None:
    """The server's own hand does everything; a person puts jobs about workspaces of theirs in the row, and sees those."""
    for statement in (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY {table}_system ON {table} TO {APP_ROLE} USING ({SYSTEM}) WITH CHECK ({SYSTEM})",
        f"CREATE POLICY {table}_seen ON {table} FOR SELECT TO {APP_ROLE} USING ({mine})",
        f"CREATE POLICY {table}_put ON {table} FOR INSERT TO {APP_ROLE} WITH CHECK ({mine})",
        f"CREATE POLICY {table}_owner ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)",
    ):
        op.execute(statement)


def upgrade() -> None:
    """Create the tables and say who may do what with them."""
    for step in _steps():
        op.execute(sa.text(step))
    # A NOTIFY in the enqueuing transaction would make all commits wait for each other; the worker looks every second.
    op.execute("DROP TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 ON procrastinate_jobs")
    op.create_table(
        "job_fault",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_job_fault"),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["procrastinate_jobs.id"],
            name="fk_job_fault_job_id_procrastinate_jobs",
            ondelete="CASCADE",
        ),
    )
    for table in (*TABLES, "job_fault"):
        grant(table, "SELECT, INSERT, UPDATE, DELETE")
    for sequence in SEQUENCES:
        op.execute(f"GRANT USAGE ON SEQUENCE {sequence} TO {APP_ROLE}")
    _wall("procrastinate_jobs", OF_WORKSPACE)
    _wall("procrastinate_events", OF_JOB)
    _wall("job_fault", OF_JOB)


def downgrade() -> None:
    """Take everything of it away again."""
    op.drop_table("job_fault")
    for table in TABLES:
        op.execute(f"DROP TABLE {table} CASCADE")
    op.execute(
        "DO $$ DECLARE one regprocedure; BEGIN FOR one IN SELECT oid::regprocedure FROM pg_proc"
        " WHERE proname LIKE 'procrastinate\\_%' LOOP EXECUTE 'DROP FUNCTION ' || one || ' CASCADE'; END LOOP; END $$"
    )
    for kind in ("procrastinate_job_to_defer_v1", "procrastinate_job_event_type", "procrastinate_job_status"):
        op.execute(f"DROP TYPE {kind}")
