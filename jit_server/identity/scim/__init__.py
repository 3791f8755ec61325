"""SCIM 2.0: an agency's own directory says who its people are, and ends their access everywhere at once.

`tokens` are the verbs of the agency's administrators; `offer` says what is served, `people` is the storage under it.
"""

from jit_server.identity.scim.models import NewToken, ScimToken, ScimUser, Shown, TokenOut
from jit_server.identity.scim.tokens import agency_of, create_token, list_tokens, revoke_token

__all__ = [
    "NewToken",
    "ScimToken",
    "ScimUser",
    "Shown",
    "TokenOut",
    "agency_of",
    "create_token",
    "list_tokens",
    "revoke_token",
]
