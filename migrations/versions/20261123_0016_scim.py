"""SCIM 2.0: an agency's tokens, and what its directory says of each of its people.

Revision 0016.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from jit_server.core.walls import grant

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    when = sa.DateTime(timezone=True)
    op.create_table(
        "scim_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", when, nullable=False),
        sa.Column("expires_at", when, nullable=False),
        sa.Column("revoked_at", when, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_scim_token"),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_scim_token_agency_id_agency"),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name="fk_scim_token_created_by_person"),
        sa.UniqueConstraint("token_hash", name="uq_scim_token_token_hash"),
        sa.CheckConstraint("octet_length(token_hash) = 32", name="ck_scim_token_token_hash"),
    )
    op.create_index("ix_scim_token_agency_id", "scim_token", ["agency_id"])
    op.create_table(
        "scim_user",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("user_name", sa.String(255), nullable=False),
        sa.Column("external_id", sa.String(255), nullable=True),
        sa.Column("document", JSONB(), nullable=False),
        sa.Column("switched_off", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", when, nullable=False),
        sa.Column("changed_at", when, nullable=False),
        sa.Column("deleted_at", when, nullable=True),
        sa.PrimaryKeyConstraint("person_id", name="pk_scim_user"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_scim_user_person_id_person"),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_scim_user_agency_id_agency"),
    )
    live = sa.text("deleted_at IS NULL")
    op.create_index(
        "uq_scim_user_user_name", "scim_user", ["agency_id", "user_name"], unique=True, postgresql_where=live
    )
    op.create_index("ix_scim_user_external_id", "scim_user", ["agency_id", "external_id"])
    grant("scim_token", "SELECT, INSERT, UPDATE")
    grant("scim_user", "SELECT, INSERT, UPDATE")


def downgrade() -> None:
    """Take both tables away."""
    op.drop_table("scim_user")
    op.drop_table("scim_token")
