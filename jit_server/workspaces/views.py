"""What the room's pages show, worked out from its use-cases; templates state the shapes at their top."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask_babel import gettext, ngettext
from sqlmodel import col

from jit_server import audit
from jit_server.audit import verbs
from jit_server.access import Action, PartyClass, Phase, Role, Standing, is_baseline
from jit_server.core import clock
from jit_server.core.errors import Invalid
from jit_server.identity.models import Person
from jit_server.work import UnitOfWork, rows_by_id
from jit_server.workspaces import clauses, glances, lifecycle
from jit_server.workspaces.models import (
    AgreementOut,
    Member,
    MemberOut,
    MemberStatus,
    NewAgreement,
    Party,
    Workspace,
    WorkspaceOut,
)
from jit_server.workspaces.usecases import agreements, reading, record
from jit_server.workspaces.usecases import members as team

SOON = 30
LATEST = 8
CAPABILITIES = (
    Action.MESSAGE_POST,
    Action.EVIDENCE_READ,
    Action.EVIDENCE_DOWNLOAD,
    Action.EVIDENCE_REGISTER,
    Action.MEMBER_INVITE,
    Action.LOG_READ,
)


def banner(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """The identity bar of a workspace's pages (`workspace` in every template)."""
    found = reading.workspace(uow, workspace_id)
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
    return {
        Action.AGREEMENT_READ: gettext("Read the agreement"),
        Action.AGREEMENT_SIGN: gettext("Sign the agreement"),
        Action.CHANNEL_CREATE: gettext("Open channels"),
        Action.CHANNEL_READ: gettext("Know the channels"),
        Action.CUSTODY_READ: gettext("See the chain of custody"),
        Action.EVIDENCE_DOWNLOAD: gettext("Download exhibits"),
        Action.EVIDENCE_EXPORT: gettext("Export exhibits with proofs"),
        Action.EVIDENCE_LIST: gettext("Know the exhibits"),
        Action.EVIDENCE_READ: gettext("Open exhibits"),
        Action.EVIDENCE_REGISTER: gettext("Register evidence"),
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
        Action.POLICY_EXPLAIN: gettext("Ask for reasons"),
        Action.PRESENCE_SHOW: gettext("See who is here"),
        Action.WORKSPACE_CHANGE_PHASE: gettext("Change the phase"),
        Action.WORKSPACE_OPEN: gettext("Open the workspace"),
        Action.WORKSPACE_READ: gettext("Know the workspace"),
    }[action]


def my_day(uow: UnitOfWork, mine: list[WorkspaceOut]) -> dict[str, Any]:
    """E2: what waits for me, most pressing first, then my workspaces."""
    counts = glances.counts(uow, [one.id for one in mine])
    needs = [need for one in mine for need in _needs(uow, one, counts[one.id].get("unread", 0))]
    rows = [
        {
            "id": one.id,
            "name": one.name,
            "states": one.states,
            "phase": str(one.phase),
            "handling": str(one.default_handling),
            "days_left": days_left(one),
            "unread": counts[one.id].get("unread", 0),
            "latest": None,
        }
        for one in mine
    ]
    order = {"sign": 0, "unread": 1, "expiring": 2}
    return {
        "needs": sorted(needs, key=lambda need: order[need["kind"]]),
        "workspaces": sorted(rows, key=lambda row: (-row["unread"], row["name"])),
    }


def _needs(uow: UnitOfWork, one: WorkspaceOut, unread: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if one.phase == Phase.PROPOSED and _waits_for_me(uow, one.id):
        found.append(_need("sign", gettext("Sign the agreement"), one, f"/w/{one.id}/agreement"))
    if unread:
        words = ngettext("%(num)s unread message", "%(num)s unread messages", unread)
        found.append(_need("unread", words, one, f"/w/{one.id}/c"))
    if one.phase in {Phase.OPERATIONAL, Phase.EXPIRING} and days_left(one) <= SOON:
        words = ngettext("Ends in %(num)s day", "Ends in %(num)s days", max(days_left(one), 0))
        found.append(_need("expiring", words, one, f"/w/{one.id}"))
    return found


def _need(kind: str, title: str, one: WorkspaceOut, url: str) -> dict[str, Any]:
    return {"kind": kind, "title": title, "sub": one.name, "url": url, "at": None}


def _waits_for_me(uow: UnitOfWork, workspace_id: UUID) -> bool:
    standing = reading.standing_of(uow, workspace_id)
    policy = uow.policy(standing)
    if not policy.permits(standing, Action.AGREEMENT_SIGN):
        return False
    signatures = agreements.agreement(uow, workspace_id).parties
    return any(one.party_id == standing.party_id and one.signed_at is None for one in signatures)


def home(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """W1."""
    shown = banner(uow, workspace_id)
    found = uow.get(Workspace, workspace_id, to=Action.WORKSPACE_READ)
    standing = reading.standing_of(uow, workspace_id)
    current = agreements.agreement(uow, workspace_id)
    holds = may(uow, standing)
    latest: list[dict[str, Any]] = []
    if Action.LOG_READ in holds:
        entries = record.read_log(uow, workspace_id, latest=True, limit=LATEST, note=False)
        latest = timeline(entries, record.names(uow, entries))
    numbers = glances.counts(uow, [workspace_id])[workspace_id]
    active = (
        [one for one in team.members(uow, workspace_id) if one.status == MemberStatus.ACTIVE]
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
        "parties": _parties(uow, workspace_id, current, standing),
        "phases": _phases(found, current, holds),
        "latest": latest,
        "rights": _rights(uow, standing),
        "counts": {
            "members": len(active),
            **{name: numbers.get(name, 0) for name in ("unread", "messages", "exhibits")},
        },
    }


def _rights(uow: UnitOfWork, standing: Standing) -> list[dict[str, Any]]:
    found = []
    for one in reading.rights(uow, standing):
        words = action_words(one.action)
        if not one.allowed and one.origin == "partner":
            words = gettext("%(what)s of partners marked %(code)s", what=words, code=str(one.handling))
        clause = one.clause if one.clause and not is_baseline(one.clause) else None
        sentence = one.reason or gettext("No rule gives this to your role in this phase.")
        found.append(
            {
                "action": str(one.action),
                "words": words,
                "allowed": one.allowed,
                "clause_id": clause,
                "sentence": sentence,
            }
        )
    return sorted(found, key=lambda row: not row["allowed"])


def _parties(uow: UnitOfWork, workspace_id: UUID, current: AgreementOut, standing: Standing) -> list[dict[str, Any]]:
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
            "mine": one.party_id == standing.party_id,
        }
        for one in sorted(current.parties, key=lambda one: (one.party_id != standing.party_id, one.state))
    ]


