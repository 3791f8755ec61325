"""HTML doors of an agency's directory (A3): the tokens by which it is known."""

from uuid import UUID

from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server.core.errors import Invalid
from jit_server.identity import scim
from jit_server.identity.office.frame import frame, pages
from jit_server.identity.scim import NewToken
from jit_server.web.context import house, work
from jit_server.web.declared import administers
from jit_server.web.pages import form, go, show
from jit_server.web.problems import in_words

OWN = administers("the directory of one's own agency")


@pages.takes("/agency/identity/directory", to=OWN)
def new_directory_token() -> ResponseReturnValue:
    """Make a token; it is shown by this answer and never again."""
    try:
        new = form(NewToken)
    except Invalid as error:
        return go("/agency/identity#directory", in_words(error.problem())["detail"], "danger")
    with work() as uow:
        made = scim.create_token(uow, new)
        values = frame(uow, "identity")
    address = f"{house().settings.base_url.rstrip('/')}/scim/v2"
    values |= {"token": made.token, "expires_at": made.row.expires_at, "address": address}
    return show("agency/directory_token.html", **values)


@pages.takes("/agency/identity/directory/<uuid:token_id>/revoke", to=OWN)
def revoke_directory_token(token_id: UUID) -> ResponseReturnValue:
    """End a token now."""
    with work() as uow:
        scim.revoke_token(uow, token_id)
    return go("/agency/identity#directory", gettext("The token is revoked: the directory is no longer known by it."))
