"""How long an access decision takes, and what scoping a large register by the policy costs."""

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import casbin
import sqlalchemy as sa

from jit_server.access import (
    Action,
    Handling,
    Origin,
    PartyClass,
    Phase,
    Policy,
    Role,
    Room,
    Rule,
    Standing,
    baseline,
)
from jit_server.access.rules import policies

_PARTIES = [UUID(int=number) for number in range(1, 7)]
_SLUGS = {party: f"agency-{number}" for number, party in enumerate(_PARTIES)}
_ROOMS = {
    UUID(int=100 + number): Room(f"room-{number}", frozenset(_PARTIES[number : number + 2])) for number in range(5)
}
MEMBER = Standing(
    uuid4(), uuid4(), uuid4(), Role.MEMBER, UUID(int=1), PartyClass.MS_AUTHORITY, Phase.OPERATIONAL, 1, 1, Handling.H1
)
QUESTION = ("member", "ms_authority", "-", "partner", "H1", "open", "operational", "-", "evidence:read")
CLAUSES = 500


def _each(call: Callable[[], object], times: int) -> float:
    """Microseconds a call takes, the median of seven rounds."""
    rounds = []
    for _ in range(7):
        started = time.perf_counter()
        for _ in range(times):
            call()
        rounds.append((time.perf_counter() - started) / times * 1e6)
    return median(rounds)


def _clauses() -> Iterator[Rule]:
    """An agreement far longer than any: each clause about one action, one party, one marking, one compartment."""
    actions, rooms = list(Action), [room.key for room in _ROOMS.values()]
    for number in range(CLAUSES):
        yield Rule(
            id=f"c{number}",
            effect="deny" if number % 3 else "allow",
            actions=(actions[number % len(actions)],),
            parties=(_SLUGS[_PARTIES[number % len(_PARTIES)]],),
            handlings=(f"H{number % 4}",),
            compartments=(rooms[number % len(rooms)],),
        )


def _raw(rules: tuple[Rule, ...]) -> casbin.Enforcer:
    """Casbin as its manual shows it: every line in one enforcer."""
    model = casbin.Model()
    model.load_model_from_text((policies() / "model.conf").read_text())
    model["p"]["p"].policy = [list(line) for rule in rules for line in rule.lines()]
    return casbin.Enforcer(model)


def cases(quick: bool, env: Any) -> Iterator[dict[str, Any]]:
    """Decisions from memory and anew at 500 clauses beside raw Casbin; a register's first page beside the unscoped."""
    rules = (*baseline(), *_clauses())
    raw = _raw(rules)
    beside = _each(lambda: raw.enforce(*QUESTION), 3 if quick else 20)
    policy = Policy(rules, _ROOMS, _SLUGS)

    def hit() -> bool:
        return policy.permits(MEMBER, Action.EVIDENCE_READ, origin=Origin.PARTNER, handling=Handling.H1)

    hit()
    yield _case("decision_hit", _each(hit, 20_000), "us", beside, 2.0)

    def miss() -> object:
        policy._memo.clear()
        return hit()

    yield _case("decision_miss", _each(miss, 500), "us", beside, 1000.0)
    yield from _register(policy, env, 20_000 if quick else 100_000)


def _case(name: str, value: float, unit: str, beside: float, bar: float) -> dict[str, Any]:
    return {
        "case": name,
        "value": round(value, 3),
        "unit": unit,
        "beside": round(beside, 3),
        "ratio": round(value / beside, 4),
        "bar": bar,
        "holds": value <= bar,
    }


def _register(policy: Policy, env: Any, rows: int) -> Iterator[dict[str, Any]]:
    """A register with the real table's shape and index; half of it is hidden from this person."""
    register = sa.Table(
        "bench_register",
        sa.MetaData(),
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("workspace_id", sa.Uuid),
        sa.Column("party_id", sa.Uuid),
        sa.Column("handling", sa.Text),
        sa.Column("gate", sa.Text),
        sa.Column("compartment_id", sa.Uuid),
        sa.Column("position", sa.BigInteger),
        sa.Column("title", sa.Text),
        sa.Index("ix_bench_register", "workspace_id", "position"),
    )

    class Register:
        workspace_id, party_id, handling = register.c.workspace_id, register.c.party_id, register.c.handling
        gate, compartment_id = register.c.gate, register.c.compartment_id

    observer = Standing(
        MEMBER.workspace_id,
        *(uuid4(), uuid4()),
        Role.SECONDED_MEMBER,
        UUID(int=1),
        PartyClass.MS_AUTHORITY,
        *(Phase.OPERATIONAL, 1, 1),
        Handling.H1,
    )
    with env.owner_engine.begin() as connection:
        register.drop(connection, checkfirst=True)
        register.create(connection)
        connection.execute(
            sa.text(
                "INSERT INTO bench_register SELECT gen_random_uuid(), :ws, CASE WHEN n % 2 = 0 THEN :a ELSE :b END,"
                " 'H' || n % 4, CASE WHEN n % 50 = 0 THEN 'pending' ELSE 'open' END,"
                " CASE WHEN n % 10 < 6 THEN NULL ELSE CAST(lpad(to_hex(100 + n % 5), 32, '0') AS uuid) END,"
                " n, 'Exhibit ' || n FROM generate_series(1, :rows) n"
            ),
            {"ws": MEMBER.workspace_id, "a": UUID(int=1), "b": UUID(int=2), "rows": rows},
        )
    with env.owner_engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("ANALYZE bench_register"))
    plain = sa.select(register).where(register.c.workspace_id == MEMBER.workspace_id)
    plain = plain.order_by(register.c.position.desc()).limit(50)
    scoped = sa.select(register).where(policy.visible(Register, observer, Action.EVIDENCE_LIST))
    scoped = scoped.order_by(register.c.position.desc()).limit(50)
    with env.owner_engine.connect() as connection:
        beside = _each(lambda: connection.execute(plain).all(), 100)
        value = _each(lambda: connection.execute(scoped).all(), 100)
    result = _case("decision_register_first_page", value, "us", beside, 2.0)
    yield result | {"holds": result["ratio"] <= 2.0}
