"""A log's head grows without a call: the trigger's condition tells, and only a refusal runs a function.

Revision 0017. Every act that changes anything rewrites a head, so what guards it must cost nothing when all is well.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

FUNCTION = """
CREATE FUNCTION audit_grow_only() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NEW.log_id <> OLD.log_id OR NEW.size <= OLD.size THEN
    RAISE EXCEPTION 'a log only grows' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$
"""
GROWS = "CREATE TRIGGER audit_head_grows BEFORE UPDATE ON audit_head FOR EACH ROW"


def upgrade() -> None:
    """Refuse by condition."""
    op.execute("DROP TRIGGER audit_head_grows ON audit_head")
    op.execute("DROP FUNCTION audit_grow_only()")
    shrinks = "NEW.log_id <> OLD.log_id OR NEW.size <= OLD.size"
    op.execute(f"{GROWS} WHEN ({shrinks}) EXECUTE FUNCTION audit_refuse()")


def downgrade() -> None:
    """Refuse by function."""
    op.execute("DROP TRIGGER audit_head_grows ON audit_head")
    op.execute(FUNCTION)
    op.execute(f"{GROWS} EXECUTE FUNCTION audit_grow_only()")
