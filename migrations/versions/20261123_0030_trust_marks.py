"""An anchor may demand trust marks of the identity providers that are believed on its word.

Revision 0030.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the anchors of today demand none."""
    op.add_column("trust_anchor", sa.Column("marks", ARRAY(sa.String(255)), nullable=False, server_default="{}"))
    op.alter_column("trust_anchor", "marks", server_default=None)


def downgrade() -> None:
    """Drop it."""
    op.drop_column("trust_anchor", "marks")
