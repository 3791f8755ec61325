"""Several issuers an agency, what each must assert and what its claims mean; step-up, test sign-ins, logout tokens.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from jit_server.core.walls import grant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
ADDED = {
    "key": (sa.String(40), "''"),
    "label": (sa.String(120), "''"),
    "profile": (sa.String(8), "'oidc'"),
    "trust": (sa.String(12), "'manual'"),
    "amr_required": (sa.ARRAY(sa.String(64)), "'{}'"),
    "step_up_acr": (sa.ARRAY(sa.String(255)), "'{}'"),
    "claims": (JSONB(), "'{}'"),
}
CHECKS = {
    "profile": "profile IN ('oidc', 'fapi2')",
    "trust": "trust IN ('manual', 'federation')",
    "key": "key = '' OR key ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$'",
    "fapi2": "profile <> 'fapi2' OR (auth_method = 'private_key_jwt' AND NOT 'RS256' = ANY (algorithms))",
}


def upgrade() -> None:
    """Widen the registry of issuers, then the sign-ins that begin there."""
    for name, (kind, value) in ADDED.items():
        op.add_column("issuer", sa.Column(name, kind, nullable=False, server_default=sa.text(value)))
        op.alter_column("issuer", name, server_default=None)
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_issuer_{name}"), "issuer", condition)
    op.drop_index("uq_issuer_current", "issuer")
    live = sa.text("retired_at IS NULL")
    op.create_index("uq_issuer_key", "issuer", ["agency_id", "key"], unique=True, postgresql_where=live)
    op.add_column("person", sa.Column("settings_at", MOMENT))
    _tests()
    op.create_table(
        "logout_seen",
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("jti_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("issuer_id", "jti_hash", name="pk_logout_seen"),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name="fk_logout_seen_issuer_id_issuer"),
    )
    op.create_index("ix_logout_seen_expires_at", "logout_seen", ["expires_at"])
    grant("logout_seen", "SELECT, INSERT, DELETE")


def _tests() -> None:
    op.create_table(
        "sign_in_test",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("begun_by", sa.Uuid()),
        sa.Column("begun_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT),
        sa.Column("reason", sa.String(80), nullable=False),
        sa.Column("detail", sa.String(500), nullable=False),
        sa.Column("claims", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_test"),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name="fk_sign_in_test_issuer_id_issuer"),
        sa.ForeignKeyConstraint(["begun_by"], ["person.id"], name="fk_sign_in_test_begun_by_person"),
    )
    op.create_index("ix_sign_in_test_expires_at", "sign_in_test", ["expires_at"])
    grant("sign_in_test", "SELECT, INSERT, UPDATE, DELETE")
    for name, table in {"session_id": "login_session", "test_id": "sign_in_test"}.items():
        op.add_column("login_transaction", sa.Column(name, sa.Uuid()))
        op.create_foreign_key(f"fk_login_transaction_{name}_{table}", "login_transaction", table, [name], ["id"])


def downgrade() -> None:
    """Back to one issuer an agency; of several, the first stays."""
    for name, table in {"test_id": "sign_in_test", "session_id": "login_session"}.items():
        op.drop_constraint(f"fk_login_transaction_{name}_{table}", "login_transaction")
        op.drop_column("login_transaction", name)
    op.drop_table("sign_in_test")
    op.drop_table("logout_seen")
    op.drop_column("person", "settings_at")
    op.drop_index("uq_issuer_key", "issuer")
    op.execute(sa.text("UPDATE issuer SET retired_at = now() WHERE retired_at IS NULL AND key <> ''"))
    live = sa.text("retired_at IS NULL")
    op.create_index("uq_issuer_current", "issuer", ["agency_id"], unique=True, postgresql_where=live)
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_issuer_{name}"), "issuer")
    for name in ADDED:
        op.drop_column("issuer", name)
