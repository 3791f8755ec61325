"""For what purposes things are used and asked for: the codes of `policies/purposes.csv` (Directive (EU) 2016/680)."""

import csv
from functools import cache

from jit_server.access.rules import policies


@cache
def purposes() -> dict[str, str]:
    """Each code with its sentence, in the file's order."""
    text = (policies() / "purposes.csv").read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in text if line.strip() and not line.startswith("#"))
    return {row["code"]: row["sentence"] for row in rows}


def known(code: str) -> str:
    """The code, if it is one.

    Raises:
        ValueError: it is not.
    """
    if code not in purposes():
        msg = f"is no purpose known here: choose one of {', '.join(purposes())}"
        raise ValueError(msg)
    return code
