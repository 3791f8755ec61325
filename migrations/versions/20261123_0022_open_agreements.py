"""An index of the agreements that wait for signatures: my day looks for them on every visit, and most bind long since.

Revision 0022.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

WAITING = "in_force_at IS NULL AND withdrawn_at IS NULL"


def upgrade() -> None:
    """Make it."""
    op.create_index("ix_agreement_open", "agreement", ["workspace_id"], postgresql_where=sa.text(WAITING))


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_agreement_open", "agreement")
