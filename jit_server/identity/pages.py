"""HTML doors: one's own settings and sessions; sign-in and its way back are next door (`doors`)."""

from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from jit_server import identity
from jit_server.core.errors import Invalid
from jit_server.identity import doors, entity
from jit_server.web.context import actor, work
from jit_server.web.declared import own
from jit_server.web.pages import Pages, form, go, show

pages = Pages("identity", __name__)
pages.register_blueprint(doors.pages)
pages.register_blueprint(entity.pages)


@pages.shows("/me", to=own("one's own settings"))
def me() -> ResponseReturnValue:
    """One's own settings and sessions (E5)."""
    return _me_page()


@pages.takes("/me", to=own("one's own settings"))
def change_me() -> ResponseReturnValue:
    """Save one's own settings."""
    try:
        with work() as uow:
            identity.change_settings(uow, form(identity.Preferences))
    except Invalid as error:
        return _me_page(error)
    return go("/me", gettext("Your settings are saved."))


@pages.takes("/me/sessions/<uuid:session_id>/end", to=own("one's own sessions"))
def end_session(session_id: UUID) -> ResponseReturnValue:
    """End one of one's own sessions."""
    with work() as uow:
        identity.end_session(uow, session_id)
    return go("/me", gettext("The session has ended."))


@pages.takes("/me/sessions/end-others", to=own("one's own sessions"))
def end_others() -> ResponseReturnValue:
    """End all one's other sessions."""
    with work() as uow:
        identity.end_other_sessions(uow)
    return go("/me", gettext("All other sessions have ended."))


def _me_page(problem: Invalid | None = None) -> ResponseReturnValue:
    with work() as uow:
        person, live = identity.me(uow), identity.my_sessions(uow)
    who = actor()
    values = person.model_dump(include={"language", "zone", "theme", "send_key", "shortcuts"})
    if problem is not None:  # what was typed stays
        values |= {"shortcuts": "shortcuts" in request.form} | {
            name: request.form[name] for name in values.keys() & request.form.keys() if name != "shortcuts"
        }
    return show(
        "identity/me.html",
        problem.status if problem else 200,
        values=values,
        languages=list(identity.LANGUAGES.items()),
        zones=identity.zones(),
        person={
            "name": person.name,
            "agency": who.agency_name,
            "state": who.state,
            "issuer": who.issuer,
            "email": None,
        },
        sessions=[
            {
                "id": one.id,
                "current": one.current,
                "started_at": one.issued_at,
                "seen_at": one.last_seen_at,
                "expires_at": one.not_after,
                "browser": one.browser or gettext("Unknown browser"),
            }
            for one in live
        ],
        errors=problem.members.get("errors", []) if problem else [],
    )
