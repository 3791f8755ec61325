"""Keys by which this server proves itself at issuers: made here, kept beside the server's own, shown in public only."""

import os
from pathlib import Path
from typing import Any
from uuid import uuid4

from joserfc.jwk import ECKey

from jit_server.core.errors import NotFound
from jit_server.identity.clients import private_key
from jit_server.identity.models import AuthMethod, Issuer


def make(folder: Path) -> Path:
    """Make a P-256 key in a file that only this account reads."""
    kept = folder / "keys" / "issuers"
    kept.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = kept / f"{uuid4()}.pem"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(ECKey.generate_key("P-256").as_pem(private=True))
    return path.absolute()


def public_jwk(issuer: Issuer) -> dict[str, Any]:
    """The public half, for the issuer's side of the registration.

    Raises:
        NotFound: this server proves itself there by a secret.
        Unavailable: the key's file cannot be read.
    """
    if issuer.auth_method is not AuthMethod.PRIVATE_KEY_JWT:
        raise NotFound("This server proves itself there by a shared secret, not by a key.")
    key, algorithm = private_key(Path(issuer.credential_file))
    return {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": algorithm}
