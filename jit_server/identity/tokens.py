"""Signed tokens of an issuer: exactly its algorithms, exactly its keys, and the clock within half a minute."""

from typing import Any, Final

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError, UnsupportedAlgorithmError
from joserfc.jws import JWSRegistry

from jit_server.core.errors import N_
from jit_server.identity.clients import Client, refused
from jit_server.identity.provider import Provider

LEEWAY: Final = 30
LONGEST: Final = 255
SKEWED: Final = N_("Your agency's clock and this server's differ by more than 30 seconds: tell your agency.")
NEW_KEYS: Final = N_(
    "Your agency signs with a key that it has not published. If it has just changed its keys, try again in a minute;"
    " else tell your agency."
)


class Allowed(JWSRegistry):
    """Exactly the issuer's algorithms. The stock registry falls back to its own list when ours is empty."""

    def get_alg(self, name: str) -> Any:
        """The algorithm of this name, if it is among those allowed."""
        if name not in (self.allowed or ()):
            msg = "this algorithm is not allowed for the issuer"
            raise UnsupportedAlgorithmError(msg)
        return self.algorithms[name]


def decode(client: Client, provider: Provider, token: str) -> jwt.Token:
    """Check the signature and give header and claims, of which nothing is checked yet.

    Raises:
        SignInRefused: another key, another algorithm, or no token at all.
        Unavailable: the issuer's keys cannot be had.
    """
    registry = Allowed(algorithms=client.algorithms)
    try:
        try:
            return jwt.decode(token, provider.keys(), registry=registry)
        except InvalidKeyIdError:
            return jwt.decode(token, provider.keys(newer=True), registry=registry)
    except InvalidKeyIdError as error:
        raise refused(f"token-{error.error}", NEW_KEYS) from error
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise refused(f"token-{getattr(error, 'error', 'unreadable')}") from error


def is_name(value: object) -> bool:
    """Whether a claim can be an identifier: a string of 1 to 255 characters that can be shown."""
    return isinstance(value, str) and 1 <= len(value) <= LONGEST and value.isprintable()


def is_moment(value: object) -> bool:
    """Whether a claim is a NumericDate (RFC 7519, section 2)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 2**40
