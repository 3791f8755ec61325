"""What an agency's directory did when it last spoke; its tokens may also come from the operator.

Revision 0026.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.walls import grant

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of last runs."""
    when = sa.DateTime(timezone=True)
    op.alter_column("scim_token", "created_by", nullable=True)
    op.create_table(
        "scim_run",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("begun_at", when, nullable=False),
        sa.Column("last_at", when, nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("created", "changed", "deactivated", "refused")),
        sa.Column("error", sa.String(300), nullable=True),
        sa.PrimaryKeyConstraint("agency_id", name="pk_scim_run"),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_scim_run_agency_id_agency"),
        sa.CheckConstraint("least(created, changed, deactivated, refused) >= 0", name=op.f("ck_scim_run_counts")),
        sa.CheckConstraint("begun_at <= last_at", name=op.f("ck_scim_run_moments")),
    )
    grant("scim_run", "SELECT, INSERT, UPDATE")


def downgrade() -> None:
    """Take it away; tokens that no person made end with it."""
    op.drop_table("scim_run")
    op.execute("DELETE FROM scim_token WHERE created_by IS NULL")
    op.alter_column("scim_token", "created_by", nullable=False)
