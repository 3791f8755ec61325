"""JSON doors to what passes between the team and third countries or international courts, and to markings."""

from typing import Annotated
from uuid import UUID

from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, StringConstraints

from jit_server import consents, evidence
from jit_server.access import Action
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.wire import BYTES, content_of, routes
from jit_server.web.api import answer, created, page
from jit_server.web.context import work


class Withdrawal(BaseModel):
    """Why a release is taken back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=1000)]


@routes.reads(
    "/workspaces/<uuid:workspace_id>/quarantine",
    to=Action.EVIDENCE_VERIFY_INBOUND,
    answers={200: [evidence.InboundOut]},
)
def list_quarantine(workspace_id: UUID) -> ResponseReturnValue:
    """List what third countries and international courts supplied and nobody has verified yet, the oldest first."""
    with work() as uow:
        return page(evidence.quarantine(uow, workspace_id), None)


@routes.reads(
    "/workspaces/<uuid:workspace_id>/quarantine/<uuid:item_id>",
    to=Action.EVIDENCE_VERIFY_INBOUND,
    answers={200: evidence.InboundOut},
)
def read_quarantined(workspace_id: UUID, item_id: UUID) -> ResponseReturnValue:
    """See what was declared of something in quarantine."""
    with work() as uow:
        return answer(evidence.quarantined(uow, workspace_id, item_id))


@routes.reads(
    "/workspaces/<uuid:workspace_id>/quarantine/<uuid:item_id>/content",
    to=Action.EVIDENCE_VERIFY_INBOUND,
    answers={200: BYTES},
)
def take_quarantined(workspace_id: UUID, item_id: UUID) -> ResponseReturnValue:
    """Take the bytes of something in quarantine, to verify it and for nothing else."""
    with work() as uow:
        uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_VERIFY_INBOUND, within=workspace_id)
    return content_of(item_id, Action.EVIDENCE_VERIFY_INBOUND)


@routes.posts(
    "/workspaces/<uuid:workspace_id>/quarantine/<uuid:item_id>",
    to=Action.EVIDENCE_VERIFY_INBOUND,
    body=evidence.Inbound,
    answers={201: None},
)
def verify_inbound(workspace_id: UUID, item_id: UUID, body: evidence.Inbound) -> ResponseReturnValue:
    """Let it in, or refuse it, with the reason. Needs a recent sign-in; never delegated, and final."""
    with work() as uow:
        item = evidence.verify_inbound(uow, workspace_id, item_id, body)
        return created({"id": item.id, "number": item.number, "gate": str(item.gate)})


@routes.posts(
    "/evidence/<uuid:item_id>/marking", to=Action.EVIDENCE_REMARK, body=evidence.NewMarking, answers={201: None}
)
def remark(item_id: UUID, body: evidence.NewMarking) -> ResponseReturnValue:
    """Mark an exhibit of one's own party anew. Needs a recent sign-in; the earlier marking stays in its history."""
    with work() as uow:
        item = evidence.remark(uow, item_id, body)
        return created({"id": item.id, "handling": str(item.handling), "scheme": item.scheme, "code": item.code})


@routes.reads("/evidence/<uuid:item_id>/markings", to=Action.EVIDENCE_READ, answers={200: [evidence.MarkingOut]})
def list_markings(item_id: UUID) -> ResponseReturnValue:
    """See how an exhibit was marked, newest first."""
    with work() as uow:
        item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_READ)
        uow.record("evidence:read", item)
        return page(evidence.markings_of(uow, item), None)


@routes.posts(
    "/evidence/<uuid:item_id>/releases",
    to=Action.EVIDENCE_RELEASE,
    body=evidence.NewRelease,
    answers={201: consents.ApprovalOut},
)
def release(item_id: UUID, body: evidence.NewRelease) -> ResponseReturnValue:
    """Propose a release to third countries or international courts: two assertions, a basis for each, an end.

    It goes out when a second person has approved it (`/approvals`).
    """
    with work() as uow:
        proposed = evidence.propose_release(uow, item_id, body)
        return created(consents.approvals_out(uow, [proposed])[0])


@routes.reads("/evidence/<uuid:item_id>/releases", to=Action.EVIDENCE_RELEASE, answers={200: [evidence.ReleaseOut]})
def list_releases(item_id: UUID) -> ResponseReturnValue:
    """See to whom an exhibit of one's own party was released, on what basis, and until when."""
    with work() as uow:
        item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_RELEASE)
        uow.record("evidence:read", item)
        return page(evidence.releases_of(uow, item), None)


@routes.posts(
    "/evidence/<uuid:item_id>/releases/<uuid:recipient_id>/withdraw",
    to=Action.EVIDENCE_RELEASE,
    body=Withdrawal,
    answers={201: None},
)
def withdraw(item_id: UUID, recipient_id: UUID, body: Withdrawal) -> ResponseReturnValue:
    """Take a release back; the recipient's next request is refused, a running download ends."""
    with work() as uow:
        one = evidence.withdraw(uow, item_id, recipient_id, body.reason)
        return created({"id": one.id, "withdrawn_at": one.withdrawn_at})


@routes.posts(
    "/workspaces/<uuid:workspace_id>/releases/<uuid:recipient_id>",
    to=Action.EVIDENCE_VERIFY_INBOUND,
    body=evidence.Inbound,
    answers={201: None},
)
def verify_outbound(workspace_id: UUID, recipient_id: UUID, body: evidence.Inbound) -> ResponseReturnValue:
    """Let a release to an international court go out, or refuse it (Art. 18(2)). Needs a recent sign-in."""
    with work() as uow:
        one = evidence.verify_outbound(uow, workspace_id, recipient_id, body)
        return created({"id": one.id, "gate": str(one.gate)})
