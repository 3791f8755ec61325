"""A7: whatever happens in whatever order, the server and a page of plain Python agree who may do and see what."""

import os
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine, text

from jit_server import evidence, messaging, workspaces
from jit_server.access import Handling, PartyClass, Phase, Role
from jit_server.core.errors import Conflict, NotFound, NotPermitted
from jit_server.evidence import Wanted
from jit_server.work import House
from jit_server.workspaces import PhaseChange
from tests.access.model import LISTED, NEXT, OPEN, READ, Model, Person, Thing
from tests.builders import Who, World
from tests.evidence.builders import exhibit

RUNS, STEPS = (int(number) for number in os.environ.get("JIT_MODEL_RUNS", "50x30").split("x"))
GUESTS = ("DE", "FR", "FR", "NL")
ROLES = [Role.MEMBER, Role.OBSERVER, Role.SECONDED_MEMBER, Role.LEADER]
REFUSED = (NotFound, NotPermitted, Conflict)

people = st.sampled_from(["guest 0", "guest 1", "guest 2", "guest 3", "admin", "leader FR", "leader NL"])
guests = st.sampled_from([f"guest {number}" for number in range(len(GUESTS))])
movers = st.sampled_from(["admin", "admin", "admin", "leader FR", "guest 0"])
codes = st.sampled_from(Handling)


