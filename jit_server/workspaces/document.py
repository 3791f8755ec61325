"""The agreement as a document: the headings of the model agreement (2017/C 18/01) that this server acts on or shows.

Parties name each other by the agency's slug. Everything beyond the first block is optional, so that a short agreement
stays short; what must be there for third countries and for bodies of the Union is asked for where they are parties.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from jit_server.access import OUTSIDE, Action, Handling, Origin, PartyClass, Phase, Role

Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Long = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000)]
ClauseId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.\-]{0,19}$")]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]

SIGNS = frozenset(
    {PartyClass.MS_AUTHORITY, PartyClass.EPPO, PartyClass.THIRD_COUNTRY, PartyClass.INTL_JUDICIAL_AUTHORITY}
)
"""Who signs an agreement. Union bodies and the secretariat take part under it and sign nothing (Arts. 14(3) and 16)."""


class RetentionProfile(StrEnum):
    """Whether content passes through (erased once every addressee has it) or is kept for the case."""

    TRANSIT = "transit"
    REPOSITORY = "repository"


class Basis(StrEnum):
    """On what a transfer to a third country or an international court rests (LED chapter V)."""

    ADEQUACY = "adequacy"
    SAFEGUARDS = "safeguards"
    DEROGATION = "derogation"


class Stated(BaseModel):
    """What a caller may state: nothing unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewParty(Stated):
    """A party as the agreement names it."""

    agency: Short = Field(description="Slug of the agency.")
    party_class: PartyClass = PartyClass.MS_AUTHORITY
    signatory: Short = Field(description="Name and office of whoever signs for the party.")


class NewLeader(Stated):
    """A leader whom the agreement names; signs for the party and, as space administrator, runs the space."""

    agency: Short
    person_id: UUID
    space_admin: bool = False


class NamedMember(Stated):
    """A member whom the agreement names, by name or by function alone."""

    agency: Short
    person_id: UUID
    function: Short
    hidden_from_partners: bool = Field(default=False, description="Partners are shown the function, not the name.")


class Secondment(Stated):
    """A seconded member: powers, and the measures that a leader keeps them from (JFD 2002/465, Art. 1(4) to (6))."""

    agency: Short
    name: Short
    powers: Text = ""
    exclusions: Text = ""
    period_from: date
    period_to: date


class Participant(Stated):
    """A body of the Union that takes part: on which act, for what, with which rights and limits (Art. 16, App. I)."""

    agency: Short
    founding_act: Short
    purpose: Long
    rights: Text = ""
    limits: Text = ""


class NewCompartment(Stated):
    """A subset of the parties that works on something among themselves."""

    key: Key
    name: Short
    parties: tuple[Short, ...] = Field(min_length=2, max_length=40)


class TransferBasis(Stated):
    """On what transfers to one party outside the Union rest (LED chapter V)."""

    agency: Short
    basis: Basis
    article: Short
    document: Short


class NewClause(Stated):
    """A clause of the agreement about access, which compiles to policy lines."""

    id: ClauseId
    text: Long = Field(description="The clause in words; it is what people are shown when it decides.")
    effect: Literal["allow", "deny"]
    actions: tuple[Action, ...] = Field(min_length=1)
    roles: tuple[Role, ...] = ()
    party_classes: tuple[PartyClass, ...] = ()
    parties: tuple[Short, ...] = Field(default=(), description="Slugs: only people of these parties.")
    origins: tuple[Origin, ...] = ()
    handlings: tuple[Handling, ...] = ()
    ceiling: Handling | None = Field(default=None, description="Things marked up to this code; instead of `handlings`.")
    phases: tuple[Phase, ...] = ()
    compartments: tuple[Key, ...] = ()
    valid_until: date | None = None

    @model_validator(mode="after")
    def _one_way_to_name_markings(self) -> "NewClause":
        if self.ceiling is not None and self.handlings:
            raise ValueError(f"clause {self.id}: give either handlings or a ceiling")
        return self


