"""Channels, messages and their changes, reading marks, drafts, and who is here now.

Revision 0005.

Messages and changes are append-only for the app's role. Marks and drafts belong to one person, which row-level security
adds to membership. `presence` is what workers tell each other: unlogged, since nothing of it outlives a crash.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.walls import protect

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)
HANDLING = "handling IN ('H0','H1','H2','H3')"


def upgrade() -> None:
    """Make the room's tables."""
    _channels()
    _messages()
    _changes()
    _marks()
    _drafts()
    _presence()
    protect("channel", "SELECT, INSERT")
    protect("message", "SELECT, INSERT")
    protect("message_change", "SELECT, INSERT")
    protect("read_mark", "SELECT, INSERT, UPDATE")
    protect("draft", "SELECT, INSERT, UPDATE, DELETE")
    for table in ("read_mark", "draft"):
        op.execute(
            f"CREATE POLICY {table}_own ON {table} AS RESTRICTIVE TO jit_app"
            " USING (person_id::text = current_setting('jit.actor', true))"
        )
    protect("presence", "SELECT, INSERT, UPDATE, DELETE")


def _of_workspace(table: str) -> list[sa.Constraint]:
    return [sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=f"fk_{table}_workspace_id_workspace")]


def _of_channel(table: str) -> list[sa.Constraint]:
    """A row stands in its channel's workspace and in no other."""
    return [
        *_of_workspace(table),
        sa.ForeignKeyConstraint(
            ["channel_id", "workspace_id"],
            ["channel.id", "channel.workspace_id"],
            name=f"fk_{table}_channel_id_workspace_id_channel",
        ),
    ]


def _of_person(table: str, column: str) -> sa.Constraint:
    return sa.ForeignKeyConstraint([column], ["person.id"], name=f"fk_{table}_{column}_person")


def _channels() -> None:
    op.create_table(
        "channel",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_channel"),
        sa.UniqueConstraint("id", "workspace_id", name="uq_channel_id_workspace_id"),
        *_of_workspace("channel"),
        _of_person("channel", "created_by"),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 80", name="ck_channel_name"),
        sa.CheckConstraint("length(purpose) <= 300", name="ck_channel_purpose"),
    )
    op.create_index("uq_channel_workspace_id_name", "channel", ["workspace_id", "name"], unique=True)


def _messages() -> None:
    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("handling", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("reply_to", sa.Uuid(), nullable=True),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
        sa.UniqueConstraint("author_id", "client_id", name="uq_message_author_id_client_id"),
        sa.UniqueConstraint("id", "channel_id", name="uq_message_id_channel_id"),
        *_of_channel("message"),
        _of_person("message", "author_id"),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name="fk_message_party_id_party"),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_message_agency_id_agency"),
        sa.ForeignKeyConstraint(
            ["reply_to", "channel_id"],
            ["message.id", "message.channel_id"],
            name="fk_message_reply_to_channel_id_message",
        ),
        sa.CheckConstraint("position > 0", name="ck_message_position"),
        sa.CheckConstraint("length(text) BETWEEN 1 AND 20000", name="ck_message_text"),
        sa.CheckConstraint("length(topic) BETWEEN 1 AND 120", name="ck_message_topic"),
        sa.CheckConstraint(HANDLING, name="ck_message_handling"),
        sa.CheckConstraint("client_id ~ '^[A-Za-z0-9_-]{8,64}$'", name="ck_message_client_id"),
        sa.CheckConstraint("octet_length(salt) = 32", name="ck_message_salt"),
    )
    op.create_index("uq_message_workspace_id_position", "message", ["workspace_id", "position"], unique=True)
    op.create_index("ix_message_channel_id_position", "message", ["channel_id", "position"])
    op.create_index("ix_message_channel_id_topic_position", "message", ["channel_id", "topic", "position"])


def _changes() -> None:
    op.create_table(
        "message_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_message_change"),
        sa.UniqueConstraint("message_id", "version", name="uq_message_change_message_id_version"),
        *_of_workspace("message_change"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name="fk_message_change_message_id_message"),
        _of_person("message_change", "author_id"),
        sa.CheckConstraint("kind IN ('edit','withdrawal')", name="ck_message_change_kind"),
        sa.CheckConstraint("version BETWEEN 2 AND 10000", name="ck_message_change_version"),
        sa.CheckConstraint("length(text) <= 20000", name="ck_message_change_text"),
        sa.CheckConstraint("length(reason) <= 500", name="ck_message_change_reason"),
        sa.CheckConstraint("(kind = 'edit') = (length(text) > 0)", name="ck_message_change_edit_has_text"),
        sa.CheckConstraint(
            "(kind = 'withdrawal') = (length(reason) > 0)", name="ck_message_change_withdrawal_has_reason"
        ),
        sa.CheckConstraint("octet_length(salt) = 32", name="ck_message_change_salt"),
    )


def _marks() -> None:
    op.create_table(
        "read_mark",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "channel_id", "topic", name="pk_read_mark"),
        *_of_channel("read_mark"),
        _of_person("read_mark", "person_id"),
        sa.CheckConstraint("position >= 0", name="ck_read_mark_position"),
    )


def _drafts() -> None:
    op.create_table(
        "draft",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("handling", sa.Text(), nullable=True),
        sa.Column("at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "channel_id", "topic", name="pk_draft"),
        *_of_channel("draft"),
        _of_person("draft", "person_id"),
        sa.CheckConstraint("length(text) BETWEEN 1 AND 20000", name="ck_draft_text"),
        sa.CheckConstraint("length(topic) BETWEEN 1 AND 120", name="ck_draft_topic"),
        sa.CheckConstraint(HANDLING, name="ck_draft_handling"),
    )


def _presence() -> None:
    op.create_table(
        "presence",
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", WHEN, nullable=False),
        sa.Column("typing_in", sa.Uuid(), nullable=True),
        sa.Column("typing_topic", sa.Text(), nullable=True),
        sa.Column("typing_at", WHEN, nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "person_id", "worker_id", name="pk_presence"),
        prefixes=["UNLOGGED"],
    )
    op.create_index("ix_presence_worker_id", "presence", ["worker_id"])


def downgrade() -> None:
    """Drop the room's tables."""
    for table in ("presence", "draft", "read_mark", "message_change", "message", "channel"):
        op.drop_table(table)