class Case(RuleBasedStateMachine):
    """One workspace beside one model."""

    world: World
    owner_engine: Engine
    pool: list[Who]

    def __init__(self) -> None:
        """A team of three parties, two of them with a compartment."""
        super().__init__()
        self.team = self.world.workspace(classes={"NL": PartyClass.MS_AUTHORITY})
        leaders = self.team.leaders
        self.who = {"admin": leaders["DE"], "leader FR": leaders["FR"], "leader NL": leaders["NL"]}
        self.who |= {f"guest {number}": who for number, who in enumerate(self.pool)}
        known = {"admin": Person("DE", "space_admin", "in"), "leader FR": Person("FR", "leader", "in")}
        known["leader NL"] = Person("NL", "leader", "in")
        self.model = Model(known | {f"guest {number}": Person(state) for number, state in enumerate(GUESTS)})
        self.member: dict[str, UUID] = {}
        self.room = self.team.compartment("DE", "FR")
        self.channels = {inside: self._channel(inside) for inside in (False, True)}
        self.turn = 0
        for who, role in (("guest 1", Role.OBSERVER), ("guest 2", Role.SECONDED_MEMBER), ("guest 3", Role.MEMBER)):
            self.invite(who, role)
            self.accept(who)
        for code in Handling:
            self.say("admin", code, inside=False)
            self.upload("leader FR", code, inside=code is Handling.H2)

    def _channel(self, inside: bool) -> UUID:
        new = messaging.NewChannel(name=uuid4().hex[:8], compartment_id=self.room if inside else None)
        with self.world.work(self.team.admin) as uow:
            return messaging.create_channel(uow, self.team.id, new).id

    def agrees(self, expected: bool, what: str, act: Any) -> Any:
        """Do it, and see that it is refused exactly when the model says so."""
        try:
            done = act()
        except REFUSED as refusal:
            if expected:
                raise AssertionError(f"{what}: the server refuses, the model does not") from refusal
            return None
        assert expected, f"{what}: the server does it, the model refuses"
        return done

    def _as(self, who: str, act: Any) -> Any:
        with self.world.work(self.who[who]) as uow:
            return act(uow)

    @rule(who=guests, role=st.sampled_from(ROLES))
    def invite(self, who: str, role: Role) -> None:
        """The administrator invites."""
        one = self.model.people[who]
        new = workspaces.NewMember(person_id=self.who[who].id, role=role)
        expected = self.model.phase in OPEN and one.status not in {"in", "invited"}
        row = self.agrees(
            expected, f"invite {who}", lambda: self._as("admin", lambda uow: workspaces.invite(uow, self.team.id, new))
        )
        if row is not None:
            self.member[who] = row.id
            one.role, one.status = str(role), "in" if one.sworn else "invited"

    @rule(who=guests)
    def accept(self, who: str) -> None:
        """Whoever is invited attests and enters; nobody else does."""
        one = self.model.people[who]
        self.agrees(one.status == "invited", f"{who} enters", lambda: self.team.enter(self.who[who]))
        if one.status == "invited":
            one.status, one.sworn = "in", True

    @rule(who=guests, by=st.sampled_from(["admin", "leader FR", "guest 0"]))
    def revoke(self, who: str, by: str) -> None:
        """The administrator ends anybody's access, a leader their own people's."""
        one, actor = self.model.people[who], self.model.people[by]
        if who not in self.member or (by == who and actor.role == "leader"):
            return
        reach = by == "admin" or (self.model.inside(by) and actor.role == "leader" and actor.party == one.party)
        end = workspaces.End(reason="moved")
        done = self.agrees(
            reach and one.status in {"in", "invited", "lapsed"},
            f"{by} ends {who}",
            lambda: self._as(by, lambda uow: workspaces.end(uow, self.member[who], end)),
        )
        if done is not None:
            one.status = "out"

    @rule(who=guests)
    def expire(self, who: str) -> None:
        """Time runs out."""
        if self.model.people[who].status == "in":
            with self.owner_engine.begin() as connection:
                late = text("UPDATE member SET expires_at = now() - interval '1 second' WHERE id = :id")
                connection.execute(late, {"id": self.member[who]})
            self.model.people[who].status = "lapsed"

    @rule(phase=st.sampled_from(["operational", "suspended", "suspended", "expiring"]), by=movers)
    def move(self, phase: str, by: str) -> None:
        """The administrator moves the team on, along the life-cycle."""
        expected = by == "admin" and phase in NEXT[self.model.phase]
        change = PhaseChange(phase=Phase(phase), reason="as the text says")

        def act(uow: Any) -> Any:
            version = workspaces.workspace(uow, self.team.id).version
            return workspaces.change_phase(uow, self.team.id, change, version=version)

        if self.agrees(expected, f"{by} moves to {phase}", lambda: self._as(by, act)) is not None:
            self.model.phase = phase

    @rule(who=people, code=codes, inside=st.booleans())
    def say(self, who: str, code: Handling, inside: bool) -> None:
        """Somebody speaks."""
        new = messaging.NewMessage(
            channel_id=self.channels[inside], topic="t", text="x", handling=code, client_id=uuid4().hex
        )
        row = self.agrees(
            self.model.may_speak(who, room=inside),
            f"{who} speaks",
            lambda: self._as(who, lambda uow: messaging.post(uow, new)),
        )
        if row is not None:
            self.model.messages.append(Thing(str(row.id), self.model.people[who].party, str(code), inside))

    @rule(who=people, code=codes, inside=st.booleans())
    def upload(self, who: str, code: Handling, inside: bool) -> None:
        """Somebody takes evidence in."""
        if inside and self.model.inside(who) and self.model.people[who].party == "NL":
            return  # a compartment of others cannot even be named: Invalid, see test_compartments
        place: dict[str, Any] = {"compartment_id": str(self.room)} if inside else {}
        row = self.agrees(
            self.model.may_take_in(who, room=inside),
            f"{who} uploads",
            lambda: exhibit(self.team, self.who[who], handling=str(code), **place),
        )
        if row is not None:
            self.model.items.append(Thing(str(row.id), self.model.people[who].party, str(code), inside))

    @rule(who=people, inside=st.booleans())
    def mark(self, who: str, inside: bool) -> None:
        """Somebody has read that far."""
        mark = messaging.Mark(topic="t", position=1)
        self.agrees(
            self.model.may_mark(who, room=inside),
            f"{who} marks",
            lambda: self._as(who, lambda uow: messaging.mark_read(uow, self.channels[inside], mark)),
        )

    @invariant()
    def one_of_them_sees_what_the_model_says(self) -> None:
        """Somebody else each time; everybody at the end."""
        self.turn += 1
        self._compare(list(self.who)[self.turn % len(self.who)])

    def teardown(self) -> None:
        """Everybody."""
        for who in self.who:
            self._compare(who)

    def _compare(self, who: str) -> None:
        model = self.model
        expected = {one.name for one in model.messages if model.sees(who, one, READ)}
        assert self._messages(who) == expected, f"messages of {who} in {model.phase}: {model.people[who]}"
        expected = {one.name for one in model.items if model.sees(who, one, LISTED)}
        assert self._items(who) == expected, f"exhibits of {who} in {model.phase}: {model.people[who]}"

    def _messages(self, who: str) -> set[str]:
        found: set[str] = set()
        for channel in self.channels.values():
            try:
                found |= {
                    str(one.id) for one in self._as(who, lambda uow, c=channel: messaging.read_page(uow, c)).messages
                }
            except REFUSED:
                continue
        return found

    def _items(self, who: str) -> set[str]:
        def act(uow: Any) -> Any:
            return evidence.register(uow, self.team.id, Wanted(limit=200))[0]

        try:
            return {str(one.id) for one in self._as(who, act)}
        except REFUSED:
            return set()


@pytest.mark.timeout(3600)
def test_a7_the_server_and_the_model_agree_whatever_happens(house: House, owner_engine: Engine) -> None:
    """`JIT_MODEL_RUNS=500x50` for the long run."""
    world = World.create(house)
    bound = {"world": world, "owner_engine": owner_engine, "pool": [world.person(state) for state in GUESTS]}
    machine = type("BoundCase", (Case,), bound)
    few = settings(max_examples=RUNS, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=few)
