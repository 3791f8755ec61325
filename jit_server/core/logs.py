"""The app's own log: JSON lines with ids only. Never a message's text, never the local variables of a traceback."""

import logging
import sys
from typing import TextIO

import structlog


class _StandardError:
    """Standard error as it is at the moment of writing: whoever redirects it (a test run) may close it again."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure(stream: TextIO | None = None) -> None:
    """Write one JSON object a line to `stream` (default: standard error)."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=stream or _StandardError()),  # type: ignore[arg-type] # all it asks for
        cache_logger_on_first_use=False,
    )