class NewAgreement(Stated):
    """A JIT agreement in the structure of the model agreement (2017/C 18/01)."""

    reference: Short
    name: Short
    purpose: Long
    legal_basis: Short
    period_from: date
    period_to: date
    platform_use: Literal[True] = Field(description="The agreement provides for the platform (Art. 13(1)).")
    parties: tuple[NewParty, ...] = Field(min_length=2, max_length=40)
    leaders: tuple[NewLeader, ...] = Field(min_length=2, max_length=80)
    clauses: tuple[NewClause, ...] = Field(default=(), max_length=200)
    default_handling: Handling = Handling.H1
    retention_profile: RetentionProfile = RetentionProfile.TRANSIT

    offences: tuple[Short, ...] = Field(default=(), max_length=100)
    persons_or_groups: tuple[Short, ...] = Field(default=(), max_length=200)
    states_of_operation: tuple[Short, ...] = Field(default=(), max_length=40)
    working_language: Text = ""
    members: tuple[NamedMember, ...] = Field(default=(), max_length=500)
    seconded: tuple[Secondment, ...] = Field(default=(), max_length=200)
    participants: tuple[Participant, ...] = Field(default=(), max_length=40)
    compartments: tuple[NewCompartment, ...] = Field(default=(), max_length=40)
    evidence_rules: Text = Field(default="", description="Gathering, formalities, who collects where, admissibility.")
    use_limits: Text = Field(default="", description="Onward use, and which authority consents to it (JFD 1(10)).")
    consent_deadline_days: int = Field(default=10, ge=1, le=90)
    undertaking: Text = Field(default="", description="What members undertake; empty for the common text.")
    controller_for_third_party_data: Short | None = Field(default=None, description="Slug (Art. 23(2)).")
    secretariat_scope: tuple[Action, ...] = Field(default=(), description="What is delegated to the secretariat.")
    third_country_liability: Text = ""
    transfer_basis: tuple[TransferBasis, ...] = Field(default=(), max_length=40)
    media: Text = Field(default="", description="Spokesperson, rule of approval, embargo.")

    @model_validator(mode="after")
    def _holds_together(self) -> "NewAgreement":
        for holds, words in self._rules():
            if not holds:
                raise ValueError(words)
        return self

    def _rules(self) -> list[tuple[bool, str]]:
        agencies = [party.agency for party in self.parties]
        led = {leader.agency for leader in self.leaders}
        return [
            (self.period_to >= self.period_from, "period_to lies before period_from: a team has a term"),
            (len(set(agencies)) == len(agencies), "parties: an agency is named twice"),
            (
                led == {party.agency for party in self.parties if party.party_class in SIGNS},
                "leaders: each party that signs needs at least one, and nobody else has any",
            ),
            (
                any(leader.space_admin for leader in self.leaders),
                "leaders: at least one must be space administrator (Art. 14(1))",
            ),
            (_unique(clause.id for clause in self.clauses), "clauses: two have the same id"),
            (_unique(one.key for one in self.compartments), "compartments: two have the same key"),
            *self._rules_about_names(set(agencies)),
            *self._rules_about_outsiders(),
        ]

    def _rules_about_names(self, agencies: set[str]) -> list[tuple[bool, str]]:
        keys = {one.key for one in self.compartments}
        named: dict[str, set[str]] = {
            "compartments": {slug for one in self.compartments for slug in one.parties},
            "clauses": {slug for clause in self.clauses for slug in clause.parties},
            "members": {one.agency for one in self.members},
            "seconded": {one.agency for one in self.seconded},
            "participants": {one.agency for one in self.participants},
            "transfer_basis": {one.agency for one in self.transfer_basis},
            "controller_for_third_party_data": {self.controller_for_third_party_data} - {None},  # type: ignore[dict-item]
        }
        strangers = [
            (not (stated - agencies), f"{field}: {', '.join(sorted(stated - agencies))} is no party of this agreement")
            for field, stated in named.items()
        ]
        unknown = {key for clause in self.clauses for key in clause.compartments} - keys
        return [*strangers, (not unknown, f"clauses: there is no compartment {', '.join(sorted(unknown))}")]

    def _rules_about_outsiders(self) -> list[tuple[bool, str]]:
        """What must stand in the agreement where a party comes from outside the Union (Arts. 17, 18 and 23(2))."""
        classes = {party.agency: party.party_class for party in self.parties}
        controller = classes.get(self.controller_for_third_party_data or "")
        return [
            (
                controller in {None, PartyClass.MS_AUTHORITY, PartyClass.EPPO},
                "controller_for_third_party_data: only a Member State's authority or the EPPO can be (Art. 23(2))",
            ),
            (
                Action.EVIDENCE_VERIFY_INBOUND not in self.secretariat_scope,
                "secretariat_scope: the verification of third countries' material is never delegated (recital 29)",
            ),
            (
                not self.secretariat_scope or PartyClass.SECRETARIAT in classes.values(),
                "secretariat_scope: the secretariat is no party of this agreement",
            ),
        ]

    @property
    def outsiders(self) -> tuple[str, ...]:
        """The parties from third countries and international courts."""
        return tuple(party.agency for party in self.parties if party.party_class in OUTSIDE)


def missing(agreement: NewAgreement) -> list[tuple[str, str]]:
    """What a new agreement must still say before it is laid before its parties: field and words.

    Kept apart from the shape, so that documents signed before stay readable.
    """
    found: list[tuple[str, str]] = []
    if agreement.outsiders and not agreement.third_country_liability:
        found.append(("third_country_liability", "say who is liable: a third country is party (recital 31)"))
    resting = {one.agency for one in agreement.transfer_basis}
    found += [
        ("transfer_basis", f"say on what transfers to {slug} rest (Art. 17(4), LED chapter V)")
        for slug in agreement.outsiders
        if slug not in resting
    ]
    founded = {one.agency for one in agreement.participants}
    found += [
        ("participants", f"name the founding act under which {party.agency} takes part (Art. 16)")
        for party in agreement.parties
        if party.party_class is PartyClass.EU_BODY and party.agency not in founded
    ]
    return found


def _unique(words: object) -> bool:
    listed = list(words)  # type: ignore[call-overload]
    return len(set(listed)) == len(listed)
