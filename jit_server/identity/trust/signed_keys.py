"""Keys that a provider publishes as a signed document (`signed_jwks_uri`; OpenID Federation 1.0, section 5.2.1). Pure.

The document is signed with a federation key of the provider, which its superior vouches for: whoever takes over the
provider's web server cannot slip in a key of their own.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jit_server.identity.trust.errors import Broken
from jit_server.identity.trust.statements import LEEWAY, Token, federation_keys, parts

TYPE: Final = "jwk-set+jwt"


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    iss: str
    sub: str
    keys: list[dict[str, Any]]
    iat: Annotated[int, Field(ge=0)] | None = None
    exp: Annotated[int, Field(ge=0)] | None = None


def read(
    token: str, entity: str, federation: Mapping[str, Any], *, now: datetime
) -> tuple[dict[str, Any], datetime | None]:
    """The key set in the document, and when it ends, if it says so.

    Args:
        token: the document.
        entity: whose keys these must be.
        federation: the entity's federation keys, as its superior vouches for them.
        now: the moment.

    Raises:
        Broken: another's, another kind of document, expired, or not signed with one of the federation keys.
    """
    header, claims = parts(token)
    Token.of(token, header, TYPE).verify(federation_keys(federation))
    try:
        said = _Said.model_validate(claims)
    except ValidationError as error:
        found = error.errors()[0]
        raise Broken("signed-jwks", f"{'.'.join(map(str, found['loc']))}: {found['msg']}") from error
    if (said.iss, said.sub) != (entity, entity):
        raise Broken("signed-jwks", f"keys of {said.sub}, said by {said.iss}, where those of {entity} should be")
    moment = now.timestamp()
    if said.exp is not None and said.exp <= moment - LEEWAY:
        raise Broken("expired", f"the signed keys of {entity} have expired")
    if said.iat is not None and said.iat > moment + LEEWAY:
        raise Broken("iat", f"the signed keys of {entity} are not valid yet")
    return {"keys": said.keys}, datetime.fromtimestamp(said.exp, UTC) if said.exp is not None else None
