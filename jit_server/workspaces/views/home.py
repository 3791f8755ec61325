"""The workspace (W1) and its agreement: parties, clauses, signatures, my rights and their reasons."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from flask_babel import gettext
from sqlmodel import col

from jit_server.access import Action, Phase, Role, Standing
from jit_server.work import UnitOfWork
from jit_server.workspaces import aliases, glances, lifecycle
from jit_server.workspaces.models import (
    AgreementOut,
    Member,
    MemberStatus,
    NewAgreement,
    Workspace,
)
from jit_server.workspaces.usecases import agreements, amending, drafting, reading, record
from jit_server.workspaces.usecases import members as team
from jit_server.workspaces.views import editor, versions
from jit_server.workspaces.views.frame import action_words, banner, may
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
        latest = timeline(entries, record.names(uow, workspace_id, entries))
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
    people = aliases.shown(uow, workspace_id, [one.person_id for one in leaders])
    named: dict[UUID, str] = {}
    for one in leaders:
        named.setdefault(one.party_id, people[one.person_id])
    return [
        {
            "id": one.party_id,
            "state": one.state,
            "agency": one.authority,
            "party_class": str(one.party_class),
            "leader": named.get(one.party_id) if one.party_id else None,
            "signatory": one.signatory,
            "signed_at": one.signed_at,
            "signs": one.signs,
            "sealed": one.sealed,
            "mine": one.party_id == standing.party_id,
        }
        for one in sorted(current.parties, key=lambda one: (one.party_id != standing.party_id, one.state))
    ]


def _opening(found: Workspace, current: AgreementOut, holds: set[str]) -> dict[str, Any] | None:
    if Action.WORKSPACE_OPEN in holds:
        return {"needs": None, "may": True}
    if found.phase == Phase.PROPOSED:
        unsigned = [one.authority for one in current.parties if one.signed_at is None and one.signs]
        return {"needs": gettext("Waits for the signature of %(who)s.", who=", ".join(unsigned)), "may": False}
    return None


def agreement(uow: UnitOfWork, workspace_id: UUID, query: Mapping[str, str]) -> dict[str, Any]:
    """The agreement's page: the text in force or another `version`, and what differs `from` one `to` another."""
    shown = banner(uow, workspace_id)
    standing = reading.standing_of(uow, workspace_id)
    current = agreements.agreement(uow, workspace_id, version=_number(query.get("version")))
    text = NewAgreement.model_validate(current.document)
    holds = may(uow, standing)
    named = parties(uow, workspace_id, current, standing)
    waiting = agreements.under_signature(uow, workspace_id)
    signed = agreements.signatures(uow, waiting) if waiting is not None else []
    mine = next((one for one in signed if one.party_id == standing.party_id and one.signs), None)
    first, second = _number(query.get("from")), _number(query.get("to"))
    compared = first is not None and second is not None
    amends = Action.AGREEMENT_AMEND in holds
    return {
        "workspace": shown,
        "may": holds,
        "agreement": {
            **versions.shown(current),
            "purpose": text.purpose,
            "legal_basis": text.legal_basis,
            "reference": text.reference,
            "valid_from": text.period_from,
            "valid_until": text.period_to,
            "default_handling": str(text.default_handling),
            "retention": str(text.retention_profile),
        },
        "headings": editor.text(uow, current.document),
        "clauses": [_clause(clause) for clause in text.clauses],
        "parties": named,
        "waiting": versions.shown(agreements.shown(uow, waiting)) if waiting is not None else None,
        "can_sign": bool(mine and mine.signed_at is None and Action.AGREEMENT_SIGN in holds),
        "can_withdraw": waiting is not None and amends and amending.laid_by_us(uow, waiting),
        "draft": drafting.draft_of(uow, workspace_id) if amends else None,
        "history": versions.every(uow, workspace_id),
        "told": versions.sentences(amending.changes(uow, workspace_id, first or 0, second or 0)) if compared else None,
        "compared": (first, second) if compared else None,
    }


def _number(word: str | None) -> int | None:
    return int(word) if word and word.isascii() and word.isdigit() and len(word) < 9 else None  # noqa: PLR2004


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
        "words": [action_words(action) for action in clause.actions],
    }
