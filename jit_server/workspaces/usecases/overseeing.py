"""For those who oversee: who could see an exhibit on a past day, worked out from the log."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import or_, select

from jit_server.access import Action, Role, table_of
from jit_server.audit.models import audit_entry
from jit_server.core.errors import NotFound
from jit_server.identity.models import Agency, Person
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import replay
from jit_server.workspaces.aliases import functions
from jit_server.workspaces.models import Workspace
from jit_server.workspaces.usecases.reading import standing_of


class SightOut(BaseModel):
    """Somebody who could see a thing at a past moment, and what they could do with it."""

    person_id: UUID
    name: str
    agency: str
    state: str
    role: Role
    actions: list[Action]


def who_could(uow: UnitOfWork, workspace_id: UUID, thing_id: UUID, moment: datetime) -> list[SightOut]:
    """Who could see an exhibit at a past moment, worked out from the log alone; asking is itself on the log.

    Raises:
        NotFound: an outsider asks, or somebody who may not know the thing; auditors and the operator name it by id.
    """
    workspace = _asked(uow, workspace_id, thing_id)
    sights = replay.who_could(replay.at(_entries(uow, workspace_id, thing_id, moment), thing_id, moment), moment)
    people = rows_by_id(uow, Person, [one.person_id for one in sights])
    agencies = rows_by_id(uow, Agency, {one.agency_id for one in people.values()})
    hidden = functions(uow, workspace_id)
    uow.record("log:read", workspace, thing=thing_id, at=moment, count=len(sights))
    return sorted(
        (
            SightOut(
                person_id=one.person_id,
                name=hidden.get(one.person_id, people[one.person_id].name),
                agency=agencies[people[one.person_id].agency_id].own_name,
                state=agencies[people[one.person_id].agency_id].state,
                role=one.role,
                actions=list(one.actions),
            )
            for one in sights
        ),
        key=lambda one: (one.state, one.name),
    )


def _asked(uow: UnitOfWork, workspace_id: UUID, thing_id: UUID) -> Workspace:
    if uow.actor.kind == "operator":
        found = uow.find(Workspace, id=workspace_id)
        if found is None:
            raise NotFound
        return found
    workspace = uow.get(Workspace, workspace_id, to=Action.LOG_READ)
    table = table_of("evidence_item")
    if standing_of(uow, workspace_id).role is not Role.AUDITOR and table is not None:
        row = uow.session.get(table, thing_id)
        if row is None or row.workspace_id != workspace_id or not uow.permits(table.__known_by__, row):
            raise NotFound
    return workspace


def _entries(uow: UnitOfWork, workspace_id: UUID, thing_id: UUID, moment: datetime) -> Iterator[dict[str, Any]]:
    """The entries that decide, in order; the log holds many others."""
    columns = audit_entry.c
    statement = (
        select(columns.canonical)
        .where(columns.log_id == workspace_id, columns.at <= moment)
        .where(or_(columns.event.in_(replay.EVENTS), columns.subject_id == thing_id))
        .order_by(columns.position)
    )
    for (canonical,) in uow.session.execute(statement):
        yield json.loads(bytes(canonical))
