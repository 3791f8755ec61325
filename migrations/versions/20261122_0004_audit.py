"""The audit log: entries, heads and checkpoints of one Merkle tree a workspace, appended by the database itself.

Revision 0004.

The app's role may read and call; it cannot write. `audit_append` takes canonical bytes only, and puts the position in
their midst: leaf hash, projection columns and tree are worked out here, so that none of them can say anything else than
the bytes do.
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
CREATE FUNCTION audit_append(log uuid, after bigint, befores bytea[], rests bytea[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  old_size bigint;
  now_size bigint;
  now_frontier bytea[];
  now_link bytea;
  entry bytea;
  content jsonb;
  leaf bytea;
  node bytea;
  closed bytea;
  level int;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(log::text, 6962));
  SELECT h.size, h.frontier, h.link INTO now_size, now_frontier, now_link FROM public.audit_head h WHERE h.log_id = log;
  IF NOT FOUND THEN
    now_size := 0; now_frontier := '{}'; now_link := '';
  END IF;
  old_size := now_size;
  IF now_size <> after THEN -- null: the caller did not ask before
    RAISE EXCEPTION 'log % has % entries, not %', log, now_size, after USING ERRCODE = 'serialization_failure';
  END IF;
  IF cardinality(befores) <> cardinality(rests) THEN
    RAISE EXCEPTION 'half an entry is missing' USING ERRCODE = 'data_exception';
  END IF;
  FOR number IN 1 .. cardinality(befores) LOOP
    entry := befores[number] || convert_to((now_size + 1)::text, 'UTF8') || rests[number];
    content := convert_from(entry, 'UTF8')::jsonb;
    leaf := sha256('\x00'::bytea || entry);
    now_link := sha256('\x02'::bytea || now_link || leaf);
    node := leaf;
    closed := '';
    level := 1;
    WHILE (now_size >> (level - 1)) & 1 = 1 LOOP
      IF now_frontier[level] IS NULL THEN
        RAISE EXCEPTION 'the head of log % is damaged', log USING ERRCODE = 'data_corrupted';
      END IF;
      node := sha256('\x01'::bytea || now_frontier[level] || node);
      closed := closed || node;
      now_frontier[level] := NULL;
      level := level + 1;
    END LOOP;
    now_frontier[level] := node;
    now_size := now_size + 1;
    IF content->>'log' IS DISTINCT FROM log::text OR content->>'position' IS DISTINCT FROM now_size::text THEN
      RAISE EXCEPTION 'an entry names another log or position than it is given' USING ERRCODE = 'data_exception';
    END IF;
    INSERT INTO public.audit_entry
      (log_id, position, id, event, subject_kind, subject_id, party_id, handling, actor_id, agency_id, at, result,
       canonical, leaf_hash, nodes, link)
    VALUES
      (log, now_size, (content->>'id')::uuid, content->>'event', content->'subject'->>'kind',
       (content->'subject'->>'id')::uuid, (content->'subject'->>'party')::uuid, content->'subject'->>'handling',
       (content->'actor'->>'person')::uuid, (content->'actor'->>'agency')::uuid, (content->>'at')::timestamptz,
       content->>'result', entry, leaf, closed, now_link);
  END LOOP;
  IF now_size = old_size THEN
    RETURN now_size;
  END IF;
  IF old_size = 0 THEN
    INSERT INTO public.audit_head (log_id, size, frontier, link) VALUES (log, now_size, now_frontier, now_link);
  ELSE
    UPDATE public.audit_head h SET size = now_size, frontier = now_frontier, link = now_link
    WHERE h.log_id = log AND h.size = old_size;
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
FUNCTIONS = (
    "audit_lock(uuid)",
    "audit_append(uuid, bigint, bytea[], bytea[])",
    "audit_keep(uuid, bigint, bytea, text, text)",
)


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
