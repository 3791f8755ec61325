"""Outbound: nothing reaches a third country or an international court without a check by its supplier.

To other parties of the team a release hands over what their marking keeps from them, or what they shall acknowledge.
The check is two assertions and, for each recipient outside, a basis of the transfer (Reg. (EU) 2023/969, Art. 17);
a second person approves; a release to an international court waits for the space administrator besides (Art. 18(2)).
What follows is a grant that ends: exactly this exhibit, exactly these parties.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from jit_server import access, consents
from jit_server.access import Action, Decision, Gate, Handling, PartyClass, Refusal, Remedy
from jit_server.consents import Act, Approval
from jit_server.consents.lifecycle import ApprovalState
from jit_server.core.errors import Conflict, Invalid, NotFound, Outdated
from jit_server.evidence.models import EvidenceItem
from jit_server.evidence.outside import (
    SHORTEST_WINDOW,
    Inbound,
    Mode,
    NewRecipient,
    NewRelease,
    ReleaseCheck,
    ReleaseRecipient,
    TransferBasis,
)
from jit_server.evidence.usecases.following import screens_follow
from jit_server.evidence.usecases.opening import open_to, person_of, revoke
from jit_server.evidence.usecases.recipients import basis_for, partners, recipients
from jit_server.evidence.usecases.uses import clause_of_grant
from jit_server.work import UnitOfWork
from jit_server.workspaces import Party
from jit_server.workspaces.aliases import shown

KIND = "release"


def propose_release(uow: UnitOfWork, item_id: UUID, new: NewRelease) -> Approval:
    """Check a release and lay it before a second person; nothing goes out until that person approves.

    Raises:
        StepUp: the sign-in is not recent.
        Invalid: an assertion or a basis is missing, a recipient is none, or the expiry lies wrong.
        NotPermitted: marked H2, and whoever decides for the originator has not consented.
        Conflict: a release of it waits already.
    """
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_RELEASE)
    uow.require_fresh_sign_in()
    _asserted(uow, new)
    _originator_agrees(uow, item)
    payload = {
        "recipients": [
            _said(uow, party, basis_for(uow, item, party, one)) for party, one in recipients(uow, item, new)
        ],
        "expires_at": new.expires_at.isoformat(),
        "mode": str(new.mode),
        "window_days": (new.window_days or SHORTEST_WINDOW) if new.mode is Mode.TICKET else None,
        "number": item.number,
        "handling": str(item.handling),
        "clause": clause_of_grant(uow, item, Action.EVIDENCE_RELEASE),
        "made_by": str(person_of(uow)),
    }
    return consents.propose(uow, item.workspace_id, KIND, item.id, payload, new.reason)


def _said(uow: UnitOfWork, party: Party, basis: NewRecipient) -> dict[str, str]:
    """A recipient as the second person reads it."""
    names = shown(uow, party.workspace_id, {basis.person_id} if basis.person_id else ())
    who = {"state": party.state, "authority": party.authority, "person": next(iter(names.values()), None)}
    return basis.model_dump(mode="json") | who


def _find(uow: UnitOfWork, workspace_id: UUID, item_id: UUID) -> EvidenceItem:
    return uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_LIST, within=workspace_id)


def _stands(uow: UnitOfWork, item: EvidenceItem, payload: dict[str, Any]) -> None:
    if datetime.fromisoformat(payload["expires_at"]) <= uow.now:
        raise Conflict("This release would have ended by now: propose it anew.")
    if str(item.handling) != payload["handling"]:
        raise Outdated(f"It was proposed while marked {payload['handling']}; now it is {item.handling}.")
    here = {str(party.id) for party in partners(uow, item.workspace_id)}
    gone = [one["authority"] for one in payload["recipients"] if one["party_id"] not in here]
    if gone:
        raise Outdated(f"{', '.join(gone)} does not belong to the team any more: propose it anew.")


def _perform(uow: UnitOfWork, item: EvidenceItem, payload: dict[str, Any], reason: str) -> None:
    """Keep the check, and open the exhibit to its recipients until it expires; to a court only after verification."""
    check = uow.add(
        ReleaseCheck(
            workspace_id=item.workspace_id,
            item_id=item.id,
            party_id=item.party_id,
            necessary=True,
            compliant=True,
            reason=reason,
            made_by=UUID(payload["made_by"]),
            made_at=uow.now,
            expires_at=datetime.fromisoformat(payload["expires_at"]),
            mode=Mode(payload.get("mode", Mode.COPY)),
            window_days=payload.get("window_days"),
        )
    )
    uow.session.flush()
    parties = {party.id: party for party in partners(uow, item.workspace_id)}
    made = [_add_recipient(uow, item, check, parties[UUID(one["party_id"])], one) for one in payload["recipients"]]
    transfers = [
        {
            "party": one.party_id,
            "person": one.person_id,
            "basis": one.basis,
            "article": one.article,
            "gate": str(one.gate),
        }
        for one in made
    ]
    uow.record(
        "evidence:released", item, recipients=tuple(str(one.party_id) for one in made), check=check.id,
        why={"code": "release", "text": reason}, clause=payload["clause"], made_by=check.made_by,
        necessary=True, compliant=True, mode=str(check.mode), transfers=transfers, expires_at=check.expires_at,
    )  # fmt: skip
    open_to(uow, item, check, [one for one in made if one.gate == Gate.OPEN], payload["clause"])


consents.register(Act(KIND, Action.EVIDENCE_RELEASE, _find, _stands, _perform))


def proposed_release(uow: UnitOfWork, item: EvidenceItem) -> Approval | None:
    """The release of an exhibit that waits for its second person, if one does."""
    found = uow.find(Approval, kind=KIND, subject_id=item.id, state=ApprovalState.WAITING)
    return found if found is not None and found.expires_at > uow.now else None


def _asserted(uow: UnitOfWork, new: NewRelease) -> None:
    """Both assertions of Article 17(2), and an end that lies ahead."""
    missing = {
        "necessary": "The transfer is not asserted to be necessary for the purposes of the agreement.",
        "compliant": "The transfer is not asserted to comply with the agreement.",
    }
    wrong = [
        {"field": name, "message": words, "remedy": "Assert it, or do not release."}
        for name, words in missing.items()
        if not getattr(new, name)
    ]
    if new.expires_at <= uow.now:
        wrong.append(
            {"field": "expires_at", "message": "The release would end in the past.", "remedy": "Choose a later day."}
        )
    if wrong:
        raise Invalid("; ".join(f"{one['field']}: {one['message']}" for one in wrong), errors=wrong)


def _originator_agrees(uow: UnitOfWork, item: EvidenceItem) -> None:
    """H2: no new recipient without permission of whoever decides for the originator (MISSION 4.5)."""
    if item.handling != Handling.H2 or uow.permits(Action.ACCESS_DECIDE, item):
        return
    standing = uow.standing(item.workspace_id)
    if standing is None:
        raise NotFound
    if access.live_grant(uow.connection, standing, Action.EVIDENCE_RELEASE, item.id) is None:
        words = "Marked H2: a leader of the originator must consent before it gets another recipient."
        refused = Decision(allowed=False, clause="", reason=words, remedy=Remedy.ASK_ORIGINATOR)
        raise Refusal(Action.EVIDENCE_RELEASE, item, standing, refused)


def _add_recipient(
    uow: UnitOfWork, item: EvidenceItem, check: ReleaseCheck, party: Party, said: dict[str, str]
) -> ReleaseRecipient:
    court = party.party_class == PartyClass.INTL_JUDICIAL_AUTHORITY
    return uow.add(
        ReleaseRecipient(
            workspace_id=item.workspace_id,
            check_id=check.id,
            item_id=item.id,
            party_id=party.id,
            compartment_id=item.compartment_id,
            person_id=UUID(said["person_id"]) if said.get("person_id") else None,
            basis=TransferBasis(said["basis"]) if said["basis"] else None,
            article=said["article"],
            document=said["document"],
            gate=Gate.PENDING if court else Gate.OPEN,
        )
    )


def waiting_releases(uow: UnitOfWork, workspace_id: UUID) -> list[ReleaseRecipient]:
    """Releases to international courts that wait for the space administrator."""
    statement = uow.select(ReleaseRecipient, to=Action.EVIDENCE_VERIFY_INBOUND, within=workspace_id)
    return list(uow.all(statement.limit(200)))


def verify_outbound(uow: UnitOfWork, workspace_id: UUID, recipient_id: UUID, said: Inbound) -> ReleaseRecipient:
    """A space administrator lets a release to an international court go out, or refuses it.

    Raises:
        StepUp: the sign-in is not recent.
        Conflict: it has expired meanwhile.
    """
    one = uow.get(ReleaseRecipient, recipient_id, to=Action.EVIDENCE_VERIFY_INBOUND, within=workspace_id)
    uow.require_fresh_sign_in()
    item, check = uow.find(EvidenceItem, id=one.item_id), uow.find(ReleaseCheck, id=one.check_id)
    if item is None or check is None:
        raise NotFound
    if said.verified and check.expires_at <= uow.now:
        raise Conflict("This release has expired: it has to be checked anew.")
    one.gate = Gate.OPEN if said.verified else Gate.REFUSED
    one.decided_by, one.decided_at, one.decision_reason = person_of(uow), uow.now, said.reason
    event = "evidence:outbound_verified" if said.verified else "evidence:outbound_refused"
    why = {"code": "verification", "text": said.reason}
    uow.record(event, item, why=why, recipients=(str(one.party_id),), check=check.id)
    open_to(uow, item, check, [one] if said.verified else [], None)
    return one


def withdraw(uow: UnitOfWork, item_id: UUID, recipient_id: UUID, reason: str) -> ReleaseRecipient:
    """Take a release back: the recipient's next request is refused, a running download ends.

    Raises:
        StepUp: the sign-in is not recent.
        Conflict: it was withdrawn or refused already.
    """
    item = uow.get(EvidenceItem, item_id, to=Action.EVIDENCE_RELEASE)
    uow.require_fresh_sign_in()
    one = uow.find(ReleaseRecipient, id=recipient_id, item_id=item.id)
    if one is None:
        raise NotFound
    if one.withdrawn_at is not None or one.gate == Gate.REFUSED:
        raise Conflict("This release is not in force.")
    one.withdrawn_at, one.decision_reason = uow.now, reason
    revoke(uow, item, one)
    screens_follow(uow, item)
    why = {"code": "release", "text": reason}
    uow.record("evidence:release_withdrawn", item, why=why, recipients=(str(one.party_id),), check=one.check_id)
    return one
