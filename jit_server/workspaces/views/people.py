"""The team (W17): person by capability, grouped by party, own party first."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from jit_server.access import Action, PartyClass, Role, Standing
from jit_server.work import UnitOfWork
from jit_server.workspaces import clauses
from jit_server.workspaces.models import Member, MemberOut, MemberStatus, Party, Workspace
from jit_server.workspaces.usecases import members as team
from jit_server.workspaces.usecases import reading, record
from jit_server.workspaces.views.frame import action_words, banner, may
from jit_server.workspaces.views.rights import rights

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
    parties = _parties(uow, workspace_id)
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
        "past_term": any(_outlasts(one, shown["valid_until"]) for one in people),
        "invite": _invite(uow, workspace_id, shown, typed) if Action.MEMBER_INVITE in holds else None,
    }


def member(uow: UnitOfWork, workspace_id: UUID, member_id: UUID) -> dict[str, Any]:
    """One member: since when and until when, on what the access rests, and every right with its reason."""
    row = uow.get(Member, member_id, to=Action.MEMBER_LIST, within=workspace_id)
    standing = reading.standing_of(uow, workspace_id)
    one = next(found for found in team.members(uow, workspace_id) if found.id == row.id)
    party = next(found for found in _parties(uow, workspace_id) if found.id == row.party_id)
    space = uow.get(Workspace, workspace_id, to=Action.WORKSPACE_READ)
    expired = row.expires_at is not None and row.expires_at <= uow.now
    ended = row.ended_at or (row.expires_at if expired else None)
    return {
        "workspace": banner(uow, workspace_id),
        "may": may(uow, standing),
        "member": {
            "name": one.name,
            "agency": one.agency,
            "state": one.state,
            "role": str(one.role),
            "party_class": str(party.party_class),
            "since": one.since,
            "until": one.expires_at,
            "term_end": space.period_to,
            "ended_at": ended,
            "me": one.person_id == standing.person_id,
        },
        "source": _source(uow, workspace_id, row),
        "rights": [] if ended else rights(uow, _standing(standing, party, one)),
    }


def _source(uow: UnitOfWork, workspace_id: UUID, row: Member) -> dict[str, Any] | None:
    """The entry of the log that gave the access, for whoever may read the log."""
    if not uow.permits(Action.LOG_READ, uow.find(Workspace, id=workspace_id)):
        return None
    given = ("member:invited", "member:joined")
    found = [
        record.read_log(uow, workspace_id, subject=row.id, event=one, latest=True, limit=1, note=False) for one in given
    ]
    entries = sorted((entry for each in found for entry in each), key=lambda entry: -entry.position)[:1]
    if not entries:
        return None
    named = record.names(uow, workspace_id, entries)
    by = named.get(str(entries[0].actor.get("person")), {}).get("name")
    return {"event": entries[0].event, "at": entries[0].at, "by": by, "position": entries[0].position}


def _outlasts(one: MemberOut, term_end: date) -> bool:
    return one.expires_at is not None and one.expires_at.date() > term_end


def _parties(uow: UnitOfWork, workspace_id: UUID) -> Sequence[Party]:
    return uow.all(uow.select(Party, to=Action.WORKSPACE_READ, within=workspace_id))


def _standing(mine: Standing, party: Party, one: MemberOut) -> Standing:
    """What a member is, seen from the actor's own standing in the same workspace."""
    return replace(
        mine,
        member_id=one.id,
        person_id=one.person_id,
        role=Role(one.role),
        party_id=party.id,
        party_class=PartyClass(party.party_class),
    )


def _member(uow: UnitOfWork, standing: Standing, party: Party, one: MemberOut) -> dict[str, Any]:
    theirs = _standing(standing, party, one)
    policy = uow.policy(standing)
    now = uow.now
    expired = one.expires_at is not None and one.expires_at <= now
    ended = now if one.status in {MemberStatus.SUSPENDED, MemberStatus.REMOVED} else one.expires_at if expired else None
    invited = one.status == MemberStatus.INVITED
    row = uow.find(Member, id=one.id) if ended else None
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
        "can": [str(action) for action in CAPABILITIES if not invited and policy.permits(theirs, action)],
        "invited": invited,
        "may_end": ended is None and uow.decide(Action.MEMBER_END, subject, standing).allowed,
    }


def _invite(uow: UnitOfWork, workspace_id: UUID, shown: dict[str, Any], typed: dict[str, str] | None) -> dict[str, Any]:
    people = [
        (str(person.id), f"{person.name}, {agency.own_name}") for person, agency in team.invitable(uow, workspace_id)
    ]
    open_roles = set().union(*clauses.ROLES_OF.values())
    roles = [str(role) for role in Role if role in open_roles]
    return {"people": people, "roles": roles, "until": shown["valid_until"].isoformat(), "values": typed or {}}
