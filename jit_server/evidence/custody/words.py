"""Custody in words: verbs as buttons, fields as labels, and what an act says in one line."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from jit_server.evidence.custody.did import KINDS, Admissibility, BasisKind
from jit_server.evidence.custody.shapes import Verb
from jit_server.evidence.shapes import Derived

LONG = frozenset({"text", "remarks", "found", "conditions", "reason", "description", "seals"})
MOMENTS = frozenset({"at"})
HIDDEN = frozenset({"photo", "due_at", "basis", "act", "parent", "child"})
GROUPS = (
    (Verb.ANNOTATE, Verb.PHOTOGRAPH, Verb.NUMBER, Verb.FLAG),
    (Verb.COLLECT, Verb.ACQUIRE, Verb.SEAL, Verb.UNSEAL, Verb.STORE, Verb.TRANSMIT),
    (Verb.HOLD, Verb.LIFT_HOLD, Verb.RESTRICT, Verb.LIFT_RESTRICTION, Verb.PRE_JIT, Verb.OUTSIDE),
    (Verb.AUTHORIZE, Verb.END_BASIS),
    (Verb.REQUIRE_RETURN, Verb.GIVE_BACK, Verb.DESTROY),
)


def verb_words(verb: Verb) -> str:
    """A verb as its button says it."""
    words = {
        Verb.ANNOTATE: gettext("Add a note"),
        Verb.PHOTOGRAPH: gettext("Link a photo"),
        Verb.NUMBER: gettext("Number before a court"),
        Verb.FLAG: gettext("Record admissibility"),
        Verb.COLLECT: gettext("Record the collection"),
        Verb.ACQUIRE: gettext("Record an acquisition"),
        Verb.SEAL: gettext("Record seals put on"),
        Verb.UNSEAL: gettext("Record seals broken"),
        Verb.STORE: gettext("Record where it is kept"),
        Verb.TRANSMIT: gettext("Record a transmission by other means"),
        Verb.HOLD: gettext("Put on hold"),
        Verb.LIFT_HOLD: gettext("Lift the hold"),
        Verb.RESTRICT: gettext("Restrict its processing"),
        Verb.LIFT_RESTRICTION: gettext("Lift the restriction"),
        Verb.PRE_JIT: gettext("Obtained before the team"),
        Verb.OUTSIDE: gettext("Conditions of a State outside"),
        Verb.REQUIRE_RETURN: gettext("Require its return"),
        Verb.GIVE_BACK: gettext("Record its return"),
        Verb.AUTHORIZE: gettext("Record the lawful basis"),
        Verb.END_BASIS: gettext("End a lawful basis"),
        Verb.DESTROY: gettext("Record its destruction"),
    }
    return str(words[verb])


def field_words(name: str) -> str:
    """A field as its label says it."""
    words = {
        "act": gettext("Lawful basis"),
        "areas": gettext("Blacked out"),
        "annex": gettext("List annexed to the agreement"),
        "at": gettext("Moment (UTC)"),
        "authority": gettext("Authority"),
        "by": gettext("By whom"),
        "collector": gettext("Collected by"),
        "condition": gettext("Condition"),
        "conditions": gettext("Conditions"),
        "configuration": gettext("SHA-256 of the configuration"),
        "derivation": gettext("How it was made"),
        "description": gettext("Description"),
        "file_name": gettext("File name"),
        "flag": gettext("What was ruled or said"),
        "forum": gettext("Court or authority"),
        "found": gettext("As found"),
        "identifier": gettext("Its number or reference"),
        "identifiers": gettext("Make, model, serial numbers"),
        "kind": gettext("What it is"),
        "means": gettext("Means of transmission"),
        "method": gettext("Method"),
        "number": gettext("Number"),
        "on": gettext("Day"),
        "photo": gettext("Number of the photo’s exhibit"),
        "place": gettext("Place"),
        "quantity": gettext("Quantity"),
        "reason": gettext("Why"),
        "receipt": gettext("Receipt"),
        "recipient": gettext("Recipient"),
        "reference": gettext("Reference"),
        "remarks": gettext("Remarks"),
        "ruling": gettext("Reference of the ruling or motion"),
        "seals": gettext("Seal numbers"),
        "sha256": gettext("SHA-256"),
        "sender": gettext("Sender"),
        "size": gettext("Size in bytes"),
        "source": gettext("Source"),
        "state": gettext("State of the authority"),
        "text": gettext("Note"),
        "to": gettext("To whom"),
        "tool": gettext("Tool"),
        "valid_from": gettext("Valid from"),
        "valid_until": gettext("Valid until"),
        "version": gettext("Version"),
        "write_blocker": gettext("Write blocker"),
    }
    return str(words.get(name, name))


def flag_words(flag: str) -> str:
    """What was said of admissibility."""
    words = {
        Admissibility.CHALLENGED: gettext("Challenged"),
        Admissibility.EXCLUDED: gettext("Excluded"),
        Admissibility.LIMITED: gettext("Admitted within limits"),
        Admissibility.ADMITTED: gettext("Admitted"),
    }
    return str(words[Admissibility(flag)])


def fields_of(verb: Verb) -> list[dict[str, Any]]:
    """The fields of a verb's form, in the order of its shape."""
    return [
        {
            "name": name,
            "words": _label(verb, name),
            "kind": _kind(verb, name),
            "required": field.is_required(),
            "options": _options(name),
            "most": 2000 if name in LONG else 200,
        }
        for name, field in KINDS[verb].shape.model_fields.items()
        if name not in {"verb", "basis"}
    ]


