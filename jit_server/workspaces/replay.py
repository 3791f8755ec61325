"""Who could see a thing on a past day, worked out from the log's entries and nothing else.

Every fact that decides is on the log: the rules put in force, memberships, phases, markings, gates and grants. So an
overseer needs no database of that day and no word of this server: the same entries, exported and verified, give the
same answer. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from jit_server.access import (
    Action,
    Gate,
    Handling,
    Origin,
    PartyClass,
    Phase,
    Policy,
    Role,
    Room,
    Rule,
    Standing,
    baseline_policy,
)

ACTIONS = (Action.EVIDENCE_LIST, Action.EVIDENCE_READ, Action.EVIDENCE_DOWNLOAD, Action.EVIDENCE_EXPORT)
_JOINS = frozenset({"member:joined", "member:changed", "member:entered"})
_OUTSIDE = frozenset({"member:invited", "member:ended"})
EVENTS = frozenset({"policy:put_in_force", "workspace:phase_changed"}) | _JOINS | _OUTSIDE
"""What decides beside the events of the thing itself."""
_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Belongs:
    """A membership as the log left it."""

    member_id: UUID
    person_id: UUID
    party_id: UUID
    role: Role
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Grant:
    """An exception for the thing, as the log left it."""

    actions: frozenset[str]
    party_id: UUID | None
    person_id: UUID | None
    expires_at: datetime


@dataclass
class Moment:
    """What the entries up to a moment say."""

    phase: Phase = Phase.PROPOSED
    policy: Policy = field(default_factory=baseline_policy)
    classes: dict[UUID, PartyClass] = field(default_factory=dict)
    members: dict[UUID, Belongs] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    thing: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """One person and what they could do with the thing."""

    person_id: UUID
    party_id: UUID
    role: Role
    actions: tuple[Action, ...]


def at(entries: Iterable[dict[str, Any]], thing_id: UUID, moment: datetime) -> Moment:
    """Read the entries up to a moment, in order of position.

    Args:
        entries: canonical contents of the workspace's log, from its beginning.
        thing_id: the exhibit.
        moment: with a zone; entries after it are not read.
    """
    found = Moment()
    for entry in entries:
        if datetime.fromisoformat(entry["at"]) > moment:
            break
        if entry["result"] == "ok":
            _take(found, entry, str(thing_id))
    return found


def _take(found: Moment, entry: dict[str, Any], thing_id: str) -> None:
    event, subject, facts = entry["event"], entry["subject"], entry["facts"]
    if event == "policy:put_in_force":
        found.policy, found.classes = _policy(facts)
    elif event == "workspace:phase_changed":
        found.phase = Phase(facts["after"])
    elif event in _JOINS and (event != "member:changed" or UUID(subject["id"]) in found.members):
        _join(found, UUID(subject["id"]), subject, facts)
    elif event in _OUTSIDE:
        found.members.pop(UUID(subject["id"]), None)
    elif subject["id"] == thing_id:
        _happened(found, event, subject, facts)


def _policy(facts: dict[str, Any]) -> tuple[Policy, dict[UUID, PartyClass]]:
    rules = [_rule(stated) for stated in facts["rules"]]
    rooms = {
        UUID(one["id"]): Room(one["key"], frozenset(UUID(party) for party in one["parties"]))
        for one in facts["compartments"]
    }
    parties = {UUID(one["id"]): one for one in facts["parties"]}
    slugs = {key: one["slug"] for key, one in parties.items()}
    return Policy(rules, rooms, slugs), {key: PartyClass(one["class"]) for key, one in parties.items()}


def _rule(stated: dict[str, Any]) -> Rule:
    kinds = {name: tuple(words) for name, words in stated.items() if isinstance(words, list)}
    return Rule(id=stated["id"], effect=stated["effect"], **kinds)  # type: ignore[arg-type] # all of them are words


def _join(found: Moment, member_id: UUID, subject: dict[str, Any], facts: dict[str, Any]) -> None:
    before = found.members.get(member_id)
    until = facts.get("expires_at")
    person, party = facts.get("person"), subject.get("party")
    if before is None and (person is None or party is None or "role" not in facts):
        return
    found.members[member_id] = Belongs(
        member_id,
        UUID(person) if person else before.person_id,  # type: ignore[union-attr] # one of both is there
        UUID(party) if party else before.party_id,  # type: ignore[union-attr]
        Role(facts["role"]) if "role" in facts else before.role,  # type: ignore[union-attr]
        datetime.fromisoformat(until) if until else before.expires_at if before else None,
    )


def _happened(found: Moment, event: str, subject: dict[str, Any], facts: dict[str, Any]) -> None:
    """Something about the thing itself: what it is now, and who was let in by a grant."""
    if event == "access:granted":
        found.grants[facts["grant"]] = Grant(
            frozenset(facts["actions"]),
            UUID(facts["party"]) if facts.get("party") else None,
            UUID(facts["person"]) if facts.get("person") else None,
            datetime.fromisoformat(facts["expires_at"]),
        )
    elif event == "access:revoked":
        found.grants.pop(facts["grant"], None)
    elif event == "evidence:registered" or found.thing is not None:
        before = found.thing or {"gate": Gate.OPEN.value}
        stated: dict[str, Any] = {name: facts[name] for name in ("handling", "gate") if name in facts}
        seen = {"party": subject["party"], "compartment": subject.get("compartment")}
        handling = {} if found.thing is not None else {"handling": subject["handling"]}
        found.thing = {**before, **seen, **handling, **stated}


def who_could(found: Moment, moment: datetime) -> list[Sight]:
    """Everybody whose membership held then and who could do something with the thing; nobody before it was there."""
    if found.thing is None:
        return []
    sights = []
    for one in found.members.values():
        if (one.expires_at is not None and one.expires_at <= moment) or one.party_id not in found.classes:
            continue
        allowed = tuple(action for action in ACTIONS if _could(found, one, action, moment))
        if allowed:
            sights.append(Sight(one.person_id, one.party_id, one.role, allowed))
    return sorted(sights, key=lambda sight: str(sight.person_id))


def _could(found: Moment, one: Belongs, action: Action, moment: datetime) -> bool:
    thing = found.thing or {}
    standing = Standing(
        workspace_id=_NOBODY,
        member_id=one.member_id,
        person_id=one.person_id,
        role=one.role,
        party_id=one.party_id,
        party_class=found.classes[one.party_id],
        phase=found.phase,
        epoch=0,
        policy_version=0,
        default_handling=Handling.H0,
    )
    gate, room = Gate(thing["gate"]), UUID(thing["compartment"]) if thing["compartment"] else None
    origin = Origin.OWN if UUID(thing["party"]) == one.party_id else Origin.PARTNER
    if found.policy.permits(
        standing, action, origin=origin, handling=Handling(thing["handling"]), gate=gate, compartment=room
    ):
        return True
    liftable = found.policy.permits(standing, action, gate=gate, compartment=room)
    return (
        liftable
        and found.policy.liftable(standing, action)
        and any(
            str(action) in grant.actions
            and grant.expires_at > moment
            and (grant.party_id == one.party_id or grant.person_id == one.person_id)
            for grant in found.grants.values()
        )
    )
