"""The originator's answer: a scoped, expiring grant under a clause, or a no with its reason; and how it ends."""

from typing import Any
from uuid import UUID

from jit_server.access import Action
from jit_server.consents.lifecycle import CONSENT, ConsentState, step
from jit_server.consents.models import Because, Consent, Grantee, Granting, NoticeKind
from jit_server.consents.usecases.asking import visible
from jit_server.consents.usecases.things import hold, known, last_moment, new_epoch, tell
from jit_server.core.errors import Conflict, Invalid
from jit_server.work import UnitOfWork
from jit_server.workspaces.compartments import AccessGrant, GrantKind
from jit_server.workspaces.models import Member, MemberStatus
from jit_server.workspaces.usecases.reading import standing_of


def grant(uow: UnitOfWork, consent_id: UUID, granting: Granting, *, within: UUID | None = None) -> Consent:
    """Agree: the actions named open to the asker or the asker's party until the moment named.

    Raises:
        Conflict: it was answered, withdrawn or has lapsed, or the asker has left the team.
        Invalid: more than was asked, an end beyond the agreement's, or a clause that is not in force.
    """
    consent, thing = _held(uow, consent_id, within)
    uow.require_fresh_sign_in()
    consent.state = step(CONSENT, consent.state, ConsentState.GRANTED)
    _check(uow, consent, granting)
    asker = uow.find(Member, workspace_id=consent.workspace_id, person_id=consent.asked_by)
    if asker is None or asker.status != MemberStatus.ACTIVE:
        raise Conflict("Whoever asked has left the team.")
    person, party = consent.asked_by, consent.asked_party
    whom = (person, None) if granting.to is Grantee.PERSON else (None, party)
    made = uow.add(
        AccessGrant(
            workspace_id=consent.workspace_id,
            subject_kind=consent.subject_kind,
            subject_id=consent.subject_id,
            actions=sorted(granting.actions),
            kind=GrantKind.CONSENT,
            clause_id=granting.clause,
            source_id=consent.id,
            granted_by=standing_of(uow, consent.workspace_id).person_id,
            granted_at=uow.now,
            expires_at=granting.expires_at,
            person_id=whom[0],
            party_id=whom[1],
        )
    )
    _answer(uow, consent, granting.reason)
    consent.clause_id, consent.granted_to, consent.expires_at = granting.clause, granting.to, granting.expires_at
    consent.granted_actions = sorted(granting.actions)
    uow.record(
        "access:granted",
        thing,
        why={"code": consent.purpose_code, "text": consent.purpose_text},
        clause=granting.clause,
        recipients=tuple(str(one) for one in whom if one),
        ask=consent.id,
        **facts_of(made),
    )
    return consent


def _check(uow: UnitOfWork, consent: Consent, granting: Granting) -> None:
    more = sorted(granting.actions - set(consent.actions))
    if more:
        raise Invalid.field("actions", f"{', '.join(more)} was not asked for", "Grant what was asked, or less.")
    last = last_moment(uow, consent.workspace_id)
    if not uow.now < granting.expires_at <= last:
        raise Invalid.field("expires_at", "lies in the past or after the agreement's end", f"At the latest {last:%F}.")
    rules = uow.policy(standing_of(uow, consent.workspace_id)).rules
    if granting.clause not in {rule.id for rule in rules}:
        raise Invalid.field("clause", f"{granting.clause} is no clause in force here", "Name the clause it stands on.")


def refuse(uow: UnitOfWork, consent_id: UUID, because: Because, *, within: UUID | None = None) -> Consent:
    """Say no, with the reason that the asker will read."""
    consent, thing = _held(uow, consent_id, within)
    uow.require_fresh_sign_in()
    consent.state = step(CONSENT, consent.state, ConsentState.REFUSED)
    _answer(uow, consent, because.reason)
    why = {"code": "refused", "text": because.reason}
    uow.record("access:declined", thing, why=why, recipients=(str(consent.asked_by),), ask=consent.id)
    return consent


def revoke(uow: UnitOfWork, consent_id: UUID, because: Because, *, within: UUID | None = None) -> Consent:
    """End a consent at once: sockets are seated anew, running downloads ask again and are cut."""
    consent, thing = _held(uow, consent_id, within)
    consent.state = step(CONSENT, consent.state, ConsentState.REVOKED)
    end_grants(uow, consent.workspace_id, consent.id, thing, because.reason)
    _answer(uow, consent, because.reason)
    return consent


def end_grants(uow: UnitOfWork, workspace_id: UUID, source_id: UUID, thing: Any, reason: str) -> None:
    """End every grant that comes from this consent or emergency and still lasts."""
    for made in uow.every(AccessGrant, AccessGrant.source_id == source_id):
        if made.revoked_at is None and made.expires_at > uow.now:
            made.revoked_at = uow.now
            uow.record("access:revoked", thing, why={"code": "revoked", "text": reason}, **facts_of(made))
    new_epoch(uow, workspace_id)


def facts_of(made: AccessGrant) -> dict[str, Any]:
    """What the log keeps of a grant: from it alone one can tell who could do what until when."""
    return {
        "grant": made.id,
        "kind": str(made.kind),
        "actions": [str(action) for action in made.actions],
        "party": made.party_id,
        "person": made.person_id,
        "expires_at": made.expires_at,
    }


def _held(uow: UnitOfWork, consent_id: UUID, within: UUID | None) -> tuple[Consent, Any]:
    consent = visible(uow, consent_id, within)
    uow.require(Action.ACCESS_DECIDE, consent)
    hold(uow, consent)
    return consent, known(uow, consent.workspace_id, consent.subject_kind, consent.subject_id)


def _answer(uow: UnitOfWork, consent: Consent, reason: str | None) -> None:
    consent.decided_by, consent.decided_at = uow.actor.person_id, uow.now
    consent.reason = reason
    tell(uow, [consent.asked_by], NoticeKind.ANSWERED, consent, mark=str(consent.state))
