"""OpenID Connect code flow, strict: the wrapper round Authlib of PROOFS 3.1.

Authlib's own defaults accept a foreign `aud` beside our `azp`, a wrong `iss` in the callback, logout tokens as ID
tokens, tokens expired by two minutes and metadata of another issuer, and fetch without a time limit. Here:

- metadata and keys come by `transport` only; the metadata's issuer is the configured one, its endpoints are there;
- PKCE S256, `state` and `nonce` always; the request is pushed (RFC 9126) where the issuer takes that or FAPI 2.0 asks;
- the callback's `iss` is compared when present and required when advertised, under FAPI 2.0 always;
- the ID token is required, its type is JWT, its algorithm allowed for this issuer, its key one of the issuer's;
- `iss` and `aud` are exact, `nonce` is ours, `at_hash` fits, times hold within 30 s, `acr` and `amr` reach the
  agency's floor; after a step-up `auth_time` is newer than the request (`id_token`).

Tokens never leave this module: what comes out is an `Assertion`.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from jit_server.core.errors import N_, Unavailable
from jit_server.identity import id_token, transport
from jit_server.identity.clients import Client, proving, refused
from jit_server.identity.id_token import Assertion, Pending
from jit_server.identity.models import Profile
from jit_server.identity.provider import Provider

__all__ = ["Assertion", "Client", "Pending", "authorization_url", "complete", "refused"]

SCOPE: Final = "openid profile email"
LONGEST_CODE: Final = 4096
LONGEST_REQUEST_URI: Final = 512
NOT_TAKEN: Final = N_(
    "Your agency's sign-in service did not take this server's request. The registration on one of the two sides is"
    " wrong: tell your agency's contact for this server."
)
NO_PUSH: Final = N_(
    "Your agency's sign-in service does not take pushed requests, which its registration here (FAPI 2.0) asks for."
)


def authorization_url(client: Client, provider: Provider, *, state: str, pending: Pending) -> str:
    """Where the browser goes to sign in. May talk to the issuer (a pushed request): not for inside a transaction.

    Raises:
        Unavailable: the issuer does not answer, or does not take the request.
    """
    asked = _request(client, state, pending)
    endpoint, pushed = str(provider.metadata()["authorization_endpoint"]), provider.par_endpoint()
    if pushed is not None:
        asked = {"client_id": client.client_id, "request_uri": _push(client, provider, pushed, asked)}
    elif client.profile is Profile.FAPI2:
        raise Unavailable(NO_PUSH)
    return str(add_params_to_uri(endpoint, list(asked.items())))


def _request(client: Client, state: str, pending: Pending) -> dict[str, str]:
    """The parameters of the request (OpenID Connect Core 3.1.2.1)."""
    wanted = (client.step_up_acr if pending.step_up else ()) or client.acr_accepted
    return {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "scope": SCOPE,
        "state": state,
        "nonce": pending.nonce,
        "code_challenge": create_s256_code_challenge(pending.verifier),
        "code_challenge_method": "S256",
        **({"acr_values": " ".join(wanted)} if wanted else {}),
        **({"prompt": "login", "max_age": "0"} if pending.step_up else {}),
    }


def _push(client: Client, provider: Provider, endpoint: str, asked: Mapping[str, str]) -> str:
    """Hand the request to the issuer itself, proving who asks; the browser carries only a reference (RFC 9126)."""
    with proving(client, loopback=provider.loopback) as session:
        try:
            answer = session.post(
                endpoint,
                data=urlencode(asked),
                headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
                auth=session.client_auth(session.token_endpoint_auth_method),
                withhold_token=True,
            )
        except (AuthlibBaseError, requests.RequestException, transport.Refusal) as error:
            raise transport.unavailable(transport.why(error)) from error
    if answer.status_code in {400, 401, 403}:
        raise Unavailable(NOT_TAKEN)
    if answer.status_code not in {200, 201}:
        raise transport.unavailable()
    reference = transport.json_object(answer.content).get("request_uri")
    if not isinstance(reference, str) or not 1 <= len(reference) <= LONGEST_REQUEST_URI or not reference.isprintable():
        raise transport.unavailable()
    return reference


def complete(client: Client, provider: Provider, answer: Mapping[str, str], pending: Pending) -> Assertion:
    """Turn the callback's parameters into an assertion, or refuse.

    Args:
        client: our registration at the issuer this callback path belongs to.
        provider: that issuer.
        answer: the callback's parameters, each given once.
        pending: what was sent along.

    Raises:
        SignInRefused: something does not fit; `reason` says what.
        Unavailable: the issuer does not answer.
    """
    code = _code(client, provider, answer)
    token = _exchange(client, provider, code, pending)
    proof, access_token = token.get("id_token"), token.get("access_token")
    if not isinstance(proof, str) or not isinstance(access_token, str):
        raise refused("no-id-token")
    return id_token.verify(client, provider, proof, access_token, pending)


def _code(client: Client, provider: Provider, answer: Mapping[str, str]) -> str:
    """The authorization code, once the answer is known to be this issuer's (RFC 9207)."""
    issuer = answer.get("iss")
    promised = provider.metadata().get("authorization_response_iss_parameter_supported") is True
    if issuer is None and (promised or client.profile is Profile.FAPI2):
        raise refused("iss-missing")
    if issuer is not None and issuer != client.issuer:
        raise refused("iss-other")
    if "error" in answer:
        raise refused("provider-error", "Your agency did not sign you in. Start again, or ask your agency.")
    code = answer.get("code", "")
    if not 1 <= len(code) <= LONGEST_CODE:
        raise refused("no-code")
    return code


def _exchange(client: Client, provider: Provider, code: str, pending: Pending) -> Mapping[str, Any]:
    """Redeem the code at the token endpoint."""
    with proving(client, loopback=provider.loopback) as session:
        try:
            token = session.fetch_token(
                provider.metadata()["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                redirect_uri=client.redirect_uri,
                code_verifier=pending.verifier,
            )
        except AuthlibBaseError as error:
            raise refused("code-refused") from error
        except (requests.RequestException, transport.Refusal, ValueError, RecursionError) as error:
            raise transport.unavailable(transport.why(error)) from error
    if str(token.get("token_type", "")).lower() != "bearer":
        raise refused("token-type")
    return dict(token)
