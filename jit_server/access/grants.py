"""Grants: exceptions to a refusal for one thing, with a scope and an end; each names the clause it stands on.

A grant comes from the originator's consent, from a verified release to a third country, or from an emergency. It is a
fact, looked up like a membership, and lifts only what the policy calls liftable.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, bindparam, column, text

from jit_server.access.actors import Standing
from jit_server.access.kinds import Action

_LIVE = """kind = ANY(ARRAY['consent', 'outbound', 'break_glass']) AND :action = ANY(actions) AND revoked_at IS NULL
    AND expires_at > now() AND (party_id = :party OR person_id = :person)"""
_ONE = text(
    f"SELECT clause_id FROM access_grant WHERE workspace_id = :workspace AND subject_id = :subject AND {_LIVE}"  # noqa: S608
    " ORDER BY expires_at DESC LIMIT 1"
)


def live_grant(connection: Connection, standing: Standing, action: Action, subject_id: UUID) -> str | None:
    """The clause under which a grant opens this thing to this person now; None if none does."""
    asked = {"workspace": standing.workspace_id, "subject": subject_id, **_who(standing, action)}
    found: str | None = connection.execute(_ONE, asked).scalar_one_or_none()
    return found


def granted(table: type[Any], standing: Standing, action: Action) -> ColumnElement[bool]:
    """The rows of `table` in this workspace that a grant opens to this person now, as SQL."""
    asked = {"workspace": standing.workspace_id, **_who(standing, action)}
    live = text(f"SELECT subject_id FROM access_grant WHERE workspace_id = :workspace AND {_LIVE}").bindparams(  # noqa: S608
        *(
            bindparam(name, value, unique=True) for name, value in asked.items()
        )  # one statement may ask of several teams
    )
    within: ColumnElement[bool] = table.id.in_(live.columns(column("subject_id")))
    return within


def _who(standing: Standing, action: Action) -> dict[str, Any]:
    return {"action": str(action), "party": standing.party_id, "person": standing.person_id}
