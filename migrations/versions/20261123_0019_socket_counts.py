"""How many sockets each person has, as every worker says of its own: unlogged, since nothing of it outlives a crash.

Revision 0019. The server alone reads and writes it: who is here at all is nobody's business outside a workspace.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import grant

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "socket_count",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("sockets", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "worker_id", name="pk_socket_count"),
        sa.CheckConstraint("sockets > 0", name="ck_socket_count_sockets"),
        prefixes=["UNLOGGED"],
    )
    op.create_index("ix_socket_count_worker_id", "socket_count", ["worker_id"])
    system = "current_setting('jit.actor', true) = 'system'"
    for statement in (
        "ALTER TABLE socket_count ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE socket_count FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY socket_count_system ON socket_count TO {APP_ROLE} USING ({system}) WITH CHECK ({system})",
    ):
        op.execute(statement)
    grant("socket_count", "SELECT, INSERT, UPDATE, DELETE")


def downgrade() -> None:
    """Drop it."""
    op.drop_table("socket_count")
