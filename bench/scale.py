"""Ten thousand teams of thirty: from the session to My day, and what the worker's memory grows by."""

import time
import urllib.request
from collections.abc import Iterator
from random import Random
from typing import Any

from sqlalchemy import Connection, text

from bench.env import Env, Server, case, memory
from tests.builders import Team, Who, sign_in

TEAMS, MEMBERS, LIMIT_MS = 10_000, 30, 150.0
COPIED = {
    "workspace": ("id",),
    "agreement": ("id", "workspace_id"),
    "party": ("id", "workspace_id"),
    "policy_version": ("id", "workspace_id", "agreement_id"),
}
"""Tables of which each team has its own rows, and their columns that tell one copy from another."""
_COLUMNS = text("SELECT column_name FROM information_schema.columns WHERE table_name = :t AND table_schema = 'public'")
_PEOPLE = (
    "INSERT INTO person ({columns}) SELECT {values} FROM person p, generate_series(1, :count) n"
    " WHERE p.id = ANY(:of) ON CONFLICT DO NOTHING"
)
_MEMBERS = text(
    "INSERT INTO member (id, workspace_id, person_id, party_id, role, status, since, expires_at)"
    " SELECT gen_random_uuid(), md5(w.id::text || n)::uuid,"
    " md5(m.person_id::text || (1 + (n * 7919 + k * 104729) % :people))::uuid, md5(m.party_id::text || n)::uuid,"
    " 'member', 'active', now(), m.expires_at"
    " FROM workspace w JOIN member m ON m.workspace_id = w.id AND m.person_id = ANY(:of),"
    " generate_series(1, :teams) n, generate_series(1, :each) k WHERE w.id = :team ON CONFLICT DO NOTHING"
)


def cases(quick: bool, env: Env) -> Iterator[dict[str, Any]]:
    """A crowd signs in, one after another, each a member of about thirty teams."""
    teams, visits = (500, 100) if quick else (TEAMS, 400)
    team = env.world.workspace()
    pair = [team.join("DE"), team.join("FR")]
    started = time.perf_counter()
    people = teams // 2  # of each agency: so everybody belongs to about thirty teams
    with env.owner_engine.begin() as connection:
        _fill(connection, team, pair, teams, people)
        crowd = _crowd(connection, pair)
    with env.owner_engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    filled = time.perf_counter() - started
    with env.serve(workers=1) as server:
        taken, before, after = _visits(env, server, crowd, visits)
    p95 = taken[int(0.95 * len(taken))]
    yield case(
        "scale_sign_in_to_my_day_p95", p95, "ms", bar=LIMIT_MS, holds=p95 <= LIMIT_MS, teams=teams,
        members=MEMBERS, p50=round(taken[len(taken) // 2], 1), filled_s=round(filled),
    )  # fmt: skip
    yield case("scale_memory_growth", (after - before) / 2**20, "MiB", visits=len(taken), teams=teams)


def _fill(connection: Connection, team: Team, pair: list[Who], teams: int, people: int) -> None:
    of = [who.id for who in pair]
    _copy_people(connection, of, people)
    for table, own in COPIED.items():
        columns = list(connection.scalars(_COLUMNS, {"t": table}))
        values = [f"md5(t.{name}::text || n)::uuid" if name in own else f"t.{name}" for name in columns]
        if table == "workspace":
            values[columns.index("reference")] = "t.reference || '-' || n"
        whose = "id" if table == "workspace" else "workspace_id"
        connection.execute(
            text(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)}"
                f" FROM {table} t, generate_series(1, :teams) n WHERE t.{whose} = :team"
            ),
            {"teams": teams, "team": team.id},
        )
    facts = {"team": team.id, "of": of, "teams": teams, "people": people, "each": MEMBERS // 2}
    connection.execute(_MEMBERS, facts)


def _copy_people(connection: Connection, of: list[Any], count: int) -> None:
    columns = list(connection.scalars(_COLUMNS, {"t": "person"}))
    instead = {"id": "md5(p.id::text || n)::uuid", "sub": "md5(p.sub || n)", "name": "p.name || ' ' || n"}
    values = [instead.get(name, f"p.{name}") for name in columns]
    statement = _PEOPLE.format(columns=", ".join(columns), values=", ".join(values))
    connection.execute(text(statement), {"of": of, "count": count})


def _crowd(connection: Connection, pair: list[Who]) -> list[Who]:
    """Everybody but those who made the first team."""
    found = "SELECT p.id, p.name FROM person p JOIN member m ON m.person_id = p.id GROUP BY p.id HAVING count(*) > 10"
    return [Who(row.id, row.name, pair[0].agency, pair[0].actor) for row in connection.execute(text(found))]


def _visits(env: Env, server: Server, crowd: list[Who], count: int) -> tuple[list[float], int, int]:
    """Milliseconds of each visit, sorted, and the worker's memory after the first twenty and after all."""
    chosen = Random(1).sample(crowd, min(count + 20, len(crowd)))
    (worker,) = server.workers()
    taken, before = [], 0
    for number, who in enumerate(chosen):
        if number == 20:
            before, taken = memory(worker), []
        started = time.perf_counter()
        request = urllib.request.Request(server.url + "/", headers={"Cookie": f"jit={sign_in(env.house, who)}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            page = answer.read()
        taken.append((time.perf_counter() - started) * 1e3)
        assert page.count(b"/w/") >= 5
    return sorted(taken), before, memory(worker)
