"""SCIM 2.0: an agency's own directory says who its people are, and ends their access everywhere at once.

`tokens` are the verbs of the agency's administrators and of the operator; `offer` says what is served, `people` is the
storage under it, `runs` keeps what the directory did when it last spoke.
"""

from jit_server.identity.scim.models import NewToken, ScimRun, ScimToken, ScimUser, Shown, TokenOut
from jit_server.identity.scim.runs import RunOut, last_run
from jit_server.identity.scim.tokens import (
    agency_of,
    create_token,
    issue_token,
    list_tokens,
    revoke_token,
    take_token,
    tokens_of,
)

__all__ = [
    "NewToken",
    "RunOut",
    "ScimRun",
    "ScimToken",
    "ScimUser",
    "Shown",
    "TokenOut",
    "agency_of",
    "create_token",
    "issue_token",
    "last_run",
    "list_tokens",
    "revoke_token",
    "take_token",
    "tokens_of",
]
