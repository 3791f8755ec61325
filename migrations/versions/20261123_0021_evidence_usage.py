"""How many bytes of evidence each agency keeps in each workspace, counted by the database itself as exhibits come.

Revision 0021. An agency's total crosses workspaces that a person may know nothing of, so a function answers for the
asking person's own agency only, in one number.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import protect

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

COUNTED = """
CREATE FUNCTION jit_count_evidence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.evidence_usage (workspace_id, agency_id, bytes) VALUES (NEW.workspace_id, NEW.agency_id, NEW.size)
  ON CONFLICT (workspace_id, agency_id) DO UPDATE SET bytes = evidence_usage.bytes + excluded.bytes;
  RETURN NULL;
END $$
"""
KEPT = """
CREATE FUNCTION jit_agency_evidence(live timestamptz) RETURNS TABLE (kept bigint, coming bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH mine AS (
    SELECT p.agency_id FROM public.person p
     WHERE p.id = CASE WHEN current_setting('jit.actor', true) ~ '^[0-9a-f-]{36}$'
                       THEN current_setting('jit.actor', true)::uuid END)
  SELECT (SELECT coalesce(sum(u.bytes), 0)::bigint FROM public.evidence_usage u JOIN mine USING (agency_id)),
         (SELECT coalesce(sum(u.size), 0)::bigint FROM public.upload u JOIN mine USING (agency_id)
           WHERE u.state = 'uploading' AND u.beat_at > live)
$$
"""
FUNCTIONS = {"jit_count_evidence()": COUNTED, "jit_agency_evidence(timestamptz)": KEPT}


def upgrade() -> None:
    """Count what is there, and from now on what comes."""
    op.create_table(
        "evidence_usage",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "agency_id", name="pk_evidence_usage"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_evidence_usage_workspace_id_workspace"),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_evidence_usage_agency_id_agency"),
        sa.CheckConstraint("bytes > 0", name="ck_evidence_usage_bytes"),
    )
    op.create_index("ix_evidence_usage_agency_id", "evidence_usage", ["agency_id"])
    uploading = sa.text("state = 'uploading'")
    op.create_index("ix_upload_uploading", "upload", ["agency_id"], postgresql_where=uploading)
    protect("evidence_usage", "SELECT")
    op.execute(
        "INSERT INTO evidence_usage (workspace_id, agency_id, bytes)"
        " SELECT workspace_id, agency_id, sum(size) FROM evidence_item GROUP BY workspace_id, agency_id"
    )
    for name, body in FUNCTIONS.items():
        op.execute(sa.text(body.replace(":", r"\:")))
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION jit_agency_evidence(timestamptz) TO {APP_ROLE}")
    op.execute(
        "CREATE TRIGGER evidence_item_counted AFTER INSERT ON evidence_item"
        " FOR EACH ROW EXECUTE FUNCTION jit_count_evidence()"
    )


def downgrade() -> None:
    """Count no more."""
    op.execute("DROP TRIGGER evidence_item_counted ON evidence_item")
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
    op.drop_index("ix_upload_uploading", "upload")
    op.drop_table("evidence_usage")
