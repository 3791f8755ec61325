"""Who asks, and what they are in a workspace: facts resolved by indexed SQL before the policy is asked."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, text

from jit_server.access.kinds import Action, Handling, PartyClass, Phase, Role


@dataclass(frozen=True, slots=True)
class Actor:
    """One who asks: a signed-in person, the operator at the command line, the server itself, or nobody known."""

    kind: Literal["person", "operator", "system", "anonymous"]
    person_id: UUID | None = None
    agency_id: UUID | None = None
    state: str | None = None
    name: str = ""
    agency_name: str = ""
    session_id: UUID | None = None
    issuer: str | None = None
    acr: str | None = None
    auth_time: datetime | None = None
    strong: bool = True
    """Whether the sign-in reached what the agency asks for acts that need a recent one (its step-up `acr`)."""
    acr_wanted: tuple[str, ...] = ()
    """What a sign-in must reach for that; empty where a recent one is enough."""
    scopes: frozenset[Action] | None = None
    """What a program may do at most, within what its membership allows; None for people."""
    preferences: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def mark(self) -> str:
        """How row-level security knows this actor (`jit.actor`): a person's id, or `system`, or nothing."""
        if self.kind == "person":
            return str(self.person_id)
        return "system" if self.kind in {"system", "operator"} else ""


ANONYMOUS = Actor("anonymous")
SYSTEM = Actor("system", name="system")
OPERATOR = Actor("operator", name="operator")


@dataclass(frozen=True, slots=True)
class Standing:
    """What one person is in one workspace at one moment."""

    workspace_id: UUID
    member_id: UUID
    person_id: UUID
    role: Role
    party_id: UUID
    party_class: PartyClass
    phase: Phase
    epoch: int
    policy_version: int
    default_handling: Handling

    @property
    def profile(self) -> tuple[Role, PartyClass, UUID]:
        """All that decides what reaches this person: people of one profile hear the same."""
        return self.role, self.party_class, self.party_id


_COLUMNS = """workspace_id, member_id, person_id, role, party_id, party_class,
    phase, epoch, policy_version, default_handling"""
_ONE = text(f"SELECT {_COLUMNS} FROM standing WHERE person_id = :person AND workspace_id = :workspace")  # noqa: S608
_OF_PERSON = text(f"SELECT {_COLUMNS} FROM standing WHERE person_id = :person")  # noqa: S608
_AMONG = text(f"SELECT {_COLUMNS} FROM standing WHERE workspace_id = ANY(:workspaces) AND person_id = ANY(:people)")  # noqa: S608
_OF_PEOPLE = text(f"SELECT {_COLUMNS} FROM standing WHERE workspace_id = :workspace AND person_id = ANY(:people)")  # noqa: S608


def _standing(row: tuple[UUID, UUID, UUID, str, UUID, str, str, int, int, str]) -> Standing:
    workspace, member, person, role, party, party_class, phase, epoch, version, handling = row
    return Standing(
        workspace,
        member,
        person,
        Role(role),
        party,
        PartyClass(party_class),
        Phase(phase),
        epoch,
        version,
        Handling(handling),
    )


def standing(connection: Connection, person_id: UUID, workspace_id: UUID) -> Standing | None:
    """What the person is in the workspace now; None for an outsider, an expired or an ended member."""
    row = connection.execute(_ONE, {"person": person_id, "workspace": workspace_id}).first()
    return _standing(tuple(row)) if row else None


def standings_of(connection: Connection, person_id: UUID) -> list[Standing]:
    """Every workspace the person belongs to now."""
    return [_standing(tuple(row)) for row in connection.execute(_OF_PERSON, {"person": person_id})]


def standings_in(connection: Connection, workspace_id: UUID, people: list[UUID]) -> dict[UUID, Standing]:
    """Who of these people belongs to the workspace now, by person id, in one query."""
    rows = connection.execute(_OF_PEOPLE, {"workspace": workspace_id, "people": people})
    return {row.person_id: _standing(tuple(row)) for row in rows}


def standings_among(connection: Connection, workspaces: list[UUID], people: list[UUID]) -> list[Standing]:
    """What any of these people are in any of these workspaces now, in one query."""
    asked = {"workspaces": workspaces, "people": people}
    return [_standing(tuple(row)) for row in connection.execute(_AMONG, asked)]
