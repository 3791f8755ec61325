"""The three readings of one policy agree: a row permitted is a row visible is a row heard."""

from datetime import timedelta
from itertools import product
from uuid import UUID, uuid4

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from jit_server.access import (
    Action,
    Gate,
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
from jit_server.access.kinds import Action as Actions

PARTIES = [UUID(int=number) for number in (1, 2, 3)]
WORKSPACES = [UUID(int=number) for number in (11, 12)]
ROOMS = {
    UUID(int=21): Room("bilateral", frozenset(PARTIES[:2])),
    UUID(int=22): Room("other", frozenset(PARTIES[1:])),
}
SLUGS = {party: f"agency-{number}" for number, party in enumerate(PARTIES)}
READS = [Actions.MESSAGE_READ, Actions.EVIDENCE_LIST, Actions.EVIDENCE_READ, Actions.EVIDENCE_DOWNLOAD]


class Base(DeclarativeBase):
    """Own metadata: this table is the test's alone."""


class Thing(Base):
    """A row with everything the policy may ask about."""

    __tablename__ = "reading_thing"
    __table_args__ = ({"prefixes": ["TEMPORARY"]},)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    workspace_id: Mapped[UUID]
    party_id: Mapped[UUID]
    handling: Mapped[str]
    gate: Mapped[str]
    compartment_id: Mapped[UUID | None]


clause = st.builds(
    Rule,
    id=st.just("c"),
    effect=st.sampled_from(["allow", "deny"]),
    actions=st.lists(st.sampled_from(READS), min_size=1, max_size=4, unique=True).map(tuple),
    roles=st.lists(st.sampled_from(Role), max_size=3, unique=True).map(tuple),
    party_classes=st.lists(st.sampled_from(PartyClass), max_size=3, unique=True).map(tuple),
    origins=st.lists(st.sampled_from(Origin), max_size=2, unique=True).map(tuple),
    handlings=st.lists(st.sampled_from(Handling), max_size=4, unique=True).map(tuple),
    phases=st.lists(st.sampled_from(Phase), max_size=3, unique=True).map(tuple),
    gates=st.lists(st.sampled_from(Gate), max_size=3, unique=True).map(tuple),
    parties=st.lists(st.sampled_from(sorted(SLUGS.values())), max_size=2, unique=True).map(tuple),
    compartments=st.lists(st.sampled_from(["-", "bilateral", "other"]), max_size=2, unique=True).map(tuple),
)
agreements = st.lists(clause, max_size=5).map(
    lambda rules: [Rule(**{**_fields(rule), "id": f"c{number}"}) for number, rule in enumerate(rules)]
)
standings = st.builds(
    Standing,
    workspace_id=st.sampled_from(WORKSPACES),
    member_id=st.uuids(),
    person_id=st.uuids(),
    role=st.sampled_from(Role),
    party_id=st.sampled_from(PARTIES),
    party_class=st.sampled_from(PartyClass),
    phase=st.sampled_from([Phase.OPERATIONAL, Phase.SUSPENDED, Phase.CLOSED]),
    epoch=st.just(1),
    policy_version=st.just(1),
    default_handling=st.sampled_from(Handling),
)


def _fields(rule: Rule) -> dict[str, object]:
    return {name: getattr(rule, name) for name in Rule.__dataclass_fields__}


@settings(max_examples=150, deadline=timedelta(seconds=20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=agreements, standing=standings, action=st.sampled_from(READS))
def test_what_is_permitted_is_what_is_visible_is_what_is_heard(
    engine: Engine, rules: list[Rule], standing: Standing, action: Action
) -> None:
    policy = Policy((*baseline(), *rules), ROOMS, SLUGS)
    names = ("workspace_id", "party_id", "handling", "gate", "compartment_id")
    kinds = product(WORKSPACES, PARTIES, map(str, Handling), map(str, Gate), (None, *ROOMS))
    rows = [{"id": uuid4(), **dict(zip(names, kind, strict=True))} for kind in kinds]
    with engine.connect() as connection:
        Base.metadata.create_all(connection)
        connection.execute(sa.insert(Thing), rows)
        visible = set(connection.scalars(sa.select(Thing.id).where(policy.visible(Thing, standing, action))))
        connection.rollback()
    for row in rows:
        here = row["workspace_id"] == standing.workspace_id
        origin = Origin.OWN if row["party_id"] == standing.party_id else Origin.PARTNER
        kind = {"handling": Handling(row["handling"]), "gate": Gate(row["gate"]), "compartment": row["compartment_id"]}
        permitted = here and policy.permits(standing, action, origin=origin, **kind)
        heard = here and policy.hears(standing.profile, action, phase=standing.phase, party_id=row["party_id"], **kind)
        assert (row["id"] in visible, heard) == (permitted, permitted), (row, action)
        room = ROOMS.get(row["compartment_id"])
        assert not permitted or room is None or standing.party_id in room.parties
