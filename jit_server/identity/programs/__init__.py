"""Programs of an agency: API clients with their own secret, scopes and end, and the tokens they work with."""

from jit_server.identity.programs.models import ApiClient, ClientOut, NewClient, Shown
from jit_server.identity.programs.usecases import create_client, list_clients, revoke_client, rotate_secret

__all__ = [
    "ApiClient",
    "ClientOut",
    "NewClient",
    "Shown",
    "create_client",
    "list_clients",
    "revoke_client",
    "rotate_secret",
]
