"""Whom the agreement in force shows to partners by function alone, and how everybody else is named."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import Connection, text

from jit_server.identity.models import Person
from jit_server.web.sockets import Alias
from jit_server.work import UnitOfWork, rows_by_id

_HIDDEN = text("""
    SELECT a.workspace_id, CAST(m.named ->> 'person_id' AS uuid) AS person_id, m.named ->> 'function' AS words,
           p.id AS party_id
      FROM (SELECT DISTINCT ON (workspace_id) workspace_id, document FROM agreement
             WHERE workspace_id = ANY(:workspaces) AND in_force_at IS NOT NULL
             ORDER BY workspace_id, version DESC) a
     CROSS JOIN LATERAL jsonb_array_elements(a.document -> 'members') AS m (named)
      JOIN agency g ON g.slug = m.named ->> 'agency'
      LEFT JOIN party p ON p.workspace_id = a.workspace_id AND p.agency_id = g.id
     WHERE CAST(m.named ->> 'hidden_from_partners' AS boolean)
""")


def aliases(connection: Connection, workspaces: list[UUID]) -> dict[UUID, dict[UUID, Alias]]:
    """Who is hidden from partners in these workspaces, by person."""
    found: dict[UUID, dict[UUID, Alias]] = defaultdict(dict)
    for row in connection.execute(_HIDDEN, {"workspaces": workspaces}):
        found[row.workspace_id][row.person_id] = Alias(row.party_id, row.words)
    return found


def functions(uow: UnitOfWork, workspace_id: UUID) -> dict[UUID, str]:
    """Partners' people whom the agreement shows to the actor by function alone."""
    standing = uow.standing(workspace_id)
    mine = standing.party_id if standing is not None else None
    hidden = aliases(uow.connection, [workspace_id]).get(workspace_id, {})
    return {key: one.words for key, one in hidden.items() if mine is None or one.party_id != mine}


def shown(uow: UnitOfWork, workspace_id: UUID, people: Iterable[UUID]) -> dict[UUID, str]:
    """These people as the actor may know them in this workspace: by name, or by function alone."""
    found = {key: row.name for key, row in rows_by_id(uow, Person, people).items()}
    hidden = functions(uow, workspace_id) if found else {}
    return {key: hidden.get(key, name) for key, name in found.items()}
