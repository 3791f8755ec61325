"""An index by which pages of a directory's people are found in their order.

Revision 0028.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    live = sa.text("deleted_at IS NULL")
    op.create_index("ix_scim_user_page", "scim_user", ["agency_id", "created_at", "person_id"], postgresql_where=live)


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_scim_user_page", "scim_user")
