"""The register narrowed to a marking or a State, a page at a time.

Revision 0037.
"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

COLUMNS = {"ix_evidence_item_handling": "handling", "ix_evidence_item_state": "state"}


def upgrade() -> None:
    """Index what the register is narrowed by, in the order in which it is shown."""
    for name, column in COLUMNS.items():
        op.create_index(name, "evidence_item", ["workspace_id", column, "position"])


def downgrade() -> None:
    """Without them."""
    for name in COLUMNS:
        op.drop_index(name, "evidence_item")
