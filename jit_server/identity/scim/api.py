"""JSON doors of an agency's directory tokens, for its administrators."""

from datetime import datetime
from uuid import UUID

from flask import g
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field

from jit_server.identity import scim
from jit_server.identity.scim.models import NewToken, TokenOut
from jit_server.web.api import Routes, answer, created
from jit_server.web.context import work
from jit_server.web.declared import administers

routes = Routes("scim")
HERE = "/agency/directory-tokens"
OWN = administers("the directory of one's own agency")


class TokensOut(BaseModel):
    """The agency's tokens, the newest first."""

    items: list[TokenOut]


class MadeOut(BaseModel):
    """A new token; it is shown by this answer and never again."""

    id: UUID
    expires_at: datetime
    token: str = Field(description="Bearer token for /scim/v2.")


@routes.reads(HERE, to=OWN, answers={200: TokensOut})
def list_directory_tokens() -> ResponseReturnValue:
    """By which tokens the agency's directory may be known."""
    with work() as uow:
        return answer(TokensOut(items=scim.list_tokens(uow)))


@routes.posts(HERE, to=OWN, body=NewToken, answers={201: MadeOut})
def create_directory_token(body: NewToken) -> ResponseReturnValue:
    """Give the agency's directory a token. Asked again, it makes another: no answer with a secret is kept."""
    g.pop("idempotency", None)
    with work() as uow:
        made = scim.create_token(uow, body)
        return created(MadeOut(id=made.row.id, expires_at=made.row.expires_at, token=made.token))


@routes.posts(f"{HERE}/<uuid:token_id>/revoke", to=OWN, answers={200: TokenOut})
def revoke_directory_token(token_id: UUID) -> ResponseReturnValue:
    """End a token now."""
    with work() as uow:
        found = scim.revoke_token(uow, token_id)
        return answer(TokenOut(**found.model_dump(include=set(TokenOut.model_fields))))
