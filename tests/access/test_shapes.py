"""Not every table has an owner, a marking, a gate and a compartment: what is permitted is visible all the same."""

from dataclasses import replace
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from jit_server.access import (
    Action,
    Gate,
    Handling,
    PartyClass,
    Phase,
    Policy,
    Role,
    Room,
    Rule,
    Standing,
    baseline,
    kinds_of,
)

MINE, THEIRS, THIRD = (UUID(int=number) for number in (1, 2, 3))
HERE, THERE = UUID(int=11), UUID(int=12)
OURS, CLOSED = UUID(int=21), UUID(int=22)
ROOMS = {OURS: Room("ours", frozenset({MINE, THEIRS})), CLOSED: Room("closed", frozenset({THEIRS, THIRD}))}
ME = Standing(HERE, uuid4(), uuid4(), Role.MEMBER, MINE, PartyClass.MS_AUTHORITY, Phase.OPERATIONAL, 1, 1, Handling.H1)
VALUES: dict[str, tuple[Any, ...]] = {
    "party_id": (MINE, THEIRS),
    "handling": tuple(map(str, Handling)),
    "gate": tuple(map(str, Gate)),
    "compartment_id": (None, *ROOMS),
}
TYPES: dict[str, Any] = {"party_id": UUID, "handling": str, "gate": str, "compartment_id": UUID | None}
CLAUSES = (
    Rule("7.1", "deny", ("evidence:read",), compartments=("ours",), handlings=("H1",)),
    Rule("7.2", "allow", ("evidence:read",), gates=("refused",), origins=("own",), handlings=("H3",)),
    Rule("7.3", "deny", ("evidence:read",), parties=("de",), origins=("partner",), handlings=("H0",)),
    Rule("7.4", "deny", ("evidence:list",), origins=("partner",)),
)
POLICY = Policy((*baseline(), *CLAUSES), ROOMS, {MINE: "de"})


class Base(DeclarativeBase):
    """Own metadata: these tables are the test's alone."""


def _table(number: int, columns: tuple[str, ...]) -> Any:
    kinds = {name: Mapped[TYPES[name]] for name in columns} | {"id": Mapped[UUID], "workspace_id": Mapped[UUID]}
    body = {
        "__tablename__": f"shape_{number}",
        "__table_args__": ({"prefixes": ["TEMPORARY"]},),
        "id": mapped_column(primary_key=True, default=uuid4),
        "__annotations__": kinds,
    }
    return type(f"Shape{number}", (Base,), body)


SHAPES = [tuple(name for name, there in zip(VALUES, some, strict=True) if there) for some in product((0, 1), repeat=4)]
TABLES = {"+".join(shape) or "bare": _table(number, shape) for number, shape in enumerate(SHAPES)}


def _rows(table: Any) -> list[Any]:
    columns = [name for name in VALUES if hasattr(table, name)]
    every = product((HERE, THERE), *(VALUES[name] for name in columns))
    return [table(id=uuid4(), workspace_id=place, **dict(zip(columns, kinds, strict=True))) for place, *kinds in every]


def _found(engine: Engine, table: Any, rows: list[Any], *conditions: Any) -> list[set[UUID]]:
    with engine.connect() as connection:
        Base.metadata.create_all(connection, tables=[table.__table__])
        names = [column.key for column in table.__table__.columns]
        connection.execute(sa.insert(table), [{name: getattr(row, name) for name in names} for row in rows])
        found = [set(connection.scalars(sa.select(table.id).where(condition))) for condition in conditions]
        connection.rollback()
    return found


@pytest.mark.parametrize("shape", TABLES)
def test_of_a_table_of_any_shape_the_rows_permitted_are_the_rows_visible(engine: Engine, shape: str) -> None:
    table = TABLES[shape]
    rows = _rows(table)
    suspended = replace(ME, phase=Phase.SUSPENDED)
    outsider = replace(ME, party_class=PartyClass.THIRD_COUNTRY)
    observer = replace(ME, role=Role.OBSERVER)
    actions = (Action.EVIDENCE_READ, Action.EVIDENCE_LIST)
    asked = list(product((ME, suspended, outsider, observer, replace(ME, party_id=THIRD)), actions))
    visible = _found(engine, table, rows, *(POLICY.visible(table, who, action) for who, action in asked))
    for (who, action), found in zip(asked, visible, strict=True):
        expected = {
            row.id for row in rows if row.workspace_id == HERE and POLICY.permits(who, action, **kinds_of(row, who))
        }
        assert found == expected, (who.role, who.party_class, who.phase, action)


@pytest.mark.parametrize("shape", TABLES)
def test_within_are_the_rows_that_no_compartment_and_no_quarantine_keeps_away(engine: Engine, shape: str) -> None:
    table = TABLES[shape]
    rows = _rows(table)
    (found,) = _found(engine, table, rows, POLICY.within(table, ME))
    assert found == {
        row.id
        for row in rows
        if row.workspace_id == HERE
        and getattr(row, "gate", "open") == "open"
        and getattr(row, "compartment_id", None) != CLOSED
    }


def test_the_compartments_of_a_party_come_in_a_fixed_order() -> None:
    assert POLICY.compartments_of(THEIRS) == [OURS, CLOSED]
    assert Policy((), dict(reversed(ROOMS.items()))).compartments_of(THEIRS) == [OURS, CLOSED]
    assert POLICY.compartments_of(MINE) == [OURS]
    assert POLICY.compartments_of(UUID(int=9)) == []
