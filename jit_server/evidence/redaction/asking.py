"""The program that paints over, as the server asks it: whatever becomes of it, there is an answer."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from jit_server.evidence.redaction.shapes import Area, Refusal

SECONDS: Final = 240
SHOWN_SECONDS: Final = 30
LARGEST: Final = 64 * 2**20
"""Bytes of an exhibit that is redacted here at most."""
_PROGRAM: Final = Path(__file__).with_name("paint.py")


class Copy(BaseModel):
    """A redacted copy, or why there is none."""

    model_config = ConfigDict(extra="forbid")

    media_type: str = ""
    pages: int = 0
    refused: Refusal | None = None
    data: bytes = b""


def redacted(data: bytes, areas: Sequence[Area], seconds: float = SECONDS) -> Copy:
    """A copy without what lies under these areas, made by a process that knows nothing of the server and may die."""
    return _answered({"areas": [one.model_dump(mode="json", exclude={"reason"}) for one in areas]}, data, seconds)


def shown(data: bytes, page: int, seconds: float = SHOWN_SECONDS) -> Copy:
    """A page as it is seen, and how many there are."""
    return _answered({"show": page}, data, seconds)


def _answered(asked: dict[str, Any], data: bytes, seconds: float) -> Copy:
    try:
        done = subprocess.run(  # noqa: S603 - ours
            [sys.executable, "-I", str(_PROGRAM)], input=json.dumps(asked).encode() + b"\n" + data,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, cwd="/", timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Copy(refused=Refusal.FAILED)
    said, _, copy = done.stdout.partition(b"\n")
    try:
        found = Copy.model_validate_json(said)
    except ValidationError:
        return Copy(refused=Refusal.FAILED)
    whole = found.refused is not None or bool(copy and found.media_type)
    return found.model_copy(update={"data": copy}) if done.returncode == 0 and whole else Copy(refused=Refusal.FAILED)
