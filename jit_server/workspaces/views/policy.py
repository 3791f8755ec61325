"""A4: the rules in force as sentences, what one could do under them, own restrictions, and every version before."""

from typing import Any
from uuid import UUID

from flask_babel import gettext

from jit_server.access import Action, Handling, Origin, Phase, Role
from jit_server.core.errors import NotFound
from jit_server.work import UnitOfWork
from jit_server.workspaces import wording
from jit_server.workspaces.models import WorkspaceOut
from jit_server.workspaces.restrictions import Cause, PartyRule
from jit_server.workspaces.usecases import explaining, members, party_rules, policies, reading
from jit_server.workspaces.views.frame import action_words, banner, may

ABOUT = tuple(action for action in Action if action not in {Action.MESSAGE_MARK_READ, Action.PRESENCE_SHOW})
"""What may be asked of the simulator."""


def spaces(mine: list[WorkspaceOut]) -> dict[str, Any]:
    """The agency's teams to which the reader belongs."""
    shown = [
        {"id": one.id, "name": one.name, "reference": one.reference, "phase": str(one.phase), "states": one.states}
        for one in mine
    ]
    return {"spaces": shown}


def policy(uow: UnitOfWork, workspace_id: UUID, asked: dict[str, str]) -> dict[str, Any]:
    """One team's rules.

    Args:
        uow: the reader's.
        workspace_id: whose rules.
        asked: the page's own parameters: `from` and `to` (versions), `person`, `action`, `origin`, `handling`.
    """
    shown = banner(uow, workspace_id)
    holds = may(uow, reading.standing_of(uow, workspace_id))
    book = policies.book(uow, workspace_id)
    return {
        "workspace": shown,
        "may": holds,
        "version": book.version,
        "agreement_version": book.agreement_version,
        "rules": [wording.meaning(rule) for rule in book.rules],
        "restrictions": [_restriction(uow, one, holds) for one in book.restrictions],
        "new": _choices(uow, workspace_id) if Action.POLICY_PROPOSE in holds and book.history else None,
        "history": [_version(one) for one in book.history],
        "difference": _difference(uow, workspace_id, asked, book.version),
        "simulator": _simulator(uow, workspace_id, asked, holds),
    }


def _restriction(uow: UnitOfWork, one: policies.RestrictionOut, holds: set[str]) -> dict[str, Any]:
    """A restriction with where it stands and, while something waits, what that would change."""
    row = uow.get(PartyRule, one.id, to=Action.POLICY_PROPOSE)
    waits = one.ended_at is None and (one.applied_at is None or one.end_proposed_at is not None)
    state = "ended" if one.ended_at and one.applied_at else "withdrawn" if one.ended_at else "live"
    if one.ended_at is None:
        state = "proposed" if one.applied_at is None else "ending" if one.end_proposed_at else "live"
    return {
        **one.model_dump(),
        "state": state,
        "what": [action_words(Action(action)) for action in one.kinds["actions"]],
        "effects": wording.effect_lines(party_rules.preview(uow, row).effects) if waits else [],
        "may_apply": Action.POLICY_APPLY in holds,
    }


def _choices(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """What a new restriction may speak of."""
    standing = reading.standing_of(uow, workspace_id)
    rules = uow.policy(standing)
    return {
        "actions": [(str(action), action_words(action)) for action in party_rules.NARROWABLE],
        "roles": [(str(role), wording.role_words(role)) for role in Role],
        "origins": [(str(origin), wording.origin_words(origin)) for origin in Origin],
        "handlings": [str(code) for code in Handling],
        "phases": [(str(phase), wording.phase_words(phase)) for phase in Phase],
        "compartments": [rules.compartments[key].key for key in rules.compartments_of(standing.party_id)],
    }


def _version(one: policies.VersionOut) -> dict[str, Any]:
    words = {
        Cause.AGREEMENT: gettext("Version %(n)s of the agreement came into force", n=one.agreement_version),
        Cause.NARROWED: gettext("A restriction was applied"),
        Cause.LOOSENED: gettext("A restriction was lifted"),
    }
    return {**one.model_dump(exclude={"cause"}), "cause": str(one.cause), "words": words[one.cause]}


def _difference(uow: UnitOfWork, workspace_id: UUID, asked: dict[str, str], newest: int) -> dict[str, Any] | None:
    before, after = (_number(asked.get(name)) for name in ("from", "to"))
    if before is None or after is None or max(before, after) > newest:
        return None
    found = policies.difference(uow, workspace_id, before, after)
    return {
        "before": before,
        "after": after,
        "added": [wording.meaning(rule) for rule in found.added],
        "removed": [wording.meaning(rule) for rule in found.removed],
        "changed": [(wording.meaning(old), wording.meaning(new)) for old, new in found.changed],
        "effects": wording.effect_lines(found.effects),
    }


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < len("1000000000") else None


def _simulator(uow: UnitOfWork, workspace_id: UUID, asked: dict[str, str], holds: set[str]) -> dict[str, Any]:
    """Whether X can do Y on Z, and because of what."""
    people = [(str(uow.actor.person_id), gettext("I myself"))]
    if Action.MEMBER_LIST in holds:
        team = members.members(uow, workspace_id, note=False)
        people += [
            (str(one.person_id), f"{one.name}, {one.agency}") for one in team if one.person_id != uow.actor.person_id
        ]
    values = {
        "person": asked.get("person") or people[0][0],
        "action": asked.get("action") or str(Action.EVIDENCE_DOWNLOAD),
        "origin": asked.get("origin") or str(Origin.PARTNER),
        "handling": asked.get("handling") or str(Handling.H0),
    }
    return {
        "people": people,
        "actions": [(str(action), action_words(action)) for action in ABOUT],
        "origins": [(str(origin), wording.origin_words(origin)) for origin in Origin],
        "handlings": [(str(code), str(code)) for code in Handling],
        "values": values,
        "answer": _answer(uow, workspace_id, values, dict(people)) if "action" in asked else None,
    }


def _answer(
    uow: UnitOfWork, workspace_id: UUID, values: dict[str, str], people: dict[str, str]
) -> dict[str, Any] | None:
    try:
        found = explaining.explain(
            uow,
            workspace_id,
            Action(values["action"]),
            person_id=UUID(values["person"]),
            origin=Origin(values["origin"]),
            handling=Handling(values["handling"]),
        )
    except (ValueError, NotFound):  # a parameter of the address that the form does not offer
        return None
    return {
        "allowed": found.allowed,
        "who": people.get(values["person"], ""),
        "what": action_words(found.action),
        "on": wording.origin_words(found.origin),
        "handling": str(found.handling),
        "sentence": wording.reason(found.clause, found.reason)
        or gettext("No rule gives this to your role in this phase."),
        "clause": found.clause or None,
        "source": found.source,
        "granters": [f"{one.name}, {one.agency}" for one in found.granters],
    }
