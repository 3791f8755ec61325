"""How an act on an exhibit is kept: one row with its words, and one entry on the log that commits to them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import or_, text
from sqlmodel import col

from jit_server import audit
from jit_server.access import Action
from jit_server.audit.entry import canonical
from jit_server.core.errors import NotFound, NotSignedIn
from jit_server.evidence.custody.models import CustodyAct
from jit_server.evidence.custody.shapes import ActOut, Verb
from jit_server.evidence.models import EvidenceItem
from jit_server.identity.models import Agency, Person
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import Party
from jit_server.workspaces.aliases import functions

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 9))")
MOST = 1000


def one_at_a_time(uow: UnitOfWork, item: EvidenceItem) -> None:
    """Wait for whoever acts on this exhibit at this moment: what holds now is asked after that."""
    uow.connection.execute(_ONE_AT_A_TIME, {"key": str(item.id)})


def put(
    uow: UnitOfWork,
    item: EvidenceItem,
    verb: Verb,
    said: Mapping[str, Any],
    *,
    why: str | None = None,
    recipients: tuple[UUID, ...] = (),
    facts: Mapping[str, Any] | None = None,
    **columns: Any,
) -> CustodyAct:
    """Keep an act and record it. Of its words the log holds a commitment; `why` and `facts` stand there in clear."""
    standing = uow.standing(item.workspace_id)
    if standing is None:
        raise NotFound
    if uow.actor.person_id is None:
        raise NotSignedIn
    act = CustodyAct(
        workspace_id=item.workspace_id,
        item_id=item.id,
        party_id=standing.party_id,
        person_id=uow.actor.person_id,
        verb=verb,
        said={name: value for name, value in said.items() if value not in (None, (), [])},
        salt=audit.new_salt(),
        acted_at=uow.now,
        **columns,
    )
    uow.add(act, after=item)
    uow.record(
        act.event, item, act=act.id, statement=audit.commit(words(act), act.salt),
        why={"code": "custody", "text": why} if why else None,
        recipients=tuple(str(one) for one in recipients), **(facts or {}),
    )  # fmt: skip
    return act


def words(act: CustodyAct) -> str:
    """What an act says, in canonical JSON (RFC 8785): the log holds a keyed commitment to these very bytes."""
    return canonical(act.said).decode()


def acts_of(uow: UnitOfWork, item: EvidenceItem, *verbs: Verb) -> Sequence[CustodyAct]:
    """The acts on an exhibit, oldest first."""
    statement = uow.select(CustodyAct, to=Action.WORKSPACE_READ, within=item.workspace_id)
    statement = statement.where(col(CustodyAct.item_id) == item.id)
    if verbs:
        statement = statement.where(col(CustodyAct.verb).in_([str(verb) for verb in verbs]))
    return uow.all(statement.order_by(col(CustodyAct.acted_at), col(CustodyAct.id)).limit(MOST))


NAMING: Final = {Verb.PHOTOGRAPH: "photo", Verb.DERIVE: "child", Verb.CREATE_FROM: "parent"}
"""The acts that name another exhibit, and where."""


def openable(uow: UnitOfWork, acts: Iterable[CustodyAct]) -> list[CustodyAct]:
    """These acts but for those that name an exhibit of which the actor may not know."""
    known = list(acts)
    naming = {act.id: UUID(act.said[NAMING[Verb(act.verb)]]) for act in known if act.verb in NAMING}
    workspaces = {act.workspace_id for act in known if naming}
    seen = known_among(uow, set(naming.values()), workspaces)
    return [act for act in known if act.id not in naming or naming[act.id] in seen]


def known_among(uow: UnitOfWork, ids: Collection[UUID], workspace_ids: Iterable[UUID]) -> dict[UUID, EvidenceItem]:
    """Those of these exhibits of which the actor may know."""
    scopes = uow.scopes(EvidenceItem, to=Action.EVIDENCE_LIST, within=workspace_ids) if ids else {}
    found = uow.every(EvidenceItem, col(EvidenceItem.id).in_(ids), or_(*scopes.values()), limit=MOST) if scopes else ()
    return {one.id: one for one in found}


class Names:
    """Who the people and parties of some acts are, partners' by function alone where the agreement says so."""

    def __init__(self, uow: UnitOfWork, workspace_id: UUID, acts: Iterable[CustodyAct]) -> None:
        known = list(acts)
        people = {act.person_id for act in known} | {act.to_person_id for act in known if act.to_person_id}
        parties = {act.party_id for act in known} | {act.to_party_id for act in known if act.to_party_id}
        self.people = {key: row.name for key, row in rows_by_id(uow, Person, people).items()}
        self.people |= functions(uow, workspace_id) if people else {}
        self.parties = rows_by_id(uow, Party, parties)
        agencies = rows_by_id(uow, Agency, {party.agency_id for party in self.parties.values()})
        self.agencies = {key: agencies[party.agency_id].own_name for key, party in self.parties.items()}

    def out(self, act: CustodyAct) -> ActOut:
        """An act with its names."""
        return ActOut(
            **act.model_dump(include={"id", "verb", "said", "acted_at"}),
            person=self.people[act.person_id],
            state=self.parties[act.party_id].state,
            agency=self.agencies[act.party_id],
        )
