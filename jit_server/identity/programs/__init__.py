"""Programs of an agency: API clients with a secret or keys of their own, scopes and end, and the tokens they work with.

`usecases` are the verbs of the agency's administrators; `keys` reads a program's public keys, `assertions` what it
signs with the private ones, `bearers` gives tokens and knows programs by them.
"""

from jit_server.identity.programs.models import ApiClient, ClientOut, NewClient, NewKeys, Shown
from jit_server.identity.programs.usecases import (
    client_of,
    create_client,
    list_clients,
    replace_keys,
    revoke_client,
    rotate_secret,
)

__all__ = [
    "ApiClient",
    "ClientOut",
    "NewClient",
    "NewKeys",
    "Shown",
    "client_of",
    "create_client",
    "list_clients",
    "replace_keys",
    "revoke_client",
    "rotate_secret",
]
