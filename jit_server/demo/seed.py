"""Fills the demo through the rooms' own use-cases, as its people would: nothing is written past policy or record.

Each step looks first whether it was done, so that a start that was interrupted goes on where it stopped. The moments
lie in the days before the first start, so that the pages show a case under way.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from jit_server import evidence, identity, messaging, workspaces
from jit_server.access import OPERATOR, Actor, Phase, Role
from jit_server.core import clock
from jit_server.demo import cast, story
from jit_server.demo.cast import AGENCIES, DemoAgency, DemoMember
from jit_server.identity.models import Agency, AuthMethod, Person
from jit_server.work import House, UnitOfWork
from jit_server.workspaces.attestations import Entry
from jit_server.workspaces.usecases import entering

LANGUAGE = "en"
"""The case's working language: whoever tries the demo should read every page; settings (E5) change it."""


@dataclass(frozen=True)
class DemoIssuer:
    """Where an agency's issuer answers, and the file with the secret that the server shares with it."""

    url: str
    secret_file: Path


@dataclass(frozen=True)
class Seeded:
    """What there is now."""

    people: Mapping[str, Actor]
    """Each person by the subject their issuer asserts."""
    workspace_id: UUID


@dataclass(frozen=True)
class _Past:
    """The house at moments of the past, counted in minutes from the opening of the workspace."""

    house: House
    opened: datetime

    def work(self, actor: Actor, minute: int) -> UnitOfWork:
        """A unit of work of that moment."""
        moment = self.opened + timedelta(minutes=minute)
        uow = self.house.work(replace(actor, auth_time=moment))
        uow.now = moment
        return uow


def seed(house: House, issuers: Mapping[str, DemoIssuer]) -> Seeded:
    """Agencies, people, a signed agreement, a team, a conversation and two exhibits."""
    past = _Past(house, clock.now().replace(hour=8, minute=30, second=0, microsecond=0) - timedelta(days=3))
    people: dict[str, Actor] = {}
    for agency in AGENCIES:
        people |= _agency(past, agency, issuers[agency.slug])
    workspace_id = _workspace(past, people)
    past = _Past(house, _opened(house, people, workspace_id))
    channels = _channels(past, people[AGENCIES[0].people[0].id], workspace_id)
    acts: list[story.Line | story.Exhibit] = [*story.CONVERSATION, *story.EXHIBITS]
    for act in sorted(acts, key=lambda act: act.minute):
        if isinstance(act, story.Line):
            _say(past, people[act.person], channels[act.channel], act)
        else:
            _take_in(past, people[act.person], workspace_id, act)
    return Seeded(people, workspace_id)


def _agency(past: _Past, agency: DemoAgency, issuer: DemoIssuer) -> dict[str, Actor]:
    with past.work(OPERATOR, -120) as uow:
        if uow.find(Agency, slug=agency.slug) is None:
            stated = {name: getattr(agency, name) for name in ("slug", "state", "name", "own_name", "language")}
            identity.add_agency(uow, identity.NewAgency(**stated))
    with past.work(OPERATOR, -110) as uow:
        kept = uow.find(identity.Issuer, url=issuer.url)
        if kept is None or kept.credential_file != str(issuer.secret_file) or not kept.claims:
            identity.set_issuer(uow, agency.slug, _issuer(agency, issuer))
    return {person.id: _person(past, agency, person) for person in agency.people}


def _issuer(agency: DemoAgency, issuer: DemoIssuer) -> identity.NewIssuer:
    return identity.NewIssuer(
        url=issuer.url,
        client_id=agency.client_id,
        auth_method=AuthMethod.CLIENT_SECRET,
        credential_file=issuer.secret_file,
        algorithms=("ES256",),
        claims=identity.ClaimMap(locale=""),  # the pages stay in the case's language
    )


def _person(past: _Past, agency: DemoAgency, person: DemoMember) -> Actor:
    with past.work(OPERATOR, -100) as uow:
        known_to = identity.issuer_of(uow, identity.agency(uow, agency.slug))
        found = uow.find(Person, issuer_id=known_to.id, sub=person.id)
        if found is None:
            new = identity.NewPerson(sub=person.id, name=person.name, language=LANGUAGE, zone=agency.zone)
            found = identity.enrol(uow, agency.slug, new)
            if person.administers:
                identity.appoint(uow, agency.slug, found.id)
        return Actor(
            "person",
            person_id=found.id,
            agency_id=found.agency_id,
            state=agency.state,
            name=person.name,
            agency_name=agency.own_name,
            issuer=known_to.url,
            preferences={"language": LANGUAGE, "zone": agency.zone},
        )


