"""How a row looks to the policy, and what a refusal carries: the problem that is shown and what the record needs."""

from typing import Any, TypedDict
from uuid import UUID

from sqlmodel import SQLModel

from jit_server.access.actors import Standing
from jit_server.access.kinds import Action, Gate, Handling, Origin
from jit_server.access.policy import Decision
from jit_server.access.rules import source_of
from jit_server.core.errors import NotPermitted


class Kinds(TypedDict):
    """What a row is to the policy, seen by one person."""

    origin: Origin
    handling: Handling
    gate: Gate
    compartment: UUID | None


def kinds_of(row: Any, standing: Standing) -> Kinds:
    """Whose a row is, how it is marked, and where it lies; rows without an owner count as one's own."""
    party, marking, gate = (getattr(row, name, None) for name in ("party_id", "handling", "gate"))
    return {
        "origin": Origin.OWN if party in {None, standing.party_id} else Origin.PARTNER,
        "handling": Handling(marking) if marking else Handling.H0,
        "gate": Gate(gate) if gate else Gate.OPEN,
        "compartment": getattr(row, "compartment_id", None),
    }


class Refusal(NotPermitted):
    """An insider was refused: carries what the record needs beside the problem that is shown."""

    def __init__(self, action: Action, row: Any, standing: Standing, decision: Decision) -> None:
        kinds = kinds_of(row, standing)
        super().__init__(
            decision.reason or "No rule of the agreement or of the baseline allows this to your role.",
            policy={
                "action": str(action),
                "clause": decision.clause,
                "role": str(standing.role),
                "party_class": str(standing.party_class),
                "origin": str(kinds["origin"]),
                "handling": str(kinds["handling"]),
                "phase": str(standing.phase),
                "source": source_of(decision.clause) if decision.clause else "baseline",
                "originator": str(getattr(row, "party_id", None) or ""),
                "remedy": str(decision.remedy),
                "subject": _named(row),
            },
            workspace=str(standing.workspace_id),
        )
        self.workspace_id = standing.workspace_id
        self.subject = row


def _named(row: Any) -> dict[str, str] | None:
    """What may be asked for: only things that a grant can open, and only to whoever may know of them."""
    return {"kind": row.__tablename__, "id": str(row.id)} if getattr(type(row), "__grantable__", False) else None


def known_by(kind: str) -> Action | None:
    """The action by which things of this kind (a table's name) are known to exist, as their table says."""
    table = table_of(kind)
    return None if table is None else table.__known_by__


def table_of(kind: str) -> Any:
    """The table of things of this kind, if the policy decides who knows of them; None for any other word."""
    if not _tables:
        for mapper in SQLModel._sa_registry.mappers:  # noqa: SLF001 - it has no public name
            if hasattr(mapper.class_, "__known_by__"):
                _tables[mapper.class_.__tablename__] = mapper.class_
    return _tables.get(kind)


_tables: dict[str, Any] = {}
