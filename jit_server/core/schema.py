"""The database's schema: which revision it is at, and how it gets to the newest (Alembic, as its owner)."""

import io
from contextlib import redirect_stdout
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def folder() -> Path:
    """Where the migrations are: inside the installed package, or at the top of the source tree."""
    inside = Path(__file__).parents[1] / "migrations"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "migrations"


def config(owner_url: str) -> Config:
    """Alembic's configuration for one database."""
    made = Config()
    made.set_main_option("script_location", str(folder()).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.set_main_option("sqlalchemy.url", owner_url.replace("%", "%%"))
    return made


def head() -> str:
    """The newest revision this code knows."""
    newest = ScriptDirectory.from_config(config("")).get_current_head()
    return newest or "base"


def revision(connection: Connection) -> str:
    """The revision a database is at; `base` when it is empty."""
    return MigrationContext.configure(connection).get_current_revision() or "base"


def upgrade(owner_url: str) -> None:
    """Bring a database to the newest revision; each migration in a transaction of its own."""
    command.upgrade(config(owner_url), "head")


def plan(owner_url: str, start: str) -> str:
    """The SQL that `upgrade` would send from revision `start` on."""
    output = io.StringIO()
    with redirect_stdout(output):
        made = config(owner_url)
        made.output_buffer = output
        command.upgrade(made, f"{start}:head", sql=True)
    return output.getvalue()
