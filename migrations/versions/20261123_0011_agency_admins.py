"""What a person is in their own agency, and the two questions its administrators may ask across workspaces.

Revision ID: 0011
Revises: 0010

An agency administrator belongs to no workspace by that office, so the second wall hides every workspace from them. What
they must know of their own people (how many spaces each is in, until when, what they did) comes from two functions
that answer for the asking person's own agency only, take no agency as argument and give no case content away: counts
and moments, never a workspace, a thing or a text.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

LOOKER = """
CREATE FUNCTION jit_looks_after() RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
  SELECT p.agency_id FROM public.person p
   WHERE p.id = CASE WHEN current_setting('jit.actor', true) ~ '^[0-9a-f-]{36}$'
                     THEN current_setting('jit.actor', true)::uuid END
     AND p.disabled_at IS NULL AND p.agency_role IN ('admin', 'auditor')
$$
"""

MEMBERSHIPS = """
CREATE FUNCTION jit_agency_memberships() RETURNS TABLE (person uuid, workspaces bigint, next_expiry timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT m.person_id, count(*), min(m.expires_at)
    FROM public.member m JOIN public.person p ON p.id = m.person_id
   WHERE p.agency_id = public.jit_looks_after()
     AND m.status = 'active' AND (m.expires_at IS NULL OR m.expires_at > now())
   GROUP BY m.person_id
$$
"""

# Signing in is done by nobody known yet, and the operator has no agency: such entries of the server's log name the
# agency among their facts. What they were about is told for that log alone: there it is a person or a session.
LOG = """
CREATE FUNCTION jit_agency_log(
  since timestamptz, until timestamptz, of_person uuid, of_event text, with_result text, most int
) RETURNS TABLE (id uuid, at timestamptz, event text, result text, person uuid, in_workspace boolean,
                 subject_kind text, subject uuid, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  mine uuid := public.jit_looks_after();
  short text := (SELECT a.slug FROM public.agency a WHERE a.id = mine);
  server constant uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
  RETURN QUERY
  SELECT seen.* FROM (
    (SELECT e.id, e.at, e.event, e.result, e.actor_id AS person, e.log_id <> server AS in_workspace,
            CASE WHEN e.log_id = server THEN e.subject_kind END, CASE WHEN e.log_id = server THEN e.subject_id END,
            NULL::text
       FROM public.audit_entry e
      WHERE e.agency_id = mine AND e.at >= since AND e.at < until
        AND (of_person IS NULL OR e.actor_id = of_person OR (e.log_id = server AND e.subject_id = of_person))
        AND (of_event IS NULL OR e.event = of_event) AND (with_result IS NULL OR e.result = with_result)
      ORDER BY e.at DESC LIMIT most)
    UNION ALL
    (SELECT e.id, e.at, e.event, e.result, (f.facts->>'person')::uuid, false, e.subject_kind, e.subject_id,
            f.facts->>'reason'
       FROM public.audit_entry e
       CROSS JOIN LATERAL (SELECT convert_from(e.canonical, 'UTF8')::jsonb->'facts' AS facts) f
      WHERE mine IS NOT NULL AND e.log_id = server AND e.agency_id IS NULL AND e.at >= since AND e.at < until
        AND coalesce(f.facts->>'agency', f.facts->>'slug') = short
        AND (of_person IS NULL OR e.subject_id = of_person OR f.facts->>'person' = of_person::text)
        AND (of_event IS NULL OR e.event = of_event) AND (with_result IS NULL OR e.result = with_result)
      ORDER BY e.at DESC LIMIT most)
  ) AS seen ORDER BY 2 DESC LIMIT most;
END $$
"""
FUNCTIONS = {
    "jit_looks_after()": LOOKER,
    "jit_agency_memberships()": MEMBERSHIPS,
    "jit_agency_log(timestamptz, timestamptz, uuid, text, text, int)": LOG,
}


def upgrade() -> None:
    """Add the role and the two questions, with the indexes that keep them quick."""
    op.add_column("person", sa.Column("agency_role", sa.String(8), nullable=False, server_default="member"))
    op.alter_column("person", "agency_role", server_default=None)
    op.create_check_constraint(op.f("ck_person_agency_role"), "person", "agency_role IN ('member', 'admin', 'auditor')")
    op.create_index("ix_login_session_person_id", "login_session", ["person_id", "issued_at"])
    op.create_index("ix_audit_entry_agency_id", "audit_entry", ["agency_id", "at"])
    server = sa.text("agency_id IS NULL AND log_id = '00000000-0000-0000-0000-000000000000'")
    op.create_index("ix_audit_entry_at", "audit_entry", ["at"], postgresql_where=server)
    for name, body in FUNCTIONS.items():
        op.execute(sa.text(body.replace(":", r"\:")))
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {APP_ROLE}")


def downgrade() -> None:
    """Forget who administers what."""
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
    for name, table in {
        "ix_audit_entry_at": "audit_entry",
        "ix_audit_entry_agency_id": "audit_entry",
        "ix_login_session_person_id": "login_session",
    }.items():
        op.drop_index(name, table)
    op.drop_constraint(op.f("ck_person_agency_role"), "person")
    op.drop_column("person", "agency_role")
