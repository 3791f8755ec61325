"""The register of a case with very many exhibits: the first page, a filtered one, a far one."""

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

from sqlalchemy import Connection, text

from bench.env import Env, Server, case
from tests.builders import Team, sign_in
from tests.evidence.builders import exhibit

ITEMS, QUICK_ITEMS, PAGE = 100_000, 5_000, 100
LIMIT_MS = 60.0
OWN = {
    "id": "md5(t.id::text || n)::uuid",
    "client_id": "md5(t.client_id || n)",
    "serial": "t.serial + n",
    "position": "t.position + n",
    "title": "'Call records, file ' || n || CASE WHEN n = 7 THEN ' of the Zandvoort mast' ELSE '' END",
    "collected_at": "t.collected_at + n * interval '1 minute'",
    "file_name": "'records-' || n || '.csv'",
}
"""What differs from exhibit to exhibit."""
TERMS = """
    INSERT INTO evidence_term (item_id, term, workspace_id)
    SELECT DISTINCT id, term, workspace_id FROM evidence_item,
           regexp_split_to_table(lower(title || ' ' || file_name || ' ' || serial), '[^[:alnum:]]+') term
     WHERE workspace_id = :team AND term <> '' ON CONFLICT DO NOTHING
"""
"""Their words, without the inner parts of compounds."""
FILTERS = {
    "state": {"state": "DE"},
    "marking": {"handling": "H3"},
    "common_word": {"q": "records"},
    "rare_word": {"q": "Zandvoort"},
    "no_word": {"q": "Wijk aan Zee"},
}


def cases(quick: bool, env: Env) -> Iterator[dict[str, Any]]:
    """p95 of each kind of page over HTTP, one asked after another by one member."""
    items, team = QUICK_ITEMS if quick else ITEMS, env.world.workspace()
    for _ in range(3):
        exhibit(team, team.leaders["FR"])
    exhibit(team, team.admin)
    _fill(env, team, items)
    with env.serve(workers=1) as server:
        reader = _Reader(server, team)
        reader.page()  # the first of all finds nothing prepared
        first = [reader.page() for _ in range(20 if quick else 100)]
        cursor, taken = reader.next, []
        while cursor:
            taken.append(reader.page(cursor=cursor))
            cursor = reader.next
        yield _line("register_first_page", first, items)
        yield _line("register_last_pages", taken[-50:], items, page=len(taken), flat=_p95(taken[:50]))
        for name, wanted in FILTERS.items():
            yield _line(f"register_by_{name}", [reader.page(**wanted) for _ in range(10 if quick else 50)], items)


def _p95(taken: list[float]) -> float:
    return sorted(taken)[int(0.95 * len(taken))]


def _line(name: str, taken: list[float], items: int, flat: float | None = None, **more: Any) -> dict[str, Any]:
    p95 = _p95(taken)
    return case(name, p95, "ms", beside=flat, bar=LIMIT_MS, holds=p95 <= LIMIT_MS, items=items, **more)


class _Reader:
    """A member with one connection; `next` is where the page that was read last says that the list goes on."""

    def __init__(self, server: Server, team: Team) -> None:
        self._connection = http.client.HTTPConnection(str(urlsplit(server.url).netloc), timeout=60)
        self._cookie = f"{server.settings.cookie}={sign_in(team.world.house, team.admin)}"
        self._path, self.next = f"/api/v1/workspaces/{team.id}/evidence", ""

    def page(self, **wanted: object) -> float:
        """Milliseconds for a page."""
        began = time.perf_counter()
        address = f"{self._path}?{urlencode({'limit': PAGE, **wanted})}"
        self._connection.request("GET", address, headers={"Cookie": self._cookie})
        answer = self._connection.getresponse()
        body = answer.read()
        taken = (time.perf_counter() - began) * 1e3
        if answer.status != 200:
            raise RuntimeError(body)
        self.next = json.loads(body)["next"] or ""
        return taken


def _fill(env: Env, team: Team, items: int) -> None:
    """Copies of the last exhibit, by the owner's hand: each has its own row wherever the register looks."""
    with env.owner_engine.begin() as connection:
        for table in ("upload", "evidence_item", "stored_check"):
            _copy(connection, table, team, items)
        connection.execute(text(TERMS), {"team": team.id})
    with env.owner_engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))


def _copy(connection: Connection, table: str, team: Team, items: int) -> None:
    wanted = text(
        "SELECT column_name FROM information_schema.columns WHERE table_name = :t AND table_schema = 'public'"
    )
    columns = list(connection.scalars(wanted, {"t": table}))
    of = "id" if "id" in columns else "item_id"
    own = OWN | {"item_id": "md5(t.item_id::text || n)::uuid"}
    values = ", ".join(own.get(name, f"t.{name}") for name in columns)
    last = "(SELECT id FROM evidence_item WHERE workspace_id = :team ORDER BY position DESC LIMIT 1)"
    connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))  # nobody registers these: they are only there
    made = (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} t, generate_series(1, :items) n"
        f" WHERE t.{of} = {last}"
    )
    connection.execute(text(made), {"team": team.id, "items": items - 4})
    connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
