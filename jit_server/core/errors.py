"""Errors that carry their own RFC 9457 problem: HTTP, the Socket.IO ack and the CLI show the same one.

One class, one slug, one status. A class's docstring is the page its `type` links to (`/problems/<slug>`).
"""

from typing import Any, ClassVar


def N_(words: str) -> str:  # noqa: N802  (the name that message extraction looks for)
    """Mark words for translation where they stand; the HTML door translates them, programs get them as they are."""
    return words


class JitError(Exception):
    """Something was asked that the server will not or cannot do.

    Args:
        detail: one sentence for the person: what is wrong and what would mend it.
        members: RFC 9457 section 3.2 extension members (`errors`, `policy`, ...), JSON values.
    """

    slug: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = N_("Something went wrong")

    def __init__(self, detail: str = "", **members: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.members = members

    def problem(self) -> dict[str, Any]:
        """The problem as a JSON object (RFC 9457 section 3.1)."""
        return {
            "type": f"/problems/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }


class Malformed(JitError):
    """The request could not be read at all: not JSON, nested too deep, or of another type than announced."""

    slug, status, title = "malformed", 400, N_("The request could not be read")


class NotSignedIn(JitError):
    """No session, or one that has ended. Sign in at your agency and send the request again."""

    slug, status, title = "not-signed-in", 401, N_("Sign in first")


class SignInRefused(JitError):
    """The identity provider's answer did not hold, or nobody invited this person."""

    slug, status, title = "sign-in-refused", 403, N_("The sign-in was refused")


class NotPermitted(JitError):
    """You belong here, but no rule of the agreement lets you do this. The refusal is on the record."""

    slug, status, title = "not-permitted", 403, N_("Not permitted")


class Forged(JitError):
    """The request seems to come from another site than this one (CSRF)."""

    slug, status, title = "forged", 403, N_("The request did not come from this site")


class NotFound(JitError):
    """There is nothing here, or nothing that you may know of."""

    slug, status, title = "not-found", 404, N_("Nothing here")


class NotAllowed(JitError):
    """The address exists, but not for this method."""

    slug, status, title = "method-not-allowed", 405, N_("Not for this method")


class Conflict(JitError):
    """The thing is no longer in the state that this step needs."""

    slug, status, title = "conflict", 409, N_("Not in this state")


class Outdated(JitError):
    """Somebody changed it since you read it: `current` holds the newer version, your text is untouched."""

    slug, status, title = "outdated", 412, N_("A newer version exists")


class KeyGone(JitError):
    """These bytes can no longer be read: their key was destroyed, as an erasure does. What is on the record stays."""

    slug, status, title = "key-gone", 410, N_("The key of these bytes was destroyed")


class TooLarge(JitError):
    """The body is larger than this address takes."""

    slug, status, title = "too-large", 413, N_("Too large")


class QuotaFull(JitError):
    """The workspace or the agency keeps as much evidence as it may. Nothing was read; `remedy` says whom to ask."""

    slug, status, title = "quota-full", 413, N_("No room for this")


class UnsupportedType(JitError):
    """The content type is not one this address reads."""

    slug, status, title = "unsupported-type", 415, N_("Content type not supported")


class OutOfRange(JitError):
    """The part asked for begins behind the end of the bytes (`Range`). `size` says how many there are."""

    slug, status, title = "out-of-range", 416, N_("There is no such part")


class Invalid(JitError):
    """A field is missing or wrong. `errors` names each field, what is wrong and the remedy."""

    slug, status, title = "invalid", 422, N_("Please correct the fields named")

    @classmethod
    def field(cls, name: str, message: str, remedy: str = "") -> "Invalid":
        """One wrong field."""
        return cls(f"{name}: {message}", errors=[{"field": name, "message": message, "remedy": remedy}])


class Mismatch(JitError):
    """The bytes that arrived are not the bytes that were declared. Nothing was recorded but the attempt."""

    slug, status, title = "mismatch", 422, N_("Size or digest differ")


class PreconditionRequired(JitError):
    """A change must say which version it changes (`If-Match`)."""

    slug, status, title = "precondition-required", 428, N_("Say which version you change")


class TooMany(JitError):
    """Too many requests in a short time; `Retry-After` says when to go on."""

    slug, status, title = "too-many", 429, N_("Too many requests")


class Altered(JitError):
    """The stored bytes are not the bytes that were taken in. Nothing more is sent; the operator is told."""

    slug, status, title = "altered", 502, N_("The stored bytes have changed")


class VaultDown(JitError):
    """The evidence store does not answer or is full. Nothing was half recorded: send again later."""

    slug, status, title = "vault-down", 503, N_("The evidence store is not available")


class DatabaseDown(JitError):
    """The database does not answer. Nothing was recorded: send again later."""

    slug, status, title = "database-down", 503, N_("The database is not available")


class Unavailable(JitError):
    """A service this needs does not answer (identity provider, bus)."""

    slug, status, title = "unavailable", 503, N_("A needed service does not answer")


class StepUp(JitError):
    """This act asks for a recent sign-in. Sign in again at your agency, then do it again (RFC 9470)."""

    slug, status, title = "step-up-required", 401, N_("Sign in again first")
    usual = N_(
        "What you asked for cannot be undone, so it needs a sign-in made in the last few minutes. Nothing was done yet."
    )

    def __init__(self, detail: str = "", **members: Any) -> None:
        super().__init__(detail or self.usual, **members)


class PurposeRequired(JitError):
    """This thing is restricted: say for what purpose it is used, and ask again (LED Art. 25(1))."""

    slug, status, title = "purpose-required", 428, N_("Say why you need it")
