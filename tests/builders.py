"""Plain functions that make people, agencies and workspaces through the product's own use-cases."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import col

from jit_server import identity, workspaces
from jit_server.access import OPERATOR, OUTSIDE, Actor, Handling, PartyClass, Role
from jit_server.core import clock
from jit_server.identity import sessions
from jit_server.identity.models import Agency, LoginSession, Person
from jit_server.work import House, UnitOfWork
from jit_server.workspaces import Compartment, CompartmentParty, Party, Workspace
from jit_server.workspaces.attestations import Entry
from jit_server.workspaces.document import SIGNS, Participant, TransferBasis
from jit_server.workspaces.usecases import entering, rulebook


@dataclass(frozen=True)
class Who:
    """A person of the world: a row, an agency's slug, and the actor they are when signed in."""

    id: UUID
    name: str
    agency: str
    actor: Actor


@dataclass
class World:
    """Agencies of several States, each with its own issuer, and as many people as tests ask for."""

    house: House
    people: dict[str, Who] = field(default_factory=dict)
    suffix: str = field(default_factory=lambda: uuid4().hex[:6])

    STATES = ("DE", "FR", "NL")

    @classmethod
    def create(cls, house: House) -> "World":
        """The three agencies."""
        world = cls(house)
        for state in cls.STATES:
            world.agency(state)
        return world

    def slug(self, state: str) -> str:
        """The short name of the State's agency."""
        return f"{state.lower()}-{self.suffix}"

    def agency(self, state: str) -> str:
        """Take an agency in and name its issuer."""
        slug = self.slug(state)
        with self.house.work(OPERATOR) as uow:
            identity.add_agency(
                uow,
                identity.NewAgency(
                    state=state, name=f"Prosecution Office {state}", own_name=f"Anklage {state}", slug=slug
                ),
            )
        with self.house.work(OPERATOR) as uow:
            identity.set_issuer(
                uow,
                slug,
                identity.NewIssuer(
                    url=f"http://127.0.0.1:9/{slug}",
                    client_id="jit",
                    auth_method=identity.AuthMethod.CLIENT_SECRET,
                    credential_file=self.house.settings.data / "none",
                ),
            )
        return slug

    def person(self, state: str, name: str = "") -> Who:
        """Somebody new of the State's agency."""
        name = name or f"Person {uuid4().hex[:6]}"
        slug = self.slug(state)
        with self.house.work(OPERATOR) as uow:
            row = identity.enrol(uow, slug, identity.NewPerson(sub=uuid4().hex, name=name))
            found = identity.agency(uow, slug)
        actor = Actor(
            "person",
            row.id,
            found.id,
            state,
            name,
            found.name,
            acr="urn:test",
            auth_time=clock.now(),
            preferences={"zone": "Europe/Berlin"},
        )
        who = Who(row.id, name, slug, actor)
        self.people[name] = who
        return who

    def work(self, who: Who | Actor) -> UnitOfWork:
        """A unit of work for this person."""
        return self.house.work(who.actor if isinstance(who, Who) else who)

    def workspace(self, **changes: Any) -> "Team":
        """An operational workspace of DE and FR, each with a leader; DE's leader administers it."""
        team = self.proposed(**changes)
        team.sign_all()
        with self.work(team.admin) as uow:
            workspaces.open_workspace(uow, team.id)
        return team

    def proposed(
        self,
        *,
        clauses: tuple[workspaces.NewClause, ...] = (),
        default_handling: Handling = Handling.H1,
        classes: dict[str, PartyClass] | None = None,
        controller: str | None = "DE",
        led_by: dict[str, Who] | None = None,
        **more: Any,
    ) -> "Team":
        """A proposed agreement between DE and FR (and what `classes` adds), not signed yet.

        With outsiders it says what it must: who is liable, on what transfers rest, and `controller`'s party. Leaders
        are new people but for those named in `led_by`.
        """
        classes = {"DE": PartyClass.MS_AUTHORITY, "FR": PartyClass.MS_AUTHORITY, **(classes or {})}
        known = led_by or {}
        leaders = {state: known.get(state) or self.person(state) for state, kind in classes.items() if kind in SIGNS}
        today = clock.now().date()
        new = workspaces.NewAgreement(
            reference=f"JIT-{uuid4().hex[:10]}",
            name="Operation Test",
            purpose="Test purpose",
            legal_basis="JFD 2002/465",
            period_from=today,
            period_to=today + timedelta(days=300),
            platform_use=True,
            parties=tuple(
                workspaces.NewParty(agency=self.slug(state), party_class=kind, signatory="Head")
                for state, kind in classes.items()
            ),
            leaders=tuple(
                workspaces.NewLeader(agency=who.agency, person_id=who.id, space_admin=state == "DE")
                for state, who in leaders.items()
            ),
            clauses=clauses,
            default_handling=default_handling,
            **self._about_outsiders(classes, controller),
            **more,
        )
        with self.work(leaders["DE"]) as uow:
            made = workspaces.propose(uow, new)
            workspace_id = made.id
        return Team(self, workspace_id, leaders)

    def _about_outsiders(self, classes: dict[str, PartyClass], controller: str | None) -> dict[str, Any]:
        guests = [self.slug(state) for state, kind in classes.items() if kind is PartyClass.EU_BODY]
        guest = {"founding_act": "Regulation (EU) 2018/1727", "purpose": "Support and coordination"}
        found: dict[str, Any] = {"participants": tuple(Participant(agency=slug, **guest) for slug in guests)}
        outside = [self.slug(state) for state, kind in classes.items() if kind in OUTSIDE]
        if not outside:
            return found
        basis = {"basis": "adequacy", "article": "Art. 36", "document": "Decision 2026/1"}
        return found | {
            "third_country_liability": "Each State answers for its own people.",
            "transfer_basis": tuple(TransferBasis(agency=slug, **basis) for slug in outside),
            "controller_for_third_party_data": self.slug(controller) if controller else None,
        }


