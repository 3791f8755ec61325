"""The guided editor's pages as data: one heading of the agreement each, what is asked there, and in which words."""

from dataclasses import dataclass
from typing import Literal

from jit_server.access import Action
from jit_server.core.errors import N_
from jit_server.workspaces.clauses import RESERVED
from jit_server.workspaces.document import (
    NamedMember,
    NewClause,
    NewCompartment,
    NewLeader,
    NewParty,
    Participant,
    Secondment,
    Stated,
    TransferBasis,
)

Kind = Literal["text", "textarea", "date", "lines", "select", "choices", "tick"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question. `options` names a list of choices that the page fills."""

    name: str
    label: str
    kind: Kind = "text"
    help: str = ""
    required: bool = False
    options: str = ""
    maxlength: int | None = None


@dataclass(frozen=True, slots=True)
class Heading:
    """One page. With `many`, the heading is a list of things of that shape, each asked for by itself."""

    key: str
    title: str
    help: str
    asks: tuple[Asked, ...]
    many: type[Stated] | None = None
    optional: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of the document that this page fills."""
        return (self.key,) if self.many else tuple(one.name for one in self.asks)


def _agency(options: str = "parties") -> Asked:
    return Asked("agency", N_("Authority"), "select", required=True, options=options)


_PERSON = Asked(
    "person_id", N_("Full name"), help=N_("As their own agency has it; they must be known to this server."),
    required=True, maxlength=200,
)  # fmt: skip
ABOUT = Heading(
    "about",
    N_("What it is about"),
    N_("The facts, the offences, and against whom. Everything later is measured against this purpose."),
    (
        Asked("reference", N_("Reference"), help=N_("It stays for good."), required=True, maxlength=200),
        Asked("name", N_("Name of the team"), required=True, maxlength=200),
        Asked("purpose", N_("Facts and purpose"), "textarea", required=True, maxlength=10_000),
        Asked("offences", N_("Offences"), "lines", N_("One a line.")),
        Asked("persons_or_groups", N_("Persons or groups"), "lines", N_("One a line.")),
        Asked("states_of_operation", N_("States of operation"), "lines", N_("One a line.")),
        Asked("legal_basis", N_("Legal basis"), help=N_("Such as Framework Decision 2002/465/JHA."), required=True,
              maxlength=200),
        Asked("working_language", N_("Working language"), maxlength=200),
    ),
)  # fmt: skip
TERM = Heading(
    "term",
    N_("Term"),
    N_("A team is set up for a fixed term; all parties together may extend it."),
    (
        Asked("period_from", N_("First day"), "date", required=True),
        Asked("period_to", N_("Last day"), "date", required=True),
    ),
)
PARTIES = Heading(
    "parties",
    N_("Parties"),
    N_("Authorities, third countries and courts sign; bodies of the Union take part without signing."),
    (
        _agency("agencies"),
        Asked("party_class", N_("As what"), "select", required=True, options="party_classes"),
        Asked("signatory", N_("Name and office of whoever signs"), required=True, maxlength=200),
    ),
    NewParty,
)
LEADERS = Heading(
    "leaders",
    N_("Leaders"),
    N_("Each party that signs names at least one. At least one, of a Member State, administers the space."),
    (_agency(), _PERSON, Asked("space_admin", N_("Administers the space"), "tick")),
    NewLeader,
)
MEMBERS = Heading(
    "members",
    N_("Members"),
    N_("Named here, they are invited when the agreement comes into force. Others can be invited later."),
    (
        _agency(),
        _PERSON,
        Asked("function", N_("Function"), required=True, maxlength=200),
        Asked("hidden_from_partners", N_("Partners see the function, not the name"), "tick"),
    ),
    NamedMember,
    optional=True,
)
SECONDED = Heading(
    "seconded",
    N_("Seconded members"),
    N_("Who works in another State than their own: what they may do, and what the leader keeps them from."),
    (
        _agency(),
        Asked("name", N_("Name"), required=True, maxlength=200),
        Asked("powers", N_("Powers"), "textarea"),
        Asked("exclusions", N_("Kept from"), "textarea"),
        Asked("period_from", N_("From"), "date", required=True),
        Asked("period_to", N_("Until"), "date", required=True),
    ),
    Secondment,
    optional=True,
)
PARTICIPANTS = Heading(
    "participants",
    N_("Bodies of the Union"),
    N_("Each takes part under its founding act, for a purpose, with rights and limits."),
    (
        _agency("bodies"),
        Asked("founding_act", N_("Founding act"), required=True, maxlength=200),
        Asked("purpose", N_("For what"), "textarea", required=True),
        Asked("rights", N_("Rights"), "textarea"),
        Asked("limits", N_("Limits"), "textarea"),
    ),
    Participant,
    optional=True,
)
EVIDENCE = Heading(
    "evidence",
    N_("Evidence and its use"),
    N_("How evidence is gathered and handed over, and what it may be used for."),
    (
        Asked("evidence_rules", N_("Gathering and formalities"), "textarea",
              N_("Also what was gathered before the team and what comes from other States.")),
        Asked("use_limits", N_("Onward use"), "textarea", N_("Which authority consents to another use.")),
        Asked("default_handling", N_("Default handling"), "select", required=True, options="handlings"),
        Asked("retention_profile", N_("Retention"), "select", required=True, options="retentions"),
        Asked("consent_deadline_days", N_("Days in which an originator answers"), help=N_("Between 1 and 90.")),
        Asked("undertaking", N_("What members undertake"), "textarea", N_("Empty for the common text.")),
    ),
    optional=True,
)  # fmt: skip
COMPARTMENTS = Heading(
    "compartments",
    N_("Compartments"),
    N_("What some of the parties work on among themselves. For the others it does not exist."),
    (
        Asked("key", N_("Short name"), help=N_("Lower-case letters, digits and hyphens."), required=True, maxlength=40),
        Asked("name", N_("Name"), required=True, maxlength=200),
        Asked("parties", N_("Parties"), "choices", N_("Two or more."), required=True, options="parties"),
    ),
    NewCompartment,
    optional=True,
)
CLAUSES = Heading(
    "clauses",
    N_("Clauses on access"),
    N_("Each clause becomes a rule that people are shown when it decides. Nothing chosen means any; a ban wins."),
    (
        Asked("id", N_("Number"), help=N_("Such as 9.3."), required=True, maxlength=20),
        Asked("text", N_("The clause in words"), "textarea", required=True),
        Asked("effect", N_("Effect"), "select", required=True, options="effects"),
        Asked("actions", N_("May or may not"), "choices", required=True, options="actions"),
        Asked("roles", N_("Only these roles"), "choices", options="roles"),
        Asked("party_classes", N_("Only these sorts of party"), "choices", options="party_classes"),
        Asked("parties", N_("Only these parties"), "choices", options="parties"),
        Asked("origins", N_("Only these things"), "choices", options="origins"),
        Asked("ceiling", N_("Only things marked up to"), "select", options="ceilings"),
        Asked("phases", N_("Only in these phases"), "choices", options="phases"),
        Asked("compartments", N_("Only in these compartments"), "choices", options="compartments"),
        Asked("valid_until", N_("Valid until"), "date"),
    ),
    NewClause,
    optional=True,
)  # fmt: skip
PLATFORM = Heading(
    "platform",
    N_("Use of the platform"),
    N_("Without this clause no space opens. Nothing comes in from a third country before a controller is designated."),
    (
        Asked("platform_use", N_("The parties use this platform"), "tick", required=True),
        Asked("controller_for_third_party_data", N_("Controller for what third countries supply"), "select",
              options="controllers"),
        Asked("secretariat_scope", N_("Delegated to the JITs Network Secretariat"), "choices",
              N_("Never the verification of what a third country supplied."), options="delegable"),
        Asked("third_country_liability", N_("Liability of third countries"), "textarea",
              N_("Needed where a third country or an international court is party.")),
    ),
)  # fmt: skip
TRANSFERS = Heading(
    "transfer_basis",
    N_("Transfers outside the Union"),
    N_("For each third country and each court: on what transfers to it rest."),
    (
        _agency("outsiders"),
        Asked("basis", N_("Basis"), "select", required=True, options="bases"),
        Asked("article", N_("Article"), required=True, maxlength=200),
        Asked("document", N_("Document"), required=True, maxlength=200),
    ),
    TransferBasis,
    optional=True,
)
MEDIA = Heading(
    "media",
    N_("Media"),
    N_("Who speaks for the team, who approves, and until when nobody does."),
    (Asked("media", N_("Rule for the media"), "textarea"),),
    optional=True,
)
HEADINGS = (
    ABOUT, TERM, PARTIES, LEADERS, MEMBERS, SECONDED, PARTICIPANTS, EVIDENCE, COMPARTMENTS, CLAUSES, PLATFORM,
    TRANSFERS, MEDIA,
)  # fmt: skip
"""The pages in their order."""
BY_KEY = {one.key: one for one in HEADINGS}
DEFAULTS = {"default_handling": "H1", "retention_profile": "transit", "consent_deadline_days": 10}
"""What a new draft starts with."""

DELEGABLE = (
    Action.MESSAGE_READ, Action.MESSAGE_POST, Action.EVIDENCE_LIST, Action.EVIDENCE_READ, Action.EVIDENCE_DOWNLOAD,
    Action.CUSTODY_READ,
)  # fmt: skip
"""What the editor offers for the secretariat; the verification never stands among it."""
GRANTABLE = tuple(action for action in Action if action not in RESERVED)
"""What a clause may speak of when it allows."""


def heading_of(field: str) -> Heading | None:
    """The page that a fault's field belongs to; `clauses.9.3` belongs to the clauses."""
    first = field.partition(".")[0]
    return next((one for one in HEADINGS if first in one.fields), None)
