"""Opaque cursors: where a list goes on, without counting what came before."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

from flask import request

from jit_server.core.errors import Invalid


def encode(*keys: Any) -> str:
    """The cursor behind a row with these sort keys."""
    return base64.urlsafe_b64encode(json.dumps([str(key) for key in keys]).encode()).decode().rstrip("=")


def decode(cursor: str, count: int) -> list[str]:
    """The sort keys in a cursor.

    Raises:
        Invalid: not a cursor of this list.
    """
    try:
        keys = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        keys = None
    if not isinstance(keys, list) or len(keys) != count or not all(isinstance(key, str) for key in keys):
        raise Invalid.field("cursor", "is not a cursor of this list", "Use `next` as the server gave it.")
    return keys


def next_url(cursor: str) -> str:
    """The address of the next page: this request with its cursor replaced."""
    return next_url_with("cursor", cursor)


def next_url_with(name: str, value: object) -> str:
    """This request's address with one parameter replaced."""
    return f"{request.path}?{urlencode({**request.args.to_dict(), name: str(value)})}"
