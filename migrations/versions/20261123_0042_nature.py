"""What exhibits' bytes are by their own look: one row each, only ever added, by the server's own hand.

Revision 0042.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

TABLE = "evidence_nature"
FORGETS = """
        UPDATE evidence_nature SET facts = '{}' WHERE item_id = NEW.item_id;
        RETURN NULL;"""
"""What the bytes said of themselves goes with them; what kind they were is said in the log anyway."""
SAFELY = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp"
SYSTEM = "current_setting('jit.actor', true) = 'system'"
CHECKS = {
    "outcome": "outcome IN ('recognised','unknown','damaged','unread')",
    "words": "length(kind) <= 20 AND length(media_type) <= 200 AND length(named) <= 20",
}


def upgrade() -> None:
    """Create the table; its rows hide with the exhibit they are about."""
    op.create_table(
        TABLE,
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "workspace_id", "item_id")),
        sa.Column("outcome", sa.String(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("kind", "media_type", "named")),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{TABLE}"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=f"fk_{TABLE}_workspace_id_workspace"),
        sa.ForeignKeyConstraint(["item_id"], ["evidence_item.id"], name=f"fk_{TABLE}_item_id_evidence_item"),
        sa.UniqueConstraint("item_id", name=f"uq_{TABLE}_item_id"),
        *(sa.CheckConstraint(rule, name=f"ck_{TABLE}_{name}") for name, rule in CHECKS.items()),
    )
    sees = f"{SEES.format(column='workspace_id')} AND item_id IN (SELECT id FROM evidence_item)"
    for statement in (
        f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY {TABLE}_seen ON {TABLE} FOR SELECT TO {APP_ROLE} USING ({sees})",
        f"CREATE POLICY {TABLE}_noted ON {TABLE} FOR INSERT TO {APP_ROLE} WITH CHECK ({SYSTEM})",
        f"CREATE POLICY {TABLE}_owner ON {TABLE} TO CURRENT_USER USING (true) WITH CHECK (true)",
        f"GRANT SELECT, INSERT ON {TABLE} TO {APP_ROLE}",
        f"CREATE FUNCTION erasure_forgets() RETURNS trigger {SAFELY} AS $$ BEGIN {FORGETS} END $$",
        "REVOKE ALL ON FUNCTION erasure_forgets() FROM PUBLIC",
        "CREATE TRIGGER erasure_forgets AFTER INSERT ON erasure FOR EACH ROW EXECUTE FUNCTION erasure_forgets()",
    ):
        op.execute(statement)


def downgrade() -> None:
    """Take it away."""
    op.execute("DROP TRIGGER erasure_forgets ON erasure")
    op.execute("DROP FUNCTION erasure_forgets()")
    op.drop_table(TABLE)
