"""The second wall, as migrations raise it: row-level security on every table that belongs to a workspace."""

from alembic import op
from sqlalchemy import text

from jit_server.core.database import APP_ROLE

SEES = "(current_setting('jit.actor', true) = 'system' OR {column} IN (SELECT jit_workspaces()))"
"""Inlined in each policy: a function with a sub-select is not inlined by the planner and would run once a row."""


def protect(table: str, grants: str, *, column: str = "workspace_id") -> None:
    """Grant the app's role exactly `grants` on the table and show it only rows of the actor's workspaces.

    The owner keeps a policy of its own, since FORCE binds owners too and `jit_workspaces()` runs as the owner.
    """
    sees = SEES.format(column=column)
    for statement in (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY {table}_members ON {table} TO {APP_ROLE} USING {sees} WITH CHECK {sees}",
        f"CREATE POLICY {table}_owner ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)",
        f"GRANT {grants} ON {table} TO {APP_ROLE}",
    ):
        op.execute(text(statement))


def grant(table: str, grants: str) -> None:
    """Grant the app's role exactly `grants` on a table that belongs to no workspace."""
    op.execute(text(f"GRANT {grants} ON {table} TO {APP_ROLE}"))
