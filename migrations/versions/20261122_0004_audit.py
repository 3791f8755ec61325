"""The audit log: entries, heads and checkpoints of one Merkle tree a workspace, appended by the database itself.

Revision 0004.

The app's role may read and call; it cannot write. `audit_append` takes canonical bytes only: leaf hash, projection
columns and tree are worked out here, so that none of them can say anything else than the bytes do.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

from jit_server.core.walls import protect

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LOCK = """
CREATE FUNCTION audit_lock(log uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(log::text, 6962));
  RETURN coalesce((SELECT h.size FROM public.audit_head h WHERE h.log_id = log), 0);
END $$
"""

# RFC 6962: a leaf is hashed with 0x00, a node with 0x01. `frontier[n]` is the root of the open complete subtree of
# 2^(n-1) leaves, null where there is none. `link` (0x02) binds each entry to all before it, so that an entry whose leaf
# hash was changed with it is named exactly, where a node alone would say "one of these two".
APPEND = r"""
CREATE FUNCTION audit_append(log uuid, after bigint, entries bytea[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  now_size bigint;
  now_frontier bytea[];
  now_link bytea;
  leaves bytea[] := '{}';
  closed bytea[] := '{}';
  links bytea[] := '{}';
  entry bytea;
  node bytea;
  done bytea;
  level int;
  rest bigint;
  written bigint;
BEGIN
  SELECT h.size, h.frontier, h.link INTO now_size, now_frontier, now_link FROM public.audit_head h WHERE h.log_id = log;
  IF NOT FOUND THEN
    now_size := 0; now_frontier := '{}'; now_link := '';
  END IF;
  IF now_size <> after THEN
    RAISE EXCEPTION 'log % has % entries, not %', log, now_size, after USING ERRCODE = 'serialization_failure';
  END IF;
  FOREACH entry IN ARRAY entries LOOP
    node := sha256('\x00'::bytea || entry);
    leaves := array_append(leaves, node);
    now_link := sha256('\x02'::bytea || now_link || node);
    links := array_append(links, now_link);
    done := '';
    level := 1;
    rest := now_size;
    WHILE rest & 1 = 1 LOOP
      node := sha256('\x01'::bytea || now_frontier[level] || node);
      done := done || node;
      now_frontier[level] := NULL;
      level := level + 1;
      rest := rest >> 1;
    END LOOP;
    now_frontier[level] := node;
    closed := array_append(closed, done);
    now_size := now_size + 1;
  END LOOP;
  INSERT INTO public.audit_entry
    (log_id, position, id, event, subject_kind, subject_id, party_id, handling, actor_id, agency_id, at, result, canonical, leaf_hash, nodes, link)
  SELECT log, after + e.number, (e.content->>'id')::uuid, e.content->>'event',
         e.content#>>'{subject,kind}', (e.content#>>'{subject,id}')::uuid,
         (e.content#>>'{subject,party}')::uuid, e.content#>>'{subject,handling}',
         (e.content#>>'{actor,person}')::uuid, (e.content#>>'{actor,agency}')::uuid,
         (e.content->>'at')::timestamptz, e.content->>'result', e.canonical, e.leaf_hash, e.nodes, e.link
  FROM (SELECT u.*, convert_from(u.canonical, 'UTF8')::jsonb AS content
        FROM unnest(entries, leaves, closed, links) WITH ORDINALITY AS u(canonical, leaf_hash, nodes, link, number)
        OFFSET 0) e
  WHERE e.content->>'log' = log::text AND (e.content->>'position')::bigint = after + e.number;
  GET DIAGNOSTICS written = ROW_COUNT;
  IF written <> cardinality(entries) THEN
    RAISE EXCEPTION 'an entry names another log or position than it is given' USING ERRCODE = 'data_exception';
  END IF;
  IF after = 0 THEN
    INSERT INTO public.audit_head (log_id, size, frontier, link) VALUES (log, now_size, now_frontier, now_link);
  ELSE
    UPDATE public.audit_head h SET size = now_size, frontier = now_frontier, link = now_link
    WHERE h.log_id = log AND h.size = after;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'log % grew meanwhile', log USING ERRCODE = 'serialization_failure';
    END IF;
  END IF;
  RETURN now_size;
END $$
"""

KEEP = """
CREATE FUNCTION audit_keep(log uuid, at_size bigint, with_root bytea, signer text, signed text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF at_size > coalesce((SELECT h.size FROM public.audit_head h WHERE h.log_id = log), 0) THEN
    RAISE EXCEPTION 'log % has no % entries', log, at_size USING ERRCODE = 'data_exception';
  END IF;
  INSERT INTO public.audit_checkpoint (log_id, size, key, root, note, kept_at)
  VALUES (log, at_size, signer, with_root, signed, now()) ON CONFLICT DO NOTHING;
END $$
"""

# Even the owner and a superuser meet these; who switches triggers off is found by `jit-server audit verify`.
REFUSE = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$
"""
GROW_ONLY = """
CREATE FUNCTION audit_grow_only() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NEW.log_id <> OLD.log_id OR NEW.size <= OLD.size THEN
    RAISE EXCEPTION 'a log only grows' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$
"""
FUNCTIONS = ("audit_lock(uuid)", "audit_append(uuid, bigint, bytea[])", "audit_keep(uuid, bigint, bytea, text, text)")


def _digest(column: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"octet_length({column}) = 32", name=f"ck_audit_entry_{column}")


def upgrade() -> None:
    """Create the tables, the functions that alone write them, and the triggers that refuse the rest."""
    op.create_table(
        "audit_entry",
        sa.Column("log_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("party_id", sa.Uuid(), nullable=True),
        sa.Column("handling", sa.Text(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("agency_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("canonical", BYTEA(), nullable=False),
        sa.Column("leaf_hash", BYTEA(), nullable=False),
        sa.Column("nodes", BYTEA(), nullable=False),
        sa.Column("link", BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "position", name="pk_audit_entry"),
        sa.CheckConstraint("position > 0", name="ck_audit_entry_position"),
        sa.CheckConstraint("result IN ('ok','denied','error')", name="ck_audit_entry_result"),
        _digest("leaf_hash"),
        _digest("link"),
    )
    op.create_index("ix_audit_entry_log_id_subject_id_position", "audit_entry", ["log_id", "subject_id", "position"])
    op.create_table(
        "audit_head",
        sa.Column("log_id", sa.Uuid(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("frontier", ARRAY(BYTEA()), nullable=False),
        sa.Column("link", BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", name="pk_audit_head"),
    )
    # Heads are rewritten by every append: room on the page keeps those rewrites off the index.
    op.execute("ALTER TABLE audit_head SET (fillfactor = 50)")
    op.create_table(
        "audit_checkpoint",
        sa.Column("log_id", sa.Uuid(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("root", BYTEA(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "size", "key", name="pk_audit_checkpoint"),
    )
    for function in (LOCK, APPEND, KEEP, REFUSE, GROW_ONLY):
        op.execute(function)
    for function in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO jit_app")
    for table, acts in (
        ("audit_entry", "UPDATE OR DELETE OR TRUNCATE"),
        ("audit_checkpoint", "UPDATE OR DELETE OR TRUNCATE"),
        ("audit_head", "DELETE OR TRUNCATE"),
    ):
        op.execute(f"CREATE TRIGGER {table}_append_only BEFORE {acts} ON {table} EXECUTE FUNCTION audit_refuse()")
    op.execute(
        "CREATE TRIGGER audit_head_grows BEFORE UPDATE ON audit_head FOR EACH ROW EXECUTE FUNCTION audit_grow_only()"
    )
    for table in ("audit_entry", "audit_head", "audit_checkpoint"):
        protect(table, "SELECT", column="log_id")


def downgrade() -> None:
    """Drop the log. There is no way back from that but a backup."""
    for table in ("audit_checkpoint", "audit_head", "audit_entry"):
        op.drop_table(table)
    for function in (*FUNCTIONS, "audit_refuse()", "audit_grow_only()"):
        op.execute(f"DROP FUNCTION {function}")