def _workspace(past: _Past, people: Mapping[str, Actor]) -> UUID:
    """Propose, sign for each party, open, invite: each by the person whose business it is."""
    leaders = [people[agency.people[0].id] for agency in AGENCIES]
    admin = leaders[0]
    _enter(past, leaders, -1)  # where an earlier start stopped at the door
    workspace_id = _proposed(past, admin, people)
    for place, (agency, leader) in enumerate(zip(AGENCIES, leaders, strict=True)):
        with past.work(leader, -40 + 10 * place) as uow:
            agreement = workspaces.agreement(uow, workspace_id)
            mine = next(one for one in agreement.parties if one.state == agency.state)
            if mine.signed_at is None:
                workspaces.sign(uow, workspace_id, workspaces.Signing(digest=agreement.digest))
    _enter(past, leaders, -1)
    with past.work(admin, 0) as uow:
        if workspaces.workspace(uow, workspace_id).phase == Phase.AGREEMENT_SIGNED:
            workspaces.open_workspace(uow, workspace_id)
    with past.work(admin, 1) as uow:
        inside = {one.person_id for one in workspaces.members(uow, workspace_id)}
    for person in (person for agency in AGENCIES for person in agency.people):
        member = people[person.id].person_id
        if person.role is not None and member is not None and member not in inside:
            with past.work(admin, 2) as uow:
                workspaces.invite(uow, workspace_id, workspaces.NewMember(person_id=member, role=person.role))
        _enter(past, [people[person.id]], 3)
    return workspace_id


def _enter(past: _Past, people: Iterable[Actor], minute: int) -> None:
    """Accept whatever invitations wait for these people."""
    for person in people:
        with past.work(person, minute) as uow:
            for invited in entering.invitations(uow):
                entering.enter(uow, invited.workspace_id, _attested(uow, invited.version))


def _attested(uow: UnitOfWork, version: str) -> Entry:
    """What each of the demo's people attests before the first look."""
    trained = uow.now.date() - timedelta(days=30)
    return Entry(undertaking=version, accepted=True, training_on=trained, training_version="JIT platform 2026-1")


def _proposed(past: _Past, admin: Actor, people: Mapping[str, Actor]) -> UUID:
    with past.work(admin, -60) as uow:
        for mine in workspaces.my_workspaces(uow):
            if mine.reference == cast.REFERENCE:
                return mine.id
        leaders: list[dict[str, Any]] = [
            {
                "agency": agency.slug,
                "person_id": people[agency.people[0].id].person_id,
                "space_admin": agency.people[0].role is Role.SPACE_ADMIN,
            }
            for agency in AGENCIES
        ]
        new = workspaces.NewAgreement.model_validate(cast.agreement(leaders, uow.now.date()))
        return workspaces.propose(uow, new).id


def _opened(house: House, people: Mapping[str, Actor], workspace_id: UUID) -> datetime:
    """When the workspace opened, which a later start must not move."""
    admin = people[AGENCIES[0].people[0].id]
    with house.work(admin) as uow:
        since = {one.person_id: one.since for one in workspaces.members(uow, workspace_id)}
    return since[people[AGENCIES[0].people[1].id].person_id or workspace_id] - timedelta(minutes=2)


def _channels(past: _Past, admin: Actor, workspace_id: UUID) -> dict[str, UUID]:
    with past.work(admin, 3) as uow:
        there = {one.name: one.id for one in messaging.channels(uow, workspace_id)}
    for name, purpose in story.CHANNELS.items():
        if name not in there:
            with past.work(admin, 3) as uow:
                new = messaging.NewChannel(name=name, purpose=purpose)
                there[name] = messaging.create_channel(uow, workspace_id, new).id
    return there


def _say(past: _Past, speaker: Actor, channel_id: UUID, line: story.Line) -> None:
    """The client id makes it idempotent: the same line again is the same message."""
    new = messaging.NewMessage.model_validate(
        {
            "channel_id": channel_id,
            "topic": line.topic,
            "text": line.text,
            "handling": line.handling,
            "client_id": f"demo-line-{line.minute:05}",
        }
    )
    with past.work(speaker, line.minute) as uow:
        messaging.post(uow, new)


def _take_in(past: _Past, collector: Actor, workspace_id: UUID, exhibit: story.Exhibit) -> None:
    stated = exhibit.stated | {
        "collected_at": past.opened + timedelta(minutes=exhibit.minute - 600),
        "declared_sha256": sha256(exhibit.content).hexdigest(),
        "size": len(exhibit.content),
    }
    with past.work(collector, exhibit.minute) as uow:
        declared = evidence.declare(uow, workspace_id, evidence.NewUpload.model_validate(stated)).id
    evidence.receive(lambda: past.work(collector, exhibit.minute + 1), declared, [exhibit.content])
