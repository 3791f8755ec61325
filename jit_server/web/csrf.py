"""Whether an unsafe request comes from our own pages: one pure function and the token it compares (PROOFS 3.3).

The rules, in the order they are asked:

1. GET, HEAD and OPTIONS change nothing and pass.
2. A POST's body is `application/json`, a form (`application/x-www-form-urlencoded`), raw bytes
   (`application/octet-stream`) or absent: `text/plain` and `multipart/form-data` are what other sites can send. PUT,
   PATCH and DELETE under `/api/` may name any type but a form: no browser sends those abroad unasked (Fetch, 4.8).
3. An `Origin` that is sent is ours; a `Sec-Fetch-Site` that is sent says `same-origin`.
4. A request with neither header is not a browser's: it passes under `/api/` and never as a form.
5. A form, and whatever is sent outside `/api/`, carries the token of its session, derived from the cookie's secret:
   another site cannot know it.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Protocol
from urllib.parse import urlsplit

from jit_server.core.errors import Forged

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
ASKED_FIRST = frozenset({"PUT", "PATCH", "DELETE"})
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BYTES = "application/octet-stream"
API = "/api/"
DEFAULT_PORTS = {"http": 80, "https": 443}


class Headers(Protocol):
    """Headers of a request, or a mapping of them."""

    def get(self, key: str, /) -> str | None:
        """The header's value, or None."""


def token(secret: str) -> str:
    """The form token of the session whose cookie is `secret`; the database holds only the cookie's hash."""
    digest = hmac.new(secret.encode(), b"jit form token", hashlib.sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def check(
    method: str,
    headers: Headers,
    content_type: str | None,
    form_token: str | None,
    session_token: str | None,
    base_url: str,
    path: str,
) -> None:
    """Pass, or raise `Forged`.

    Args:
        method: HTTP method.
        headers: reads `Origin` and `Sec-Fetch-Site`.
        content_type: the request's, parameters included; None or empty without a body.
        form_token: what the form's field `csrf` said.
        session_token: `token()` of the session's cookie; None without a session.
        base_url: where people reach this server.
        path: the request's path.
    """
    if method.upper() in SAFE:
        return
    kind = (content_type or "").partition(";")[0].strip().lower()
    asked_first = method.upper() in ASKED_FIRST and path.startswith(API)
    if kind not in {JSON, FORM, BYTES, ""} and not asked_first:
        msg = f"a body of type {kind[:80]!r} is not taken: send {JSON}"
        raise Forged(msg)
    if not _same_origin(headers, base_url):
        _outside_a_browser(kind, path)
    if kind == FORM or not path.startswith(API):
        _token_matches(form_token, session_token)


def _same_origin(headers: Headers, base_url: str) -> bool:
    """True for our own pages, False where no browser speaks; raises for another site's."""
    origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
    if origin is not None and _origin(origin) != _origin(base_url):
        msg = "the request comes from another site"
        raise Forged(msg)
    if site is not None and site.strip().lower() != "same-origin":
        msg = "the request was started by another site"
        raise Forged(msg)
    return origin is not None or site is not None


def _outside_a_browser(kind: str, path: str) -> None:
    if not path.startswith(API) or kind == FORM:
        msg = f"without a browser's Origin only requests to /api/ are taken, as {JSON} or {BYTES}"
        raise Forged(msg)


def _token_matches(form_token: str | None, session_token: str | None) -> None:
    if not form_token or not session_token or not hmac.compare_digest(form_token.encode(), session_token.encode()):
        msg = "the form is no longer valid: load the page again, your text is still in the form"
        raise Forged(msg)


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port of a URL; None for `null` and anything unreadable, which equals no base URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        return None
    return parts.scheme, parts.hostname, port or DEFAULT_PORTS[parts.scheme]
