"""Who walks through the journeys: the demo's people at three certified issuers, and new ones for each test."""

import itertools
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jit_server import identity
from jit_server.access import OPERATOR, Actor
from jit_server.core import clock
from jit_server.demo.cast import AGENCIES, DemoAgency
from jit_server.demo.seed import DemoIssuer, Seeded
from tests.builders import Who, World

SECRET = "only-for-journeys-" * 3
NAMES = {
    "DE": ("Lena Paul Marit Felix Greta Oskar Ida Till", "Weber Falk Sommer Brandt Ahrens Kühn"),
    "FR": ("Louise Maxime Chloé Bastien Inès Rémi Anaïs Yann", "Petit Moulin Lefèvre Garnier Aubry Noël"),
    "NL": ("Sanne Ruben Fleur Bram Lotte Joris Noor Thijs", "Visser Bakker Dekker Mulder Smit Vos"),
}


def newcomers(state: str) -> list[dict[str, Any]]:
    """People whom the State's issuer can assert and whom no server knows yet."""
    first, last = (names.split() for names in NAMES[state])
    return [
        {"id": f"{state.lower()}-{n}", "name": f"{a} {b}"} for n, (b, a) in enumerate(itertools.product(last, first))
    ]


def configuration(agency: DemoAgency, base_url: str) -> dict[str, Any]:
    """What the certified provider of this agency is told."""
    known = [{"id": person.id, "name": person.name} for person in agency.people]
    persons = [
        {**person, "email": f"{person['id']}@{agency.slug}.example", "acr": "substantial", "amr": ["hwk"]}
        for person in [*known, *newcomers(agency.state)]
    ]
    return {
        "client_id": agency.client_id, "client_secret": SECRET, "algorithm": "ES256",
        "redirect_uris": [f"{base_url}/login/{agency.slug}/callback"], "persons": persons,
    }  # fmt: skip


def issuers_of(urls: list[str], folder: Path) -> dict[str, DemoIssuer]:
    """The issuers as the seed takes them, with the secret in its file."""
    secret = folder / "client-secret"
    secret.write_text(SECRET)
    return {agency.slug: DemoIssuer(url, secret) for agency, url in zip(AGENCIES, urls, strict=True)}


@dataclass
class Cast(World):
    """The agencies of the demo, with people that each test takes for itself."""

    seeded: Seeded | None = None
    taken: dict[str, int] = field(default_factory=dict)

    def slug(self, state: str) -> str:
        return next(agency.slug for agency in AGENCIES if agency.state == state)

    def agency(self, state: str) -> str:
        return self.slug(state)  # the seed has made it

    def newcomer(self, state: str) -> dict[str, Any]:
        """The next person of the State whom nobody has used."""
        number = self.taken.get(state, 0)
        self.taken[state] = number + 1
        return newcomers(state)[number]

    def person(self, state: str, name: str = "") -> Who:
        """Somebody new, enrolled by their agency under the subject that its issuer asserts; the issuer names them."""
        assert not name
        new, slug = self.newcomer(state), self.slug(state)
        with self.house.work(OPERATOR) as uow:
            row = identity.enrol(uow, slug, identity.NewPerson(sub=new["id"], name=new["name"], zone="Europe/Berlin"))
            found = identity.agency(uow, slug)
        actor = Actor(
            "person", row.id, found.id, state, row.name, found.own_name, auth_time=clock.now(),
            preferences={"zone": "Europe/Berlin"},
        )  # fmt: skip
        return Who(row.id, row.name, slug, actor)

    def invited(self, state: str) -> str:
        """Somebody whom the agency expects and who has never been here; their name at the issuer."""
        new = self.newcomer(state)
        with self.house.work(OPERATOR) as uow:
            identity.invite(uow, self.slug(state), identity.NewInvitation(claim=identity.Claim.SUB, value=new["id"]))
        return str(new["name"])

    def of_the_demo(self, person: str) -> Who:
        """Somebody of the demo's case, by their id there."""
        assert self.seeded is not None
        actor = self.seeded.people[person]
        slug = next(agency.slug for agency in AGENCIES if any(one.id == person for one in agency.people))
        assert actor.person_id is not None
        return Who(actor.person_id, actor.name, slug, replace(actor, auth_time=clock.now()))
