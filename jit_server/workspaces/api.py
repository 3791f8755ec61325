"""JSON doors of the room: workspaces, members, agreement, log and proofs."""

from uuid import UUID

from flask import Response
from flask.typing import ResponseReturnValue
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from jit_server import workspaces
from jit_server.access import Action, Handling, Origin
from jit_server.web import cursor
from jit_server.web.api import Routes, answer, created, if_match, page
from jit_server.web.context import work
from jit_server.web.declared import own

routes = Routes("workspaces")


class LogQuery(BaseModel):
    """Where to go on in the log."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(default=0, ge=0, description="The last position already known.")
    limit: int = Field(default=50, ge=1, le=200)
    event: str | None = Field(default=None, max_length=60)
    result: str | None = Field(default=None, pattern="^(ok|denied|error)$")
    subject: UUID | None = None


class ProofQuery(BaseModel):
    """Which proof: of an entry (`position`) or of growth (`old`), at `size` or now."""

    model_config = ConfigDict(extra="forbid")

    position: int | None = Field(default=None, ge=1)
    old: int | None = Field(default=None, ge=0)
    size: int | None = Field(default=None, ge=1)


class ExplainQuery(BaseModel):
    """Who, what, and on what: one thing (`kind` and `subject`), or any of a kind (`origin` and `handling`)."""

    model_config = ConfigDict(extra="forbid")

    workspace: UUID
    action: Action
    person: UUID | None = None
    kind: str | None = None
    subject: UUID | None = None
    origin: Origin = Origin.OWN
    handling: Handling = Handling.H0


class WhoCouldQuery(BaseModel):
    """Which exhibit, and when."""

    model_config = ConfigDict(extra="forbid")

    thing: UUID
    at: AwareDatetime


@routes.reads("/workspaces", to=own("lists only the person's own"), answers={200: [workspaces.WorkspaceOut]})
def list_workspaces() -> ResponseReturnValue:
    """List the workspaces one belongs to."""
    with work() as uow:
        return page(workspaces.my_workspaces(uow, note=True), None)


@routes.posts(
    "/workspaces",
    to=own("anybody of a party may lay an agreement before the parties; nothing opens before all sign"),
    body=workspaces.NewAgreement,
    answers={201: workspaces.WorkspaceOut},
)
def propose_workspace(body: workspaces.NewAgreement) -> ResponseReturnValue:
    """Propose an agreement and its workspace."""
    with work() as uow:
        made = workspaces.propose(uow, body)
        uow.session.flush()
        return created({"id": made.id, "phase": made.phase}, location=f"/api/v1/workspaces/{made.id}", version=1)


@routes.reads("/workspaces/<uuid:workspace_id>", to=Action.WORKSPACE_READ, answers={200: workspaces.WorkspaceOut})
def read_workspace(workspace_id: UUID) -> ResponseReturnValue:
    """Read one workspace."""
    with work() as uow:
        found = workspaces.workspace(uow, workspace_id)
        return answer(found, version=found.version)


@routes.reads(
    "/workspaces/<uuid:workspace_id>/agreement", to=Action.AGREEMENT_READ, answers={200: workspaces.AgreementOut}
)
def read_agreement(workspace_id: UUID) -> ResponseReturnValue:
    """Read the agreement, its clauses and its signatures."""
    with work() as uow:
        return answer(workspaces.agreement(uow, workspace_id))


@routes.posts(
    "/workspaces/<uuid:workspace_id>/agreement/signatures",
    to=own("members who may sign, and leaders whom the text that waits brings in"),
    body=workspaces.Signing,
    answers={201: workspaces.AgreementOut},
)
def sign_agreement(workspace_id: UUID, body: workspaces.Signing) -> ResponseReturnValue:
    """Sign the agreement for one's own party."""
    with work() as uow:
        return created(workspaces.sign(uow, workspace_id, body))


@routes.posts("/workspaces/<uuid:workspace_id>/open", to=Action.WORKSPACE_OPEN, answers={200: None})
def open_workspace(workspace_id: UUID) -> ResponseReturnValue:
    """Open the workspace once every party has signed."""
    with work() as uow:
        made = workspaces.open_workspace(uow, workspace_id)
        return answer({"id": made.id, "phase": made.phase}, version=made.version)


