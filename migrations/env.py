"""Alembic's entry: migrations run as the owner of the tables, never as the app's role."""

from alembic import context
from sqlalchemy import create_engine, pool

import jit_server.rows  # noqa: F401 - every room's tables
from jit_server.core import settings
from jit_server.core.database import metadata


def _url() -> str:
    url = context.config.get_main_option("sqlalchemy.url") or settings.load().database_owner_url
    if not url:
        msg = "JIT_DATABASE_OWNER_URL names the role that owns the tables; migrations need it"
        raise SystemExit(msg)
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether a table is described in code: those of the jobs come as the library states them."""
    return kind != "table" or not (name or "").startswith(("procrastinate_", "job_fault"))


def _run() -> None:
    options = {
        "target_metadata": metadata,
        "compare_type": True,
        "transaction_per_migration": True,
        "include_name": _is_ours,
    }
    if context.is_offline_mode():
        context.configure(url=_url(), literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    with create_engine(_url(), poolclass=pool.NullPool).connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()


_run()
