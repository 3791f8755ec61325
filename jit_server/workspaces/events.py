"""Socket door of the room: who joins or leaves the team, told to whoever may see its members."""

from uuid import UUID

from sqlalchemy import ARRAY, Connection, Uuid, any_, bindparam, select
from sqlmodel import col

from jit_server.access import Action
from jit_server.identity.models import Person
from jit_server.web import sockets
from jit_server.web.sockets import WHOLE_TEAM, Concern, Shown
from jit_server.workspaces.models import Agreement, Member

_MEMBERS = (
    select(col(Member.id), col(Member.person_id), col(Member.role), col(Member.status), col(Person.name))
    .join(Person, col(Person.id) == col(Member.person_id))
    .where(col(Member.id) == any_(bindparam("ids", type_=ARRAY(Uuid))))
)


def load_members(connection: Connection, ids: list[UUID]) -> dict[UUID, Shown]:
    """Members as the team sees them now; the reason of an end is not among it."""
    rows = connection.execute(_MEMBERS, {"ids": ids})
    return {
        row.id: Shown(
            WHOLE_TEAM,
            {
                "id": str(row.id),
                "person_id": str(row.person_id),
                "name": row.name,
                "role": str(row.role),
                "status": str(row.status),
            },
        )
        for row in rows
    }


sockets.presents(
    "member:invited",
    "member:joined",
    "member:entered",
    "member:changed",
    "member:ended",
    kind="member",
    to=Action.MEMBER_LIST,
    load=load_members,
)

_VERSIONS = select(col(Agreement.id), col(Agreement.version)).where(
    col(Agreement.id) == any_(bindparam("ids", type_=ARRAY(Uuid)))
)


def load_versions(connection: Connection, ids: list[UUID]) -> dict[UUID, Shown]:
    """Versions of the agreement by number: whoever may read the text reads it on its page."""
    rows = connection.execute(_VERSIONS, {"ids": ids})
    return {row.id: Shown(WHOLE_TEAM, {"id": str(row.id), "version": row.version}) for row in rows}


sockets.presents("agreement:in_force", kind="agreement", to=Action.AGREEMENT_READ, load=load_versions)

_PEOPLE = select(col(Member.id), col(Member.person_id)).where(
    col(Member.id) == any_(bindparam("ids", type_=ARRAY(Uuid)))
)


def whose_membership(connection: Connection, ids: list[UUID]) -> dict[UUID, list[Concern]]:
    """The person whose membership it is."""
    return {row.id: [Concern(people=frozenset({row.person_id}))] for row in connection.execute(_PEOPLE, {"ids": ids})}


sockets.concerns(
    "member:invited", "member:joined", "member:entered", "member:changed", "member:ended", "member:ending",
    find=whose_membership,
)  # fmt: skip
sockets.concerns(
    "agreement:proposed", "agreement:signed", "agreement:withdrawn", "agreement:in_force", "policy:put_in_force",
    "workspace:opened", "workspace:phase_changed", "workspace:ending",
    find=sockets.always(sockets.TEAM),
)  # fmt: skip
