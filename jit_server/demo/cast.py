"""Who plays in the demo, and what they agreed: three invented agencies, their people, one agreement. Data only."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from jit_server.access import Role


@dataclass(frozen=True)
class DemoMember:
    """A person of the demo. `id` is the subject their issuer asserts and what its sign-in form posts."""

    id: str
    name: str
    function: str
    role: Role | None = None
    """Role in the seeded workspace; None for agency administrators, who do not see cases."""

    @property
    def administers(self) -> bool:
        """Whether this is the agency's administrator."""
        return self.role is None


@dataclass(frozen=True)
class DemoAgency:
    """An agency of the demo with its own issuer."""

    slug: str
    state: str
    name: str
    own_name: str
    language: str
    zone: str
    people: tuple[DemoMember, ...] = field(default_factory=tuple)

    @property
    def client_id(self) -> str:
        """How the server is known to this agency's issuer."""
        return f"jit-server-at-{self.slug}"


AGENCIES: Final = (
    DemoAgency(
        "rheinau", "DE", "Public Prosecutor's Office Rheinau", "Staatsanwaltschaft Rheinau", "de", "Europe/Berlin",
        (
            DemoMember("anna.keller", "Anna Keller", "Prosecutor", Role.SPACE_ADMIN),
            DemoMember("jonas.brandt", "Jonas Brandt", "Investigator", Role.MEMBER),
            DemoMember("mira.vogt", "Mira Vogt", "Analyst", Role.MEMBER),
            DemoMember("stefan.lindner", "Stefan Lindner", "Agency administrator"),
        ),
    ),
    DemoAgency(
        "valmont", "FR", "Public Prosecutor's Office Valmont", "Parquet de Valmont", "fr", "Europe/Paris",
        (
            DemoMember("claire.moreau", "Claire Moreau", "Prosecutor", Role.LEADER),
            DemoMember("hugo.lefevre", "Hugo Lefèvre", "Investigator", Role.MEMBER),
            DemoMember("amina.haddad", "Amina Haddad", "Analyst", Role.SECONDED_MEMBER),
            DemoMember("paul.girard", "Paul Girard", "Agency administrator"),
        ),
    ),
    DemoAgency(
        "oosterdam", "NL", "Public Prosecution Service Oosterdam", "Arrondissementsparket Oosterdam", "nl",
        "Europe/Amsterdam",
        (
            DemoMember("eva.de-wit", "Eva de Wit", "Prosecutor", Role.LEADER),
            DemoMember("daan.visser", "Daan Visser", "Investigator", Role.MEMBER),
            DemoMember("noor.bakker", "Noor Bakker", "Analyst", Role.OBSERVER),
            DemoMember("tom.jansen", "Tom Jansen", "Agency administrator"),
        ),
    ),
)  # fmt: skip

REFERENCE: Final = "JIT-2026-041"
WORKSPACE: Final = "Operation Nachtfähre"
PURPOSE: Final = (
    "Investigation of an organised group that moves cash and forged freight papers by night ferry between Oosterdam, "
    "Rheinau and Valmont, and launders the proceeds through three haulage companies."
)


def agreement(leaders: list[dict[str, Any]], today: date) -> dict[str, Any]:
    """The agreement, as a `NewAgreement` reads it."""
    return {
        "reference": REFERENCE,
        "name": WORKSPACE,
        "purpose": PURPOSE,
        "legal_basis": "Framework Decision 2002/465/JHA, Art. 1; Reg. (EU) 2023/969, Art. 13",
        "period_from": today.isoformat(),
        "period_to": today.replace(year=today.year + 1, day=min(today.day, 28)).isoformat(),
        "platform_use": True,
        "parties": [
            {"agency": agency.slug, "party_class": "ms_authority", "signatory": f"{agency.people[0].name}, Prosecutor"}
            for agency in AGENCIES
        ],
        "leaders": leaders,
        "default_handling": "H1",
        "retention_profile": "repository",
        "clauses": CLAUSES,
    }


CLAUSES: Final = [
    {
        "id": "7.3",
        "text": "The prosecutors who lead the team may see, but not take, exhibits that another party has marked H2.",
        "effect": "allow",
        "actions": ["evidence:read", "custody:read"],
        "roles": ["leader", "space_admin"],
        "origins": ["partner"],
        "handlings": ["H2"],
        "phases": ["operational", "expiring"],
    },
    {
        "id": "7.4",
        "text": "What another party has marked H2 is opened by investigators and analysts only once that party agrees.",
        "effect": "deny",
        "actions": ["evidence:read", "evidence:download", "custody:read", "evidence:export"],
        "roles": ["member", "seconded_member"],
        "origins": ["partner"],
        "handlings": ["H2"],
    },
    {
        "id": "8.1",
        "text": "Seconded members work with the exhibits inside the space; they take no copies out of it.",
        "effect": "deny",
        "actions": ["evidence:download", "evidence:export"],
        "roles": ["seconded_member"],
    },
    {
        "id": "9.2",
        "text": "Channels of the conversation are opened by the leaders and administrators of the team.",
        "effect": "deny",
        "actions": ["channel:create"],
        "roles": ["member", "seconded_member"],
    },
]
