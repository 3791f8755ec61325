"""Evidence: uploads on their way, exhibits that never change, and the counter of their numbers.

Revision 0006.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.walls import protect

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)
METHODS = (
    "seizure", "forensic_image", "logical_extraction", "production_order", "interception", "surveillance",
    "voluntary_disclosure", "open_source", "interview", "expert_report", "other",
)  # fmt: skip
LARGEST = 2**53 - 1


def _of(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")


def _declared(table: str) -> list[sa.schema.SchemaItem]:
    """Columns and checks of what was declared, the same in both tables."""
    text = ("handling", "title", "legal_basis", "method", "collector", "place", "zone", "file_name", "media_type")
    checks = {
        "handling": "handling IN ('H0','H1','H2','H3')",
        "title": "length(title) BETWEEN 1 AND 200",
        "legal_basis": "length(legal_basis) BETWEEN 1 AND 300",
        "method": f"method IN ({','.join(repr(method) for method in METHODS)})",
        "collector": "length(collector) BETWEEN 1 AND 200",
        "place": "length(place) BETWEEN 1 AND 200",
        "file_name": "length(file_name) BETWEEN 1 AND 1000",
        "media_type": "length(media_type) BETWEEN 3 AND 100",
        "size": f"size BETWEEN 1 AND {LARGEST}",
        "declared_sha256": "declared_sha256 ~ '^[0-9a-f]{64}$'",
    }
    return [
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("workspace_id", "party_id", "agency_id")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in text),
        sa.Column("collected_at", WHEN, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("declared_sha256", sa.Text(), nullable=True),
        _of(table, "workspace_id", "workspace"),
        _of(table, "party_id", "party"),
        _of(table, "agency_id", "agency"),
        *(sa.CheckConstraint(rule, name=f"ck_{table}_{name}") for name, rule in checks.items()),
    ]


def upgrade() -> None:
    """Create the room's tables. The app may change an upload and a counter, never an exhibit."""
    op.create_table(
        "upload",
        sa.Column("id", sa.Uuid(), nullable=False),
        *_declared("upload"),
        sa.Column("declared_by", sa.Uuid(), nullable=False),
        sa.Column("declared_at", WHEN, nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("beat_at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_upload"),
        _of("upload", "declared_by", "person"),
        sa.UniqueConstraint("declared_by", "client_id", name="uq_upload_declared_by_client_id"),
        sa.CheckConstraint(
            "state IN ('declared','uploading','received','rejected','available')", name="ck_upload_state"
        ),
        sa.CheckConstraint("client_id ~ '^[A-Za-z0-9_-]{8,64}$'", name="ck_upload_client_id"),
        sa.CheckConstraint("attempt BETWEEN 0 AND 10000", name="ck_upload_attempt"),
    )
    op.create_index("ix_upload_workspace_id_state", "upload", ["workspace_id", "state"])
    op.create_table(
        "evidence_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        *_declared("evidence_item"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("vault", sa.Text(), nullable=False),
        sa.Column("vault_key", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("registered_by", sa.Uuid(), nullable=False),
        sa.Column("registered_at", WHEN, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evidence_item"),
        _of("evidence_item", "id", "upload"),
        _of("evidence_item", "registered_by", "person"),
        sa.UniqueConstraint("workspace_id", "state", "serial", name="uq_evidence_item_workspace_id_state_serial"),
        sa.CheckConstraint("serial BETWEEN 1 AND 9999999", name="ck_evidence_item_serial"),
        sa.CheckConstraint("position > 0", name="ck_evidence_item_position"),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="ck_evidence_item_sha256"),
        sa.CheckConstraint("octet_length(salt) = 32", name="ck_evidence_item_salt"),
        sa.CheckConstraint(
            "declared_sha256 IS NULL OR declared_sha256 = sha256", name="ck_evidence_item_digests_agree"
        ),
    )
    op.create_index(
        "uq_evidence_item_workspace_id_position", "evidence_item", ["workspace_id", "position"], unique=True
    )
    op.create_table(
        "exhibit_counter",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "state", name="pk_exhibit_counter"),
        _of("exhibit_counter", "workspace_id", "workspace"),
    )
    protect("upload", "SELECT, INSERT, UPDATE (state, attempt, beat_at)")
    protect("evidence_item", "SELECT, INSERT")
    protect("exhibit_counter", "SELECT, INSERT, UPDATE (last)")


def downgrade() -> None:
    """Drop the room's tables."""
    for table in ("exhibit_counter", "evidence_item", "upload"):
        op.drop_table(table)