@routes.posts(
    "/workspaces/<uuid:workspace_id>/phase",
    to=Action.WORKSPACE_CHANGE_PHASE,
    body=workspaces.PhaseChange,
    answers={200: None},
)
def change_phase(workspace_id: UUID, body: workspaces.PhaseChange) -> ResponseReturnValue:
    """Move the workspace on; needs `If-Match` with the version that was read."""
    with work() as uow:
        current = workspaces.workspace(uow, workspace_id, note=False)
        if_match(current.version)
        made = workspaces.change_phase(uow, workspace_id, body, version=current.version)
        return answer({"id": made.id, "phase": made.phase}, version=made.version)


@routes.reads("/workspaces/<uuid:workspace_id>/members", to=Action.MEMBER_LIST, answers={200: [workspaces.MemberOut]})
def list_members(workspace_id: UUID) -> ResponseReturnValue:
    """List who belongs to the team."""
    with work() as uow:
        return page(workspaces.members(uow, workspace_id), None)


@routes.posts(
    "/workspaces/<uuid:workspace_id>/members",
    to=Action.MEMBER_INVITE,
    body=workspaces.NewMember,
    answers={201: None},
)
def invite_member(workspace_id: UUID, body: workspaces.NewMember) -> ResponseReturnValue:
    """Give a person of a party access."""
    with work() as uow:
        made = workspaces.invite(uow, workspace_id, body)
        where = f"/api/v1/workspaces/{workspace_id}/members/{made.id}"
        return created({"id": made.id, "role": made.role, "expires_at": made.expires_at}, location=where)


@routes.deletes(
    "/workspaces/<uuid:workspace_id>/members/<uuid:member_id>",
    to=Action.MEMBER_END,
    body=workspaces.End,
    answers={200: None},
)
def end_member(workspace_id: UUID, member_id: UUID, body: workspaces.End) -> ResponseReturnValue:
    """End a person's access, with the reason."""
    with work() as uow:
        made = workspaces.end(uow, member_id, body, within=workspace_id)
        return answer({"id": made.id, "status": made.status})


@routes.reads(
    "/workspaces/<uuid:workspace_id>/log", to=Action.LOG_READ, query=LogQuery, answers={200: [workspaces.EntryOut]}
)
def read_log(workspace_id: UUID, query: LogQuery) -> ResponseReturnValue:
    """Read the log after a position; reading it is on the log too."""
    with work() as uow:
        entries = workspaces.read_log(uow, workspace_id, **query.model_dump())
        last = entries[-1].position if len(entries) == query.limit else None
        response = page(entries, str(last) if last else None)
        if last:
            response.headers["Link"] = f'<{cursor.next_url_with("after", last)}>; rel="next"'
        return response


@routes.reads("/workspaces/<uuid:workspace_id>/checkpoint", to=Action.LOG_VERIFY, answers={200: "text/plain"})
def read_checkpoint(workspace_id: UUID) -> ResponseReturnValue:
    """Take the signed head of the log."""
    with work() as uow:
        return Response(workspaces.checkpoint(uow, workspace_id), mimetype="text/plain")


@routes.reads(
    "/workspaces/<uuid:workspace_id>/proof", to=Action.LOG_VERIFY, query=ProofQuery, answers={200: workspaces.ProofOut}
)
def read_proof(workspace_id: UUID, query: ProofQuery) -> ResponseReturnValue:
    """Take an inclusion or consistency proof."""
    with work() as uow:
        return answer(workspaces.prove(uow, workspace_id, **query.model_dump()))


@routes.reads(
    "/workspaces/<uuid:workspace_id>/log/who-could",
    to=Action.LOG_READ,
    query=WhoCouldQuery,
    answers={200: [workspaces.SightOut]},
)
def who_could(workspace_id: UUID, query: WhoCouldQuery) -> ResponseReturnValue:
    """Who could see an exhibit at a past moment, worked out from the log alone."""
    with work() as uow:
        return page(workspaces.who_could(uow, workspace_id, query.thing, query.at), None)


@routes.reads("/policy/explain", to=Action.POLICY_EXPLAIN, query=ExplainQuery, answers={200: workspaces.Explanation})
def explain(query: ExplainQuery) -> ResponseReturnValue:
    """Ask why something is allowed or not: by which rule, and what would change it."""
    subject = (query.kind, query.subject) if query.kind and query.subject else None
    with work() as uow:
        found = workspaces.explain(
            uow,
            query.workspace,
            query.action,
            person_id=query.person,
            subject=subject,
            origin=query.origin,
            handling=query.handling,
        )
        return answer(found)


from jit_server.workspaces import (  # noqa: E402 - more routes of the room, on the same blueprint
    agreement_api,  # noqa: F401
    policy_api,  # noqa: F401
)
