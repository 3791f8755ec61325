"""The tables of the log. Nobody inserts into them but the database's own `audit_append` and `audit_keep`."""

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

from jit_server.core.database import UtcDateTime, metadata

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("log_id", Uuid, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Uuid, nullable=False),
    Column("event", Text, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject_id", Uuid),
    Column("party_id", Uuid),
    Column("handling", Text),
    Column("actor_id", Uuid),
    Column("agency_id", Uuid),
    Column("at", UtcDateTime, nullable=False),
    Column("result", Text, nullable=False),
    Column("canonical", BYTEA, nullable=False),
    Column("leaf_hash", BYTEA, nullable=False),
    Column("nodes", BYTEA, nullable=False),
    Column("link", BYTEA, nullable=False),
    Column("compartment_id", Uuid),
    CheckConstraint("position > 0", name="position"),
    CheckConstraint("result IN ('ok','denied','error')", name="result"),
    CheckConstraint("octet_length(leaf_hash) = 32", name="leaf_hash"),
    CheckConstraint("octet_length(link) = 32", name="link"),
    Index(None, "log_id", "subject_id", "position"),
    Index("ix_audit_entry_agency_id", "agency_id", "at"),
    Index(
        "ix_audit_entry_at", "at", postgresql_where=text("agency_id IS NULL AND log_id = '" + str(UUID(int=0)) + "'")
    ),
)
"""One row an entry. `canonical` is the entry; the columns before it are a projection of it, for queries. `nodes` holds
the hashes of the complete subtrees that this leaf closes, from level 1 upwards: the node (level, number) lies in the
row at position `(number + 1) << level`."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("log_id", Uuid, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("frontier", ARRAY(BYTEA), nullable=False),
    Column("link", BYTEA, nullable=False),
)
"""How far each log has come, and the open complete subtrees from which its root follows."""

audit_checkpoint = Table(
    "audit_checkpoint",
    metadata,
    Column("log_id", Uuid, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("root", BYTEA, nullable=False),
    Column("note", Text, nullable=False),
    Column("kept_at", UtcDateTime, nullable=False),
)
"""The heads that this server signed, as C2SP signed notes."""
