"""How the server is served: gunicorn with gevent workers, after the checks that may refuse it."""

import os
import sys
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from jit_server.core import checks, schema
from jit_server.core.checks import Finding
from jit_server.core.settings import Settings
from jit_server.work import House


def examine(house: House) -> list[Finding]:
    """All that `doctor` looks at: the ground, the schema's revision, and each agency's issuer."""
    return [*checks.examine(house.settings, house.engine, house.vault), *_schema(house)]


def unsafe(house: House) -> list[Finding]:
    """Why the server must not start now; empty when it may."""
    return checks.refusals([*checks.examine(house.settings, house.engine, house.vault), *_schema(house)])


def _schema(house: House) -> list[Finding]:
    try:
        with house.engine.connect() as connection:
            current = schema.revision(connection)
    except SQLAlchemyError:
        return []  # already a finding of its own
    newest = schema.head()
    return [
        Finding.judge("database schema", current == newest, f"at {current}, newest is {newest}", "jit-server migrate")
    ]


def openapi(settings: Settings) -> Any:
    """The description of /api/v1 as the running server gives it."""
    from jit_server import app

    with app.create(settings).test_client() as client:
        return client.get("/api/v1/openapi.json").get_json()


def become_server(workers: int) -> None:
    """Replace this process by gunicorn: same pid, so signals and supervisors keep working."""
    command = [sys.executable, "-m", "gunicorn", "--config", "python:jit_server.gunicorn", "--workers", str(workers)]
    os.execv(sys.executable, [*command, "jit_server.app:create()"])  # noqa: S606 - our own interpreter and module
