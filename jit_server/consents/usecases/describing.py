"""Asks, emergencies and acts of two people with names in place of ids, for whoever was given them already."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import false, or_

from jit_server import access
from jit_server.access import Action
from jit_server.consents.lifecycle import ApprovalState, ConsentState, Review
from jit_server.consents.models import Approval, BreakGlass, Consent
from jit_server.consents.shapes import ApprovalOut, AskOut, EmergencyOut, SubjectOut, WhoOut
from jit_server.consents.usecases.two_people import may_decide, waits
from jit_server.identity.models import Agency, Person
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import subjects
from jit_server.workspaces.aliases import functions
from jit_server.workspaces.models import Party


class Names:
    """Names of people and parties, fetched together; whom the agreement hides from partners is a function to them."""

    def __init__(
        self, uow: UnitOfWork, workspaces: Iterable[UUID], people: Iterable[UUID | None], parties: Iterable[UUID] = ()
    ) -> None:
        self.functions = {key: name for one in set(workspaces) for key, name in functions(uow, one).items()}
        self.people = rows_by_id(uow, Person, [one for one in people if one])
        self.agencies = rows_by_id(uow, Agency, [one.agency_id for one in self.people.values()])
        self.parties = rows_by_id(uow, Party, parties)

    def who(self, person_id: UUID) -> WhoOut:
        """Somebody, by name."""
        person = self.people[person_id]
        agency = self.agencies[person.agency_id]
        return WhoOut(name=self.functions.get(person_id, person.name), agency=agency.own_name, state=agency.state)

    def if_any(self, person_id: UUID | None) -> WhoOut | None:
        """Somebody, or nobody yet."""
        return self.who(person_id) if person_id else None


def party_words(uow: UnitOfWork, party_id: UUID) -> dict[str, str]:
    """A party by its State and authority."""
    party = uow.find(Party, id=party_id)
    return {"state": party.state, "authority": party.authority} if party is not None else {}


def subject_out(uow: UnitOfWork, kind: str, subject_id: UUID) -> SubjectOut:
    """The thing by its name, for whoever may know of it; whoever may not any more sees only that it was one."""
    table = access.table_of(kind)
    row = uow.find(table, id=subject_id) if table is not None else None
    if row is None or table is None or not uow.permits(table.__known_by__, row):
        return SubjectOut(kind=kind, id=subject_id, name="", address="")
    name, address = subjects.described(kind, row)
    return SubjectOut(kind=kind, id=subject_id, name=name, address=address)


def subject_names(uow: UnitOfWork, found: Iterable[Consent]) -> dict[UUID, str]:
    """The things of these asks by name, those the actor may know of: one query a kind."""
    by_kind: dict[str, list[Consent]] = defaultdict(list)
    for one in found:
        by_kind[one.subject_kind].append(one)
    named: dict[UUID, str] = {}
    for kind, asks in by_kind.items():
        table = access.table_of(kind)
        if table is None:
            continue
        open_to = uow.scopes(table, to=table.__known_by__, within={one.workspace_id for one in asks}).values()
        wanted = table.id.in_({one.subject_id for one in asks})
        for row in uow.every(table, wanted, or_(false(), *open_to), limit=len(asks)):
            named[row.id] = subjects.described(kind, row)[0]
    return named


def asks_out(uow: UnitOfWork, found: Sequence[Consent]) -> list[AskOut]:
    """Asks with all that their page shows."""
    people = (person for one in found for person in (one.asked_by, one.decided_by))
    names = Names(uow, (one.workspace_id for one in found), people, (one.party_id for one in found))
    return [_ask_out(uow, one, names) for one in found]


def _ask_out(uow: UnitOfWork, one: Consent, names: Names) -> AskOut:
    party = names.parties[one.party_id]
    shared = {"handling", "actions", "purpose_text", "days", "asked_at", "due_at", "state", "decided_at", "reason"}
    return AskOut(
        id=one.id,
        workspace_id=one.workspace_id,
        **one.model_dump(include=shared | {"granted_to", "expires_at"}),
        subject=subject_out(uow, one.subject_kind, one.subject_id),
        originator=party.authority,
        originator_state=party.state,
        asked_by=names.who(one.asked_by),
        purpose=one.purpose_code,
        decided_by=names.if_any(one.decided_by),
        clause=one.clause_id,
        granted_actions=[Action(action) for action in one.granted_actions or ()],
        live=one.state is ConsentState.GRANTED and one.expires_at is not None and one.expires_at > uow.now,
        mine=one.asked_by == uow.actor.person_id,
        may_decide=uow.permits(Action.ACCESS_DECIDE, one),
    )


def emergencies_out(uow: UnitOfWork, found: Sequence[BreakGlass]) -> list[EmergencyOut]:
    """Emergencies with all that their page shows."""
    people = (person for one in found for person in (one.opened_by, one.reviewed_by))
    names = Names(uow, (one.workspace_id for one in found), people, (one.party_id for one in found))
    return [_emergency_out(uow, one, names) for one in found]


def _emergency_out(uow: UnitOfWork, one: BreakGlass, names: Names) -> EmergencyOut:
    party = names.parties[one.party_id]
    shared = {"handling", "actions", "reason_text", "opened_at", "expires_at", "review", "reviewed_at", "review_text"}
    return EmergencyOut(
        id=one.id,
        workspace_id=one.workspace_id,
        **one.model_dump(include=shared),
        subject=subject_out(uow, one.subject_kind, one.subject_id),
        originator=party.authority,
        originator_state=party.state,
        opened_by=names.who(one.opened_by),
        reason=one.reason_code,
        reviewed_by=names.if_any(one.reviewed_by),
        live=one.expires_at > uow.now and one.review is not Review.OBJECTED,
        may_review=one.review is Review.OPEN and uow.permits(Action.ACCESS_DECIDE, one),
    )


def approvals_out(uow: UnitOfWork, found: Sequence[Approval]) -> list[ApprovalOut]:
    """Acts of two people with all that their page shows."""
    people = (person for one in found for person in (one.proposed_by, one.decided_by))
    names = Names(uow, (one.workspace_id for one in found), people)
    shared = {"kind", "payload", "digest", "reason", "proposed_at", "expires_at", "decided_at", "decision"}
    return [
        ApprovalOut(
            id=one.id,
            workspace_id=one.workspace_id,
            **one.model_dump(include=shared),
            state=one.state if one.state is not ApprovalState.WAITING or waits(one, uow) else ApprovalState.LAPSED,
            proposed_by=names.who(one.proposed_by),
            decided_by=names.if_any(one.decided_by),
            mine=one.proposed_by == uow.actor.person_id,
            may_decide=may_decide(uow, one) and uow.permits(Action.APPROVAL_GIVE, one),
        )
        for one in found
    ]
