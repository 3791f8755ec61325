"""What an issuer says about itself, held against its registration here: plain facts for whoever looks after it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from joserfc.jwk import Key

from jit_server.core.errors import N_, Unavailable
from jit_server.identity.clients import Client
from jit_server.identity.models import Profile
from jit_server.identity.provider import Provider, Source

SLOW: Final = 2.0
"""Seconds after which people notice that a sign-in waits."""
FITS: Final = {"EC": {"ES256"}, "RSA": {"PS256", "RS256"}, "OKP": {"EdDSA"}}


@dataclass(frozen=True)
class Fact:
    """One finding. `words` is one sentence with blanks for `values`; pages translate it."""

    topic: str
    state: Literal["good", "note", "bad"]
    words: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The sentence in English."""
        return self.words % self.values


def look(client: Client, *, loopback: bool, source: Source | None = None) -> tuple[Fact, ...]:
    """Ask the issuer now, past every cache, and say what was found. Takes seconds: not for inside a transaction."""
    provider = Provider(client.issuer, ttl=60, loopback=loopback, source=source)
    begun = time.monotonic()
    try:
        document = provider.metadata()
        took = time.monotonic() - begun
        keys = list(provider.keys().keys)
    except Unavailable as error:
        return (Fact("reach", "bad", error.detail),)
    return (
        _reach(took),
        _keys(client, keys),
        *_offers(client, document),
        _strength(client, document),
        _push(client, provider),
        *_leaving(provider, document),
        *_claims(client, document),
    )


def _reach(took: float) -> Fact:
    values = {"seconds": f"{took:.1f}"}
    if took > SLOW:
        return Fact("reach", "note", N_("It answers under its registered name, but slowly: %(seconds)s s."), values)
    return Fact("reach", "good", N_("It answers under its registered name, in %(seconds)s s."), values)


def _keys(client: Client, keys: Sequence[Key]) -> Fact:
    fitting = [key for key in keys if FITS[key.key_type] & set(client.algorithms)]
    values = {"count": len(fitting), "algorithms": _listed(client.algorithms)}
    if not fitting:
        return Fact("keys", "bad", N_("It publishes no key that fits the algorithms allowed: %(algorithms)s."), values)
    return Fact("keys", "good", N_("Usable signature keys: %(count)s."), values)


def _offers(client: Client, document: Mapping[str, Any]) -> Iterable[Fact]:
    signs = set(_words(document, "id_token_signing_alg_values_supported"))
    both = [name for name in client.algorithms if name in signs]
    if both:
        yield Fact("algorithms", "good", N_("It signs with %(algorithms)s."), {"algorithms": _listed(both)})
    else:
        words = N_("It signs with %(offered)s, of which none is allowed here.")
        yield Fact("algorithms", "bad", words, {"offered": _listed(sorted(signs))})
    proofs = _words(document, "token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    method = {"method": str(client.auth_method)}
    if str(client.auth_method) in proofs:
        yield Fact("proof", "good", N_("It lets this server prove itself by %(method)s."), method)
    else:
        yield Fact("proof", "bad", N_("It does not let this server prove itself by %(method)s."), method)
    if "S256" in _words(document, "code_challenge_methods_supported"):
        yield Fact("pkce", "good", N_("It binds each sign-in to its browser (PKCE S256)."))
    else:
        yield Fact("pkce", "note", N_("It does not say whether it binds sign-ins to their browser (PKCE S256)."))
    if document.get("authorization_response_iss_parameter_supported") is True:
        yield Fact("iss", "good", N_("It names itself in its answers (RFC 9207)."))
    else:
        state: Literal["note", "bad"] = "bad" if client.profile is Profile.FAPI2 else "note"
        yield Fact("iss", state, N_("It does not name itself in its answers (RFC 9207)."))


def _strength(client: Client, document: Mapping[str, Any]) -> Fact:
    wanted = [*client.acr_accepted, *client.step_up_acr]
    offered = _words(document, "acr_values_supported")
    if not client.step_up_acr:
        words = N_("No stronger sign-in is asked for before acts that cannot be undone, only a recent one.")
        return Fact("acr", "note", words)
    if not offered:
        return Fact("acr", "note", N_("It does not say how strong its sign-ins can be (acr)."))
    missing = [one for one in wanted if one not in offered]
    if missing:
        return Fact("acr", "bad", N_("It does not offer these sign-ins: %(missing)s."), {"missing": _listed(missing)})
    return Fact("acr", "good", N_("It offers every sign-in asked for (acr)."))


def _push(client: Client, provider: Provider) -> Fact:
    if provider.par_endpoint() is not None:
        return Fact("par", "good", N_("It takes requests from server to server (RFC 9126)."))
    state: Literal["note", "bad"] = "bad" if client.profile is Profile.FAPI2 else "note"
    return Fact("par", state, N_("It takes requests only by way of the browser."))


def _leaving(provider: Provider, document: Mapping[str, Any]) -> Iterable[Fact]:
    if document.get("backchannel_logout_supported") is True:
        yield Fact("back_channel", "good", N_("It can tell this server when somebody signs out there."))
    else:
        yield Fact("back_channel", "note", N_("It does not tell this server when somebody signs out there."))
    if provider.end_session_endpoint() is not None:
        yield Fact("sign_out", "good", N_("People can be led to its sign-out."))
    else:
        yield Fact("sign_out", "note", N_("It has no sign-out that people could be led to."))


def _claims(client: Client, document: Mapping[str, Any]) -> Iterable[Fact]:
    said, means = _words(document, "claims_supported"), client.claims
    read = [name for name in (means.name, means.email, means.locale, means.zone, means.groups) if name]
    missing = [name for name in read if name not in said]
    if said and missing:
        words = N_("It does not mention these claims, which are read here: %(missing)s.")
        yield Fact("claims", "note", words, {"missing": _listed(missing)})


def _words(document: Mapping[str, Any], name: str) -> list[str]:
    stated = document.get(name)
    return [one for one in stated if isinstance(one, str)][:200] if isinstance(stated, list) else []


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
