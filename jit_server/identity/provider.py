"""An issuer as it describes itself: metadata and keys, fetched by one caller for all and kept for a while."""

import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from jit_server.core.errors import Unavailable
from jit_server.identity import transport

REFETCH: Final = 60.0
PAUSE: Final = 3.0
MOST_KEYS: Final = 64
SMALLEST_RSA: Final = 2048
ENDPOINTS: Final = frozenset({"authorization_endpoint", "token_endpoint", "jwks_uri"})

AskedT = TypeVar("AskedT")


@dataclass(frozen=True)
class Described:
    """An issuer's metadata, its keys where they come along by value, and for how many seconds both hold."""

    metadata: Mapping[str, Any]
    keys: Mapping[str, Any] | None
    good_for: float


Source = Callable[[], Described]
"""Asks for an issuer's description elsewhere than at its well-known address (a trust chain). Equal ones are one."""


class Provider:
    """Metadata and keys of one issuer in this process.

    Single flight: while one caller fetches, the others wait for what it brings, a failure included (for `PAUSE`
    seconds), so that a dead provider costs its callers one time-out, not one each. Keys are asked for again because
    of an unknown `kid`, but `REFETCH` seconds apart at the soonest, whatever came of it; the known ones stay good.
    """

    def __init__(self, issuer: str, *, ttl: int, loopback: bool, source: Source | None = None) -> None:
        self.issuer, self.loopback = issuer, loopback
        self._ttl, self._source = ttl, source
        self._lock = threading.Lock()
        self._described: tuple[float, Described] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._asked_for_keys = self._failed_at = float("-inf")

    def metadata(self) -> Mapping[str, Any]:
        """The issuer's description of itself (OpenID Connect Discovery 4.2), checked."""
        with self._lock:
            return self._description().metadata

    def keys(self, *, newer: bool = False) -> KeySet:
        """The issuer's signature keys; `newer` asks again, for a key that is not among those known."""
        with self._lock:
            now = time.monotonic()
            known = self._keys[1] if self._keys is not None and now < self._keys[0] else None
            if known is not None and (not newer or now - self._asked_for_keys < REFETCH):
                return known
            self._asked_for_keys = now
            try:
                return self._ask_for_keys(newer=newer)
            except Unavailable:
                if known is None:
                    raise
                return known

    def _ask_for_keys(self, *, newer: bool) -> KeySet:
        described = self._description(again=newer and self._source is not None)
        document = described.keys
        if document is None:
            document = self._fetch(str(described.metadata["jwks_uri"]))
        found = signature_keys(document)
        until = time.monotonic() + min(self._ttl, described.good_for)
        self._keys = (min(until, self._described[0] if self._described else until), found)
        return found

    def _description(self, *, again: bool = False) -> Described:
        """What was last said, as long as it holds."""
        if again or self._described is None or time.monotonic() >= self._described[0]:
            described = self._once(self._source or self._at_its_own_address)
            self._checked(described)
            self._described = (time.monotonic() + min(self._ttl, described.good_for), described)
        return self._described[1]

    def _at_its_own_address(self) -> Described:
        address = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        return Described(transport.document(address, self.issuer, loopback=self.loopback), None, self._ttl)

    def _fetch(self, url: str) -> Mapping[str, Any]:
        return self._once(partial(transport.document, url, self.issuer, loopback=self.loopback))

    def _once(self, ask: Callable[[], AskedT]) -> AskedT:
        if time.monotonic() - self._failed_at < PAUSE:
            raise transport.unavailable()
        try:
            return ask()
        except Unavailable:
            self._failed_at = time.monotonic()
            raise

    def _checked(self, described: Described) -> None:
        """Refuse metadata that speaks for another issuer, names foreign endpoints or cannot do PKCE S256."""
        document = described.metadata
        if document.get("issuer") != self.issuer:
            raise transport.unavailable("renamed")
        methods = document.get("code_challenge_methods_supported")
        if methods is not None and "S256" not in methods:
            raise transport.unavailable()
        for name in ENDPOINTS if described.keys is None else ENDPOINTS - {"jwks_uri"}:
            if self._own(document, name) is None:
                raise transport.unavailable("elsewhere")

    def _own(self, document: Mapping[str, Any], name: str) -> str | None:
        """An endpoint, if it is named and lies at the issuer's own origin."""
        url = document.get(name)
        try:
            transport.allow(url if isinstance(url, str) else "", self.issuer, loopback=self.loopback)
        except transport.Refusal:
            return None
        return str(url)

    def end_session_endpoint(self) -> str | None:
        """Where people may end their session at the agency too, if the issuer says so."""
        return self._own(self.metadata(), "end_session_endpoint")

    def par_endpoint(self) -> str | None:
        """Where requests are pushed (RFC 9126), if the issuer takes them."""
        return self._own(self.metadata(), "pushed_authorization_request_endpoint")


def signature_keys(document: Mapping[str, Any]) -> KeySet:
    """The usable keys of a JWK set: public, for signatures, RSA from 2048 bits on. What cannot be read is left out."""
    stated = document.get("keys")
    if not isinstance(stated, list):
        raise transport.unavailable()
    found = [key for entry in stated[:MOST_KEYS] if (key := _usable(entry)) is not None]
    if not found:
        raise transport.unavailable()
    return KeySet(found)


def _usable(entry: object) -> Key | None:
    if not isinstance(entry, dict) or entry.get("kty") not in {"RSA", "EC", "OKP"} or entry.get("use", "sig") != "sig":
        return None
    if entry.get("kty") == "RSA" and _bits(entry.get("n")) < SMALLEST_RSA:
        return None
    try:
        key = KeySet.registry_cls.import_key({name: value for name, value in entry.items() if name != "key_ops"})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key


def _bits(modulus: object) -> int:
    """The length of a base64url number. joserfc would take a short key and merely warn."""
    try:
        return int.from_bytes(urlsafe_b64decode(f"{modulus}==")).bit_length()
    except ValueError:
        return 0


class Providers:
    """The providers this process has met, by issuer. A changed TTL or source makes a new one."""

    def __init__(self, *, loopback: bool) -> None:
        self._loopback = loopback
        self._known: dict[tuple[str, int, Source | None], Provider] = {}
        self._lock = threading.Lock()

    def of(self, issuer: str, ttl: int, source: Source | None = None) -> Provider:
        """The provider of an issuer's URL."""
        key = (issuer, ttl, source)
        with self._lock:
            if key not in self._known:
                self._known[key] = Provider(issuer, ttl=ttl, loopback=self._loopback, source=source)
            return self._known[key]
