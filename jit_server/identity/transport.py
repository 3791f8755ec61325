"""HTTP to identity providers: bounded in time and size, never redirected, never to another host than the issuer's.

requests and Authlib have no limit of their own: a provider that answers one byte a second, or for ever, would hold a
worker; one that redirects would choose whom the server talks to.
"""

import ipaddress
import json
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from jit_server.core.errors import N_, Unavailable

SECONDS = 5.0
LARGEST = 2**20
WORDS = {
    "answer": N_("The agency's sign-in service does not answer as it should. Nothing was changed: try later."),
    "down": N_("The agency's sign-in service cannot be reached. Nothing was changed: try later, or tell your agency."),
    "slow": N_("The agency's sign-in service takes too long to answer. Nothing was changed: try again in a minute."),
    "elsewhere": N_(
        "The agency's sign-in service points to another host than its own, which this server does not follow. Nothing"
        " was changed: tell your agency."
    ),
    "renamed": N_(
        "The agency's sign-in service calls itself by another name than the one registered here. Nothing was changed:"
        " the agency's contact for this server must say whether that is right."
    ),
}
"""Why an identity provider cannot be used now, in words for the person who waits."""
_DEADLINE = threading.local()


class Refusal(Exception):
    """An address this server does not talk to, or an answer it does not take."""


class Oversized(Refusal):
    """An answer that is larger than any honest one."""


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an absolute http(s) URL."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.fragment:
        msg = "not a plain http or https address"
        raise Refusal(msg)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def allow(url: str, issuer: str, *, loopback: bool) -> None:
    """Refuse an address that is not of the issuer's own origin, and plain http unless loopback is allowed."""
    try:
        where, home = origin(url), origin(issuer)
    except ValueError as error:
        msg = "not a readable address"
        raise Refusal(msg) from error
    if where != home:
        msg = f"{where[1]}:{where[2]} is not the issuer's own host"
        raise Refusal(msg)
    if where[0] == "http" and not (loopback and _is_loopback(where[1])):
        msg = "an issuer is reached by https only"
        raise Refusal(msg)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Watched:
    """Mixed into urllib3's connections: looks at the address really reached, and cuts the line at the deadline."""

    def _new_conn(self) -> socket.socket:
        sock = cast("socket.socket", super()._new_conn())  # type: ignore[misc]
        watch: _Watch = _DEADLINE.watch
        watch.over(sock)
        return sock


class _PlainConnection(_Watched, HTTPConnection):
    pass


class _TlsConnection(_Watched, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Watch:
    """One exchange's deadline: a socket timeout bounds one read, this bounds their sum."""

    def __init__(self, *, loopback: bool) -> None:
        self.loopback = loopback
        self.until = time.monotonic() + SECONDS
        self._guards: list[tuple[threading.Timer, socket.socket]] = []

    def over(self, sock: socket.socket) -> None:
        """Check the peer, then shut the connection down when the time is up (also amid a TLS handshake)."""
        address = ipaddress.ip_address(sock.getpeername()[0].partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        if address.is_link_local or address.is_unspecified or (address.is_loopback and not self.loopback):
            sock.close()
            msg = f"{address} is not an address of an identity provider"
            raise Refusal(msg)
        guard = sock.dup()
        timer = threading.Timer(max(0.0, self.until - time.monotonic()), _cut, (guard,))
        timer.daemon = True
        timer.start()
        self._guards.append((timer, guard))

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self.until

    def close(self) -> None:
        for timer, guard in self._guards:
            timer.cancel()
            guard.close()


def _cut(guard: socket.socket) -> None:
    try:
        guard.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was faster


class _Strict(HTTPAdapter):
    """The only way out: every request of a provider's session passes here, Authlib's too."""

    def __init__(self, issuer: str, *, loopback: bool) -> None:
        self._issuer, self._loopback = issuer, loopback
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        allow(request.url or "", self._issuer, loopback=self._loopback)
        watch = _DEADLINE.watch = _Watch(loopback=self._loopback)
        try:
            options.update(stream=True, timeout=SECONDS, proxies={})
            answer = super().send(request, **options)
            with answer:
                answer._content = _bounded(answer)  # noqa: SLF001 - the one way to hand requests a read body
            if watch.is_over:  # a body without a length that was cut at the deadline looks whole
                raise requests.Timeout
        except requests.ConnectionError as error:
            if watch.is_over:
                raise requests.Timeout(error) from error
            raise
        finally:
            watch.close()
        return answer


def _bounded(answer: requests.Response) -> bytes:
    if 300 <= answer.status_code < 400:  # noqa: PLR2004 - the redirects of RFC 9110
        msg = "the identity provider redirects where it must answer"
        raise Refusal(msg)
    body = bytearray()
    try:
        for chunk in answer.iter_content(65536):
            body += chunk
            if len(body) > LARGEST:
                msg = "the identity provider's answer is larger than 1 MiB"
                raise Oversized(msg)
    except (OSError, HTTPError) as error:
        raise requests.ConnectionError(error) from error
    return bytes(body)


def harden(session: requests.Session, issuer: str, *, loopback: bool) -> None:
    """Let a session speak to one issuer's origin only, within the limits; nothing comes from the environment."""
    session.trust_env = False
    session.headers["Accept-Encoding"] = "identity"
    adapter = _Strict(issuer, loopback=loopback)
    session.mount("http://", adapter)
    session.mount("https://", adapter)


def document(url: str, issuer: str, *, loopback: bool) -> Mapping[str, Any]:
    """Fetch a JSON object from the issuer's origin.

    Raises:
        Unavailable: the provider is down, slow, redirects, answers too much or something else than a JSON object.
    """
    with requests.Session() as session:
        harden(session, issuer, loopback=loopback)
        try:
            answer = session.get(url, headers={"Accept": "application/json"})
        except (requests.RequestException, Refusal) as error:
            raise unavailable(why(error)) from error
    if answer.status_code != requests.codes.ok:
        raise unavailable()
    return json_object(answer.content)


def json_object(body: bytes) -> Mapping[str, Any]:
    """Parse a JSON object; depth bombs and other shapes count as no answer."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise unavailable() from error
    if not isinstance(read, dict):
        raise unavailable()
    return read


def unavailable(reason: str = "answer") -> Unavailable:
    """The problem of a provider that cannot be used now; `reason` is one of `WORDS`."""
    return Unavailable(WORDS[reason], reason=reason)


def why(error: Exception) -> str:
    """Which of `WORDS` an exchange that failed comes to."""
    if isinstance(error, requests.Timeout):
        return "slow"
    if isinstance(error, requests.ConnectionError):
        return "down"
    return "elsewhere" if isinstance(error, Refusal) and not isinstance(error, Oversized) else "answer"
