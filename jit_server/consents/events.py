"""Socket door of the room: whose day changes by what is asked, answered and approved. Nothing of it is shown."""

from uuid import UUID

from sqlalchemy import Connection, text

from jit_server.access import Action, Handling
from jit_server.web import sockets
from jit_server.web.sockets import Concern, Whose

_ASKED = text(
    "SELECT subject_id, party_id, handling, compartment_id FROM consent WHERE subject_id = ANY(:ids)"
    " UNION SELECT subject_id, party_id, handling, compartment_id FROM break_glass WHERE subject_id = ANY(:ids)"
)
_TOLD = text(
    "SELECT about.subject_id, n.person_id FROM notice n JOIN (SELECT id, subject_id FROM consent"
    " UNION ALL SELECT id, subject_id FROM break_glass) about ON about.id = n.subject_id"
    " WHERE about.subject_id = ANY(:ids) AND n.seen_at IS NULL"
)


def about_things(connection: Connection, ids: list[UUID]) -> dict[UUID, list[Concern]]:
    """Whoever decides for the originator of these things, and who was told something about them and has not seen it."""
    found: dict[UUID, list[Concern]] = {key: [] for key in ids}
    for row in connection.execute(_ASKED, {"ids": ids}):
        whose = Whose(row.party_id, Handling(row.handling), row.compartment_id)
        found[row.subject_id].append(Concern(Action.ACCESS_DECIDE, whose))
    for row in connection.execute(_TOLD, {"ids": ids}):
        found[row.subject_id].append(Concern(people=frozenset({row.person_id})))
    return found


sockets.concerns(
    "access:asked", "access:withdrawn", "access:granted", "access:declined", "access:lapsed", "access:glass_broken",
    "access:reviewed",
    find=about_things,
)  # fmt: skip
sockets.concerns(
    "approval:proposed", "approval:given", "approval:rejected", "approval:lapsed",
    find=sockets.always(Concern(Action.APPROVAL_GIVE)),
)  # fmt: skip
