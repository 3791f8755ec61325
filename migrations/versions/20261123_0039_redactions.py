"""Redacted copies that were ordered, and what came of each try: rows that are only ever added.

Revision 0039.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES, protect

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)
UNDER = {
    "redaction": "item_id IN (SELECT id FROM evidence_item)",
    "redaction_try": "redaction_id IN (SELECT id FROM redaction)",
}


def _of(table: str, **columns: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([name], [f"{other}.id"], name=f"fk_{table}_{name}_{other}")
        for name, other in columns.items()
    ]


def upgrade() -> None:
    """Create both tables; their rows hide with the exhibit they are about."""
    op.create_table(
        "redaction",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "workspace_id", "item_id", "ordered_by")),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("areas", postgresql.JSONB(), nullable=False),
        sa.Column("ordered_at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_redaction"),
        *_of("redaction", workspace_id="workspace", item_id="evidence_item", ordered_by="person"),
        sa.CheckConstraint("length(title) BETWEEN 1 AND 200", name="ck_redaction_title"),
        sa.CheckConstraint("jsonb_array_length(areas) BETWEEN 1 AND 100", name="ck_redaction_areas"),
    )
    op.create_index("ix_redaction_item_id", "redaction", ["item_id", "ordered_by", "ordered_at"])
    op.create_table(
        "redaction_try",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "workspace_id", "redaction_id")),
        sa.Column("upload_id", sa.Uuid(), nullable=True),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.Column("tried_at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_redaction_try"),
        *_of("redaction_try", workspace_id="workspace", redaction_id="redaction", upload_id="upload"),
        sa.CheckConstraint("num_nonnulls(upload_id, refused) = 1", name="ck_redaction_try_one"),
        sa.CheckConstraint("refused ~ '^[a-z_]{3,30}$'", name="ck_redaction_try_refused"),
    )
    op.create_index("ix_redaction_try_redaction_id", "redaction_try", ["redaction_id"])
    op.create_index("uq_redaction_try_upload_id", "redaction_try", ["upload_id"], unique=True)
    for table, hides in UNDER.items():
        protect(table, "SELECT, INSERT")
        sees = f"{SEES.format(column='workspace_id')} AND {hides}"
        op.execute(f"DROP POLICY {table}_members ON {table}")
        op.execute(f"CREATE POLICY {table}_members ON {table} TO {APP_ROLE} USING ({sees}) WITH CHECK ({sees})")


def downgrade() -> None:
    """Take them away; the copies' chains of custody still say what was blacked out and why."""
    op.drop_table("redaction_try")
    op.drop_table("redaction")
