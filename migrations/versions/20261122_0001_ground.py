"""The app's role, and answers kept for repeated requests.

Revision 0001.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.walls import grant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the role that owns nothing, and the table of kept answers."""
    op.execute(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jit_app') THEN"
        " CREATE ROLE jit_app NOLOGIN; END IF; END $$"
    )
    op.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    op.execute("GRANT USAGE ON SCHEMA public TO jit_app")
    op.execute("GRANT SELECT ON alembic_version TO jit_app")  # the server refuses to start on another revision
    op.create_table(
        "kept_answer",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "key", name="pk_kept_answer"),
        sa.CheckConstraint("length(key) BETWEEN 1 AND 255", name="ck_kept_answer_key"),
    )
    grant("kept_answer", "SELECT, INSERT")


def downgrade() -> None:
    """Drop the table; the role stays, since other databases of the server may use it."""
    op.drop_table("kept_answer")
    op.execute("REVOKE USAGE ON SCHEMA public FROM jit_app")
