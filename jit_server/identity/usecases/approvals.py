"""What rooms above let wait for an administrator's own yes (A1): they register, nobody looks up."""

from collections.abc import Callable
from typing import Any

from jit_server.work import UnitOfWork

Lines = Callable[[UnitOfWork], list[dict[str, Any]]]
"""Acts that wait for the one who asks, {title, sub, url, at}; the most pressing first."""

_lines: list[Lines] = []


def waits(lines: Lines) -> Lines:
    """Take in what a room lets wait."""
    if lines not in _lines:
        _lines.append(lines)
    return lines


def lines(uow: UnitOfWork) -> list[dict[str, Any]]:
    """Every act that waits for the one who asks to be its second person, those that lapse first before others."""
    return sorted((line for room in _lines for line in room(uow)), key=lambda line: line["at"])
