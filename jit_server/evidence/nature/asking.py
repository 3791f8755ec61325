"""The program that looks at bytes, as the server asks it: whatever becomes of it, there is an answer."""

import json
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from jit_server.evidence import names
from jit_server.evidence.nature.kinds import KINDS
from jit_server.evidence.nature.models import FACTS

SECONDS: Final = 15
_PROGRAM: Final = Path(__file__).with_name("look.py")


class Found(BaseModel):
    """What the program said. `whole`: it came to its end."""

    model_config = ConfigDict(extra="forbid")

    kind: str | None = Field(default=None, max_length=20)
    media_type: str | None = Field(default=None, max_length=200)
    facts: dict[str, str] = {}
    whole: bool = False


@cache
def _endings() -> str:
    return json.dumps({ending: kind.word for kind in reversed(KINDS) for ending in kind.endings})


def ask(data: bytes, seconds: float = SECONDS) -> Found:
    """Have these bytes looked at by a process of its own, which knows nothing of the server and may be killed."""
    program = [sys.executable, "-I", str(_PROGRAM), _endings()]
    try:
        done = subprocess.run(  # noqa: S603 - ours
            program, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, cwd="/", timeout=seconds,
            check=False,
        )  # fmt: skip
        said = done.stdout
    except subprocess.TimeoutExpired as late:
        said = late.stdout or b""
    return _understood(said[: 2**20])


def _understood(said: bytes) -> Found:
    lines: list[dict[str, JsonValue]] = []
    with suppress(ValueError):
        lines += [json.loads(line) for line in said.splitlines()[:2]]
    kind: dict[str, Any] = dict(lines[0]) if lines else {}
    facts: dict[str, Any] = dict(lines[1]) if len(lines) > 1 else {}
    better = facts.pop("media_type", None)
    kind |= {"media_type": better} if better else {}
    known = {name: names.shown(str(facts[name]))[:300] for name in FACTS if name in facts}
    try:
        return Found(**kind, facts=known, whole=len(lines) > 1)
    except (ValidationError, TypeError):
        return Found()
