"""Programs may prove themselves by keys of their own; what they signed counts once.

Revision 0024.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from jit_server.core.walls import grant

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep public keys in the place of a secret, and the assertions that were used."""
    op.alter_column("api_client", "secret_hash", nullable=True)
    op.add_column("api_client", sa.Column("jwks", JSONB(), nullable=True))
    op.create_check_constraint(op.f("ck_api_client_proof"), "api_client", "num_nonnulls(secret_hash, jwks) = 1")
    op.create_table(
        "assertion_seen",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("jti_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "jti_hash", name="pk_assertion_seen"),
        sa.ForeignKeyConstraint(["client_id"], ["api_client.id"], name="fk_assertion_seen_client_id_api_client"),
        sa.CheckConstraint("octet_length(jti_hash) = 32", name=op.f("ck_assertion_seen_jti_hash")),
    )
    op.create_index("ix_assertion_seen_expires_at", "assertion_seen", ["expires_at"])
    grant("assertion_seen", "SELECT, INSERT, DELETE")


def downgrade() -> None:
    """Forget the keys: a program that had nothing else gets a digest that no secret has, and must be given a new one."""
    op.drop_table("assertion_seen")
    op.drop_constraint(op.f("ck_api_client_proof"), "api_client")
    op.execute("UPDATE api_client SET secret_hash = decode(repeat('00', 32), 'hex') WHERE secret_hash IS NULL")
    op.drop_column("api_client", "jwks")
    op.alter_column("api_client", "secret_hash", nullable=False)
