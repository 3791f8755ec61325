"""What exhibits were made from: rows that are only ever added.

Revision 0038.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES, protect

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

TABLE = "derivation"
FOREIGN = {
    "workspace_id": "workspace", "upload_id": "upload", "parent_id": "evidence_item", "made_by": "person",
}  # fmt: skip
CHECKS = {
    "another": "upload_id <> parent_id",
    "parent_sha256": "parent_sha256 ~ '^[0-9a-f]{64}$'",
    "kind": "kind ~ '^[a-z_]{3,30}$'",
    "tool": "length(tool) BETWEEN 1 AND 200",
    "version": "length(version) BETWEEN 1 AND 200",
    "description": "length(description) BETWEEN 1 AND 2000",
}


def upgrade() -> None:
    """Create the table; a row hides with either of the two it is about."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in FOREIGN),
        sa.Column("parent_sha256", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("tool", "version", "description")),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{TABLE}"),
        *(
            sa.ForeignKeyConstraint([name], [f"{other}.id"], name=f"fk_{TABLE}_{name}_{other}")
            for name, other in FOREIGN.items()
        ),
        *(sa.CheckConstraint(rule, name=f"ck_{TABLE}_{name}") for name, rule in CHECKS.items()),
    )
    op.create_index(f"uq_{TABLE}_upload_id", TABLE, ["upload_id"], unique=True)
    op.create_index(f"ix_{TABLE}_parent_id", TABLE, ["parent_id", "made_at"])
    protect(TABLE, "SELECT, INSERT")
    sees = (
        f"{SEES.format(column='workspace_id')} AND upload_id IN (SELECT id FROM upload)"
        " AND parent_id IN (SELECT id FROM evidence_item)"
    )
    op.execute(f"DROP POLICY {TABLE}_members ON {TABLE}")
    op.execute(f"CREATE POLICY {TABLE}_members ON {TABLE} TO {APP_ROLE} USING ({sees}) WITH CHECK ({sees})")


def downgrade() -> None:
    """Take it away; the acts on both chains of custody still say what each was made from."""
    op.drop_table(TABLE)
