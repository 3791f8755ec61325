"""Witnesses: who is asked, whose logs are cosigned, what was seen of them, what others have cosigned.

Revision 0047.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.walls import grant, protect

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
GROWS = """
CREATE FUNCTION witnessed_log_grows() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP <> 'UPDATE' OR NEW.origin <> OLD.origin OR NEW.size < OLD.size
     OR (NEW.size = OLD.size AND NEW.root <> OLD.root) THEN
    RAISE EXCEPTION 'a head that was seen is never unseen' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    """Make the four tables; what was seen of a log only grows, whoever writes."""
    for table, more in (("witness", [sa.Column("url", sa.Text(), nullable=False)]), ("witnessed_server", [])):
        op.create_table(
            table,
            sa.Column("id", sa.Uuid(), nullable=False),
            sa.Column("key", sa.Text(), nullable=False),
            *more,
            sa.Column("since", MOMENT, nullable=False),
            sa.Column("until", MOMENT),
            sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
            sa.CheckConstraint("length(key) BETWEEN 50 AND 500", name=op.f(f"ck_{table}_key")),
            *([sa.CheckConstraint("length(url) BETWEEN 8 AND 500", name=op.f("ck_witness_url"))] if more else []),
        )
        grant(table, "SELECT, INSERT, UPDATE")
    op.create_table(
        "witnessed_log",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("against", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("origin", name="pk_witnessed_log"),
        sa.CheckConstraint("octet_length(root) = 32", name=op.f("ck_witnessed_log_root")),
    )
    grant("witnessed_log", "SELECT, INSERT, UPDATE")
    op.execute(GROWS)
    op.execute(
        "CREATE TRIGGER witnessed_log_grows BEFORE UPDATE OR DELETE ON witnessed_log"
        " FOR EACH ROW EXECUTE FUNCTION witnessed_log_grows()"
    )
    op.create_table(
        "cosignature",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("log_id", sa.Uuid(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("witness_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cosignature"),
        sa.UniqueConstraint("log_id", "size", "witness_id", name="uq_cosignature_log_id_size_witness_id"),
        sa.ForeignKeyConstraint(["witness_id"], ["witness.id"], name="fk_cosignature_witness_id_witness"),
        sa.CheckConstraint("length(line) BETWEEN 50 AND 1000", name=op.f("ck_cosignature_line")),
    )
    protect("cosignature", "SELECT, INSERT", column="log_id")


def downgrade() -> None:
    """Take them away; a witness that forgets what it saw is none."""
    for table in ("cosignature", "witnessed_log", "witnessed_server", "witness"):
        op.drop_table(table)
    op.execute("DROP FUNCTION witnessed_log_grows()")
