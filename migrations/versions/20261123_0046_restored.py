"""An exhibit can be erased because the server was restored from a backup that may not bring it back.

Revision 0046.
"""

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

BEFORE_NAME, NAME = "ck_erasure_ck_erasure_cause", "ck_erasure_cause"  # 0034 put the prefix there twice
BEFORE = "'taken','age','purging','two_people'"


def upgrade() -> None:
    """Let the database take the new cause."""
    op.execute(f"ALTER TABLE erasure DROP CONSTRAINT {BEFORE_NAME}")
    op.execute(f"ALTER TABLE erasure ADD CONSTRAINT {NAME} CHECK (cause IN ({BEFORE},'restored'))")


def downgrade() -> None:
    """Refuse it again, for what comes; what was erased so stays."""
    op.execute(f"ALTER TABLE erasure DROP CONSTRAINT {NAME}")
    op.execute(f"ALTER TABLE erasure ADD CONSTRAINT {BEFORE_NAME} CHECK (cause IN ({BEFORE})) NOT VALID")
