"""The custody report as CSV (RFC 4180): every entry about the exhibits, in the log's order, with its position."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

NAME = "custody.csv"
COLUMNS = (
    *("position", "at", "zone", "exhibit", "event", "operation", "result", "person", "agency", "actor"),
    *("purpose", "purpose_text", "clause", "recipients", "facts", "statement", "leaf_hash"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def head() -> bytes:
    """The line with the names of the columns."""
    return _line(COLUMNS)


def line(
    entry: Mapping[str, Any], leaf_hash: bytes, exhibit: str, names: Mapping[str, str], statement: str = ""
) -> bytes:
    """One entry; `names` are those of the people and agencies whose ids it holds, `statement` the words of its act."""
    actor, why = entry["actor"], entry["why"] or {"code": "", "text": ""}
    facts = "; ".join(f"{name}={_plain(value, names)}" for name, value in entry["facts"].items())
    return _line(
        (
            entry["position"],
            entry["at"],
            entry["tz"],
            exhibit,
            entry["event"],
            entry["verb"],
            entry["result"],
            names.get(actor["person"], actor["person"] or ""),
            names.get(actor["agency"], actor["agency"] or ""),
            actor["kind"],
            why["code"],
            why["text"],
            entry["clause"] or "",
            "; ".join(_plain(one, names) for one in entry["recipients"]),
            facts,
            statement,
            leaf_hash.hex(),
        )
    )


def _plain(value: Any, names: Mapping[str, str]) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(one, names)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(one, names) for one in value)
    return names.get(value, value) if isinstance(value, str) else str(value)


def _line(cells: Iterable[object]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerow([_safe(str(cell)) for cell in cells])
    return out.getvalue().encode()


def _safe(cell: str) -> str:
    """What a spreadsheet would run as a formula is marked as text."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
