"""The team (W17): person by capability, grouped by party, own party first."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

from jit_server.access import Action, PartyClass, Role, Standing
from jit_server.work import UnitOfWork
from jit_server.workspaces import clauses
from jit_server.workspaces.models import Member, MemberOut, MemberStatus, Party
from jit_server.workspaces.usecases import members as team
from jit_server.workspaces.usecases import reading
from jit_server.workspaces.views.frame import action_words, banner, may

CAPABILITIES = (
    Action.MESSAGE_POST,
    Action.EVIDENCE_READ,
    Action.EVIDENCE_DOWNLOAD,
    Action.EVIDENCE_REGISTER,
    Action.MEMBER_INVITE,
    Action.LOG_READ,
)


def members(uow: UnitOfWork, workspace_id: UUID, typed: dict[str, str] | None = None) -> dict[str, Any]:
    """W17: person by capability, grouped by party, own party first."""
    shown = banner(uow, workspace_id)
    standing = reading.standing_of(uow, workspace_id)
    holds = may(uow, standing)
    people = team.members(uow, workspace_id)
    parties = uow.all(uow.select(Party, to=Action.WORKSPACE_READ, within=workspace_id))
    groups = [
        {
            "state": party.state,
            "agency": party.authority,
            "party_class": str(party.party_class),
            "members": [_member(uow, standing, party, one) for one in people if one.party_id == party.id],
        }
        for party in sorted(parties, key=lambda one: (one.id != standing.party_id, one.state, one.authority))
    ]
    return {
        "workspace": shown,
        "may": holds,
        "capabilities": [{"action": str(action), "words": action_words(action)} for action in CAPABILITIES],
        "groups": groups,
        "invite": _invite(uow, workspace_id, shown, typed) if Action.MEMBER_INVITE in holds else None,
    }


def _member(uow: UnitOfWork, standing: Standing, party: Party, one: MemberOut) -> dict[str, Any]:
    theirs = Standing(
        standing.workspace_id,
        one.id,
        one.person_id,
        Role(one.role),
        party.id,
        PartyClass(party.party_class),
        standing.phase,
        standing.epoch,
        standing.policy_version,
        standing.default_handling,
    )
    policy = uow.policy(standing)
    now = uow.now
    expired = one.expires_at is not None and one.expires_at <= now
    ended = now if one.status != MemberStatus.ACTIVE else one.expires_at if expired else None
    row = uow.find(Member, id=one.id) if ended or one.status != MemberStatus.ACTIVE else None
    subject = SimpleNamespace(party_id=party.id)
    return {
        "id": one.id,
        "name": one.name,
        "role": str(one.role),
        "since": one.since,
        "until": one.expires_at.date() if one.expires_at else None,
        "days_left": (one.expires_at - now).days if one.expires_at else None,
        "ended_at": (row.ended_at if row is not None and row.ended_at else ended),
        "source": "manual",
        "me": one.person_id == standing.person_id,
        "can": [str(action) for action in CAPABILITIES if policy.permits(theirs, action)],
        "may_end": ended is None and uow.decide(Action.MEMBER_END, subject, standing).allowed,
    }


def _invite(uow: UnitOfWork, workspace_id: UUID, shown: dict[str, Any], typed: dict[str, str] | None) -> dict[str, Any]:
    people = [
        (str(person.id), f"{person.name}, {agency.own_name}") for person, agency in team.invitable(uow, workspace_id)
    ]
    open_roles = set().union(*clauses.ROLES_OF.values())
    roles = [str(role) for role in Role if role in open_roles]
    return {"people": people, "roles": roles, "until": shown["valid_until"].isoformat(), "values": typed or {}}
