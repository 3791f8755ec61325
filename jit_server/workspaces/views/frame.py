"""What every page of a workspace shows: the identity bar, the actor's actions, actions in words."""

from typing import Any
from uuid import UUID

from flask_babel import gettext

from jit_server import audit
from jit_server.access import Action, Standing
from jit_server.core import clock
from jit_server.work import UnitOfWork
from jit_server.workspaces.models import (
    Party,
    WorkspaceOut,
)
from jit_server.workspaces.usecases import reading


def banner(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """The identity bar of a workspace's pages (`workspace` in every template)."""
    found = reading.workspace(uow, workspace_id, note=False)
    return {
        "id": found.id,
        "name": found.name,
        "legal_basis": found.legal_basis,
        "states": found.states,
        "handling": str(found.default_handling),
        "phase": str(found.phase),
        "valid_until": found.period_to,
        "days_left": days_left(found),
        "retention": str(found.retention_profile),
        "my_role": str(found.my_role),
        "log_size": audit.head(uow.connection, workspace_id).size,
    }


def originator(uow: UnitOfWork, party_id: UUID) -> str | None:
    """The State of the party that supplied a thing, for people who may know of it."""
    party = uow.find(Party, id=party_id)
    return party.state if party is not None else None


def days_left(found: WorkspaceOut) -> int:
    """Days until the agreement's term ends; negative once it has."""
    return (found.period_to - clock.now().date()).days


def may(uow: UnitOfWork, standing: Standing) -> set[str]:
    """The actions that the actor holds here now for things of their own party."""
    policy = uow.policy(standing)
    return {str(action) for action in Action if policy.permits(standing, action)}


def action_words(action: Action) -> str:
    """An action as a person would say it."""
    words: dict[Action, str] = {
        Action.ACCESS_ASK: gettext("Ask the originator"),
        Action.ACCESS_BREAK_GLASS: gettext("Open in an emergency"),
        Action.ACCESS_DECIDE: gettext("Answer those who ask"),
        Action.AGREEMENT_AMEND: gettext("Change the agreement"),
        Action.AGREEMENT_READ: gettext("Read the agreement"),
        Action.AGREEMENT_SIGN: gettext("Sign the agreement"),
        Action.APPROVAL_GIVE: gettext("Be the second person"),
        Action.CHANNEL_CREATE: gettext("Open channels"),
        Action.CHANNEL_READ: gettext("Know the channels"),
        Action.CUSTODY_DECIDE: gettext("Decide on basis and fate of exhibits"),
        Action.CUSTODY_READ: gettext("See the chain of custody"),
        Action.CUSTODY_RECORD: gettext("Record custody"),
        Action.EVIDENCE_DOWNLOAD: gettext("Download exhibits"),
        Action.EVIDENCE_EXPORT: gettext("Export exhibits with proofs"),
        Action.EVIDENCE_LIST: gettext("Know the exhibits"),
        Action.EVIDENCE_READ: gettext("Open exhibits"),
        Action.EVIDENCE_REGISTER: gettext("Register evidence"),
        Action.EVIDENCE_RELEASE: gettext("Release to third countries"),
        Action.EVIDENCE_REMARK: gettext("Change markings"),
        Action.EVIDENCE_VERIFY_INBOUND: gettext("Verify what third countries supply"),
        Action.LOG_READ: gettext("Read the log"),
        Action.LOG_VERIFY: gettext("Check the log"),
        Action.MEMBER_END: gettext("End access"),
        Action.MEMBER_INVITE: gettext("Give access"),
        Action.MEMBER_LIST: gettext("See the members"),
        Action.MESSAGE_EDIT: gettext("Correct own messages"),
        Action.MESSAGE_MARK_READ: gettext("Keep reading marks"),
        Action.MESSAGE_POST: gettext("Post messages"),
        Action.MESSAGE_READ: gettext("Read messages"),
        Action.MESSAGE_WITHDRAW: gettext("Withdraw own messages"),
        Action.POLICY_APPLY: gettext("Apply restrictions"),
        Action.POLICY_EXPLAIN: gettext("Ask for reasons"),
        Action.POLICY_PROPOSE: gettext("Propose restrictions"),
        Action.PRESENCE_SHOW: gettext("See who is here"),
        Action.WORKSPACE_CHANGE_PHASE: gettext("Change the phase"),
        Action.WORKSPACE_OPEN: gettext("Open the workspace"),
        Action.WORKSPACE_READ: gettext("Know the workspace"),
    }
    return words.get(action, str(action))