@dataclass
class Team:
    """One workspace and its people."""

    world: World
    id: UUID
    leaders: dict[str, Who]
    members: dict[UUID, UUID] = field(default_factory=dict)

    @property
    def admin(self) -> Who:
        """DE's leader, who administers the space."""
        return self.leaders["DE"]

    def sign_all(self) -> None:
        """Every party signs; then each leader enters."""
        for who in self.leaders.values():
            with self.world.work(who) as uow:
                workspaces.sign(uow, self.id, workspaces.Signing(digest=workspaces.agreement(uow, self.id).digest))
        for who in self.leaders.values():
            self.enter(who)

    def compartment(self, *states: str, name: str = "Bilateral") -> UUID:
        """A compartment of these States' parties, as an amendment in force would make it."""
        world, key = self.world, uuid4().hex[:8]
        slugs = {world.slug(state) for state in states}
        with world.house.work(OPERATOR) as uow:
            row = uow.add(Compartment(workspace_id=self.id, key=key, name=name, created_at=uow.now))
            uow.session.flush()
            for party in uow.every(Party, col(Party.workspace_id) == self.id):
                agency = uow.find(Agency, id=party.agency_id)
                if agency is not None and agency.slug in slugs:
                    uow.add(CompartmentParty(compartment_id=row.id, party_id=party.id, workspace_id=self.id))
            space = uow.find(Workspace, id=self.id)
            assert space is not None
            rulebook.put_in_force(uow, space, rulebook.in_force(uow, space))
        return row.id

    def join(self, state: str, role: Role = Role.MEMBER, *, days: int | None = None) -> Who:
        """Somebody new of that State joins the team."""
        who = self.world.person(state)
        expires = clock.now() + timedelta(days=days) if days else None
        with self.world.work(self.admin) as uow:
            member = workspaces.invite(
                uow, self.id, workspaces.NewMember(person_id=who.id, role=role, expires_at=expires)
            )
            self.members[who.id] = member.id
        self.enter(who)
        return who

    def enter(self, who: Who) -> None:
        """Somebody invited attests what everybody must before the first look."""
        with self.world.work(who) as uow:
            version = entering.invitation(uow, self.id).version
            entry = Entry(undertaking=version, accepted=True, training_on=today(), training_version="2026-1")
            entering.enter(uow, self.id, entry)

    def remove(self, who: Who) -> None:
        """End the person's access."""
        with self.world.work(self.admin) as uow:
            workspaces.end(uow, self.members[who.id], workspaces.End(reason="moved to another unit"))


def stale(who: Who) -> Who:
    """The same person, an hour after signing in."""
    return replace(who, actor=replace(who.actor, auth_time=clock.now() - timedelta(hours=1)))


def sign_in(house: House, who: Who, *, fresh: bool = True) -> str:
    """Begin a session for the person without an identity provider and give the cookie's value."""
    secret = sessions.new_secret()
    now = clock.now()
    with house.work(OPERATOR) as uow:
        person = uow.find(Person, id=who.id)
        assert person is not None
        uow.add(
            LoginSession(
                token_hash=sessions.hashed(secret),
                person_id=person.id,
                agency_id=person.agency_id,
                issuer_id=person.issuer_id,
                epoch=person.epoch,
                issued_at=now,
                last_seen_at=now,
                auth_time=now if fresh else now - timedelta(hours=1),
                agent_hash=b"",
                not_after=now + sessions.LONGEST,
            )
        )
    return secret


def browser(app: Flask, house: House, who: Who) -> FlaskClient:
    """A browser in which the person is signed in; its requests come from our own pages."""
    made = app.test_client()
    made.set_cookie(house.settings.cookie, sign_in(house, who), domain="localhost")
    made.environ_base["HTTP_ORIGIN"] = house.settings.base_url
    return made


def today() -> date:
    """Today, UTC."""
    return clock.now().date()
