"""When each exhibit's stored bytes were last read again, and how they were found.

Revision 0020.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)
TABLE = "stored_check"
SYSTEM = "current_setting('jit.actor', true) = 'system'"


def upgrade() -> None:
    """Create the table; the database makes a row with each exhibit, and only the server's own hand changes one."""
    op.create_table(
        TABLE,
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("checked_at", WHEN, nullable=False),
        sa.Column("retry_at", WHEN, nullable=True),
        sa.Column("condition", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", name="pk_stored_check"),
        sa.ForeignKeyConstraint(["item_id"], ["evidence_item.id"], name="fk_stored_check_item_id_evidence_item"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_stored_check_workspace_id_workspace"),
        sa.CheckConstraint("condition IN ('whole','altered','missing')", name="ck_stored_check_condition"),
    )
    op.create_index("ix_stored_check_checked_at", TABLE, ["checked_at"])
    op.create_index(
        "ix_stored_check_damaged", TABLE, ["workspace_id"], postgresql_where=sa.text("condition <> 'whole'")
    )
    op.execute(
        "INSERT INTO stored_check (item_id, workspace_id, checked_at, condition)"
        " SELECT id, workspace_id, registered_at, 'whole' FROM evidence_item"
    )
    _wall()
    op.execute(
        "CREATE FUNCTION evidence_item_is_checked() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        " SET search_path = public, pg_temp AS $$ BEGIN"
        " INSERT INTO stored_check (item_id, workspace_id, checked_at, condition)"
        " VALUES (NEW.id, NEW.workspace_id, NEW.registered_at, 'whole'); RETURN NULL; END $$"
    )
    op.execute("REVOKE ALL ON FUNCTION evidence_item_is_checked() FROM PUBLIC")
    op.execute(
        "CREATE TRIGGER evidence_item_is_checked AFTER INSERT ON evidence_item"
        " FOR EACH ROW EXECUTE FUNCTION evidence_item_is_checked()"
    )


def _wall() -> None:
    sees = f"{SEES.format(column='workspace_id')} AND item_id IN (SELECT id FROM evidence_item)"
    for statement in (
        f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY {TABLE}_seen ON {TABLE} FOR SELECT TO {APP_ROLE} USING ({sees})",
        f"CREATE POLICY {TABLE}_noted ON {TABLE} FOR UPDATE TO {APP_ROLE} USING ({SYSTEM}) WITH CHECK ({SYSTEM})",
        f"CREATE POLICY {TABLE}_owner ON {TABLE} TO CURRENT_USER USING (true) WITH CHECK (true)",
        f"GRANT SELECT, UPDATE (checked_at, retry_at, condition) ON {TABLE} TO {APP_ROLE}",
    ):
        op.execute(statement)


def downgrade() -> None:
    """Take it away."""
    op.execute("DROP TRIGGER evidence_item_is_checked ON evidence_item")
    op.execute("DROP FUNCTION evidence_item_is_checked()")
    op.drop_table(TABLE)
