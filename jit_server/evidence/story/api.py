"""JSON doors of events on the timeline."""

from uuid import UUID

from flask.typing import ResponseReturnValue

from jit_server import evidence
from jit_server.access import Action
from jit_server.evidence.api import RegisterQuery, cursor_of, point_of, wanted_of
from jit_server.evidence.story.shapes import EventOut, EventWithdrawal, NewEvent
from jit_server.evidence.usecases.chronicle import Point, Stretch
from jit_server.evidence.wire import routes
from jit_server.web.api import answer, created, page
from jit_server.web.context import work

HERE = "/workspaces/<uuid:workspace_id>/timeline/events"


@routes.posts(HERE, to=Action.EVIDENCE_REGISTER, body=NewEvent, answers={201: EventOut})
def add_event(workspace_id: UUID, body: NewEvent) -> ResponseReturnValue:
    """Put an event on the timeline: what happened, when, where, and which exhibits it names."""
    with work() as uow:
        return created(evidence.events_out(uow, [evidence.add_event(uow, workspace_id, body)])[0])


@routes.reads(HERE, to=Action.EVIDENCE_LIST, query=RegisterQuery, answers={200: [EventOut]})
def list_events(workspace_id: UUID, query: RegisterQuery) -> ResponseReturnValue:
    """List the events one may know of, latest first."""
    with work() as uow:
        rows = evidence.case_events(uow, workspace_id, wanted_of(query), Stretch(before=point_of(query.cursor)))
        uow.record("evidence:listed", workspace_id=workspace_id)
        last = cursor_of(Point(rows[-1].at, rows[-1].position or 0)) if len(rows) == query.limit else None
        return page(evidence.events_out(uow, rows), last)


@routes.posts(
    "/timeline/events/<uuid:event_id>/withdrawal",
    to=Action.EVIDENCE_LIST,
    body=EventWithdrawal,
    answers={200: EventOut},
)
def withdraw_event(event_id: UUID, body: EventWithdrawal) -> ResponseReturnValue:
    """Take an event of one's own back; it stays as such, with the reason."""
    with work() as uow:
        row = evidence.withdraw_event(uow, event_id, body)
        return answer(evidence.events_out(uow, [row])[0].model_copy(update={"withdrawn": body.reason}))
