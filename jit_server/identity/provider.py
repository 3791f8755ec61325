"""An issuer as it describes itself: metadata and keys, fetched by one caller for all and kept for a while."""

import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from jit_server.core.errors import Unavailable
from jit_server.identity import transport

REFETCH: Final = 60.0
PAUSE: Final = 3.0
MOST_KEYS: Final = 64
SMALLEST_RSA: Final = 2048
ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class Provider:
    """Metadata and keys of one issuer in this process.

    Single flight: while one caller fetches, the others wait for what it brings, a failure included (for `PAUSE`
    seconds), so that a dead provider costs its callers one time-out, not one each. Keys are fetched again for an
    unknown `kid`, but `REFETCH` seconds apart at the soonest.
    """

    def __init__(self, issuer: str, *, ttl: int, loopback: bool) -> None:
        self.issuer, self.loopback = issuer, loopback
        self._ttl = ttl
        self._lock = threading.Lock()
        self._metadata: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._failed_at = float("-inf")

    def metadata(self) -> Mapping[str, Any]:
        """The issuer's description of itself (OpenID Connect Discovery 4.2), checked."""
        with self._lock:
            return self._current_metadata()

    def keys(self, *, newer: bool = False) -> KeySet:
        """The issuer's signature keys; `newer` asks again, for a key that is not among those known."""
        with self._lock:
            if self._keys is not None:
                age = time.monotonic() - self._keys[0]
                if age < (min(REFETCH, self._ttl) if newer else self._ttl):
                    return self._keys[1]
            document = self._fetch(str(self._current_metadata()["jwks_uri"]))
            self._keys = (time.monotonic(), signature_keys(document))
            return self._keys[1]

    def _current_metadata(self) -> Mapping[str, Any]:
        if self._metadata is None or time.monotonic() - self._metadata[0] >= self._ttl:
            document = self._fetch(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            self._metadata = (time.monotonic(), self._checked(document))
        return self._metadata[1]

    def _fetch(self, url: str) -> Mapping[str, Any]:
        if time.monotonic() - self._failed_at < PAUSE:
            raise transport.unavailable()
        try:
            return transport.document(url, self.issuer, loopback=self.loopback)
        except Unavailable:
            self._failed_at = time.monotonic()
            raise

    def _checked(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Refuse metadata that speaks for another issuer, names foreign endpoints or cannot do PKCE S256."""
        methods = document.get("code_challenge_methods_supported")
        if document.get("issuer") != self.issuer or (methods is not None and "S256" not in methods):
            raise transport.unavailable()
        for name in ENDPOINTS:
            self._own(document.get(name))
        return document

    def _own(self, url: object) -> None:
        try:
            transport.allow(url if isinstance(url, str) else "", self.issuer, loopback=self.loopback)
        except transport.Refusal as error:
            raise transport.unavailable() from error

    def end_session_endpoint(self) -> str | None:
        """Where people may end their session at the agency too, if the issuer says so."""
        url = self.metadata().get("end_session_endpoint")
        try:
            transport.allow(url if isinstance(url, str) else "", self.issuer, loopback=self.loopback)
        except transport.Refusal:
            return None
        return str(url)


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
    """The providers this process has met, by issuer. A changed TTL makes a new one."""

    def __init__(self, *, loopback: bool) -> None:
        self._loopback = loopback
        self._known: dict[tuple[str, int], Provider] = {}
        self._lock = threading.Lock()

    def of(self, issuer: str, ttl: int) -> Provider:
        """The provider of an issuer's URL."""
        with self._lock:
            if (issuer, ttl) not in self._known:
                self._known[(issuer, ttl)] = Provider(issuer, ttl=ttl, loopback=self._loopback)
            return self._known[(issuer, ttl)]
