"""Which message an exhibit is the record of: rows that are only ever added.

Revision 0041.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

TABLE = "promotion"


def upgrade() -> None:
    """Create the table; a row is seen only by whoever sees both the message and the upload."""
    op.create_table(
        TABLE,
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "workspace_id", "upload_id", "message_id")),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{TABLE}"),
        *(
            sa.ForeignKeyConstraint([f"{kind}_id"], [f"{kind}.id"], name=f"fk_{TABLE}_{kind}_id_{kind}")
            for kind in ("workspace", "upload", "message")
        ),
        sa.CheckConstraint("version BETWEEN 1 AND 10000", name=f"ck_{TABLE}_version"),
    )
    op.create_index("uq_promotion_upload_id", TABLE, ["upload_id"], unique=True)
    op.create_index("ix_promotion_message_id", TABLE, ["message_id", "version"])
    sees = (
        f"{SEES.format(column='workspace_id')} AND upload_id IN (SELECT id FROM upload)"
        " AND message_id IN (SELECT id FROM message)"
    )
    for statement in (
        f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY {TABLE}_members ON {TABLE} TO {APP_ROLE} USING ({sees}) WITH CHECK ({sees})",
        f"CREATE POLICY {TABLE}_owner ON {TABLE} TO CURRENT_USER USING (true) WITH CHECK (true)",
        f"GRANT SELECT, INSERT ON {TABLE} TO {APP_ROLE}",
    ):
        op.execute(statement)


def downgrade() -> None:
    """Take it away; the log still says what each exhibit comes from."""
    op.drop_table(TABLE)
