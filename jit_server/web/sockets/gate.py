"""The gate before Engine.IO: no session or a foreign origin, no socket (F7, F8; ASVS 4.4.2, 4.4.3).

It stands in front of the whole app as WSGI middleware, so a refused handshake costs no thread, no id and no memory.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, Final
from urllib.parse import parse_qs

from werkzeug.http import parse_cookie

from jit_server.access import Actor
from jit_server.core.errors import Forged, JitError, Malformed, NotSignedIn

PATH: Final = "/socket.io"
ACTOR: Final = "jit.actor"
"""Where the signed-in person stands in the environment of an admitted handshake."""

_KEY_BYTES: Final = 16
_STATUS: Final = {
    400: "400 Bad Request",
    401: "401 Unauthorized",
    403: "403 Forbidden",
    429: "429 Too Many Requests",
    503: "503 Service Unavailable",
}

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Admit = Callable[[Actor, Environ], Callable[[], None]]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]


class Gate:
    """Lets a WebSocket handshake of a signed-in person from our own pages through to Engine.IO, and nothing else there.

    Args:
        inner: the app, Engine.IO's middleware included.
        origin: the server's base URL; an `Origin` must equal it.
        cookie: the session cookie's name.
        sign_in: the person of a session cookie and user agent; not of kind `person` when there is none.
        admit: counts a socket of this person in, or refuses it; what it returns counts it out.
    """

    def __init__(
        self, inner: WsgiApp, origin: str, cookie: str, sign_in: Callable[[str, str], Actor], admit: Admit
    ) -> None:
        self._inner = inner
        self._origin = origin.rstrip("/").lower()
        self._cookie = cookie
        self._sign_in = sign_in
        self._admit = admit

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Pass on what is not for sockets; check what is."""
        path = environ.get("PATH_INFO", "")
        if path != PATH and not path.startswith(PATH + "/"):
            return self._inner(environ, start_response)
        with ExitStack() as end:  # the call below lasts as long as its socket
            try:
                environ[ACTOR] = actor = self._check(environ)
                end.callback(self._admit(actor, environ))
            except JitError as error:
                return _refuse(error, start_response)
            environ["PATH_INFO"] = PATH + "/"
            return self._inner(environ, start_response)

    def _check(self, environ: Environ) -> Actor:
        """Who opens the socket.

        Raises:
            Forged: another site's page, or no `Origin`: only browsers' own words count.
            NotSignedIn: no session, or one that has ended.
            Malformed: not a WebSocket handshake of Engine.IO 4.
        """
        if environ.get("HTTP_ORIGIN", "").lower() != self._origin:
            raise Forged("sockets are for this server's own pages")
        cookies = parse_cookie(environ)
        actor = self._sign_in(cookies.get(self._cookie, ""), environ.get("HTTP_USER_AGENT", ""))
        if actor.kind != "person":
            raise NotSignedIn
        if not _is_handshake(environ):
            raise Malformed("only a new websocket is served here: transport=websocket, EIO=4")
        return actor


def _is_handshake(environ: Environ) -> bool:
    query = parse_qs(environ.get("QUERY_STRING", ""))
    tokens = {token.strip().lower() for token in environ.get("HTTP_CONNECTION", "").split(",")}
    return (
        environ.get("REQUEST_METHOD") == "GET"
        and query.get("transport") == ["websocket"]
        and query.get("EIO") == ["4"]
        and not {"sid", "j"} & query.keys()
        and environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        and "upgrade" in tokens
        and environ.get("HTTP_SEC_WEBSOCKET_VERSION") == "13"
        and _is_key(environ.get("HTTP_SEC_WEBSOCKET_KEY", ""))
        and bool(environ.get("HTTP_HOST", ""))
    )


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def _refuse(error: JitError, start_response: StartResponse) -> Iterable[bytes]:
    body = json.dumps(error.problem()).encode()
    headers = [
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Connection", "close"),
    ]
    if "retry_after" in error.members:
        headers.append(("Retry-After", str(error.members["retry_after"])))
    start_response(_STATUS.get(error.status, f"{error.status} Refused"), headers)
    return [body]
