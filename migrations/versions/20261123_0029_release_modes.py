"""Releases say what they give, also to other parties and single people; a recipient's receipt is kept.

Revision 0029.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES, protect

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

CHECKS = {
    "mode": "mode IN ('reference','copy','ticket')",
    "window": "(mode = 'ticket') = (window_days IS NOT NULL)",
    "window_days": "window_days BETWEEN 10 AND 45",
}
BASIS = ("basis", "article", "document")
RECEIPT = "release_receipt"
FOREIGN = {
    "workspace_id": "workspace", "item_id": "evidence_item", "recipient_id": "release_recipient", "person_id": "person"
}  # fmt: skip


def upgrade() -> None:
    """Add what a release says, and the table of receipts, whose rows hide with their exhibit."""
    op.add_column("release_check", sa.Column("mode", sa.String(), server_default="copy", nullable=False))
    op.add_column("release_check", sa.Column("window_days", sa.Integer(), nullable=True))
    for name, rule in CHECKS.items():
        op.create_check_constraint(f"ck_release_check_{name}", "release_check", rule)
    op.add_column("release_recipient", sa.Column("person_id", sa.Uuid(), nullable=True))
    op.create_foreign_key("fk_release_recipient_person_id_person", "release_recipient", "person", ["person_id"], ["id"])
    for name in BASIS:
        op.alter_column("release_recipient", name, nullable=True)
    whole = "num_nulls(basis, article, document) IN (0, 3)"
    op.create_check_constraint("ck_release_recipient_whole_basis", "release_recipient", whole)
    _receipts()


def _receipts() -> None:
    op.create_table(
        RECEIPT,
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", *FOREIGN)),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_release_receipt"),
        sa.UniqueConstraint("recipient_id", name="uq_release_receipt_recipient_id"),
        *(
            sa.ForeignKeyConstraint([name], [f"{other}.id"], name=f"fk_{RECEIPT}_{name}_{other}")
            for name, other in FOREIGN.items()
        ),
        sa.CheckConstraint("octet_length(signature) = 64", name="ck_release_receipt_signature"),
        sa.CheckConstraint("length(statement) BETWEEN 2 AND 10000", name="ck_release_receipt_statement"),
    )
    op.create_index("ix_release_receipt_item_id", RECEIPT, ["item_id"])
    protect(RECEIPT, "SELECT, INSERT")
    sees = f"{SEES.format(column='workspace_id')} AND item_id IN (SELECT id FROM evidence_item)"
    op.execute(f"DROP POLICY {RECEIPT}_members ON {RECEIPT}")
    op.execute(f"CREATE POLICY {RECEIPT}_members ON {RECEIPT} TO {APP_ROLE} USING ({sees}) WITH CHECK ({sees})")


def downgrade() -> None:
    """Back to releases of copies to third countries and courts; others are lost."""
    op.drop_table(RECEIPT)
    op.drop_constraint("ck_release_recipient_whole_basis", "release_recipient", type_="check")
    op.execute("DELETE FROM release_recipient WHERE basis IS NULL OR person_id IS NOT NULL")
    for name in BASIS:
        op.alter_column("release_recipient", name, nullable=False)
    op.drop_column("release_recipient", "person_id")
    for name in CHECKS:
        op.drop_constraint(f"ck_release_check_{name}", "release_check", type_="check")
    op.drop_column("release_check", "window_days")
    op.drop_column("release_check", "mode")
