"""What one issuer knows this server as, and how the server proves that it is the one: a shared secret, or a key."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from jit_server.core.errors import N_, SignInRefused, Unavailable
from jit_server.identity import transport
from jit_server.identity.models import AuthMethod, Profile
from jit_server.identity.shapes import ClaimMap

UNTRUSTED: Final = N_(
    "Your agency's answer could not be trusted, so nobody was signed in. Start again at the sign-in page."
)
UNPROVED: Final = N_("This server cannot prove itself to your agency's sign-in service. Its operator must mend that.")


@dataclass(frozen=True)
class Client:
    """This server's registration at one issuer, and what it takes from there."""

    issuer: str
    client_id: str
    auth_method: AuthMethod
    credential_file: Path
    redirect_uri: str
    algorithms: tuple[str, ...]
    acr_accepted: tuple[str, ...] = ()
    amr_required: tuple[str, ...] = ()
    step_up_acr: tuple[str, ...] = ()
    profile: Profile = Profile.OIDC
    claims: ClaimMap = field(default_factory=ClaimMap)


def refused(reason: str, detail: str = "") -> SignInRefused:
    """A refusal with a word for the record; the person reads that it was not their doing."""
    return SignInRefused(detail or UNTRUSTED, reason=reason)


@contextmanager
def proving(client: Client, *, loopback: bool) -> Iterator[Any]:
    """Authlib's session to the issuer, and to nobody else, that proves itself by the registered method.

    A client assertion names the issuer as its audience, never an endpoint (FAPI 2.0, 5.3.3.1): another server cannot
    have one made out to itself.
    """
    if client.auth_method is AuthMethod.CLIENT_SECRET:
        secret = _kept(client.credential_file)
        session = OAuth2Session(client.client_id, secret, token_endpoint_auth_method="client_secret_basic")  # noqa: S106
    else:
        key, algorithm = private_key(client.credential_file)
        session = OAuth2Session(client.client_id, key, token_endpoint_auth_method="private_key_jwt")  # noqa: S106
        proof = PrivateKeyJWT(client.issuer, headers={"kid": key.thumbprint()}, alg=algorithm)
        session.register_client_auth_method(proof)
    with session:
        transport.harden(session, client.issuer, loopback=loopback)
        yield session


def _kept(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError as error:
        raise Unavailable(UNPROVED) from error


def private_key(file: Path) -> tuple[RSAKey | ECKey | OKPKey, str]:
    """The key in a PEM file, and the algorithm by which it signs.

    Raises:
        Unavailable: no such file, or no key that can sign.
    """
    kinds: tuple[tuple[type[RSAKey | ECKey | OKPKey], str], ...] = (
        (ECKey, "ES256"),
        (RSAKey, "PS256"),
        (OKPKey, "EdDSA"),
    )
    pem = _kept(file)
    for kind, algorithm in kinds:
        try:
            return kind.import_key(pem), algorithm
        except (ValueError, TypeError, JoseError):
            continue
    raise Unavailable(UNPROVED)
