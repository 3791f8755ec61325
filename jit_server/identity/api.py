"""JSON door: who I am here."""

from datetime import datetime
from uuid import UUID

from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from jit_server import identity
from jit_server.web.api import Routes, answer
from jit_server.web.context import actor, work
from jit_server.web.declared import own

routes = Routes("identity")


class MyAgency(BaseModel):
    """The agency one belongs to."""

    id: UUID
    name: str
    state: str
    issuer: str


class MySession(BaseModel):
    """The session that asks; `acr` and `auth_time` are what the agency's issuer said of the sign-in."""

    id: UUID
    acr: str | None
    auth_time: datetime | None


class Me(BaseModel):
    """The signed-in person."""

    id: UUID
    name: str
    agency: MyAgency
    session: MySession
    language: str
    zone: str
    theme: identity.Theme
    send_key: identity.SendKey
    shortcuts: bool


@routes.reads("/me", to=own("who I am"), answers={200: Me})
def me() -> ResponseReturnValue:
    """Who I am here."""
    with work() as uow:
        person = identity.me(uow)
    who = actor()
    shown = person.model_dump(include={"id", "name", "language", "zone", "theme", "send_key", "shortcuts"})
    home = {"id": who.agency_id, "name": who.agency_name, "state": who.state, "issuer": who.issuer}
    session = {"id": who.session_id, "acr": who.acr, "auth_time": who.auth_time}
    return answer(Me.model_validate(shown | {"agency": home, "session": session}))
