"""Public keys by which a program proves itself: looked at when they are stated, known by their thumbprints."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from jit_server.core.errors import N_
from jit_server.identity.provider import SMALLEST_RSA

ALGORITHMS: Final[Mapping[str, tuple[str, ...]]] = {"EC": ("ES256",), "RSA": ("PS256",), "OKP": ("Ed25519", "EdDSA")}
"""The algorithms by which each kind of key may sign here; EdDSA is Ed25519 by its older name (RFC 9864)."""
CURVES: Final[Mapping[str, str]] = {"EC": "P-256", "OKP": "Ed25519"}
MOST: Final = 5
LARGEST: Final = 20_000
SECRET: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
KEPT: Final = ("kty", "crv", "x", "y", "n", "e", "kid")
UNREADABLE: Final = N_("This is no JSON Web Key and no key set.")
PRIVATE: Final = N_("This holds a private key. State only the public one, and make a new key: this one was shown.")
KIND: Final = N_("A key is EC on P-256, OKP on Ed25519, or RSA of 2048 bits and more, for signatures.")
COUNT: Final = N_("State one to five keys.")
TWICE: Final = N_("Two of the keys are the same, or have the same name.")


def stated(typed: object) -> dict[str, Any]:
    """A key set in its plainest form from what somebody typed: JSON text or its value, one key or a set.

    Raises:
        ValueError: in words for whoever typed it; nothing of the input is repeated.
    """
    entries = _entries(typed)
    if any(SECRET & entry.keys() or entry.get("kty") == "oct" for entry in entries):
        raise ValueError(PRIVATE)
    if not 0 < len(entries) <= MOST:
        raise ValueError(COUNT)
    kept = [_plain(entry) for entry in entries]
    if len({one["kid"] for one in kept}) < len(kept) or len({thumbprint(one) for one in kept}) < len(kept):
        raise ValueError(TWICE)
    return {"keys": kept}


def thumbprint(entry: Mapping[str, Any]) -> str:
    """The key's SHA-256 thumbprint (RFC 7638)."""
    return _imported(entry).thumbprint()


def named(jwks: Mapping[str, Any], name: object) -> Key | None:
    """The key of this name or thumbprint; without a name the only one there is."""
    entries = jwks["keys"]
    if name is None:
        return _imported(entries[0]) if len(entries) == 1 else None
    return next((_imported(one) for one in entries if name in (one["kid"], thumbprint(one))), None)


def _entries(typed: object) -> list[dict[str, Any]]:
    if isinstance(typed, str):
        typed = _json(typed)
    found = typed.get("keys", [typed]) if isinstance(typed, dict) else None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ValueError(UNREADABLE)
    return found


def _json(typed: str) -> object:
    if len(typed) > LARGEST:
        raise ValueError(UNREADABLE)
    try:
        return json.loads(typed)
    except (ValueError, RecursionError):
        raise ValueError(UNREADABLE) from None


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The key's public numbers and its name, which is its thumbprint where none is stated."""
    kind = entry.get("kty")
    wanted = ALGORITHMS.get(kind) if isinstance(kind, str) else None
    if wanted is None or entry.get("use", "sig") != "sig" or entry.get("alg", wanted[0]) not in wanted:
        raise ValueError(KIND)
    if entry.get("crv") != CURVES.get(str(kind)) or (kind == "RSA" and _bits(entry.get("n")) < SMALLEST_RSA):
        raise ValueError(KIND)
    plain = {name: entry[name] for name in KEPT if name in entry and isinstance(entry[name], str)}
    name = plain.get("kid") or thumbprint(plain)
    if len(name) > 255 or not name.isprintable():  # noqa: PLR2004 - as identifiers anywhere here
        raise ValueError(UNREADABLE)
    return plain | {"kid": name}


def _imported(entry: Mapping[str, Any]) -> ECKey | RSAKey | OKPKey:
    """Raises ValueError: numbers that are no key of the kind they claim."""
    try:
        key = KeySet.registry_cls.import_key(dict(entry))
        key.thumbprint()
    except (JoseError, ValueError, TypeError, KeyError):
        raise ValueError(UNREADABLE) from None
    if not isinstance(key, (ECKey, RSAKey, OKPKey)):
        raise ValueError(KIND)  # noqa: TRY004 - a wrong key, as all others
    return key


def _bits(modulus: object) -> int:
    try:
        return int.from_bytes(urlsafe_b64decode(f"{modulus}==")).bit_length()
    except ValueError:
        return 0
