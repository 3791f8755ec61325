"""The workspace (W1) and its agreement: parties, clauses, signatures, my rights and their reasons."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from flask_babel import gettext
from sqlmodel import col

from jit_server.access import Action, Phase, Role, Standing
from jit_server.identity.models import Person
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import glances, lifecycle
from jit_server.workspaces.models import (
    SIGNS,
    AgreementOut,
    Member,
    MemberStatus,
    NewAgreement,
    Workspace,
)
from jit_server.workspaces.usecases import agreements, reading, record
from jit_server.workspaces.usecases import members as team
from jit_server.workspaces.views.frame import banner, may
from jit_server.workspaces.views.log import timeline
from jit_server.workspaces.views.rights import rights

LATEST = 8


def home(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """W1."""
    shown = banner(uow, workspace_id)
    found = uow.get(Workspace, workspace_id, to=Action.WORKSPACE_READ)
    standing = reading.standing_of(uow, workspace_id)
    current = agreements.agreement(uow, workspace_id, note=False)
    uow.record("workspace:read", found)
    holds = may(uow, standing)
    latest: list[dict[str, Any]] = []
    if Action.LOG_READ in holds:
        entries = record.read_log(uow, workspace_id, latest=True, limit=LATEST, note=False, changes=True)
        latest = timeline(entries, record.names(uow, entries))
    numbers = glances.counts(uow, [workspace_id])[workspace_id]
    active = (
        [one for one in team.members(uow, workspace_id, note=False) if one.status == MemberStatus.ACTIVE]
        if (Action.MEMBER_LIST in holds)
        else []
    )
    return {
        "workspace": shown,
        "may": holds,
        "detail": {
            "purpose": found.purpose,
            "reference": found.reference,
            "valid_from": found.period_from,
            "valid_until": found.period_to,
            "agreement_version": current.version,
            "retention": str(found.retention_profile),
        },
        "parties": parties(uow, workspace_id, current, standing),
        "opening": _opening(found, current, holds),
        "phases": [str(one) for one in lifecycle.choices(found.phase)]
        if Action.WORKSPACE_CHANGE_PHASE in holds
        else [],
        "latest": latest,
        "rights": rights(uow, standing),
        "counts": {"members": len(active)} | {name: numbers.get(name, 0) for name in ("unread", "exhibits")},
    }


def parties(uow: UnitOfWork, workspace_id: UUID, current: AgreementOut, standing: Standing) -> list[dict[str, Any]]:
    """The parties with leader and signature, own party first."""
    leaders = uow.all(
        uow.select(Member, to=Action.WORKSPACE_READ, within=workspace_id).where(
            col(Member.role).in_([Role.LEADER, Role.SPACE_ADMIN]), col(Member.status) == MemberStatus.ACTIVE
        )
    )
    people = rows_by_id(uow, Person, [one.person_id for one in leaders])
    named: dict[UUID, str] = {}
    for one in leaders:
        named.setdefault(one.party_id, people[one.person_id].name)
    return [
        {
            "id": one.party_id,
            "state": one.state,
            "agency": one.authority,
            "party_class": str(one.party_class),
            "leader": named.get(one.party_id),
            "signatory": one.signatory,
            "signed_at": one.signed_at,
            "signs": one.party_class in SIGNS,
            "mine": one.party_id == standing.party_id,
        }
        for one in sorted(current.parties, key=lambda one: (one.party_id != standing.party_id, one.state))
    ]


def _opening(found: Workspace, current: AgreementOut, holds: set[str]) -> dict[str, Any] | None:
    if Action.WORKSPACE_OPEN in holds:
        return {"needs": None, "may": True}
    if found.phase == Phase.PROPOSED:
        unsigned = [one.authority for one in current.parties if one.signed_at is None and one.party_class in SIGNS]
        return {"needs": gettext("Waits for the signature of %(who)s.", who=", ".join(unsigned)), "may": False}
    return None


def agreement(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """The agreement's page."""
    shown = banner(uow, workspace_id)
    standing = reading.standing_of(uow, workspace_id)
    current = agreements.agreement(uow, workspace_id)
    text = NewAgreement.model_validate(current.document)
    holds = may(uow, standing)
    named = parties(uow, workspace_id, current, standing)
    mine = next((one for one in named if one["mine"]), None)
    waits = mine is not None and mine["signed_at"] is None and Action.AGREEMENT_SIGN in holds
    return {
        "workspace": shown,
        "may": holds,
        "agreement": {
            "version": current.version,
            "purpose": text.purpose,
            "legal_basis": text.legal_basis,
            "reference": text.reference,
            "valid_from": text.period_from,
            "valid_until": text.period_to,
            "default_handling": str(text.default_handling),
            "retention": str(text.retention_profile),
            "sha256": current.digest.removeprefix("sha256:"),
            "languages": ["en"],
        },
        "clauses": [_clause(clause) for clause in text.clauses],
        "parties": named,
        "can_sign": {"party": mine["agency"]} if waits and mine else None,
    }


def _clause(clause: Any) -> dict[str, Any]:
    def words(values: Iterable[Any]) -> str | None:
        return " ".join(str(value) for value in values) or None

    return {
        "id": clause.id,
        "sentence": clause.text,
        "effect": clause.effect,
        "party_class": words(clause.party_classes),
        "role": words(clause.roles),
        "origin": words(clause.origins),
        "handling": words(clause.handlings),
        "actions": [str(action) for action in clause.actions],
    }
