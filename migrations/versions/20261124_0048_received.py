"""Uploads whose bytes are all here and wait for the worker: in which order their parts come, and the room they take.

Revision 0048.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

COMING = {
    "before": "u.state = 'uploading' AND (u.beat_at > live OR u.expires_at > now())",
    "now": "(u.state = 'received' OR u.state = 'uploading' AND (u.beat_at > live OR u.expires_at > now()))",
}
KEPT = """
CREATE OR REPLACE FUNCTION jit_agency_evidence(live timestamptz) RETURNS TABLE (kept bigint, coming bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH mine AS (
    SELECT p.agency_id FROM public.person p
     WHERE p.id = CASE WHEN current_setting('jit.actor', true) ~ '^[0-9a-f-]{{36}}$'
                       THEN current_setting('jit.actor', true)::uuid END)
  SELECT (SELECT coalesce(sum(u.bytes), 0)::bigint FROM public.evidence_usage u JOIN mine USING (agency_id)),
         (SELECT coalesce(sum(u.size), 0)::bigint FROM public.upload u JOIN mine USING (agency_id)
           WHERE u.state IN ('uploading','received') AND {coming})
$$
"""


def upgrade() -> None:
    """Let the app say in which order the parts come, and count what waits for the worker."""
    op.add_column("upload_part", sa.Column("place", sa.Integer(), nullable=True))
    op.create_check_constraint(op.f("ck_upload_part_place"), "upload_part", "place >= 0")
    op.execute(f"GRANT UPDATE (place) ON upload_part TO {APP_ROLE}")
    op.execute(sa.text(KEPT.format(coming=COMING["now"]).replace(":", r"\:")))
    op.drop_index("ix_upload_uploading", "upload")
    coming = sa.text("state IN ('uploading','received')")
    op.create_index("ix_upload_coming", "upload", ["agency_id"], postgresql_where=coming)


def downgrade() -> None:
    """Take it back; what waits for the worker then is to be sent anew."""
    op.drop_index("ix_upload_coming", "upload")
    op.create_index("ix_upload_uploading", "upload", ["agency_id"], postgresql_where=sa.text("state = 'uploading'"))
    op.execute(sa.text(KEPT.format(coming=COMING["before"]).replace(":", r"\:")))
    op.drop_column("upload_part", "place")
