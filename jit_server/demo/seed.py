"""Fills the demo through the rooms' own use-cases, as its people would: nothing is written past policy or record.

Each step looks first whether it was done, so that a start that was interrupted goes on where it stopped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from jit_server import identity, workspaces
from jit_server.access import OPERATOR, Actor, Phase, Role
from jit_server.demo import cast
from jit_server.demo.cast import AGENCIES, DemoAgency, DemoMember
from jit_server.identity.models import Agency, AuthMethod, Person
from jit_server.work import House


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


def seed(house: House, issuers: Mapping[str, DemoIssuer]) -> Seeded:
    """Agencies, people, a signed agreement, a team, a conversation and two exhibits."""
    people: dict[str, Actor] = {}
    for agency in AGENCIES:
        people |= _agency(house, agency, issuers[agency.slug])
    workspace_id = _workspace(house, people)
    return Seeded(people, workspace_id)


def _agency(house: House, agency: DemoAgency, issuer: DemoIssuer) -> dict[str, Actor]:
    with house.work(OPERATOR) as uow:
        if uow.find(Agency, slug=agency.slug) is None:
            stated = {name: getattr(agency, name) for name in ("slug", "state", "name", "own_name", "language")}
            identity.add_agency(uow, identity.NewAgency(**stated))
    with house.work(OPERATOR) as uow:
        kept = uow.find(identity.Issuer, url=issuer.url)
        if kept is None or kept.credential_file != str(issuer.secret_file):
            identity.set_issuer(uow, agency.slug, _issuer(agency, issuer))
    return {person.id: _person(house, agency, person) for person in agency.people}


def _issuer(agency: DemoAgency, issuer: DemoIssuer) -> identity.NewIssuer:
    return identity.NewIssuer(
        url=issuer.url,
        client_id=agency.client_id,
        auth_method=AuthMethod.CLIENT_SECRET,
        credential_file=issuer.secret_file,
        algorithms=("ES256",),
    )


def _person(house: House, agency: DemoAgency, person: DemoMember) -> Actor:
    with house.work(OPERATOR) as uow:
        known_to = identity.issuer_of(uow, identity.agency(uow, agency.slug))
        found = uow.find(Person, issuer_id=known_to.id, sub=person.id)
        if found is None:
            new = identity.NewPerson(sub=person.id, name=person.name, language=agency.language, zone=agency.zone)
            found = identity.enrol(uow, agency.slug, new)
        return Actor(
            "person",
            person_id=found.id,
            agency_id=found.agency_id,
            state=agency.state,
            name=person.name,
            agency_name=agency.own_name,
            issuer=known_to.url,
            preferences={"language": agency.language, "zone": agency.zone},
        )


def _workspace(house: House, people: Mapping[str, Actor]) -> UUID:
    """Propose, sign for each party, open, invite: each by the person whose business it is."""
    admin = people[AGENCIES[0].people[0].id]
    workspace_id = _proposed(house, admin, people)
    for agency in AGENCIES:
        with house.work(people[agency.people[0].id]) as uow:
            agreement = workspaces.agreement(uow, workspace_id)
            mine = next(one for one in agreement.parties if one.state == agency.state)
            if mine.signed_at is None:
                workspaces.sign(uow, workspace_id, workspaces.models.Signing(digest=agreement.digest))
    with house.work(admin) as uow:
        if workspaces.workspace(uow, workspace_id).phase == Phase.AGREEMENT_SIGNED:
            workspaces.open_workspace(uow, workspace_id)
    with house.work(admin) as uow:
        inside = {one.person_id for one in workspaces.members(uow, workspace_id)}
    for person in (person for agency in AGENCIES for person in agency.people if person.role):
        actor = people[person.id]
        if actor.person_id not in inside:
            with house.work(admin) as uow:
                workspaces.invite(uow, workspace_id, workspaces.NewMember(person_id=actor.person_id, role=person.role))
    return workspace_id


def _proposed(house: House, admin: Actor, people: Mapping[str, Actor]) -> UUID:
    with house.work(admin) as uow:
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
