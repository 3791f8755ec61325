"""One entry of a log: who did what to what, when, why, for whom, and what came of it, as canonical bytes."""

import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID, uuid4

from jit_server.audit.verbs import verb_of
from jit_server.core.errors import Invalid

VERSION = 1
SERVER_LOG = UUID(int=0)
"""The log of the server itself: sessions, agencies, refusals outside any workspace."""
SALT_BYTES = 32
LARGEST_INT = 2**53 - 1
"""RFC 8785 keeps integers exact up to here."""


class Unfit(Invalid):
    """The value cannot stand in an entry: it has no one canonical form, or PostgreSQL cannot hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who acted: a person of an agency in a session, the operator, or the system itself."""

    kind: Literal["person", "operator", "system", "anonymous"]
    agency: UUID | None = None
    person: UUID | None = None
    session: UUID | None = None
    acr: str | None = None


@dataclass(frozen=True, slots=True)
class What:
    """What the act was about; whose it was and how it was marked then, so that the log hides what is hidden."""

    kind: str
    id: UUID | None = None
    party: UUID | None = None
    handling: str | None = None
    compartment: UUID | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """The stated reason (LED Art. 25(1): the justification)."""

    code: str
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An act or a refusal, ready to be given its place in a log.

    Args:
        log: workspace, or `SERVER_LOG`.
        event: past tense, as listed in `audit.verbs`.
        at: the moment; kept in UTC to the millisecond, `tz` being the actor's zone.
        clause: the clause of the agreement that allowed or refused it.
        recipients: who received something by it (ids or JSON objects).
        facts: JSON values without floats and without personal text: `commit` to that instead.

    Raises:
        UnknownEvent: nobody decided yet which processing operation this event is.
    """

    log: UUID
    event: str
    at: datetime
    who: Who
    what: What
    tz: str = "UTC"
    why: Why | None = None
    clause: str | None = None
    recipients: Sequence[Any] = ()
    result: Literal["ok", "denied", "error"] = "ok"
    facts: Mapping[str, Any] = field(default_factory=dict)
    id: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        """Refuse at once what could never be recorded."""
        verb_of(self.event)
        if self.at.tzinfo is None:
            raise Unfit("the moment of an entry needs a zone")

    def canonical(self, position: int) -> bytes:
        """Give the bytes that are stored and hashed (RFC 8785), for the entry's place in its log (from 1)."""
        before, after = self.halves()
        return before + str(position).encode() + after

    def halves(self) -> tuple[bytes, bytes]:
        """Give the canonical bytes before and after the position, which the database knows first: it holds the lock."""
        who, what, why = self.who, self.what, self.why
        before = canonical(
            {
                "actor": {
                    "kind": who.kind,
                    "agency": _text(who.agency),
                    "person": _text(who.person),
                    "session": _text(who.session),
                    "acr": who.acr,
                },
                "at": _moment(self.at),
                "clause": self.clause,
                "event": self.event,
                "facts": _plain(self.facts),
                "id": str(self.id),
                "log": str(self.log),
            }
        )
        after = canonical(
            {
                "recipients": _plain(self.recipients),
                "result": self.result,
                "subject": {
                    "kind": what.kind,
                    "id": _text(what.id),
                    "party": _text(what.party),
                    "handling": what.handling,
                    **({"compartment": str(what.compartment)} if what.compartment else {}),
                },
                "tz": self.tz,
                "v": VERSION,
                "verb": verb_of(self.event),
                "why": {"code": why.code, "text": why.text} if why else None,
            }
        )
        return before[:-1] + b',"position":', b"," + after[1:]


@dataclass(frozen=True)
class Kept:
    """An entry as the log holds it: place, bytes, leaf hash."""

    log_id: UUID
    position: int
    canonical: bytes
    leaf_hash: bytes

    @cached_property
    def content(self) -> dict[str, Any]:
        """The entry's JSON object."""
        return dict(json.loads(self.canonical))

    @property
    def event(self) -> str:
        """Past-tense name of what happened."""
        return str(self.content["event"])

    @property
    def at(self) -> datetime:
        """When, in UTC."""
        return datetime.fromisoformat(self.content["at"])


# RFC 8785 for what entries hold: no floats, ASCII keys, exact integers. For such values sorting by code point is
# sorting by UTF-16 unit, and the standard encoder escapes exactly what the RFC does (a property test compares them).
# The general library takes six times as long, and this runs while a log is locked.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical(content: Mapping[str, Any]) -> bytes:
    """Give the RFC 8785 bytes of an entry's content.

    Raises:
        Unfit: a string holds NUL or half a surrogate pair, which PostgreSQL's JSON cannot hold.
    """
    try:
        data = _encode(content).encode()
    except UnicodeEncodeError as error:
        raise Unfit("half a surrogate pair is no text") from error
    if b"\\u0000" in data and _holds_nul(content):
        raise Unfit("text in an entry must not hold NUL")
    return data


def commit(value: str, salt: bytes) -> str:
    """Commit to personal data without holding it: HMAC-SHA256 under the record's own salt, in hex.

    Whoever keeps the salt can show that a value was the one meant; once the salt is erased, nobody can try values.
    """
    return hmac.new(salt, value.encode(), sha256).hexdigest()


def new_salt() -> bytes:
    """A fresh salt for one record's commitments; it is kept in a table that may be erased."""
    return secrets.token_bytes(SALT_BYTES)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _plain(value: Any) -> Any:
    """Bring facts into JSON: ids, moments and enumerations become text; what has no one form is refused."""
    match value:
        case Enum():
            plain = _plain(value.value)
        case None | bool() | str():
            plain = value
        case int() if abs(value) <= LARGEST_INT:
            plain = value
        case UUID():
            plain = str(value)
        case datetime():
            plain = _moment(value)
        case Mapping():
            plain = {_key(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            plain = [_plain(item) for item in value]
        case _:
            raise Unfit(f"{type(value).__name__} cannot be a fact: use text, whole numbers, ids or moments")
    return plain


def _key(key: object) -> str:
    if isinstance(key, str) and key.isascii():
        return key
    raise Unfit(f"{key!r:.40} cannot name a fact: use ASCII")


def _holds_nul(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
    if isinstance(value, list):
        return any(_holds_nul(item) for item in value)
    return isinstance(value, str) and "\x00" in value
