"""The real-time part's own way to the database: as the system, one statement at a time.

Its connections are never lent to anybody else, so who they act as stands in their options, and each statement is its
own snapshot: no BEGIN, no COMMIT, a third of the round trips. It reads, and writes who is here; it never writes a log.
"""

from sqlalchemy import Engine, create_engine

from jit_server import access
from jit_server.core.bus import address


def system_engine(url: str) -> Engine:
    """A small engine for the pump, presence, sweeps and for asking who a session belongs to."""
    return create_engine(
        address(url).replace("postgresql:", "postgresql+psycopg:", 1),
        isolation_level="AUTOCOMMIT",
        pool_size=8,
        max_overflow=24,
        pool_timeout=5,
        pool_reset_on_return=None,
        hide_parameters=True,
        connect_args={
            "connect_timeout": 5,
            "application_name": "jit live",
            "options": f"-c statement_timeout=5s -c lock_timeout=2s -c timezone=UTC -c jit.actor={access.SYSTEM.mark}",
        },
    )
