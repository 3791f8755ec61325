"""Exhibits are encrypted: keys of workspaces and objects, the mark of the seal, SHA-512, the digest of what is stored.

Revision 0025.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES, protect

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)
CHECKS = {
    "sha512": "sha512 ~ '^[0-9a-f]{128}$'",
    "stored_sha256": "stored_sha256 ~ '^[0-9a-f]{64}$'",
    "seal": "seal = 'none' OR (seal = 'cobblestone-256' AND num_nulls(sha512, stored_sha256) = 0)",
}
ONLY_INSIDE = (
    " AND (compartment_id IS NULL OR current_setting('jit.actor', true) = 'system'"
    " OR compartment_id IN (SELECT jit_compartments()))"
)


def upgrade() -> None:
    """Add columns and tables. The app may add keys; it may neither change nor remove one."""
    op.add_column("evidence_item", sa.Column("sha512", sa.Text(), nullable=True))
    op.add_column("evidence_item", sa.Column("seal", sa.Text(), server_default="none", nullable=False))
    op.add_column("evidence_item", sa.Column("stored_sha256", sa.Text(), nullable=True))
    for name, rule in CHECKS.items():
        op.create_check_constraint(f"ck_evidence_item_{name}", "evidence_item", rule)
    _workspace_keys()
    _object_keys()


def _workspace_keys() -> None:
    op.create_table(
        "workspace_key",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("kek", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "turn", name="pk_workspace_key"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_workspace_key_workspace_id_workspace"),
        sa.CheckConstraint("turn > 0", name="ck_workspace_key_turn"),
        sa.CheckConstraint("length(kek) BETWEEN 1 AND 100", name="ck_workspace_key_kek"),
        sa.CheckConstraint("octet_length(wrapped) BETWEEN 32 AND 4096", name="ck_workspace_key_wrapped"),
    )
    protect("workspace_key", "SELECT, INSERT")


def _object_keys() -> None:
    op.create_table(
        "object_key",
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("compartment_id", sa.Uuid(), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("object_id", name="pk_object_key"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_object_key_workspace_id_workspace"),
        sa.ForeignKeyConstraint(
            ["compartment_id", "workspace_id"], ["compartment.id", "compartment.workspace_id"],
            name="fk_object_key_compartment_id_compartment",
        ),
        sa.CheckConstraint("octet_length(wrapped) BETWEEN 32 AND 4096", name="ck_object_key_wrapped"),
    )  # fmt: skip
    protect("object_key", "SELECT, INSERT")
    sees = SEES.format(column="workspace_id") + ONLY_INSIDE
    op.execute("DROP POLICY object_key_members ON object_key")
    op.execute(f"CREATE POLICY object_key_members ON object_key TO {APP_ROLE} USING ({sees}) WITH CHECK ({sees})")


def downgrade() -> None:
    """Take all of it back. What was encrypted can be read no more: only an empty register goes back whole."""
    for table in ("object_key", "workspace_key"):
        op.drop_table(table)
    for name in CHECKS:
        op.drop_constraint(f"ck_evidence_item_{name}", "evidence_item", type_="check")
    for name in ("stored_sha256", "seal", "sha512"):
        op.drop_column("evidence_item", name)
