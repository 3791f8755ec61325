"""What the store gave back is known when it was read, not when it was taken in: both digests move beside the check.

Revision 0033.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)
TABLE, ITEM = "stored_check", "evidence_item"
COLUMNS = ("sha512", "stored_sha256", "read_back_at")
CHECKS = {
    "sha512": "sha512 ~ '^[0-9a-f]{128}$'",
    "stored_sha256": "stored_sha256 ~ '^[0-9a-f]{64}$'",
    "read_back": "num_nulls(sha512, stored_sha256, read_back_at) IN (0, 3)",
}
BEFORE = {
    "sha512": CHECKS["sha512"],
    "stored_sha256": CHECKS["stored_sha256"],
    "seal": "seal = 'none' OR (seal IN ('cobblestone-256','cobblestone-256/joined')"
    " AND num_nulls(sha512, stored_sha256) = 0)",
}


def upgrade() -> None:
    """Move the two digests; what they once said is never changed."""
    for name in COLUMNS[:2]:
        op.add_column(TABLE, sa.Column(name, sa.Text(), nullable=True))
    op.add_column(TABLE, sa.Column("read_back_at", WHEN, nullable=True))
    op.execute(
        f"UPDATE {TABLE} c SET sha512 = i.sha512, stored_sha256 = i.stored_sha256, read_back_at = i.registered_at"
        f" FROM {ITEM} i WHERE i.id = c.item_id AND i.sha512 IS NOT NULL"
    )
    for name, rule in CHECKS.items():
        op.create_check_constraint(f"ck_{TABLE}_{name}", TABLE, rule)
    op.execute(f"GRANT UPDATE ({', '.join(COLUMNS)}) ON {TABLE} TO {APP_ROLE}")
    was, now = (", ".join(f"{side}.{name}" for name in COLUMNS) for side in ("OLD", "NEW"))
    op.execute(
        f"CREATE TRIGGER {TABLE}_read_back_once BEFORE UPDATE ON {TABLE} FOR EACH ROW"
        f" WHEN (OLD.read_back_at IS NOT NULL AND ({was}) IS DISTINCT FROM ({now})) EXECUTE FUNCTION audit_refuse()"
    )
    for name in BEFORE:
        op.drop_constraint(f"ck_{ITEM}_{name}", ITEM, type_="check")
    for name in COLUMNS[:2]:
        op.drop_column(ITEM, name)
    op.create_check_constraint(f"ck_{ITEM}_seal", ITEM, "seal IN ('none','cobblestone-256','cobblestone-256/joined')")


def downgrade() -> None:
    """Move them back; what was not read back yet cannot go back."""
    op.drop_constraint(f"ck_{ITEM}_seal", ITEM, type_="check")
    for name in COLUMNS[:2]:
        op.add_column(ITEM, sa.Column(name, sa.Text(), nullable=True))
    op.execute(
        f"UPDATE {ITEM} i SET sha512 = c.sha512, stored_sha256 = c.stored_sha256 FROM {TABLE} c WHERE c.item_id = i.id"
    )
    for name, rule in BEFORE.items():
        op.create_check_constraint(f"ck_{ITEM}_{name}", ITEM, rule)
    op.execute(f"DROP TRIGGER {TABLE}_read_back_once ON {TABLE}")
    for name in CHECKS:
        op.drop_constraint(f"ck_{TABLE}_{name}", TABLE, type_="check")
    for name in COLUMNS:
        op.drop_column(TABLE, name)