def _phases(found: Workspace, current: AgreementOut, holds: set[str]) -> list[dict[str, Any]]:
    if Action.WORKSPACE_OPEN in holds:
        return [{"phase": "operational", "needs": None}]
    if found.phase == Phase.PROPOSED:
        unsigned = [one.authority for one in current.parties if one.signed_at is None]
        missing = gettext("Waits for the signature of %(who)s.", who=", ".join(unsigned))
        return [{"phase": "agreement_signed", "needs": missing}]
    if Action.WORKSPACE_CHANGE_PHASE in holds:
        return [{"phase": str(phase), "needs": None} for phase in lifecycle.choices(Phase(found.phase))]
    return []


def agreement(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """The agreement's page."""
    shown = banner(uow, workspace_id)
    standing = reading.standing_of(uow, workspace_id)
    current = agreements.agreement(uow, workspace_id)
    text = NewAgreement.model_validate(current.document)
    holds = may(uow, standing)
    parties = _parties(uow, workspace_id, current, standing)
    mine = next((one for one in parties if one["mine"]), None)
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
        "parties": parties,
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
    subject = Member(id=one.id, workspace_id=standing.workspace_id, party_id=party.id)
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
    roles = sorted({str(role) for allowed in clauses.ROLES_OF.values() for role in allowed}, key=list(Role).index)
    return {"people": people, "roles": roles, "until": shown["valid_until"].isoformat(), "values": typed or {}}


def timeline(entries: Iterable[record.EntryOut], names: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    """Entries as the timeline shows them."""
    return [
        {
            "position": one.position,
            "event": one.event,
            "at": one.at,
            "actor": names.get(one.actor.get("person") or ""),
            "result": one.result,
            "why": one.why["text"] if one.why else None,
            "clause": one.clause,
            "detail": str(one.facts["action"]) if "action" in one.facts else None,
            "subject": None,
            "subject_url": None,
        }
        for one in entries
    ]


def log(uow: UnitOfWork, workspace_id: UUID, wanted: dict[str, str], size: int) -> dict[str, Any]:
    """W18."""
    shown = banner(uow, workspace_id)
    standing = reading.standing_of(uow, workspace_id)
    before = _number(wanted.get("cursor"))
    chosen = {name: wanted.get(name) or None for name in ("event", "result", "actor")}
    entries = record.read_log(
        uow,
        workspace_id,
        latest=True,
        before=before,
        limit=size,
        event=chosen["event"],
        result=chosen["result"],
        actor=_uuid(chosen["actor"]),
    )
    names = record.names(uow, entries)
    people = team.members(uow, workspace_id) if Action.MEMBER_LIST in may(uow, standing) else []
    here = f"/w/{workspace_id}/audit"
    kept = {name: value for name, value in chosen.items() if value}
    older = f"{here}?{urlencode({**kept, 'cursor': entries[-1].position})}" if len(entries) == size else None
    return {
        "workspace": shown,
        "may": may(uow, standing),
        "entries": timeline(entries, names),
        "filters": chosen,
        "events": sorted(verbs.EVENTS),
        "actors": [(str(one.person_id), f"{one.name}, {one.agency}") for one in people],
        "newer": f"{here}?{urlencode(kept)}" if before and kept else here if before else None,
        "older": older,
        "checkpoint": signed_head(uow, workspace_id),
    }


def signed_head(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """The signed head of the log, as the page shows it."""
    note = audit.checkpoint(uow.connection, workspace_id, uow.house.key)
    _origin, size, root, *_rest = note.splitlines()
    verifier = audit.verifier(uow.house.key, workspace_id)
    return {"size": int(size), "root": root, "signed_at": uow.now, "key": str(verifier), "text": note}


def check(uow: UnitOfWork, workspace_id: UUID) -> dict[str, Any]:
    """Recompute the log and say what came of it."""
    report = audit.verify(uow.connection, workspace_id)
    if report.ok:
        words = gettext("All %(n)s entries agree with their hashes and with the signed heads.", n=report.size)
    else:
        words = str(report)
    return {"ok": report.ok, "at": uow.now, "words": words}


def _number(text: str | None) -> int | None:
    if text is None or text == "":
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Invalid.field("cursor", "is not a position of this log", "Use the page's own links.")
    return int(text)


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Invalid.field("actor", "is not a person's id", "Choose from the list.") from None
