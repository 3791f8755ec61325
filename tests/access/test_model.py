"""A7: whatever happens in whatever order, the server and a page of plain Python agree who may do and see what."""

import os
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine, text

from jit_server import consents, evidence, messaging, workspaces
from jit_server.access import Action, Handling, PartyClass, Phase, Role
from jit_server.core import clock
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted
from jit_server.evidence import EvidenceItem, Wanted
from jit_server.work import House
from jit_server.workspaces import PhaseChange
from tests.access.model import LISTED, NEXT, OPEN, READ, Lifted, Model, Person, Thing
from tests.builders import Who, World
from tests.evidence.builders import exhibit

RUNS, STEPS = (int(number) for number in os.environ.get("JIT_MODEL_RUNS", "50x30").split("x"))
GUESTS = ("DE", "FR", "FR", "NL")
ROLES = [Role.MEMBER, Role.OBSERVER, Role.SECONDED_MEMBER, Role.LEADER]
REFUSED = (NotFound, NotPermitted, Conflict)
READS = frozenset({Action.EVIDENCE_READ})

people = st.sampled_from(["guest 0", "guest 1", "guest 2", "guest 3", "admin", "leader FR", "leader NL"])
guests = st.sampled_from([f"guest {number}" for number in range(len(GUESTS))])
movers = st.sampled_from(["admin", "admin", "admin", "leader FR", "guest 0"])
deciders = st.sampled_from(["admin", "admin", "leader FR", "leader FR", "leader NL", "guest 0", "guest 1"])
codes = st.sampled_from(Handling)
which = st.integers(0, 99)
"""One of those that there are by then."""


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
        self.upload("admin", Handling.H2, inside=False)
        for who in ("leader NL", "leader FR", "guest 3"):
            self.ask(who, -1)
        self.answer(0, "admin", yes=True, party=True)
        self.answer(1, "admin", yes=True, party=False)
        self.break_glass("admin", 2)

    def _channel(self, inside: bool) -> UUID:
        new = messaging.NewChannel(name=uuid4().hex[:8], compartment_id=self.room if inside else None)
        with self.world.work(self.team.admin) as uow:
            return messaging.create_channel(uow, self.team.id, new).id

    def agrees(self, expected: bool, what: str, act: Any, *refused: type[Exception]) -> Any:
        """Do it, and see that it is refused exactly when the model says so."""
        try:
            done = act()
        except (*REFUSED, *refused) as refusal:
            if expected:
                raise AssertionError(f"{what}: the server refuses, the model does not") from refusal
            return None
        assert expected, f"{what}: the server does it, the model refuses"
        return done

    def _as(self, who: str, act: Any) -> Any:
        actor = replace(self.who[who].actor, auth_time=clock.now())  # signed in a moment ago, however long it takes
        with self.world.work(actor) as uow:
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

    @rule(who=people, which=which)
    def ask(self, who: str, which: int) -> None:
        """Somebody asks the originator of a thing."""
        thing = self.model.items[which % len(self.model.items)]
        new = consents.NewAsk(
            subject_kind="evidence_item", subject_id=UUID(thing.name), actions=READS, purpose="trial", purpose_text="x"
        )
        row = self.agrees(
            self.model.may_ask(who, thing),
            f"{who} asks for {thing}",
            lambda: self._as(who, lambda uow: consents.ask(uow, self.team.id, new)),
            Invalid,
        )
        if row is not None:
            self.model.exceptions.append(Lifted(str(row.id), thing, who))

    @rule(who=people, which=which)
    def break_glass(self, who: str, which: int) -> None:
        """Somebody cannot wait."""
        thing = self.model.items[which % len(self.model.items)]
        new = consents.NewEmergency(
            subject_kind="evidence_item", subject_id=UUID(thing.name), actions=READS, reason="life", reason_text="x"
        )
        row = self.agrees(
            self.model.may_break_glass(who, thing),
            f"{who} breaks glass before {thing}",
            lambda: self._as(who, lambda uow: consents.break_glass(uow, self.team.id, new)),
            Invalid,
        )
        if row is not None:
            found = Lifted(str(row.id), thing, who, "open", emergency=True, lasts=True)
            self.model.exceptions.append(found)

    def _lifted(self, which: int, *, emergency: bool) -> Lifted | None:
        found = [one for one in self.model.exceptions if one.emergency is emergency]
        return found[which % len(found)] if found else None

    @rule(which=which, by=deciders, yes=st.sampled_from([True, True, False]), party=st.booleans())
    def answer(self, which: int, by: str, yes: bool, party: bool) -> None:
        """Somebody answers an ask: the originator's leaders may, once, and grant only to who is still there."""
        one = self._lifted(which, emergency=False)
        if one is None:
            return
        there = self.model.people[one.who].status in {"in", "lapsed"} or not yes
        to, until = consents.Grantee.PARTY if party else consents.Grantee.PERSON, clock.now() + timedelta(days=7)
        given = consents.Granting(to=to, actions=READS, expires_at=until, clause="B30")

        def act(uow: Any) -> Any:
            key = UUID(one.name)
            return consents.grant(uow, key, given) if yes else consents.refuse(uow, key, consents.Because(reason="x"))

        expected = self.model.may_decide(by, one.thing) and one.state == "asked" and there
        if self.agrees(expected, f"{by} answers {one}", lambda: self._as(by, act)) is not None:
            one.state, one.lasts = "granted" if yes else "refused", yes
            one.party = self.model.people[one.who].party if yes and party else ""

    @rule(which=which, by=deciders)
    def take_back(self, which: int, by: str) -> None:
        """The originator ends a consent."""
        one = self._lifted(which, emergency=False)
        if one is None:
            return
        done = self.agrees(
            self.model.may_decide(by, one.thing) and one.state == "granted",
            f"{by} takes back {one}",
            lambda: self._as(by, lambda uow: consents.revoke(uow, UUID(one.name), consents.Because(reason="x"))),
        )
        if done is not None:
            one.state, one.lasts = "revoked", False

    @rule(which=which, by=deciders, objects=st.booleans())
    def review(self, which: int, by: str, objects: bool) -> None:
        """The originator's word on an emergency; an objection ends it."""
        one = self._lifted(which, emergency=True)
        if one is None:
            return
        said = consents.Reviewing(review="objected" if objects else "confirmed", text="x")
        done = self.agrees(
            self.model.may_decide(by, one.thing) and one.state == "open",
            f"{by} reviews {one}",
            lambda: self._as(by, lambda uow: consents.review(uow, UUID(one.name), said)),
        )
        if done is not None:
            one.state, one.lasts = "reviewed", one.lasts and not objects

    @rule(which=which)
    def run_out(self, which: int) -> None:
        """What was granted ends."""
        lasting = [one for one in self.model.exceptions if one.lasts]
        if lasting:
            one = lasting[which % len(lasting)]
            with self.owner_engine.begin() as connection:
                late = "granted_at = granted_at - interval '9 days', expires_at = now() - interval '1 second'"
                connection.execute(text(f"UPDATE access_grant SET {late} WHERE source_id = :id"), {"id": one.name})
            one.lasts = False

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
        expected = [
            {one.name for one in model.messages if model.sees(who, one, READ)},
            {one.name for one in model.items if model.sees(who, one, LISTED)},
            *[{one.name for one in model.items if model.opens(who, one)}] * 2,
        ]
        readings = (self._messages, self._listed, self._opened_in_sql, self._opened_one_by_one)
        found = self._as(who, lambda uow: [reading(uow) for reading in readings])
        for kind, seen, said in zip(("messages", "exhibits", "opened", "opened"), found, expected, strict=True):
            assert seen == said, f"{kind} of {who} in {model.phase}: {model.people[who]}, {model.exceptions}"

    def _messages(self, uow: Any) -> set[str]:
        pages = [_or_none(lambda one=one: messaging.read_page(uow, one)) for one in self.channels.values()]
        return {str(one.id) for page in pages if page is not None for one in page.messages}

    def _listed(self, uow: Any) -> set[str]:
        page = _or_none(lambda: evidence.register(uow, self.team.id, Wanted(limit=200)))
        return {str(one.id) for one in page[0]} if page else set()

    def _opened_in_sql(self, uow: Any) -> set[str]:
        found = _or_none(lambda: uow.all(uow.select(EvidenceItem, to=Action.EVIDENCE_READ, within=self.team.id)))
        return {str(one.id) for one in found or ()}

    def _opened_one_by_one(self, uow: Any) -> set[str]:
        rows = uow.every(EvidenceItem, EvidenceItem.workspace_id == self.team.id)
        return {str(one.id) for one in rows if uow.permits(Action.EVIDENCE_READ, one)}


def _or_none(act: Any) -> Any:
    """What it gives, or None if it is refused."""
    try:
        return act()
    except REFUSED:
        return None


@pytest.mark.timeout(3600)
def test_a7_the_server_and_the_model_agree_whatever_happens(house: House, owner_engine: Engine) -> None:
    """`JIT_MODEL_RUNS=500x50` for the long run."""
    world = World.create(house)
    bound = {"world": world, "owner_engine": owner_engine, "pool": [world.person(state) for state in GUESTS]}
    machine = type("BoundCase", (Case,), bound)
    few = settings(max_examples=RUNS, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=few)
