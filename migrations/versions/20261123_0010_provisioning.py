"""Programs: an agency's API clients, their people-in-name, and their access tokens.

Revision 0010.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from jit_server.core.walls import grant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Mark people who are programs; keep clients and tokens by the digests of their secrets."""
    when = sa.DateTime(timezone=True)
    op.add_column("person", sa.Column("service", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "api_client",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", ARRAY(sa.String(40)), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", when, nullable=False),
        sa.Column("expires_at", when, nullable=False),
        sa.Column("revoked_at", when, nullable=True),
        sa.Column("last_used_at", when, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_client"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_api_client_person_id_person"),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_api_client_agency_id_agency"),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name="fk_api_client_created_by_person"),
        sa.UniqueConstraint("person_id", name="uq_api_client_person_id"),
        sa.CheckConstraint("octet_length(secret_hash) = 32", name="ck_api_client_secret_hash"),
        sa.CheckConstraint("cardinality(scopes) > 0", name="ck_api_client_scopes"),
    )
    op.create_index("ix_api_client_agency_id", "api_client", ["agency_id"])
    op.create_table(
        "api_token",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("issued_at", when, nullable=False),
        sa.Column("expires_at", when, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_api_token"),
        sa.ForeignKeyConstraint(["client_id"], ["api_client.id"], name="fk_api_token_client_id_api_client"),
        sa.CheckConstraint("octet_length(token_hash) = 32", name="ck_api_token_token_hash"),
    )
    op.create_index("ix_api_token_client_id", "api_token", ["client_id"])
    grant("api_client", "SELECT, INSERT, UPDATE")
    grant("api_token", "SELECT, INSERT, DELETE")


def downgrade() -> None:
    """Forget the programs."""
    op.drop_table("api_token")
    op.drop_table("api_client")
    op.drop_column("person", "service")
