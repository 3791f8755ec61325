"""Which of the six processing operations of LED Art. 25(1) each event is; what is not listed cannot be recorded.

Directive (EU) 2016/680 wants logs of collection, alteration, consultation, disclosure (transfers included), combination
and erasure. `None` marks events that touch no personal data of a case, such as a session.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Verb(StrEnum):
    """A processing operation that LED Art. 25(1) wants logged."""

    COLLECTION = "collection"
    ALTERATION = "alteration"
    CONSULTATION = "consultation"
    DISCLOSURE = "disclosure"
    COMBINATION = "combination"
    ERASURE = "erasure"


class UnknownEvent(LookupError):
    """The event stands in no line of `EVENTS`: decide which processing operation it is, then record it."""


EVENTS: Mapping[str, Verb | None] = MappingProxyType(
    {
        # the server and who may enter it
        "witness:added": None,
        "witness:contradicted": None,
        "witness:distrusted": None,
        "witness:ended": None,
        "witness:trusted": None,
        "agency:added": None,
        "agency:changed": None,
        "anchor:added": None,
        "anchor:retired": None,
        "invitation:withdrawn": Verb.ALTERATION,
        "issuer:added": None,
        "issuer:changed": None,
        "issuer:retired": None,
        "issuer:tested": Verb.CONSULTATION,  # the claims of whoever signed in for the test were shown
        "person:enabled": Verb.ALTERATION,
        "person:invited": Verb.COLLECTION,
        "person:enrolled": Verb.COLLECTION,
        "person:changed": Verb.ALTERATION,
        "person:disabled": Verb.ALTERATION,
        "program:added": Verb.COLLECTION,
        "program:revoked": Verb.ALTERATION,
        "program:rotated": None,
        "scim:token_added": None,
        "scim:token_revoked": None,
        "session:started": None,
        "session:refused": None,
        "session:ended": None,
        "access:asked": None,
        "access:declined": None,
        "access:glass_broken": None,  # what is looked at then has entries of its own
        "access:granted": Verb.DISCLOSURE,
        "access:lapsed": None,
        "access:listed": Verb.CONSULTATION,
        "access:read": Verb.CONSULTATION,
        "access:refused": None,  # nothing was processed; `facts.action` says what was asked
        "access:reviewed": None,
        "access:revoked": Verb.ALTERATION,
        "access:withdrawn": None,
        # acts of two people, and what one person is told
        "approval:given": Verb.ALTERATION,
        "approval:lapsed": None,
        "approval:listed": Verb.CONSULTATION,
        "approval:proposed": None,
        "approval:read": Verb.CONSULTATION,
        "approval:rejected": None,
        "notice:seen": None,
        # workspaces
        "workspace:proposed": Verb.COLLECTION,
        "workspace:ending": None,
        "workspace:opened": Verb.ALTERATION,
        "workspace:phase_changed": Verb.ALTERATION,
        "workspace:key_rewrapped": None,
        "workspace:listed": Verb.CONSULTATION,
        "workspace:read": Verb.CONSULTATION,
        "agreement:draft_begun": Verb.COLLECTION,
        "agreement:draft_closed": None,
        "agreement:draft_saved": Verb.ALTERATION,
        "agreement:in_force": Verb.ALTERATION,
        "agreement:left": Verb.ALTERATION,
        "agreement:proposed": Verb.COLLECTION,
        "agreement:signed": Verb.ALTERATION,
        "agreement:read": Verb.CONSULTATION,
        "agreement:withdrawn": Verb.ALTERATION,
        "party:joined": Verb.ALTERATION,
        "party:left": Verb.ALTERATION,
        "policy:ended": Verb.ALTERATION,
        "policy:end_proposed": None,
        "policy:end_withdrawn": None,
        "policy:applied": Verb.ALTERATION,
        "policy:proposed": None,
        "policy:put_in_force": Verb.ALTERATION,
        "policy:read": Verb.CONSULTATION,
        "policy:withdrawn": None,
        "member:attested": Verb.COLLECTION,
        "member:changed": Verb.ALTERATION,
        "member:ending": None,
        "member:entered": Verb.ALTERATION,
        "member:invited": Verb.ALTERATION,
        "member:joined": Verb.ALTERATION,
        "member:ended": Verb.ALTERATION,
        "member:listed": Verb.CONSULTATION,
        # conversation: to post is to disclose to those who may read
        "channel:created": Verb.COLLECTION,
        "channel:listed": Verb.CONSULTATION,
        "channel:read": Verb.CONSULTATION,
        "message:posted": Verb.DISCLOSURE,
        "message:edited": Verb.ALTERATION,
        "message:withdrawn": Verb.ALTERATION,  # the text stays in its history
        "message:read": Verb.CONSULTATION,
        # evidence: bytes that leave the server are disclosed
        "evidence:declared": Verb.COLLECTION,
        "evidence:promoted": Verb.COLLECTION,  # the exhibit is the record of something said in the conversation
        "evidence:registered": Verb.COLLECTION,
        "evidence:redaction_ordered": Verb.CONSULTATION,  # its pixels are read; the copy is an exhibit of its own
        "evidence:redaction_refused": None,
        "evidence:uploaded": None,  # all bytes are here; the collection is recorded with what was read back of them
        "evidence:rejected": Verb.ERASURE,  # the bytes did not match what was declared, and were dropped
        "evidence:over_quota": None,  # refused before a byte was read
        "evidence:listed": Verb.CONSULTATION,
        "evidence:read": Verb.CONSULTATION,
        "evidence:read_back": Verb.COLLECTION,  # the store gave back what it was given: may be cited from now on
        "evidence:verified": Verb.CONSULTATION,
        "evidence:scanned": Verb.CONSULTATION,
        "evidence:recognised": Verb.CONSULTATION,  # what the bytes are, and say of themselves
        "evidence:damaged": Verb.CONSULTATION,  # a read found other bytes than were registered
        "evidence:downloaded": Verb.DISCLOSURE,
        "evidence:key_destroyed": Verb.ERASURE,
        "evidence:streamed": Verb.DISCLOSURE,  # a part of it
        "evidence:exported": Verb.DISCLOSURE,
        "evidence:remarked": Verb.ALTERATION,
        "evidence:inbound_verified": Verb.DISCLOSURE,  # from now on the team may see it
        "evidence:inbound_refused": Verb.ALTERATION,
        "evidence:released": Verb.DISCLOSURE,
        "evidence:outbound_verified": Verb.DISCLOSURE,
        "evidence:outbound_refused": Verb.ALTERATION,
        "evidence:release_withdrawn": Verb.ALTERATION,
        "evidence:release_extended": Verb.ALTERATION,
        "evidence:received": None,  # the recipient named the digest; taking the bytes was recorded as a disclosure
        "custody:accepted": Verb.ALTERATION,
        "custody:acquired": Verb.COLLECTION,
        "custody:annotated": Verb.ALTERATION,
        "custody:authorized": Verb.ALTERATION,
        "custody:basis_ended": Verb.ALTERATION,
        "custody:collected": Verb.COLLECTION,
        "custody:conditioned": Verb.ALTERATION,
        "custody:created_from": Verb.COLLECTION,
        "custody:derived": Verb.CONSULTATION,  # another exhibit was made from its bytes, which stay as they are
        "custody:described": Verb.COLLECTION,
        "custody:destroyed": Verb.ERASURE,
        "custody:flagged": Verb.ALTERATION,
        "custody:handed_over": Verb.ALTERATION,  # who takes it over is in the recipients; bytes leave by a download
        "custody:held": Verb.ALTERATION,
        "custody:hold_lifted": Verb.ALTERATION,
        "custody:numbered": Verb.ALTERATION,
        "custody:photographed": Verb.ALTERATION,
        "evidence:opening_asked": None,
        "evidence:package_checked": Verb.CONSULTATION,
        "evidence:arrived": Verb.COLLECTION,  # out of a package: where it came from
        "evidence:unpacking_stopped": None,
        "timeline:event_added": Verb.COLLECTION,
        "timeline:event_withdrawn": Verb.ALTERATION,
        "evidence:erased": Verb.ERASURE,  # a tombstone: what was known stays, with its digests
        "custody:read": Verb.CONSULTATION,
        "custody:refused": Verb.ALTERATION,
        "custody:restricted": Verb.ALTERATION,
        "custody:restriction_lifted": Verb.ALTERATION,
        "custody:return_required": Verb.ALTERATION,
        "custody:returned": Verb.DISCLOSURE,
        "custody:sealed": Verb.ALTERATION,
        "custody:set_apart": Verb.ALTERATION,
        "custody:stored": Verb.ALTERATION,
        "custody:transmitted": Verb.DISCLOSURE,
        "custody:unsealed": Verb.ALTERATION,
        "custody:withdrawn": Verb.ALTERATION,
        # the log itself (LED Art. 25(2): its use is logged too)
        "log:read": Verb.CONSULTATION,
        "log:verified": None,
        "log:exported": Verb.DISCLOSURE,
    }
)


def verb_of(event: str) -> Verb | None:
    """Tell which processing operation an event is, if any.

    Raises:
        UnknownEvent: the event is in no line above.
    """
    try:
        return EVENTS[event]
    except KeyError:
        raise UnknownEvent(f"{event!r} is not in jit_server/audit/verbs.py") from None