def _options(name: str) -> list[tuple[str, str]] | None:
    if name == "flag":
        return [(str(one), flag_words(one)) for one in Admissibility]
    return [(str(one), basis_words(one)) for one in BasisKind] if name == "kind" else None


def basis_words(kind: str) -> str:
    """What a lawful basis is."""
    words = {
        BasisKind.WARRANT: gettext("Warrant"),
        BasisKind.ORDER: gettext("Order"),
        BasisKind.REQUEST: gettext("Request of another State"),
        BasisKind.CLAUSE: gettext("Clause of the agreement"),
        BasisKind.CONSENT: gettext("Consent"),
        BasisKind.OTHER: gettext("Another basis"),
    }
    return str(words[BasisKind(kind)])


def derived_words(kind: str) -> str:
    """How an exhibit was made from another one."""
    words = {
        Derived.REDACTED_COPY: gettext("Redacted copy"),
        Derived.CLIP: gettext("Clip"),
        Derived.DECRYPTED_COPY: gettext("Decrypted copy"),
        Derived.TRANSLATION: gettext("Translation"),
        Derived.OTHER: gettext("Another copy"),
    }
    return str(words[Derived(kind)])


def _label(verb: Verb, name: str) -> str:
    if name == "by" and verb == Verb.REQUIRE_RETURN:
        return str(gettext("By which day"))
    return field_words(name)


def _kind(verb: Verb, name: str) -> str:
    if name in {"flag", "kind", "act"}:
        return "select"
    if name in MOMENTS:
        return "datetime-local"
    if name in {"on", "valid_from", "valid_until"} or (name == "by" and verb == Verb.REQUIRE_RETURN):
        return "date"
    return "textarea" if name in LONG else "text"


def line(said: Mapping[str, Any]) -> str:
    """What an act says, in one line."""
    shown = {name: value for name, value in said.items() if name not in HIDDEN}
    return "; ".join(f"{field_words(name)}: {_value(name, value)}" for name, value in shown.items())


def _value(name: str, value: Any) -> str:
    if name == "flag":
        return flag_words(value)
    if name == "kind":
        return basis_words(value)
    if name == "derivation":
        return derived_words(value)
    return ", ".join(value) if isinstance(value, list) else str(value)
