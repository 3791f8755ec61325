"""Exhibits in the order of their collection, a page at a time.

Revision 0036.
"""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

NAME = "ix_evidence_item_collected"


def upgrade() -> None:
    """Index what the timeline sorts by."""
    op.create_index(NAME, "evidence_item", ["workspace_id", "collected_at", "position"])


def downgrade() -> None:
    """Without it."""
    op.drop_index(NAME, "evidence_item")
