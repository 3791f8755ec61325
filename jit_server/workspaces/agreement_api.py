"""JSON doors of the agreement beside its text: drafts, amendments, versions, what differs, seals, leaving."""

from uuid import UUID

from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from jit_server import workspaces
from jit_server.access import Action
from jit_server.web.api import answer, created, if_match, page
from jit_server.web.context import work
from jit_server.web.declared import own
from jit_server.workspaces.api import routes
from jit_server.workspaces.usecases import drafting

MINE = own("only the author of a first draft, or leaders of the workspace whose agreement it amends")


class Amendment(BaseModel):
    """The whole text as it shall be, and the version that it amends."""

    model_config = ConfigDict(extra="forbid")

    base: int = Field(ge=1)
    document: workspaces.NewAgreement


class ChangesQuery(BaseModel):
    """From which version to which."""

    model_config = ConfigDict(extra="forbid")

    before: int = Field(ge=1)
    after: int = Field(ge=1)


class Sentence(BaseModel):
    """What differs: the heading, the sentence in English, and its values."""

    field: str
    sentence: str
    values: dict[str, str]


@routes.reads("/agreements/drafts", to=own("only the drafts one is writing"), answers={200: [workspaces.DraftOut]})
def list_drafts() -> ResponseReturnValue:
    """List the first agreements one is writing."""
    with work() as uow:
        return page([drafting.shown(one) for one in drafting.drafts(uow)], None)


@routes.posts(
    "/agreements/drafts",
    to=own("a first draft is its author's alone; an amendment's needs agreement:amend"),
    body=workspaces.NewDraft,
    answers={201: workspaces.DraftOut},
)
def begin_draft(body: workspaces.NewDraft) -> ResponseReturnValue:
    """Begin to write an agreement, or an amendment of a workspace's; there is one of those a workspace."""
    with work() as uow:
        made = drafting.begin(uow, body)
        return created(drafting.shown(made), location=f"/api/v1/agreements/drafts/{made.id}", version=made.version)


@routes.reads("/agreements/drafts/<uuid:draft_id>", to=MINE, answers={200: workspaces.DraftOut})
def read_draft(draft_id: UUID) -> ResponseReturnValue:
    """Read a draft, and what it still lacks."""
    with work() as uow:
        found = drafting.draft(uow, draft_id)
        return answer(drafting.shown(found), version=found.version)


@routes.puts(
    "/agreements/drafts/<uuid:draft_id>", to=MINE, body=workspaces.DraftText, answers={200: workspaces.DraftOut}
)
def save_draft(draft_id: UUID, body: workspaces.DraftText) -> ResponseReturnValue:
    """Keep the text as it is now; needs `If-Match` with the version that was read."""
    with work() as uow:
        version = drafting.draft(uow, draft_id).version
        if_match(version)
        made = drafting.save(uow, draft_id, body, version=version)
        return answer(drafting.shown(made), version=made.version)


@routes.deletes("/agreements/drafts/<uuid:draft_id>", to=MINE, answers={200: None})
def discard_draft(draft_id: UUID) -> ResponseReturnValue:
    """Give a draft up."""
    with work() as uow:
        drafting.discard(uow, draft_id)
        return answer({"id": draft_id})


@routes.posts("/agreements/drafts/<uuid:draft_id>/lay", to=MINE, answers={201: workspaces.Laid})
def lay_draft(draft_id: UUID) -> ResponseReturnValue:
    """Lay a draft before its parties for signature; needs `If-Match` with the version that was read."""
    with work() as uow:
        version = drafting.draft(uow, draft_id).version
        if_match(version)
        laid = drafting.lay(uow, draft_id, version=version)
        return created(laid, location=f"/api/v1/workspaces/{laid.workspace_id}/agreement")


@routes.posts(
    "/workspaces/<uuid:workspace_id>/agreement/amendments",
    to=Action.AGREEMENT_AMEND,
    body=Amendment,
    answers={201: workspaces.AgreementOut},
)
def amend(workspace_id: UUID, body: Amendment) -> ResponseReturnValue:
    """Lay an amendment before the parties."""
    with work() as uow:
        return created(workspaces.amend(uow, workspace_id, body.document, base=body.base))


@routes.posts(
    "/workspaces/<uuid:workspace_id>/agreement/withdrawal",
    to=Action.AGREEMENT_AMEND,
    body=workspaces.End,
    answers={200: workspaces.AgreementOut},
)
def withdraw(workspace_id: UUID, body: workspaces.End) -> ResponseReturnValue:
    """Take back a text that one's own party laid before the others."""
    with work() as uow:
        return answer(workspaces.withdraw(uow, workspace_id, body))


@routes.posts(
    "/workspaces/<uuid:workspace_id>/agreement/leaving",
    to=Action.AGREEMENT_SIGN,
    body=workspaces.End,
    answers={200: workspaces.AgreementOut},
)
def leave(workspace_id: UUID, body: workspaces.End) -> ResponseReturnValue:
    """Leave the agreement by notice; the party's people lose access at once."""
    with work() as uow:
        return answer(workspaces.leave(uow, workspace_id, body))


@routes.puts(
    "/workspaces/<uuid:workspace_id>/agreement/members",
    to=Action.AGREEMENT_AMEND,
    body=workspaces.OwnMembers,
    answers={200: workspaces.AgreementOut},
)
def name_members(workspace_id: UUID, body: workspaces.OwnMembers) -> ResponseReturnValue:
    """Say by notice whom one's own party names as members."""
    with work() as uow:
        return answer(workspaces.name_members(uow, workspace_id, body))


@routes.reads(
    "/workspaces/<uuid:workspace_id>/agreement/versions",
    to=Action.AGREEMENT_READ,
    answers={200: [workspaces.AgreementOut]},
)
def list_versions(workspace_id: UUID) -> ResponseReturnValue:
    """Read every version with its signatures and their seals."""
    with work() as uow:
        return page(workspaces.versions(uow, workspace_id), None)


@routes.reads(
    "/workspaces/<uuid:workspace_id>/agreement/changes",
    to=Action.AGREEMENT_READ,
    query=ChangesQuery,
    answers={200: [Sentence]},
)
def read_changes(workspace_id: UUID, query: ChangesQuery) -> ResponseReturnValue:
    """Read what differs between two versions, sentence by sentence."""
    with work() as uow:
        told = workspaces.changes(uow, workspace_id, query.before, query.after)
        return page([Sentence(field=one.field, sentence=one.sentence(), values=one.values) for one in told], None)


@routes.reads(
    "/agreements/offers", to=own("only texts that name the actor as a leader"), answers={200: [workspaces.OfferOut]}
)
def list_offers() -> ResponseReturnValue:
    """List the texts that would bring one into a team and wait for one's signature."""
    with work() as uow:
        return page(workspaces.offers(uow), None)
